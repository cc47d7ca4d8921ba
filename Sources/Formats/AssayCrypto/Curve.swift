import COpenSSL

/// The elliptic curves whose keys sign models and statements, each with the one hash that goes with it.
///
/// Source: OpenSSF Model Signing v1.0, key mode. Ed25519 is not among them.
package enum Curve: String, Sendable, CaseIterable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The curve of an OpenSSL group name, which is the name in X9.62 or SECG.
    init?(groupName: String) {
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
