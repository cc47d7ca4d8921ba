/// A JSON document as it is written: members in their order, names as bytes, numbers as their text.
///
/// Nothing is lost or made equal on the way, so it can tell what a decoder would pass over: a key that it turns into
/// another one, two keys that differ in their Unicode form alone, a null.
package indirect enum JSONValue: Sendable, Hashable {
    case null
    case flag(Bool)
    /// The digits as they stand: `1e3` and `1000` are two of these.
    case number(String)
    case text(String)
    case list([JSONValue])
    case object([Member])

    package struct Member: Sendable, Hashable {
        package let name: String
        package let value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }

        /// Whether the name is exactly this one, byte for byte.
        package func isNamed(_ other: String) -> Bool { name.utf8.elementsEqual(other.utf8) }
    }

    /// Reads one strict JSON document. Throws `json-invalid`.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        try StrictJSON.check(bytes)
        var reader = CheckedJSONReader(bytes: bytes)
        self = try reader.value()
    }

    /// The members of an object; none of anything else.
    package var members: [Member] { if case .object(let members) = self { members } else { [] } }

    /// The member of an object by exactly its name; nil if there is none.
    package subscript(_ name: String) -> JSONValue? { members.first { $0.isNamed(name) }?.value }

    /// The value at the end of a path of names; nil if any of them is not there.
    package func value(at path: some Sequence<some StringProtocol>) -> JSONValue? {
        var value = self
        for name in path {
            guard let next = value[String(name)] else { return nil }
            value = next
        }
        return value
    }

    /// A number; nil for anything else, and for one that is not finite in 64 bits.
    package var number: Double? {
        guard case .number(let text) = self, let value = Double(text), value.isFinite else { return nil }
        return value
    }
}

/// Collects the values of a document whose grammar `StrictJSON` has checked.
struct CheckedJSONReader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skip(_ isSkipped: (UInt8) -> Bool) {
        while position < bytes.count, isSkipped(bytes[position]) { position += 1 }
    }

    mutating func skipSpace() { skip { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 } }

    /// Blanks and the commas or the colon between two values.
    mutating func skipSeparators() {
        skip {
            $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: ":")
        }
    }

    mutating func value() throws(AssayError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"):
            var members: [JSONValue.Member] = []
            position += 1
            while try !isAtEnd(of: UInt8(ascii: "}")) {
                let name = try string()
                skipSeparators()
                members.append(JSONValue.Member(name: name, value: try value()))
            }
            return .object(members)
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            position += 1
            while try !isAtEnd(of: UInt8(ascii: "]")) { values.append(try value()) }
            return .list(values)
        case UInt8(ascii: "\""): return .text(try string())
        default:
            let start = position
            skipScalar()
            switch String(decoding: bytes[start..<position], as: UTF8.self) {
            case "true": return .flag(true)
            case "false": return .flag(false)
            case "null": return .null
            case "": throw Self.fault
            case let text: return .number(text)
            }
        }
    }

    /// Whether a list or an object ends here; then it is passed.
    mutating func isAtEnd(of close: UInt8) throws(AssayError) -> Bool {
        skipSeparators()
        guard position < bytes.count else { throw Self.fault }
        guard next == close else { return false }
        position += 1
        return true
    }

    mutating func string() throws(AssayError) -> String {
        let start = position
        try skipString()
        return try JSONText.decode(bytes[start..<position])
    }

    mutating func skipString() throws(AssayError) {
        position += 1
        var isEscaped = false
        while position < bytes.count, isEscaped || next != UInt8(ascii: "\"") {
            isEscaped = !isEscaped && next == UInt8(ascii: "\\")
            position += 1
        }
        guard position < bytes.count else { throw Self.fault }
        position += 1
    }

    /// Passes digits, or one of the words.
    mutating func skipScalar() { skip { $0.isAlphanumeric || "+-.".utf8.contains($0) } }

    private static let fault = AssayError(.jsonInvalid, "the body is not valid JSON")
}

/// The escapes of JSON strings.
private enum JSONText {
    /// The text of a checked string, quotes around it.
    static func decode(_ quoted: ArraySlice<UInt8>) throws(AssayError) -> String {
        let content = quoted.dropFirst().dropLast()
        guard content.contains(UInt8(ascii: "\\")) else { return String(decoding: content, as: UTF8.self) }
        var units: [UInt16] = []
        var rest = String(decoding: content, as: UTF8.self).utf16[...]
        while let unit = rest.popFirst() {
            guard unit == 0x5C, let kind = rest.popFirst() else {
                units.append(unit)
                continue
            }
            switch UInt8(truncatingIfNeeded: kind) {
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "u"):
                let digits = String(decoding: rest.prefix(4).map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
                rest = rest.dropFirst(4)
                units.append(UInt16(digits, radix: 16) ?? 0xFFFD)
            default: units.append(kind)
            }
        }
        return String(decoding: units, as: UTF16.self)
    }
}
