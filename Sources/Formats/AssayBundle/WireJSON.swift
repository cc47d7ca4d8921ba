import AssayDomain
import Foundation

/// JSON of formats that others define: keys as they stand, sorted, without spaces and without escaped slashes.
enum WireJSON {
    /// The same value gives the same bytes.
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(value))
    }

    /// The bytes of one member of a JSON object, exactly as they stand there; nil if there is no such key.
    ///
    /// Decoding and encoding again would change numbers and order, and with them what was signed. Throws
    /// `json-invalid`.
    static func rawMember(_ name: String, of document: [UInt8]) throws(AssayError) -> [UInt8]? {
        try StrictJSON.check(document)
        var scanner = MemberScanner(bytes: document)
        while let member = scanner.next() {
            // A key with an escape in it is another spelling, which none of our formats uses.
            if member.key.elementsEqual(name.utf8) { return Array(member.value) }
        }
        return nil
    }
}

/// Steps through the members of an object in a document that passed `StrictJSON`, without decoding their values.
private struct MemberScanner {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        skip(whileTrue: Self.isSpace)
        position = peek == UInt8(ascii: "{") ? position + 1 : bytes.count
    }

    /// The next key, without its quotes, and its value; nil at the end of the object.
    mutating func next() -> (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        skip { Self.isSpace($0) || $0 == UInt8(ascii: ",") }
        guard peek == UInt8(ascii: "\"") else { return nil }
        let key = value()
        skip { Self.isSpace($0) || $0 == UInt8(ascii: ":") }
        return (key.dropFirst().dropLast(), value())
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    private mutating func skip(whileTrue condition: (UInt8) -> Bool) {
        while let byte = peek, condition(byte) { position += 1 }
    }

    /// Passes one value: up to where brackets are balanced and a comma, a colon or a closing bracket follows.
    private mutating func value() -> ArraySlice<UInt8> {
        let start = position
        var depth = 0
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""): skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return trimmed(start) }
                depth -= 1
                position += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                if depth == 0 { return trimmed(start) }
                position += 1
            default:
                position += 1
            }
        }
        return trimmed(start)
    }

    private func trimmed(_ start: Int) -> ArraySlice<UInt8> {
        var slice = bytes[start..<position]
        while let last = slice.last, Self.isSpace(last) { slice.removeLast() }
        return slice
    }

    private mutating func skipString() {
        position += 1
        while let byte = peek, byte != UInt8(ascii: "\"") {
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        position += 1
        position = min(position, bytes.count)
    }
}
