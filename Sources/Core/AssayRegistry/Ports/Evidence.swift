package import AssayDomain

/// A statement whose signature was checked.
package struct VerifiedStatement: Sendable {
    package let content: Statement
    /// The trusted key that signed it.
    package let signer: TrustedKey
    /// When the registry recorded these words by this key first; nil where that is not asked.
    package var recordedAt: Timestamp?
    /// The blob that holds its envelope; nil where that is not asked.
    package var envelope: Digest?

    package init(content: Statement, signer: TrustedKey) {
        self.content = content
        self.signer = signer
    }

    package var predicateType: String { content.predicateType }
    package var subjects: [Digest] { content.subjects }
    /// JSON.
    package var predicate: [UInt8] { content.predicate }

    /// What a statement says, whoever signed it.
    package struct Statement: Sendable, Hashable {
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
}

/// What one signature of an envelope comes to.
package enum SignatureClaim: Sendable, Hashable {
    /// Made by a key that is known, by its id.
    case key(String)
    /// By whomever: nothing but its bytes tells it from another one.
    case unknown([UInt8])
}

/// The formats in which evidence is signed, checked and attached.
package protocol EvidenceFormat: Sendable {
    /// SHA-256 of bytes in memory.
    func digest(of bytes: [UInt8]) -> Digest

    /// A digest of the algorithm given, for content that is named by it.
    func digest(of bytes: [UInt8], algorithm: Digest.Algorithm) -> Digest

    // MARK: Manifests

    /// Reads a manifest that is pushed. Throws `manifest-invalid` if two clients could read it differently.
    func readManifest(_ bytes: [UInt8], digest: Digest, contentType: String?) throws -> Manifest

    /// What ties a manifest to its files; `config` are its config's bytes, nil where they are not there, and
    /// `statements` those about it whose signatures were checked.
    func binding(
        of manifest: Manifest, config: [UInt8]?, statements: [VerifiedStatement]
    ) -> ManifestBinding

    /// Whether a manifest can be of a form that is written here, so that its config is worth reading.
    func canBePlain(_ manifest: Manifest) -> Bool

    /// Throws `manifest-ambiguous` for a layer that is an archive of files and stands for them.
    func requireRaw(_ manifest: Manifest) throws

    /// The files that a manifest lists, in its order. Throws `path-unsafe`.
    func files(of manifest: Manifest) throws -> [VersionFile]

    // MARK: Model signatures

    /// Checks that a signature bundle is well formed and speaks of exactly these files; whose it is remains open.
    /// Throws `signature-invalid`, `digest-mismatch`.
    func checkForm(ofModelSignature bundle: [UInt8], over files: [VersionFile]) throws

    /// Checks a model signature over exactly these files and returns the id of the trusted key that made it, or of the
    /// trusted authority that certified the key that did, at a time. Revoked keys among them make no certificate count,
    /// and keys that do not count at the time only tell why a signature does not.
    /// Throws `signature-invalid`, `untrusted-key`, `expired`, `digest-mismatch`.
    func signer(
        ofModelSignature bundle: [UInt8], over files: [VersionFile], trusted: [TrustedKey], at time: Timestamp
    ) throws -> String

    /// Throws `signature-invalid` if a model signature claims a known key that did not make it.
    func checkClaim(ofModelSignature bundle: [UInt8], known: [TrustedKey]) throws

    /// The referrer manifest of a model signature.
    func signatureReferrer(bundle: BlobRecord, subject: Descriptor) throws -> [UInt8]

    // MARK: Statements

    /// The id of the key that signs statements now.
    var signingKeyID: String { get }

    /// Signs a statement about a manifest with the registry's key: a DSSE envelope with an in-toto Statement v1.
    func signStatement(predicateType: String, predicate: [UInt8], subject: Digest, name: String) throws -> [UInt8]

    /// The referrer manifest of an envelope.
    func attestationReferrer(envelope: BlobRecord, predicateType: String, subject: Descriptor) throws -> [UInt8]

    /// The envelope in a sigstore bundle of a statement; anything else as it is.
    func envelope(in bytes: [UInt8]) -> [UInt8]

    /// Reads an envelope without believing it. Throws `signature-invalid`.
    func readStatement(_ envelope: [UInt8]) throws -> VerifiedStatement.Statement

    /// Who signed an envelope, as far as the known keys tell: for each signature the id of the key that made it, or
    /// the signature itself where no known key is claimed. Throws `signature-invalid` for one that claims a known key
    /// and is not its.
    func claims(ofEnvelope envelope: [UInt8], known: [TrustedKey]) throws -> [SignatureClaim]

    /// Checks an envelope against keys. Throws `signature-invalid`, `untrusted-key`.
    func openStatement(_ envelope: [UInt8], trusted: [TrustedKey]) throws -> VerifiedStatement

    /// Provenance as a predicate. The same provenance gives the same bytes.
    func predicate(of provenance: Provenance) throws -> [UInt8]

    /// Reads a predicate of SLSA provenance v1. Throws `signature-invalid`.
    func provenance(_ predicate: [UInt8]) throws -> Provenance

    /// A report as the predicate of a test result; `envelope` holds the signed report.
    func testResult(of report: VerificationReport, envelope: Digest) throws -> [UInt8]

    // MARK: Other documents

    /// The bill of materials of a version; `known` is what other versions that it names say of themselves, by their
    /// digests. The same facts give the same bytes.
    func bill(
        of version: Version, files: [VersionFile], inspections: [FileInspection], sources: [LineageSource],
        known: [Digest: VersionMetadata], reports: [VerificationReport]
    ) throws -> [UInt8]

    /// The referrer manifest of a document that is no signed statement: a bill of materials, a log proof.
    func documentReferrer(
        _ document: BlobRecord, type: String, annotations: [String: String], subject: Descriptor
    ) throws -> [UInt8]

    /// Checks that a text is a key, or a certificate, that can be trusted in a role, and gives its id and its canonical
    /// text. Throws `key-invalid`.
    func keyID(ofPEM pem: String, role: TrustedKey.Role) throws -> (id: String, pem: String)
}

/// Reads what a model file says about itself.
package protocol ModelInspector: Sendable {
    /// Nil if the file is no model that can be read; a broken model can still be stored.
    func inspect(localFile path: String, as name: String) async throws -> ModelSummary?

    /// The files beside a model that hold data of its tensors, as the model names them; none if it is no model that can
    /// be read. Throws a failure of a verification: `resource-limit` for a graph with more of something than is read,
    /// `invalid-model` for data at a place that no file has.
    func externalData(ofModel path: String) async throws -> [ExternalTensorData]

    /// What a file is by its content, and what it says of itself, without loading or running anything of it; nil for
    /// one of which nothing is to be said. Throws what its bytes are read with.
    func inspect(_ file: InspectedFile) async throws -> FileInspection?
}

/// A file that is looked into, a part at a time.
package struct InspectedFile: Sendable {
    package let path: String
    /// In bytes.
    package let size: Int64
    /// Gives exactly the bytes of a range within the file.
    package let read: @Sendable (Range<Int64>) async throws -> [UInt8]

    package init(path: String, size: Int64, read: @escaping @Sendable (Range<Int64>) async throws -> [UInt8]) {
        self.path = path
        self.size = size
        self.read = read
    }
}

/// A file that a model names as holding data of its tensors.
package struct ExternalTensorData: Sendable {
    /// The model's own word for it, which may be anything.
    package let location: String
    /// The size that the file must have at least.
    package let bytesMin: Int64

    package init(location: String, bytesMin: Int64) {
        self.location = location
        self.bytesMin = bytesMin
    }
}
