package import AssayDomain

/// What a trust root can hold: a public key, or the certificate of an authority.
package enum TrustAnchor: Sendable, Hashable {
    case key(PublicKey)
    case authority(Certificate)

    /// Reads one PEM block. Throws `key-invalid`.
    package init(pem: String) throws(AssayError) {
        self =
            try PEMText.label(of: pem) == "CERTIFICATE"
            ? .authority(Certificate(pem: pem)) : .key(PublicKey(pem: pem))
    }

    /// The id and canonical text of what can be trusted in a role: an Ed25519 key as a log's, else an ECDSA key or a
    /// certificate. Throws `key-invalid`.
    package static func identity(
        ofPEM text: String, role: TrustedKey.Role
    ) throws(AssayError) -> (id: String, pem: String) {
        if role == .log {
            let key = try Ed25519PublicKey(pem: text)
            return (key.id, key.pem)
        }
        switch try TrustAnchor(pem: text) {
        case .key(let key): return (key.id, key.pem)
        case .authority(let certificate): return (certificate.id, certificate.pem)
        }
    }
}
