import Foundation

/// The one way values of ours become JSON and back: snake_case keys, sorted, without spaces.
package enum JSON {
    /// Canonical bytes: the same value gives the same bytes, so their digest can name it.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        [UInt8](try encoder(pretty: false).encode(value))
    }

    /// As `encode`, for formats of others whose keys are the property names as they stand.
    package static func encodeVerbatim(_ value: some Encodable) throws -> [UInt8] {
        let encoder = encoder(pretty: false)
        encoder.keyEncodingStrategy = .useDefaultKeys
        return [UInt8](try encoder.encode(value))
    }

    /// Indented text for people.
    package static func pretty(_ value: some Encodable) throws -> String {
        String(decoding: try encoder(pretty: true).encode(value), as: UTF8.self)
    }

    /// Decodes one strict JSON document; throws `json-invalid` naming the field, or a domain error of a field's type.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try decode(type, from: bytes, keys: .convertFromSnakeCase)
    }

    /// As `decode`, for formats of others whose keys are the property names as they stand. With a shape, other
    /// spellings of its keys are refused.
    package static func decodeVerbatim<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], shape: JSONShape = .free
    ) throws -> Value {
        try decode(type, from: bytes, keys: .useDefaultKeys, shape: shape)
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], keys: JSONDecoder.KeyDecodingStrategy, shape: JSONShape = .free
    ) throws -> Value {
        try StrictJSON.check(bytes, shape: shape)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = keys
        do {
            // Lent and not copied: the decoder takes out what it gives.
            return try bytes.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return try decoder.decode(type, from: Data()) }
                let lent = Data(
                    bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count, deallocator: .none)
                return try decoder.decode(type, from: lent)
            }
        } catch let error as DecodingError {
            throw AssayError(.jsonInvalid, "the JSON is not of the expected form", reason: describe(error))
        }
    }

    private static func encoder(pretty: Bool) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return encoder
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "field '\(path(context.codingPath + [key]))' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "field '\(path(context.codingPath))' has the wrong type"
        case .dataCorrupted(let context): "field '\(path(context.codingPath))' is not valid"
        @unknown default: "a field is not valid"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        Printable.escape(keys.map { $0.intValue.map(String.init) ?? written($0.stringValue) }.joined(separator: "."))
    }

    /// A property's name as people write it: `maxBytes` is `max_bytes`.
    static func written(_ key: String) -> String {
        key.reduce(into: "") { text, character in
            if character.isUppercase, !text.isEmpty { text += "_" }
            text += character.lowercased()
        }
    }
}
