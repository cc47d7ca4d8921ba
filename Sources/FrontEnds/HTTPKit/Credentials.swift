import AssayDomain
import Foundation
import HTTPTypes

/// Reads the token of a request.
enum Credentials {
    /// The longest Authorization header looked at, in bytes.
    private static let bytesMax = 4096

    /// The Bearer token, or the password of Basic (RFC 6750, RFC 7617); nil if the header is absent.
    ///
    /// Throws `request-invalid` for two headers, and `unauthenticated` for one that holds no token.
    static func token(in headers: HTTPFields) throws(AssayError) -> String? {
        let values = headers[values: .authorization]
        guard values.count <= 1 else { throw AssayError(.requestInvalid, "there are two Authorization headers") }
        guard let value = values.first else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard value.utf8.count <= bytesMax, parts.count == 2 else { throw malformed }
        switch parts[0].lowercased() {
        case "bearer": return String(parts[1])
        case "basic":
            guard let data = Data(base64Encoded: String(parts[1])), let pair = String(validating: data, as: UTF8.self),
                let colon = pair.firstIndex(of: ":")
            else { throw malformed }
            return String(pair[pair.index(after: colon)...])
        default: throw malformed
        }
    }

    private static var malformed: AssayError {
        AssayError(.unauthenticated, "the Authorization header holds no token", remedy: "send Bearer or Basic")
    }
}
