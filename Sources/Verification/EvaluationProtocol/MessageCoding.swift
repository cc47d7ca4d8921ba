import Foundation

/// Reads and writes the JSON of every message: the version is looked at before anything else.
enum MessageCoding {
    private struct Header: Decodable {
        let version: Int

        enum CodingKeys: String, CodingKey {
            case version = "protocol"
        }
    }

    static func decode<Message: Decodable>(
        _ type: Message.Type, _ data: Data, what: String
    ) throws(EvaluationProtocolError) -> Message {
        let decoder = JSONDecoder()
        do {
            let header = try decoder.decode(Header.self, from: data)
            guard header.version == EvaluationProtocolVersion.current else {
                throw EvaluationProtocolError(
                    "the \(what) is of protocol \(header.version); "
                        + "only protocol \(EvaluationProtocolVersion.current) is known")
            }
            return try decoder.decode(type, from: data)
        } catch let error as EvaluationProtocolError {
            throw error
        } catch {
            throw EvaluationProtocolError("the \(what) is not valid: \(describe(error))")
        }
    }

    static func encode(_ message: some Encodable, what: String) throws(EvaluationProtocolError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(message))
        } catch {
            throw EvaluationProtocolError("the \(what) cannot be written: \(describe(error))")
        }
    }

    /// The place and the reason without the decoder's own wording of Swift types.
    private static func describe(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            "\(path(context.codingPath + [key])) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "\(path(context.codingPath)) has the wrong type"
        case DecodingError.dataCorrupted(let context):
            context.codingPath.isEmpty ? "it is not JSON" : "\(path(context.codingPath)) has an unknown value"
        case EncodingError.invalidValue(_, let context):
            "\(path(context.codingPath)) is not a finite number"
        default:
            "unexpected failure"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.isEmpty ? "the document" : keys.map(\.stringValue).joined(separator: ".")
    }
}
