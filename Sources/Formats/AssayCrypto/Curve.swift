import AssayDomain
import COpenSSL

/// The elliptic curves whose keys sign models and statements, each with the one hash that goes with it.
///
/// Source: OpenSSF Model Signing v1.0, key mode. Ed25519 is not among them.
package enum Curve: String, Sendable, CaseIterable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The curve of a key; throws `key-invalid` for a key of another type or on another curve.
    init(of key: KeyHandle) throws(AssayError) {
        let remedy = "use an ECDSA key on P-256, P-384 or P-521"
        guard key.isA("EC") else {
            throw AssayError(.keyInvalid, "the key is of an unsupported type", remedy: remedy)
        }
        var name = [UInt8](repeating: 0, count: 64)
        var length = 0
        let isNamed = name.withUnsafeMutableBytes { buffer in
            let text = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            return key.withKey { EVP_PKEY_get_group_name($0, text, buffer.count, &length) }
        }
        guard isNamed == 1, let curve = Curve(groupName: String(decoding: name.prefix(length), as: UTF8.self)) else {
            ERR_clear_error()
            throw AssayError(.keyInvalid, "the key is on an unsupported curve", remedy: remedy)
        }
        self = curve
    }

    /// The curve of an OpenSSL group name, which is the name in X9.62 or SECG.
    private init?(groupName: String) {
        switch groupName {
        case "prime256v1": self = .p256
        case "secp384r1": self = .p384
        case "secp521r1": self = .p521
        default: return nil
        }
    }

    /// The hash that a signature on this curve is made over.
    var hash: OpaquePointer? {
        switch self {
        case .p256: EVP_sha256()
        case .p384: EVP_sha384()
        case .p521: EVP_sha512()
        }
    }
}
