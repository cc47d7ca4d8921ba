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

    /// Its id and canonical text. Throws `key-invalid`.
    package static func identity(ofPEM text: String) throws(AssayError) -> (id: String, pem: String) {
        switch try TrustAnchor(pem: text) {
        case .key(let key): (key.id, key.pem)
        case .authority(let certificate): (certificate.id, certificate.pem)
        }
    }
}
