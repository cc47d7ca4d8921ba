package import AssayDomain

/// Moves a protected alias, and only if its policy is satisfied by checked evidence.
///
/// A decision is made of one state of the index (`PromotionBasis`), and the alias moves in a transaction that finds all
/// of it as it was. If something changed in between, it is decided again.
package struct Promote: Sendable {
    package enum Outcome: Sendable {
        /// Verifications run that the policy needs; ask again when they are finished.
        case measuring([VerificationID], holder: VersionNumber?)
        /// The alias points there already, by a promotion under the policy that holds now.
        case unchanged
        /// What a dry run would have come to.
        case decided(PolicyDecision, holder: VersionNumber?)
        case promoted(PolicyDecision, holder: VersionNumber?, verdict: Digest)
        case refused(PolicyDecision, holder: VersionNumber?, verdict: Digest)
    }

    /// What a version is to hold an alias by.
    package enum Way: Sendable, Hashable {
        case promotion
        /// Back to a version that held it. An emergency asks for nothing but its signatures.
        case rollback(reason: String, isEmergency: Bool)
    }

    /// How often it is decided anew because something of what decided was changed meanwhile.
    private static let attemptsMax = 5

    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let verify: Verify
    let sealing: SealQueue
    let clock: any WallClock
    /// Who decides, as verdicts name it: a URI.
    let verifierID: String

    /// Decides on a version for an alias, and moves the alias if the decision is yes and this is no dry run.
    ///
    /// Safe to repeat. Throws `policy-not-found` where nothing protects the alias, `version-not-found`,
    /// `manifest-ambiguous` for a version of which clients could make other files, `untrusted-key` where the registry's
    /// own key does not count any more, and `alias-conflict` if what decides changed each time. A rollback also throws
    /// `never-held` and `permission-denied`.
    package func callAsFunction(
        _ version: Version, to alias: AliasName, via way: Way = .promotion, dryRun: Bool, by principal: Principal
    ) async throws -> Outcome {
        for _ in 1..<Self.attemptsMax {
            do {
                return try await attempt(version, to: alias, via: way, dryRun: dryRun, by: principal)
            } catch let error as AssayError where error.code == .aliasConflict {
                continue
            }
        }
        return try await attempt(version, to: alias, via: way, dryRun: dryRun, by: principal)
    }

    /// What a policy says of a version by the evidence that is there: nothing is measured, stored or moved.
    ///
    /// Throws `policy-not-found` where no policy is given and nothing protects the alias, `version-not-found`.
    package func check(
        _ version: Version, for alias: AliasName, policy given: Policy?
    ) async throws -> (decision: PolicyDecision, holder: VersionNumber?) {
        let basis = try await basis(of: version, for: alias)
        let policy = try given ?? Policy.parse(stored: try record(basis, alias, in: version.repository).json)
        let found = try await judge(version, for: alias, basis, policy: policy, via: .promotion, startsMissing: false)
        return (found.decision, basis.holder?.number)
    }

    /// Decides on the version that an alias points to by the policy that was just set; nil if it points nowhere.
    /// Throws as `callAsFunction`, and what keeps a measurement from being queued.
    package func decideHolder(
        of alias: AliasName, in repository: RepositoryName, by principal: Principal
    ) async throws -> (version: Version, outcome: Outcome)? {
        guard let holder = try await index.version(Reference(repository, alias)) else { return nil }
        return (holder, try await self(holder, to: alias, dryRun: false, by: principal))
    }

    // MARK: One attempt

    private func attempt(
        _ version: Version, to alias: AliasName, via way: Way, dryRun: Bool, by principal: Principal
    ) async throws -> Outcome {
        let basis = try await basis(of: version, for: alias)
        let record = try record(basis, alias, in: version.repository)
        if !dryRun {
            try requireOwnKey(basis, for: version.repository)
            if try await isPromoted(version, basis) { return .unchanged }
        }
        let policy = try Policy.parse(stored: record.json)
        try await require(way, of: version, as: alias, basis, policy: policy, by: principal)
        let found = try await judge(version, for: alias, basis, policy: policy, via: way, startsMissing: true)
        if case .ambiguous(let reason) = found.binding { throw Self.ambiguous(version, reason) }
        let holder = basis.holder?.number
        guard found.pending.isEmpty else { return .measuring(found.pending, holder: holder) }
        if dryRun { return .decided(found.decision, holder: holder) }
        return try await conclude(found, basis, on: version, alias: alias, policy: record, way, by: principal)
    }

    /// Nobody decides on files that other clients would not get.
    private static func ambiguous(_ version: Version, _ reason: String) -> AssayError {
        AssayError(
            .manifestAmbiguous, "\(version.reference) is not promoted: clients could take other files out of it",
            reason: reason,
            remedy: "push the files as they are, under their own names: assay push, or oras push without folders")
    }

    private func basis(of version: Version, for alias: AliasName) async throws -> PromotionBasis {
        try await index.promotionBasis(
            of: version.manifestDigest, to: alias, in: version.repository, verificationsMax: Self.verificationsMax)
    }

    /// How many of a version's verifications are looked through for one that counts.
    private static let verificationsMax = 100

    private func record(
        _ basis: PromotionBasis, _ alias: AliasName, in repository: RepositoryName
    ) throws(AssayError) -> PolicyRecord {
        guard let record = basis.policy else { throw ManageAliases.unprotected(alias, in: repository) }
        return record
    }

    /// Evidence as the basis has it.
    func reader(_ basis: PromotionBasis) -> ReadEvidence {
        var reader = ReadEvidence(blobs: blobs, index: index, evidence: evidence)
        reader.known = .init(
            root: TrustRoot(keys: basis.keys), subject: basis.mark.subject, attestations: basis.attestations)
        return reader
    }

    /// Nothing that the registry would say counts if its own key does not. Throws `untrusted-key`.
    private func requireOwnKey(_ basis: PromotionBasis, for repository: RepositoryName) throws(AssayError) {
        let id = evidence.signingKeyID
        let counting = TrustRoot(keys: basis.keys).keys(.registry, for: repository, at: clock.now())
        guard counting.contains(where: { $0.id == id }) else {
            throw AssayError(
                .untrustedKey, "the registry's own key \(id.prefix(12)) does not count",
                reason: "it was revoked, has ended, or is not trusted for \(repository), so no verdict would count",
                remedy: "give the registry another key: assay key rotate registry")
        }
    }

    /// Whether the alias points to the version by a promotion under the policy in force, whose verdict still counts.
    private func isPromoted(_ version: Version, _ basis: PromotionBasis) async throws -> Bool {
        guard basis.holder?.number == version.number, basis.standing == .promoted, basis.withdrawn == nil,
            let last = basis.lastMove, let verdict = last.verdictDigest
        else { return false }
        do {
            return try await reader(basis).policy(
                ofVerdict: verdict, on: version.manifestDigest, in: version.repository, at: last.at)
                == basis.policy?.digest
        } catch let error as AssayError where error.code.kind != .storage {
            return false  // What cannot be believed any more is decided again.
        }
    }

    // MARK: Concluding

    private func conclude(
        _ finding: Finding, _ basis: PromotionBasis, on version: Version, alias: AliasName, policy: PolicyRecord,
        _ way: Way, by principal: Principal
    ) async throws -> Outcome {
        let (decision, manifest, holder) = (finding.decision, finding.manifest, basis.holder?.number)
        let verdict = Verdict(
            verifier: .init(id: verifierID), timeVerified: clock.now(),
            resourceUri: VerdictField.resource(version.reference),
            policy: .init(
                uri: "urn:assay:policy:\(policy.digest)",
                digest: [policy.digest.algorithm.rawValue: policy.digest.hex]),
            // Source: SLSA v1.0, verification summary: "FAILED" in place of levels if the policy says no.
            inputAttestations: finding.inputs.map(Verdict.Input.init),
            verificationResult: decision.isPassed ? "PASSED" : "FAILED",
            verifiedLevels: decision.isPassed ? [] : ["FAILED"],
            alias: alias.text, outcomes: decision.outcomes, rollback: .init(way, from: holder))
        let (envelope, attachment) = try await WriteEvidence(blobs: blobs, evidence: evidence).attest(
            try verdict.json(), as: PredicateType.verdict, about: manifest, name: version.reference.description)
        let now = clock.now()
        guard decision.isPassed else {
            try await index.attach(
                attachment, to: manifest.digest, in: version.repository, origin: nil, actor: principal.name, at: now)
            return .refused(decision, holder: holder, verdict: envelope)
        }
        try await requireCounting(envelope, on: version, basis, at: now)
        _ = try await index.moveAlias(
            AliasMoveRequest(
                repository: version.repository, name: alias, target: version.number, expectation: .version(holder),
                cause: .promotion(
                    policy: policy.digest, verdict: envelope, attachment: attachment, basis: basis.mark,
                    decidedUntil: finding.decidedUntil, rollback: way.reason),
                actor: principal.name, at: now))
        sealing.wake()
        return .promoted(decision, holder: holder, verdict: envelope)
    }

    /// The verdict counts for those who read it by the trust root of the decision: a key that was replaced since signed
    /// in vain. Throws `alias-conflict`, so that it is decided again.
    private func requireCounting(
        _ envelope: Digest, on version: Version, _ basis: PromotionBasis, at time: Timestamp
    ) async throws {
        do {
            _ = try await reader(basis).policy(
                ofVerdict: envelope, on: version.manifestDigest, in: version.repository, at: time)
        } catch let error as AssayError where error.code == .untrustedKey {
            throw AssayError(
                .aliasConflict, "\(version.reference) is not promoted",
                reason: "the registry's key was changed meanwhile", remedy: "ask again", cause: error)
        }
    }
}
