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
    /// Provenance adds to the lineage. A waiver must be one that can count: `request-invalid` for one of another
    /// repository, version or policy, of a requirement that the policy does not have, or of a time that is over.
    /// Throws `signature-invalid`, and as `Catalog.version`.
    package func callAsFunction(
        envelope: [UInt8], to reference: Reference, by principal: Principal
    ) async throws -> Outcome {
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        let before = try await attestations(of: version)
        let statement = try evidence.readStatement(envelope)
        let waiver = try await checkedWaiver(in: statement, of: version)
        try Self.checkFigures(in: statement)
        let outcome = try await StatementAttachments(blobs: blobs, index: index, evidence: evidence)
            .attach([envelope], to: manifest, besides: before)
        if let known = outcome.repeated.first { return Outcome(attestation: known, isNew: false) }
        try checkTime(of: waiver)
        guard let attachment = outcome.attachments.first else {
            throw AssayError(.internalError, "a statement was neither attached nor there before")
        }
        return try await attach(
            attachment, origin: outcome.origins.first, to: version, by: principal, besides: before)
    }

    /// Refuses figures that nobody could read when they are made, and not when a promotion fails for them.
    private static func checkFigures(in statement: VerifiedStatement.Statement) throws(AssayError) {
        guard statement.predicateType == PredicateType.figures else { return }
        do {
            _ = try MeasuredFigures.parse(statement.predicate)
        } catch {
            throw AssayError(
                .requestInvalid, error.message, reason: error.reason,
                remedy: error.remedy ?? "make it with: assay attest REF --metrics FILE --dataset REF", cause: error)
        }
    }

    /// Refuses a waiver that waives nothing when it is made, and not when a promotion fails for it.
    ///
    /// Gives the waiver; nil if the statement is none.
    private func checkedWaiver(
        in statement: VerifiedStatement.Statement, of version: Version
    ) async throws -> Waiver? {
        guard statement.predicateType != PredicateType.waiverWithoutPolicy else {
            throw AssayError(
                .requestInvalid, "the waiver is of a form that counts no longer",
                reason: "it does not name repository, version and policy", remedy: "make one with: assay waive")
        }
        guard statement.predicateType == PredicateType.waiver else { return nil }
        let waiver: Waiver
        do {
            waiver = try Waiver.parse(statement.predicate)
        } catch let error as AssayError {
            throw AssayError(
                .requestInvalid, error.message, reason: error.reason, remedy: error.remedy, cause: error)
        }
        guard waiver.repository == version.repository, waiver.version == version.manifestDigest else {
            throw AssayError(
                .requestInvalid, "the waiver is for another repository or version",
                reason: "it names \(waiver.repository)@\(waiver.version.short)",
                remedy: "attach it there, or make another: assay waive \(version.reference)")
        }
        guard let record = try await index.policy(of: waiver.alias, in: version.repository) else {
            throw AssayError(
                .policyNotFound, "the waiver waives nothing: no policy protects \(version.repository):\(waiver.alias)",
                remedy: "name an alias that has a policy")
        }
        guard record.digest == waiver.policy else {
            throw AssayError(
                .requestInvalid, "the waiver is for another policy than that of \(version.repository):\(waiver.alias)",
                reason: "that is \(record.digest.short) now", remedy: "make another: assay waive \(version.reference)")
        }
        try waiver.check(against: try Policy.parse(stored: record.json))
        return waiver
    }

    /// By the time of the log, as promotions judge it: a clock that was set back makes no waiver count again.
    private func checkTime(of waiver: Waiver?) throws(AssayError) {
        let now = clock.now()
        guard let waiver, waiver.expiresAt <= now else { return }
        throw AssayError(
            .requestInvalid, "the waiver has expired",
            reason: "it ends at \(waiver.expiresAt), and by the registry's log it is \(now)",
            remedy: "make one that ends later")
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
