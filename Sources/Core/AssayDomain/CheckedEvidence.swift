/// One piece of evidence about a version, and what a trust root makes of it.
package struct CheckedEvidence: Codable, Sendable, Hashable {
    package enum Status: String, Codable, Sendable {
        case valid
        /// Well formed, by a key that the trust root does not name for this.
        case untrusted
        /// Damaged, of something else, or falsely signed.
        case invalid
    }

    /// The referrer manifest.
    package let manifestDigest: Digest
    package let predicateType: String
    package let envelopeDigest: Digest
    package let status: Status
    /// The trusted key that signed, and what it is trusted as.
    package let signer: String?
    package let role: TrustedKey.Role?
    /// Why it does not count.
    package let fault: String?
    package let createdAt: Timestamp?
    /// What it says, whether or not that counts; nil for a signature, and for what cannot be read.
    package let result: StatementWord.Result?
    /// Of a verdict, the alias that it decided on; nil for everything else.
    package let alias: AliasName?

    package init(
        manifestDigest: Digest, predicateType: String, envelopeDigest: Digest, status: Status, signer: String?,
        role: TrustedKey.Role?, fault: String?, createdAt: Timestamp?,
        result: StatementWord.Result? = nil, alias: AliasName? = nil
    ) {
        self.manifestDigest = manifestDigest
        self.predicateType = predicateType
        self.envelopeDigest = envelopeDigest
        self.status = status
        self.signer = signer
        self.role = role
        self.fault = fault
        self.createdAt = createdAt
        self.result = result
        self.alias = alias
    }
}
