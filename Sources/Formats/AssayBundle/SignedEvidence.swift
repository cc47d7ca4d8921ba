package import AssayCrypto
package import AssayDomain
package import AssayRegistry

/// Evidence in the standard forms: OpenSSF model signatures, DSSE envelopes and CycloneDX bills, attached as OCI
/// referrers.
package struct SignedEvidence: EvidenceFormat {
    private let signer: RegistrySigner
    private let opened = OpenedStatements()

    /// Signs statements of its own with the registry's key.
    package init(signer: RegistrySigner) { self.signer = signer }

    package init(key: PrivateKey) { self.init(signer: RegistrySigner(key)) }

    package func digest(of bytes: [UInt8]) -> Digest { Digest.sha256(of: bytes) }

    package func digest(of bytes: [UInt8], algorithm: Digest.Algorithm) -> Digest {
        Digest.of(bytes, algorithm: algorithm)
    }

    // MARK: Manifests

    package func readManifest(_ bytes: [UInt8], digest: Digest, contentType: String?) throws -> Manifest {
        try ManifestReading(bytes, digest: digest, contentType: contentType).manifest
    }

    package func binding(
        of manifest: Manifest, config: [UInt8]?, statements: [VerifiedStatement]
    ) -> ManifestBinding {
        ManifestReading.binding(
            of: manifest, config: config,
            statements: statements.map { statement in
                let subjects = statement.subjects.map { Statement.Subject(name: "", digest: $0) }
                let content = Statement(
                    subjects: subjects, predicateType: statement.predicateType, predicate: statement.predicate)
                return (content, statement.signer)
            })
    }

    package func canBePlain(_ manifest: Manifest) -> Bool { PlainForm.isPossible(manifest) }

    package func requireRaw(_ manifest: Manifest) throws { try ManifestReading.requireRaw(manifest) }

    package func files(of manifest: Manifest) throws -> [VersionFile] { try ModelPack.files(of: manifest) }

    // MARK: Model signatures

    package func checkForm(ofModelSignature bundle: [UInt8], over files: [VersionFile]) throws {
        try ModelSignature(parsing: bundle).check(files)
    }

    package func signer(
        ofModelSignature bundle: [UInt8], over files: [VersionFile], trusted: [TrustedKey], at time: Timestamp
    ) throws -> String {
        try TrustedSigners(
            trusted.filter { $0.isValid(at: time) }, revoked: trusted.filter { $0.revokedAt != nil },
            outOfTime: trusted.filter { $0.revokedAt == nil && !$0.isValid(at: time) }
        ).signer(of: bundle, over: files, at: time).id
    }

    package func checkClaim(ofModelSignature bundle: [UInt8], known: [TrustedKey]) throws {
        try ModelSignature(parsing: bundle).checkClaim(known: known)
    }

    package func signatureReferrer(bundle: BlobRecord, subject: Descriptor) throws -> [UInt8] {
        try Referrer.signature(bundle, subject: subject)
    }

    // MARK: Statements

    package var signingKeyID: String { signer.key.publicKey.id }

    package func signStatement(
        predicateType: String, predicate: [UInt8], subject: Digest, name: String
    ) throws -> [UInt8] {
        try Statement(
            subjects: [.init(name: name, digest: subject)], predicateType: predicateType, predicate: predicate
        )
        .signed(by: signer.key)
    }

    package func attestationReferrer(
        envelope: BlobRecord, predicateType: String, subject: Descriptor
    ) throws -> [UInt8] {
        try Referrer.attestation(envelope, predicateType: predicateType, subject: subject)
    }

    package func envelope(in bytes: [UInt8]) -> [UInt8] {
        guard let bundle = SigstoreBundle(reading: bytes), !bundle.isModelSignature, !bundle.envelope.isEmpty else {
            return bytes
        }
        return bundle.envelope
    }

    package func readStatement(_ envelope: [UInt8]) throws -> VerifiedStatement.Statement {
        VerifiedStatement.Statement(try DSSEEnvelope(parsing: envelope).unverifiedStatement())
    }

    package func claims(ofEnvelope envelope: [UInt8], known: [TrustedKey]) throws -> [SignatureClaim] {
        let envelope = try DSSEEnvelope(parsing: envelope)
        let keys = try TrustedSigners(known.filter { $0.role != .log }).keys
        return try envelope.signatures.map { signature in
            try envelope.key(of: signature, among: keys).map { .key($0.id) } ?? .unknown(signature.bytes)
        }
    }

    package func openStatement(_ envelope: [UInt8], trusted: [TrustedKey]) throws -> VerifiedStatement {
        try opened.statement(in: envelope, trusted: trusted) {
            let (statement, signer) = try TrustedSigners(trusted).open(envelope)
            return VerifiedStatement(content: .init(statement), signer: signer)
        }
    }

    package func predicate(of provenance: Provenance) throws -> [UInt8] { try ProvenancePredicate.encode(provenance) }

    package func provenance(_ predicate: [UInt8]) throws -> Provenance { try ProvenancePredicate.decode(predicate) }

    package func testResult(of report: VerificationReport, envelope: Digest) throws -> [UInt8] {
        try TestResultPredicate.encode(report, envelope: envelope)
    }

    // MARK: Other documents

    package func bill(
        of version: Version, files: [VersionFile], inspections: [FileInspection], sources: [LineageSource],
        known: [Digest: VersionMetadata], reports: [VerificationReport]
    ) throws -> [UInt8] {
        try MLBOM(
            repository: version.repository, number: version.number, kind: version.kind,
            manifestDigest: version.manifestDigest, files: files, metadata: version.metadata, model: version.model,
            inspections: inspections,
            sources: sources.map { .init(relation: $0.relation, name: $0.name, digest: $0.digest) }, known: known,
            measurements: reports.compactMap { report in
                report.measurements.map {
                    .init(dataset: report.dataset, measurements: $0, evaluator: report.evaluator)
                }
            }
        ).encoded()
    }

    package func documentReferrer(
        _ document: BlobRecord, type: String, annotations: [String: String], subject: Descriptor
    ) throws -> [UInt8] {
        try Referrer.document(document, type: type, annotations: annotations, subject: subject)
    }

    package func keyID(ofPEM pem: String, role: TrustedKey.Role) throws -> (id: String, pem: String) {
        try TrustAnchor.identity(ofPEM: pem, role: role)
    }
}

extension VerifiedStatement.Statement {
    fileprivate init(_ statement: AssayBundle.Statement) {
        self.init(
            predicateType: statement.predicateType, subjects: statement.subjects.map(\.digest),
            predicate: statement.predicate)
    }
}
