package import AssayDomain
import COpenSSL

/// A secret by which its holder knows its own words again: HMAC-SHA256 (RFC 2104, FIPS 198-1).
package struct MessageKey: Sendable {
    /// The length of a secret in bytes.
    package static let secretLength = 32
    private static let codeLength = 32

    private let secret: [UInt8]

    /// Throws `key-invalid` for a secret of another length.
    package init(secret: [UInt8]) throws(AssayError) {
        guard secret.count == Self.secretLength else {
            throw AssayError(.keyInvalid, "a secret has \(Self.secretLength) bytes, this one has \(secret.count)")
        }
        self.secret = secret
    }

    /// The code of a message, 32 bytes; nobody without the secret can tell it from random ones.
    package func code(of message: [UInt8]) throws -> [UInt8] {
        var code = [UInt8](repeating: 0, count: Self.codeLength)
        var length: UInt32 = 0
        let result = HMAC(EVP_sha256(), secret, Int32(secret.count), message, message.count, &code, &length)
        guard result != nil, Int(length) == Self.codeLength else {
            throw OpenSSLFailure.error("no code of a message", call: "HMAC")
        }
        return code
    }
}

extension MessageKey: CustomStringConvertible, CustomReflectable {
    package var description: String { "message key" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
