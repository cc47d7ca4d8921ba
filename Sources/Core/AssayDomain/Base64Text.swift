import AssayDomain
import Foundation

/// Base64 in exactly one spelling per value, in the standard or the URL-safe alphabet (RFC 4648, sections 4 and 5).
enum Base64Text {
    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// Nil for blank space, missing or surplus padding, a mix of both alphabets, and bits left over at the end.
    static func decode(_ text: String) -> [UInt8]? {
        let isURLSafe = text.utf8.contains { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        let standard = isURLSafe ? translated(text) : text
        guard let standard, let data = Data(base64Encoded: standard), data.base64EncodedString() == standard else {
            return nil
        }
        return [UInt8](data)
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
