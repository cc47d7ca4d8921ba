import AssayDomain

/// Reports that a policy decides by: which of them count, and what is measured where none does.
extension Promote {
    /// Adds the reports that a policy decides by, on its own dataset and on each further one; answers what must end
    /// before they are there.
    func measure(
        _ version: Version, beside holder: Version?, _ basis: PromotionBasis, policy: Policy,
        into gathered: inout Evidence, startsMissing: Bool
    ) async throws -> [VerificationID] {
        // A teacher that is gone is told where it is decided; nothing is measured without it.
        let teacher = gathered.teacher?.subject
        var (own, pending) =
            policy.teacher == nil || teacher != nil
            ? try await reports(on: version, beside: holder, basis, policy: policy, teacher: teacher, startsMissing)
            : (Evidence.Reports(), [])
        (gathered.report, gathered.holderReport, gathered.tries) = (own.report, own.holderReport, own.tries)
        gathered.inputs.formUnion(own.envelopes)
        for (name, part) in policy.parts {
            let (further, waiting) = try await reports(
                on: version, beside: holder, basis, policy: part, teacher: nil, startsMissing)
            gathered.parts[name] = further
            gathered.inputs.formUnion(further.envelopes)
            pending += waiting
        }
        return pending
    }

    private func reports(
        on version: Version, beside holder: Version?, _ basis: PromotionBasis, policy: Policy,
        teacher: VerificationReport.Subject?, _ startsMissing: Bool
    ) async throws -> (Evidence.Reports, pending: [VerificationID]) {
        var found = Evidence.Reports()
        var pending: [VerificationID] = []
        guard var settings = policy.verificationSettings, let reference = policy.dataset else {
            return (found, pending)
        }
        settings.teacher = teacher
        let dataset = try await Catalog(index: index).version(reference)
        func report(
            on version: Version, among verifications: [Verification], baseline: Version?
        ) async throws -> VerificationReport? {
            let known = try await knownReport(
                among: verifications, dataset: dataset, baseline: baseline, settings: settings, basis)
            if let report = known.report {
                found.envelopes.formUnion(known.envelope.map { [$0] } ?? [])
                return report
            }
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
        found.report = try await report(
            on: version, among: basis.verifications, baseline: policy.needsBaseline ? holder : nil)
        if policy.needsMetricBaseline, let holder {
            found.holderReport = try await report(on: holder, among: basis.holderVerifications, baseline: nil)
        }
        found.tries =
            basis.tries.first { $0.dataset == dataset.manifestDigest && $0.evaluator == verify.evaluatorBuild }?.count
            ?? 0
        return (found, pending)
    }

    /// The verification that will make a report, or else the newest report that counts. What is damaged, or signed by
    /// a key that counts no more, is passed over, as is a repetition that only compared.
    private func knownReport(
        among verifications: [Verification], dataset: Version, baseline: Version?, settings: VerificationSettings,
        _ basis: PromotionBasis
    ) async throws -> (running: VerificationID?, report: VerificationReport?, envelope: Digest?) {
        let known = verifications.filter {
            $0.isReplay != true && $0.dataset.digest == dataset.manifestDigest && $0.settings == settings
                && (baseline == nil || $0.baseline?.digest == baseline?.manifestDigest)
        }
        if let running = known.first(where: { !$0.isFinished }) { return (running.id, nil, nil) }
        for verification in known where verification.state != .cancelled {
            do {
                let report = try await verify.report(of: verification, by: reader(basis))
                if report.evaluator == verify.evaluatorBuild, report.replay != true,
                    report.failure?.isConclusive ?? true
                {
                    return (nil, report, verification.envelopeDigest)
                }
            } catch let error as AssayError where error.code.kind != .storage {
                continue
            }
        }
        return (nil, nil, nil)
    }
}
