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
    /// Throws `signature-invalid`, also where it claims a known key that did not make it, `digest-mismatch`,
    /// `unsigned`, and as `Catalog.version` for what is not there.
    package func callAsFunction(
        signature bundle: [UInt8], to reference: Reference, by principal: Principal
    ) async throws -> Outcome {
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        try evidence.checkForm(ofModelSignature: bundle, over: try evidence.files(of: manifest))
        try evidence.checkClaim(ofModelSignature: bundle, known: try await index.trustedKeys())
        let attachment = try await WriteEvidence(blobs: blobs, evidence: evidence)
            .attach(modelSignature: bundle, to: manifest)
        return try await attach(
            attachment, origin: nil, to: version, by: principal, besides: try await attestations(of: version))
    }

    /// Attaches a signed statement (DSSE envelope, in-toto Statement v1) about the version's manifest.
    ///
    /// Provenance adds to the lineage. Throws `signature-invalid`, and as `Catalog.version`.
    package func callAsFunction(
        envelope: [UInt8], to reference: Reference, by principal: Principal
    ) async throws -> Outcome {
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        let before = try await attestations(of: version)
        let outcome = try await StatementAttachments(blobs: blobs, index: index, evidence: evidence)
            .attach([envelope], to: manifest, besides: before)
        if let known = outcome.repeated.first { return Outcome(attestation: known, isNew: false) }
        guard let attachment = outcome.attachments.first else {
            throw AssayError(.internalError, "a statement was neither attached nor there before")
        }
        return try await attach(
            attachment, origin: outcome.origins.first, to: version, by: principal, besides: before)
    }

    private func attestations(of version: Version) async throws -> [AttestationRecord] {
        try await index.attestations(of: version.manifestDigest, in: version.repository)
    }

    private func attach(
        _ attachment: Attachment, origin: Origin?, to version: Version, by principal: Principal,
        besides before: [AttestationRecord]
    ) async throws -> Outcome {
        let now = clock.now()
        guard let record = AttestationRecord(of: attachment.referrer, at: now) else {
            throw AssayError(.internalError, "what was to be attached attests nothing")
        }
        try await index.attach(
            attachment, to: version.manifestDigest, in: version.repository, origin: origin, actor: principal.name,
            at: now)
        let known = before.first { $0.manifestDigest == record.manifestDigest }
        return Outcome(attestation: known ?? record, isNew: known == nil)
    }
}
