import AssayDomain

/// Makes attachments of signed statements, each said once, and reads what they tell of a version's origin.
struct StatementAttachments: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat

    private var reader: ReadEvidence { ReadEvidence(blobs: blobs, index: index, evidence: evidence) }
    private var writer: WriteEvidence { WriteEvidence(blobs: blobs, evidence: evidence) }

    /// Attaches envelopes that speak of a manifest, but for those that say again what is attached already.
    ///
    /// By whom they are is not asked: a key that is not trusted yet may be trusted later. Throws `signature-invalid`
    /// for an envelope that cannot be read or speaks of something else.
    func attach(
        _ envelopes: [[UInt8]], to manifest: Manifest, in repository: RepositoryName
    ) async throws -> (attachments: [Attachment], origins: [Origin]) {
        guard !envelopes.isEmpty else { return ([], []) }
        let known = Set(try await said(about: manifest.digest, in: repository))
        var attachments: [Attachment] = []
        var origins: [Origin] = []
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
            if let origin = try origin(of: statement) { origins.append(origin) }
            let claim = Claim(statement: statement, keyIDs: try evidence.keyHints(ofEnvelope: envelope))
            guard !known.contains(claim) else { continue }
            attachments.append(
                try await writer.attach(envelope: envelope, of: statement.predicateType, to: manifest))
        }
        return (attachments, origins)
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

    /// What provenance that was attached before says of a manifest.
    func origins(of subject: Digest, in repository: RepositoryName) async throws -> [Origin] {
        let records = try await index.attestations(of: subject, in: repository)
        guard records.contains(where: { $0.predicateType == PredicateType.provenance }) else { return [] }
        return try await reader.unverifiedStatements(about: subject, in: repository).compactMap(origin)
    }

    /// What a referrer that is pushed as a manifest says of its subject, if it carries provenance.
    func origin(in referrer: Manifest, of repository: RepositoryName) async throws -> [Origin] {
        guard let subject = referrer.subject,
            [MediaType.dsseEnvelope, MediaType.inToto].contains(referrer.effectiveArtifactType),
            let layer = referrer.layers.first, layer.size <= ReadEvidence.envelopeBytesMax,
            try await index.blobSize(layer.digest, in: repository) != nil
        else { return [] }
        do {
            let statement = try evidence.readStatement(try await reader.content(of: layer.digest))
            return try statement.subjects.contains(subject.digest) ? origin(of: statement).map { [$0] } ?? [] : []
        } catch let error as AssayError where [.integrity, .invalid].contains(error.code.kind) {
            return []  // Any content may be pushed; what cannot be read tells nothing.
        }
    }

    /// A statement as somebody says it; who that is, is only a hint.
    private struct Claim: Hashable {
        let statement: VerifiedStatement.Statement
        let keyIDs: [String]
    }

    private func said(about subject: Digest, in repository: RepositoryName) async throws -> [Claim] {
        var claims: [Claim] = []
        for record in try await index.attestations(of: subject, in: repository)
        where record.artifactType != MediaType.sigstoreBundle && record.envelope.size <= ReadEvidence.envelopeBytesMax {
            do {
                let envelope = try await reader.content(of: record.envelope.digest)
                claims.append(
                    Claim(
                        statement: try evidence.readStatement(envelope),
                        keyIDs: try evidence.keyHints(ofEnvelope: envelope)))
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
            let dataset = try JSON.decode(VerificationReport.self, from: statement.predicate).dataset
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
