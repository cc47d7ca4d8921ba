package import AssayDomain

/// A statement whose signature was checked.
package struct VerifiedStatement: Sendable {
    package let predicateType: String
    package let subjects: [Digest]
    /// JSON.
    package let predicate: [UInt8]

    package init(predicateType: String, subjects: [Digest], predicate: [UInt8]) {
        self.predicateType = predicateType
        self.subjects = subjects
        self.predicate = predicate
    }
}

/// The formats in which evidence is signed, checked and attached.
package protocol EvidenceFormat: Sendable {
    /// SHA-256 of bytes in memory.
    func digest(of bytes: [UInt8]) -> Digest

    /// A digest of the algorithm given, for content that is named by it.
    func digest(of bytes: [UInt8], algorithm: Digest.Algorithm) -> Digest

    /// The files that a manifest lists, in its order. Throws `path-unsafe`.
    func files(of manifest: Manifest) throws -> [VersionFile]

    /// Checks that a signature bundle is well formed and speaks of exactly these files; whose it is remains open.
    /// Throws `signature-invalid`, `digest-mismatch`.
    func checkForm(ofModelSignature bundle: [UInt8], over files: [VersionFile]) throws

    /// Checks a model signature over exactly these files and returns the id of the trusted key that made it.
    /// Throws `signature-invalid`, `untrusted-key`, `digest-mismatch`.
    func signer(ofModelSignature bundle: [UInt8], over files: [VersionFile], trusted: [TrustedKey]) throws -> String

    /// The referrer manifest of a model signature.
    func signatureReferrer(bundle: BlobRecord, subject: Descriptor) throws -> [UInt8]

    /// Signs a statement about a manifest with the registry's key: a DSSE envelope with an in-toto Statement v1.
    func signStatement(predicateType: String, predicate: [UInt8], subject: Digest, name: String) throws -> [UInt8]

    /// The referrer manifest of an envelope.
    func attestationReferrer(envelope: BlobRecord, predicateType: String, subject: Descriptor) throws -> [UInt8]

    /// Checks an envelope against keys. Throws `signature-invalid`, `untrusted-key`.
    func openStatement(_ envelope: [UInt8], trusted: [TrustedKey]) throws -> VerifiedStatement

    /// Checks that a text is a public key that can be trusted, and gives its id. Throws `key-invalid`.
    func keyID(ofPEM pem: String) throws -> (id: String, pem: String)
}

/// Reads what a model file says about itself.
package protocol ModelInspector: Sendable {
    /// Nil if the file is no model that can be read; a broken model can still be stored.
    func inspect(localFile path: String, as name: String) async throws -> ModelSummary?
}
