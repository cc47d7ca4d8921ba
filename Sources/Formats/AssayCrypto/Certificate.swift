package import AssayDomain
import COpenSSL

/// An X.509 certificate as a value; what it says means nothing before `CertificateChain` has verified it.
///
/// Its key may be of any type, since a root is seldom of the type that signs models. Two are equal if their bytes are.
package struct Certificate: Sendable {
    /// The most bytes of one certificate in DER form.
    package static let bytesMax = 65_536

    /// The certificate in DER form.
    package let der: [UInt8]
    /// The certificate as PEM text: lines of 64 characters, a newline at the end, whatever form it was read from.
    package let pem: String
    /// Lower-case hex SHA-256 of `pem`, as for a `PublicKey`.
    package let id: String
    /// Whom it names, on one line as RFC 2253 writes it; a text of others, to be escaped by whoever prints it.
    package let subject: String
    /// The first moment at which it counts.
    package let notBefore: Timestamp
    /// The moment from which it counts no more.
    package let notAfter: Timestamp

    /// Reads one PEM block with the label `CERTIFICATE`; throws `key-invalid` for anything else.
    package init(pem: String) throws(AssayError) {
        try PEMText.demand("CERTIFICATE", of: pem, wanted: "a certificate")
        try self.init(der: PEM.content(of: pem))
    }

    /// Reads a certificate in DER form with nothing after it; throws `key-invalid` for anything else.
    package init(der: [UInt8]) throws(AssayError) {
        guard der.count <= Self.bytesMax else {
            throw AssayError(
                .keyInvalid, "the certificate is not readable", reason: "it has over \(Self.bytesMax) bytes")
        }
        let handle = try X509Handle(der: der)
        self.der = der
        pem = try handle.pem()
        id = Digest.sha256(of: pem.utf8).hex
        subject = try handle.subject()
        notBefore = try handle.notBefore()
        notAfter = try handle.notAfter()
    }

    /// The key that is certified; throws `key-invalid` if it is not ECDSA on a supported curve.
    package var publicKey: PublicKey {
        get throws(AssayError) { try PublicKey(X509Handle(der: der).publicKey()) }
    }
}

extension Certificate: Hashable {
    package static func == (left: Certificate, right: Certificate) -> Bool { left.der == right.der }

    package func hash(into hasher: inout Hasher) { hasher.combine(der) }
}
