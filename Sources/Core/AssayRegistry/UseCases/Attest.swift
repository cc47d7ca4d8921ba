package import AssayDomain

/// Attaches signatures and statements that others made to a version that is there.
package struct Attest: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let clock: any WallClock

    /// What came of it.
    package struct Outcome: Sendable {
        package let attestation: AttestationRecord
        /// False if the same was attached before.
        package let isNew: Bool
    }

    /// Attaches a model signature (OpenSSF Model Signing v1.0) over exactly the version's files. Several may sign.
    ///
    /// Throws `signature-invalid`, `digest-mismatch`, `unsigned`, and as `Catalog.version` for what is not there.
    package func callAsFunction(
        signature bundle: [UInt8], to reference: Reference, by principal: Principal
    ) async throws -> Outcome {
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        try evidence.checkForm(ofModelSignature: bundle, over: try evidence.files(of: manifest))
        let attachment = try await WriteEvidence(blobs: blobs, evidence: evidence)
            .attach(modelSignature: bundle, to: manifest)
        return try await attach(attachment, origin: nil, to: version, by: principal)
    }

    /// Attaches a signed statement (DSSE envelope, in-toto Statement v1) about the version's manifest.
    ///
    /// Provenance adds to the lineage. Throws `signature-invalid`, and as `Catalog.version`.
    package func callAsFunction(
        envelope: [UInt8], to reference: Reference, by principal: Principal
    ) async throws -> Outcome {
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        let statements = StatementAttachments(blobs: blobs, index: index, evidence: evidence)
        let (attachments, origins) = try await statements.attach([envelope], to: manifest, in: version.repository)
        guard let attachment = attachments.first else {
            let predicateType = try evidence.readStatement(envelope).predicateType
            let known = try await index.attestations(of: manifest.digest, in: version.repository)
                .last { $0.predicateType == predicateType }
            guard let known else { throw AssayError(.internalError, "an attached statement is not there") }
            return Outcome(attestation: known, isNew: false)
        }
        return try await attach(attachment, origin: origins.first, to: version, by: principal)
    }

    private func attach(
        _ attachment: Attachment, origin: Origin?, to version: Version, by principal: Principal
    ) async throws -> Outcome {
        let before = try await index.attestations(of: version.manifestDigest, in: version.repository)
        let isNew = !before.contains { $0.manifestDigest == attachment.referrer.digest }
        try await index.attach(
            attachment, to: version.manifestDigest, in: version.repository, origin: origin, actor: principal.name,
            at: clock.now())
        let after = try await index.attestations(of: version.manifestDigest, in: version.repository)
        guard let record = after.first(where: { $0.manifestDigest == attachment.referrer.digest }) else {
            throw AssayError(.internalError, "what was attached is not there")
        }
        return Outcome(attestation: record, isNew: isNew)
    }
}
