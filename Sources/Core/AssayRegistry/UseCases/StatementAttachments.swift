import AssayDomain

/// Makes attachments of signed statements, each said once, and reads what they tell of a version's origin.
struct StatementAttachments: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat

    private var reader: ReadEvidence { ReadEvidence(blobs: blobs, index: index, evidence: evidence) }
    private var writer: WriteEvidence { WriteEvidence(blobs: blobs, evidence: evidence) }

    /// What came of envelopes that were to be attached.
    struct Outcome {
        var attachments: [Attachment] = []
        /// What says the same and is attached already.
        var repeated: [AttestationRecord] = []
        var origins: [Origin] = []
    }

    /// Attaches envelopes that speak of a manifest, but for those that say again what is attached already: the same
    /// words by the same known keys, or with the same signatures.
    ///
    /// By whom they are is asked only of keys that are known: one that is not trusted yet may be trusted later.
    /// `before` is what is attached already. Throws `signature-invalid` for an envelope that cannot be read, speaks of
    /// something else, or claims a known key that did not sign it.
    func attach(
        _ envelopes: [[UInt8]], to manifest: Manifest, besides before: [AttestationRecord]
    ) async throws -> Outcome {
        var outcome = Outcome()
        guard !envelopes.isEmpty else { return outcome }
        let keys = try await index.trustedKeys()
        let known = try await said(in: before, keys: keys)
        for envelope in envelopes {
            let statement = try evidence.readStatement(envelope)
            guard statement.subjects.contains(manifest.digest) else {
                throw AssayError(
                    .signatureInvalid, "the statement is of something else",
                    reason: "it does not name \(manifest.digest)",
                    remedy: "make it about the digest of the version's manifest")
            }
            guard statement.predicateType != PredicateType.modelSignature else {
                throw AssayError(
                    .signatureInvalid, "a model signature is no statement by itself",
                    remedy: "attach the signature file: assay sign")
            }
            let claim = Claim(
                statement: statement, signers: Set(try evidence.claims(ofEnvelope: envelope, known: keys)))
            if let origin = try origin(of: statement) { outcome.origins.append(origin) }
            if let record = known[claim] {
                outcome.repeated.append(record)
            } else {
                outcome.attachments.append(
                    try await writer.attach(envelope: envelope, of: statement.predicateType, to: manifest))
            }
        }
        return outcome
    }

    /// Provenance that the registry signs for a pusher who signed none, of a manifest that has none yet; nothing if it
    /// says nothing.
    func sign(
        _ provenance: Provenance, of manifest: Manifest, in repository: RepositoryName
    ) async throws -> [Attachment] {
        guard provenance.metadata != VersionMetadata() || !provenance.sources.isEmpty else { return [] }
        let (_, attachment) = try await writer.attest(
            try evidence.predicate(of: provenance), as: PredicateType.provenance, about: manifest,
            name: repository.text)
        return [attachment]
    }

    /// What provenance that was attached before says of a manifest. A malformed one, which any OCI client may have
    /// pushed, tells nothing.
    func origins(of subject: Digest, in repository: RepositoryName) async throws -> [Origin] {
        try await reader.unverifiedStatements(about: subject, in: repository).compactMap { try? origin(of: $0) }
    }

    /// What a referrer that is pushed as a manifest says of its subject, if it carries provenance.
    func origin(in referrer: Manifest, of repository: RepositoryName) async throws -> [Origin] {
        guard let subject = referrer.subject,
            MediaType.envelopes.contains(referrer.effectiveArtifactType ?? ""),
            let layer = referrer.layers.first, layer.size <= ReadEvidence.envelopeBytesMax,
            try await index.blobSize(layer.digest, in: repository) != nil
        else { return [] }
        do {
            let statement = try evidence.readStatement(try await reader.content(of: layer.digest))
            return try statement.subjects.contains(subject.digest) ? origin(of: statement).map { [$0] } ?? [] : []
        } catch let error as AssayError where [.integrity, .invalid, .tooLarge].contains(error.code.kind) {
            return []  // Any content may be pushed; what cannot be read tells nothing.
        }
    }

    /// A statement as somebody says it.
    private struct Claim: Hashable {
        let statement: VerifiedStatement.Statement
        let signers: Set<SignatureClaim>
    }

    /// What is said already; what cannot be read, or claims a known key falsely, says nothing.
    private func said(in records: [AttestationRecord], keys: [TrustedKey]) async throws -> [Claim: AttestationRecord] {
        var claims: [Claim: AttestationRecord] = [:]
        for record in records
        where record.artifactType != MediaType.sigstoreBundle && record.envelope.size <= ReadEvidence.envelopeBytesMax {
            do {
                let envelope = try await reader.content(of: record.envelope.digest)
                let claim = Claim(
                    statement: try evidence.readStatement(envelope),
                    signers: Set(try evidence.claims(ofEnvelope: envelope, known: keys)))
                claims[claim] = claims[claim] ?? record.typed(claim.statement.predicateType)
            } catch let error as AssayError where error.code.kind != .storage {
                continue
            }
        }
        return claims
    }

    private func origin(of statement: VerifiedStatement.Statement) throws -> Origin? {
        switch statement.predicateType {
        case PredicateType.provenance: return Origin(try evidence.provenance(statement.predicate))
        case PredicateType.verificationReport:
            let report = try JSON.decode(VerificationReport.self, from: statement.predicate)
            // What failed was evaluated on nothing.
            guard report.measurements != nil, report.failure == nil else { return nil }
            let dataset = report.dataset
            return Origin(
                sources: [
                    LineageSource(
                        relation: .evaluatedOn, name: "\(dataset.repository):\(dataset.number)",
                        digest: dataset.digest)
                ], runID: nil)
        default: return nil
        }
    }
}

extension AttestationRecord {
    /// The same with the type that the envelope itself states, whatever the referrer's annotations say.
    fileprivate func typed(_ predicateType: String) -> AttestationRecord {
        AttestationRecord(
            manifestDigest: manifestDigest, artifactType: artifactType, predicateType: predicateType,
            envelope: envelope, createdAt: createdAt)
    }
}
