package import AssayDomain
import COpenSSL

/// Certificates from the one whose key signed up to one that is trusted.
///
/// Source: RFC 5280, section 6, as OpenSSL does it. Two rules are added: the first certificate must be one for signing,
/// as the reference tool of OpenSSF Model Signing wants it, and every signature and key must have 112 bits of strength,
/// which that tool does not ask for. There are no revocation lists: a certificate counts as long as its dates say.
package enum CertificateChain {
    /// The most certificates of a chain.
    package static let countMax = 8
    /// OpenSSL's level of strength: no SHA-1 in a signature, no RSA key under 2048 bits.
    private static let strengthLevel: Int32 = 2

    /// What a chain proves.
    package struct Proof: Sendable {
        /// The key of the first certificate.
        package let publicKey: PublicKey
        /// The trusted certificate at which the chain ends.
        package let root: Certificate
    }

    /// Follows a chain from its first certificate to a root. Those between may stand in any order; a root is one that
    /// signs itself, and may stand in the chain too.
    ///
    /// Throws `untrusted-key` if it does not end at a root, `expired` if a certificate on the way does not count at
    /// that time, and `signature-invalid` for everything else: a signature that is wrong or weak, a certificate that
    /// may not certify others, a first one that may not sign or whose key cannot sign models, too many of them.
    package static func prove(
        _ chain: [Certificate], roots: [Certificate], at time: Timestamp
    ) throws(AssayError) -> Proof {
        guard let leaf = chain.first else { throw invalid("there is no certificate") }
        guard chain.count <= countMax else { throw invalid("there are over \(countMax) certificates") }
        guard !roots.isEmpty else {
            throw AssayError(
                .untrustedKey, "there is no trusted root to check against",
                remedy: "name the root certificate of the signer as one that you trust, if you do")
        }
        let handle = try X509Handle(der: leaf.der)
        let store = try CertificateStore(strengthLevel: strengthLevel)
        for root in roots { try store.add(root) }
        let others = try CertificateStack()
        for certificate in chain.dropFirst() { try others.add(certificate) }
        let root = try store.root(of: handle, others: others, at: time)
        guard handle.isForSigning else {
            throw invalid("\(Printable.quote(leaf.subject)) may not sign")
        }
        do throws(AssayError) {
            return Proof(publicKey: try leaf.publicKey, root: root)
        } catch {
            throw invalid("\(Printable.quote(leaf.subject)) has a key that signs no models: \(error.message)")
        }
    }

    private static func invalid(_ reason: String) -> AssayError {
        AssayError(.signatureInvalid, "the certificate chain is not valid", reason: reason)
    }
}
