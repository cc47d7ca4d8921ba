import Foundation

/// Base64 in exactly one spelling per value (RFC 4648, sections 4 and 5).
package enum Base64Text {
    /// In the standard alphabet, with padding.
    package static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// Nil for blank space, missing or surplus padding, another alphabet, and bits left over at the end.
    package static func decode(_ text: String) -> [UInt8]? {
        guard let data = Data(base64Encoded: text), data.base64EncodedString() == text else { return nil }
        return [UInt8](data)
    }

    /// As `decode`, of the standard or the URL-safe alphabet; nil for a mix of both.
    package static func decodeEitherAlphabet(_ text: String) -> [UInt8]? {
        let isURLSafe = text.utf8.contains { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        return (isURLSafe ? translated(text) : text).flatMap(decode)
    }

    private static func translated(_ text: String) -> String? {
        guard !text.utf8.contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") }) else { return nil }
        let bytes = text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
