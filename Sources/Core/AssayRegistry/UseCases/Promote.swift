package import AssayDomain

/// Moves a protected alias, and only if its policy is satisfied by checked evidence.
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

    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let verify: Verify
    let seal: Seal
    let clock: any WallClock

    /// Decides on a version for an alias, and moves the alias if the decision is yes and this is no dry run.
    ///
    /// Safe to repeat. Throws `policy-not-found` where nothing protects the alias, `version-not-found`,
    /// `manifest-ambiguous` for a version of which clients could make other files, and
    /// `alias-conflict` if another promotion came first.
    package func callAsFunction(
        _ version: Version, to alias: AliasName, dryRun: Bool, by principal: Principal
    ) async throws -> Outcome {
        let record = try await record(of: alias, in: version.repository)
        let current = try await index.version(Reference(version.repository, alias))
        if !dryRun, current?.number == version.number,
            try await isPromoted(version, to: alias, by: record.digest)
        {
            return .unchanged
        }
        let found = try await judge(
            version, for: alias, current: current, policy: try Policy.parse(record.json), startsMissing: true)
        if case .ambiguous(let reason) = found.binding { throw Self.ambiguous(version, reason) }
        guard found.pending.isEmpty else { return .measuring(found.pending, holder: current?.number) }
        if dryRun { return .decided(found.decision, holder: current?.number) }
        return try await conclude(found, on: version, alias: alias, policy: record, by: principal)
    }

    /// What a policy says of a version by the evidence that is there: nothing is measured, stored or moved.
    ///
    /// Throws `policy-not-found` where no policy is given and nothing protects the alias, `version-not-found`.
    package func check(
        _ version: Version, for alias: AliasName, policy given: Policy?
    ) async throws -> (decision: PolicyDecision, holder: VersionNumber?) {
        let policy =
            if let given { given } else { try Policy.parse(try await record(of: alias, in: version.repository).json) }
        let current = try await index.version(Reference(version.repository, alias))
        let found = try await judge(version, for: alias, current: current, policy: policy, startsMissing: false)
        return (found.decision, current?.number)
    }

    private func record(of alias: AliasName, in repository: RepositoryName) async throws -> PolicyRecord {
        try await ManageAliases(blobs: blobs, index: index, evidence: evidence, clock: clock)
            .policy(of: alias, in: repository)
    }

    /// Whether the alias's last move was this promotion, decided by the policy that holds now.
    private func isPromoted(_ version: Version, to alias: AliasName, by policy: Digest) async throws -> Bool {
        let moves = try await index.aliasHistory(alias, in: version.repository, before: nil, limit: 1)
        guard let last = moves.items.first, last.cause == .promotion, let verdict = last.verdictDigest else {
            return false
        }
        return try await ReadEvidence(blobs: blobs, index: index, evidence: evidence)
            .policy(ofVerdict: verdict, on: version.manifestDigest, in: version.repository, at: last.at) == policy
    }

    /// Nobody decides on files that other clients would not get.
    private static func ambiguous(_ version: Version, _ reason: String) -> AssayError {
        AssayError(
            .manifestAmbiguous, "\(version.reference) is not promoted: clients could take other files out of it",
            reason: reason, remedy: "push the files as they are: assay push, or oras push without folders")
    }

    /// What a version was judged by, and what that came to.
    private struct Finding {
        let manifest: Manifest
        let binding: ManifestBinding
        /// Where the alias points now.
        let current: VersionNumber?
        /// Manifests of all that is attached to the version, looked up before any of it was read.
        let referrers: [Digest]
        let decision: PolicyDecision
        /// Verifications that must end before the decision counts.
        let pending: [VerificationID]
    }

    /// Judges a version by a policy. What is missing is measured if that is asked for and the version is signed:
    /// without a signature, or with a manifest that nothing binds, it is refused whatever a measurement says.
    private func judge(
        _ version: Version, for alias: AliasName, current: Version?, policy: Policy, startsMissing: Bool
    ) async throws -> Finding {
        // It got there in another way, or by another policy: it has to pass now, and nothing is compared with it.
        let holder = current?.number == version.number ? nil : current
        let manifest = try await Catalog(index: index)
            .manifest(.digest(version.manifestDigest), in: version.repository).parsed()
        let referrers = try await index.attestations(of: manifest.digest, in: version.repository).map(\.manifestDigest)
        var gathered = try await gather(version, manifest: manifest, holder: holder, alias: alias)
        let pending = try await measure(
            version, holder: holder, policy: policy, into: &gathered,
            startsMissing: startsMissing && !gathered.signers.isEmpty && gathered.binding.isBound)
        return Finding(
            manifest: manifest, binding: gathered.binding, current: current?.number, referrers: referrers,
            decision: policy.decide(gathered),
            pending: pending)
    }

    private func gather(
        _ version: Version, manifest: Manifest, holder: Version?, alias: AliasName
    ) async throws -> Evidence {
        let reader = ReadEvidence(blobs: blobs, index: index, evidence: evidence)
        let (signers, fault) = try await reader.signers(of: manifest, in: version.repository)
        let statements = try await reader.statements(about: manifest.digest, in: version.repository)
        var missing: [Digest] = []
        for layer in manifest.layers where try await blobs.size(of: layer.digest) != layer.size {
            missing.append(layer.digest)
        }
        var gathered = Evidence(
            signers: signers, signatureFault: fault, missingContent: missing, contentBytes: version.contentBytes,
            relations: try reader.relations(in: statements),
            statements: statements.map {
                .init(predicateType: $0.predicateType, signer: $0.signer.id, role: $0.signer.role)
            },
            holder: holder.map { .init($0) })
        gathered.binding = try await reader.binding(of: manifest, by: statements)
        gathered.waivers = reader.waivers(in: statements, for: alias, at: clock.now())
        return gathered
    }

    // MARK: Measuring

    /// Adds the reports that a policy decides by, on its own dataset and on each further one; answers what must end
    /// before they are there.
    private func measure(
        _ version: Version, holder: Version?, policy: Policy, into gathered: inout Evidence, startsMissing: Bool
    ) async throws -> [VerificationID] {
        var (own, pending) = try await reports(on: version, holder: holder, policy: policy, startsMissing)
        (gathered.report, gathered.holderReport) = (own.report, own.holderReport)
        for (name, part) in policy.parts {
            let (further, waiting) = try await reports(on: version, holder: holder, policy: part, startsMissing)
            gathered.parts[name] = further
            pending += waiting
        }
        return pending
    }

    private func reports(
        on version: Version, holder: Version?, policy: Policy, _ startsMissing: Bool
    ) async throws -> (Evidence.Reports, pending: [VerificationID]) {
        var found = Evidence.Reports()
        var pending: [VerificationID] = []
        guard let settings = policy.verificationSettings, let reference = policy.dataset else {
            return (found, pending)
        }
        let dataset = try await Catalog(index: index).version(reference)
        func report(on version: Version, baseline: Version?) async throws -> VerificationReport? {
            let known = try await knownReport(on: version, dataset: dataset, baseline: baseline, settings: settings)
            if let report = known.report { return report }
            guard startsMissing else { return nil }
            if let running = known.running {
                pending.append(running)
            } else {
                pending.append(
                    try await verify.start(subject: version, dataset: dataset, baseline: baseline, settings: settings)
                        .id)
            }
            return nil
        }
        found.report = try await report(on: version, baseline: policy.needsBaseline ? holder : nil)
        if policy.needsMetricBaseline, let holder { found.holderReport = try await report(on: holder, baseline: nil) }
        return (found, pending)
    }

    /// The verification that will make a report, or else the newest report that counts.
    private func knownReport(
        on version: Version, dataset: Version, baseline: Version?, settings: VerificationSettings
    ) async throws -> (running: VerificationID?, report: VerificationReport?) {
        let known = try await verify.verifications(of: version, limit: Self.verificationsMax).filter {
            $0.dataset.digest == dataset.manifestDigest && $0.settings == settings
                && (baseline == nil || $0.baseline?.digest == baseline?.manifestDigest)
        }
        if let running = known.first(where: { !$0.isFinished }) { return (running.id, nil) }
        for verification in known where verification.state != .cancelled {
            let report = try await verify.report(of: verification)
            if report.evaluator == verify.evaluatorBuild, report.failure?.isConclusive ?? true { return (nil, report) }
        }
        return (nil, nil)
    }

    /// How many of a version's verifications are looked through for one that counts.
    private static let verificationsMax = 100

    // MARK: Concluding

    private func conclude(
        _ finding: Finding, on version: Version, alias: AliasName, policy: PolicyRecord, by principal: Principal
    ) async throws -> Outcome {
        let (decision, manifest, holder) = (finding.decision, finding.manifest, finding.current)
        let now = clock.now()
        let verdict = Verdict(
            verifier: .init(id: Verdict.verifierID), timeVerified: now,
            resourceUri: "\(version.repository):\(version.number)",
            policy: .init(
                uri: "urn:assay:policy:\(policy.digest)",
                digest: [policy.digest.algorithm.rawValue: policy.digest.hex]),
            // Source: SLSA v1.0, verification summary: "FAILED" in place of levels if the policy says no.
            verificationResult: decision.isPassed ? "PASSED" : "FAILED",
            verifiedLevels: decision.isPassed ? [] : ["FAILED"],
            assayAlias: alias.text, assayOutcomes: decision.outcomes)
        let (envelope, attachment) = try await WriteEvidence(blobs: blobs, evidence: evidence).attest(
            try verdict.json(), as: PredicateType.verdict, about: manifest, name: verdict.resourceUri)
        guard decision.isPassed else {
            try await index.attach(
                attachment, to: manifest.digest, in: version.repository, origin: nil, actor: principal.name, at: now)
            return .refused(decision, holder: holder, verdict: envelope)
        }
        _ = try await index.moveAlias(
            AliasMoveRequest(
                repository: version.repository, name: alias, target: version.number,
                expectation: .version(holder),
                cause: .promotion(
                    policy: policy.digest, verdict: envelope, attachment: attachment, evidence: finding.referrers),
                actor: principal.name, at: now))
        // The alias has moved; what cannot be made now is made when a bundle is exported.
        _ = try? await seal(version.reference)
        return .promoted(decision, holder: holder, verdict: envelope)
    }
}
