/// Which keys a value has in its JSON, and nothing of what they hold.
///
/// It is made without writing the JSON, so it costs little for a value with long texts.
package indirect enum JSONOutline: Equatable, Sendable {
    /// A text, a number, a word, or null.
    case leaf
    case list([JSONOutline])
    /// The names by their bytes: two that differ in their Unicode form alone are two.
    case object([[UInt8]: JSONOutline])

    /// The outline of what `JSON.encode` writes.
    package init(of value: some Encodable) throws {
        let place = Place()
        try place.take(value)
        self = place.outline
    }

    /// The path of the first member in a strict document that is not null and that this outline does not have; nil if
    /// there is none. What a list has beyond this one's is not compared. Throws `json-invalid`.
    package func firstUnknown(in bytes: [UInt8]) throws(AssayError) -> String? {
        var reader = CheckedJSONReader(bytes: bytes)
        return try reader.firstUnknown(to: self)
    }
}

extension CheckedJSONReader {
    private static let null = Array("null".utf8)

    /// Passes the value at the position, up to the first unknown member if there is one.
    fileprivate mutating func firstUnknown(to known: JSONOutline?) throws(AssayError) -> String? {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try firstUnknownMember(to: known)
        case UInt8(ascii: "["):
            position += 1
            let places: [JSONOutline] = if case .list(let places) = known { places } else { [] }
            var index = 0
            while try !isAtEnd(of: UInt8(ascii: "]")) {
                if let path = try firstUnknown(to: index < places.count ? places[index] : nil) { return path }
                index += 1
            }
        case UInt8(ascii: "\""): try skipString()
        default: skipScalar()
        }
        return nil
    }

    private mutating func firstUnknownMember(to known: JSONOutline?) throws(AssayError) -> String? {
        position += 1
        while try !isAtEnd(of: UInt8(ascii: "}")) {
            let name = try string()
            skipSeparators()
            guard let known, !bytes[position...].starts(with: Self.null) else {
                _ = try firstUnknown(to: nil)
                continue
            }
            guard case .object(let members) = known, let place = members[Array(name.utf8)] else { return name }
            if let path = try firstUnknown(to: place) { return "\(name).\(path)" }
        }
        return nil
    }
}

// MARK: Making one

/// Where a value puts its outline.
private final class Place {
    private enum Content {
        case leaf
        case list([Place])
        case object([[UInt8]: Place])
    }

    private var content = Content.leaf

    var outline: JSONOutline {
        switch content {
        case .leaf: .leaf
        case .list(let places): .list(places.map(\.outline))
        case .object(let members): .object(members.mapValues(\.outline))
        }
    }

    func becomeObject() { if case .object = content {} else { content = .object([:]) } }

    func becomeList() { if case .list = content {} else { content = .list([]) } }

    func member(_ name: String) -> Place {
        let place = Place()
        if case .object(var members) = content {
            content = .leaf
            members[Array(name.utf8)] = place
            content = .object(members)
        }
        return place
    }

    func item() -> Place {
        let place = Place()
        if case .list(var places) = content {
            content = .leaf
            places.append(place)
            content = .list(places)
        }
        return place
    }

    var count: Int { if case .list(let places) = content { places.count } else { 0 } }

    func take(_ value: some Encodable) throws {
        switch value {
        case is String, is Bool, is any BinaryInteger, is any BinaryFloatingPoint: break
        default: try value.encode(to: OutlineEncoder(place: self, keepsKeys: value is any StringKeyed))
        }
    }
}

/// Dictionaries, whose keys are data and written as they stand.
private protocol StringKeyed {}
extension Dictionary: StringKeyed where Key == String {}

private struct OutlineEncoder: Encoder {
    let place: Place
    let keepsKeys: Bool
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        place.becomeObject()
        return KeyedEncodingContainer(Members<Key>(place: place, keepsKeys: keepsKeys))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        place.becomeList()
        return Items(place: place)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(place: place) }

    private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let place: Place
        let keepsKeys: Bool
        var codingPath: [any CodingKey] { [] }

        private func member(_ key: some CodingKey) -> Place {
            place.member(keepsKeys ? key.stringValue : JSON.written(key.stringValue))
        }

        func encodeNil(forKey key: Key) { _ = member(key) }
        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try member(key).take(value) }

        func nestedContainer<Other: CodingKey>(
            keyedBy type: Other.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Other> {
            OutlineEncoder(place: member(key), keepsKeys: false).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            OutlineEncoder(place: member(key), keepsKeys: false).unkeyedContainer()
        }

        func superEncoder() -> any Encoder { OutlineEncoder(place: place.member("super"), keepsKeys: false) }
        func superEncoder(forKey key: Key) -> any Encoder { OutlineEncoder(place: member(key), keepsKeys: false) }
    }

    private struct Items: UnkeyedEncodingContainer {
        let place: Place
        var codingPath: [any CodingKey] { [] }
        var count: Int { place.count }

        func encodeNil() { _ = place.item() }
        func encode<Value: Encodable>(_ value: Value) throws { try place.item().take(value) }

        func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            OutlineEncoder(place: place.item(), keepsKeys: false).container(keyedBy: type)
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            OutlineEncoder(place: place.item(), keepsKeys: false).unkeyedContainer()
        }

        func superEncoder() -> any Encoder { OutlineEncoder(place: place.item(), keepsKeys: false) }
    }

    private struct Single: SingleValueEncodingContainer {
        let place: Place
        var codingPath: [any CodingKey] { [] }

        func encodeNil() {}
        func encode<Value: Encodable>(_ value: Value) throws { try place.take(value) }
    }
}
