/// What is known of a version when a policy decides on it; every part was checked before it got here.
package struct Evidence: Sendable {
    /// Ids of the trusted release keys with a valid signature over exactly this version's files.
    package var signers: [String]
    /// Why there is no valid signature, if there is none.
    package var signatureFault: String?
    /// Files that the version names and the store does not have.
    package var missingContent: [Digest]
    package var contentBytes: Int64
    /// Relations that signed provenance tells, each with the id of a trusted key that says so.
    package var relations: [LineageRelation: String]
    /// Checked statements about exactly this version.
    package var statements: [Statement]
    /// Checked waivers for exactly this version and alias that have not expired.
    package var waivers: [SignedWaiver] = []
    /// A signed report for this version that matches the policy's dataset and settings.
    package var report: VerificationReport?
    /// The version that the alias points to now.
    package var holder: VerificationReport.Subject?
    /// The holder's report on the same dataset.
    package var holderReport: VerificationReport?

    package init(
        signers: [String], signatureFault: String?, missingContent: [Digest] = [], contentBytes: Int64,
        relations: [LineageRelation: String], statements: [Statement] = [],
        report: VerificationReport? = nil, holder: VerificationReport.Subject? = nil,
        holderReport: VerificationReport? = nil
    ) {
        self.signers = signers
        self.signatureFault = signatureFault
        self.missingContent = missingContent
        self.contentBytes = contentBytes
        self.relations = relations
        self.statements = statements
        self.report = report
        self.holder = holder
        self.holderReport = holderReport
    }
}

extension Evidence {
    /// A waiver whose signature was checked.
    package struct SignedWaiver: Sendable, Hashable {
        package let waiver: Waiver
        /// The id of the trusted key that signed, and what it is trusted as.
        package let signer: String
        package let role: TrustedKey.Role

        package init(waiver: Waiver, signer: String, role: TrustedKey.Role) {
            self.waiver = waiver
            self.signer = signer
            self.role = role
        }
    }

    /// A statement whose signature was checked.
    package struct Statement: Sendable, Hashable {
        package let predicateType: String
        /// The id of the trusted key that signed, and what it is trusted as.
        package let signer: String
        package let role: TrustedKey.Role

        package init(predicateType: String, signer: String, role: TrustedKey.Role) {
            self.predicateType = predicateType
            self.signer = signer
            self.role = role
        }
    }
}

/// One line of the table that a promotion prints.
package struct RequirementOutcome: Sendable, Hashable, Codable {
    package enum Status: String, Sendable, Codable {
        case passed
        case failed
        /// What was measured decides it neither way; it counts as failed.
        case inconclusive
        /// Not met, but somebody who may signed that it need not be.
        case waived
        /// There is no evidence; it counts as failed.
        case missing
    }

    /// `accuracy`, `latency.p50` …
    package let requirement: String
    package let demanded: String
    package let measured: String
    /// Where the true figure lies and how sure that is; absent if the measured figure is taken as it is.
    package let confidence: String?
    package let status: Status
    /// Who waived it, why and until when; absent unless it is waived.
    package let waiver: String?

    /// Whether it does not stand in the way.
    package var isMet: Bool { status == .passed || status == .waived }

    package init(
        requirement: String, demanded: String, measured: String, confidence: String? = nil, status: Status,
        waiver: String? = nil
    ) {
        self.requirement = requirement
        self.demanded = demanded
        self.measured = measured
        self.confidence = confidence
        self.status = status
        self.waiver = waiver
    }
}

/// The decision of a policy over evidence.
package struct PolicyDecision: Sendable, Hashable, Codable {
    package let outcomes: [RequirementOutcome]

    /// Whether there is at least one requirement and every one is met.
    package var isPassed: Bool { !outcomes.isEmpty && outcomes.allSatisfy(\.isMet) }

    package init(outcomes: [RequirementOutcome]) { self.outcomes = outcomes }
}

extension Policy {
    /// Decides; a pure function, so that anyone with the same evidence comes to the same decision.
    package func decide(_ evidence: Evidence) -> PolicyDecision {
        let outcomes =
            [signatureOutcome(evidence)] + contentOutcomes(evidence) + sizeOutcomes(evidence)
            + lineageOutcomes(evidence) + attestationOutcomes(evidence) + metricOutcomes(evidence)
            + latencyOutcomes(evidence) + throughputOutcomes(evidence) + memoryOutcomes(evidence)
            + cageOutcomes(evidence)
        return PolicyDecision(outcomes: outcomes.map { waived($0, evidence) })
    }

    /// The outcome, waived if it is not met and somebody who may do so waived it.
    private func waived(_ outcome: RequirementOutcome, _ evidence: Evidence) -> RequirementOutcome {
        guard !outcome.isMet, !Waiver.unwaivable.contains(outcome.requirement), let waivers,
            let found = evidence.waivers.first(where: {
                $0.waiver.requirement == outcome.requirement && waivers.allows($0)
            })
        else { return outcome }
        return RequirementOutcome(
            requirement: outcome.requirement, demanded: outcome.demanded, measured: outcome.measured,
            confidence: outcome.confidence, status: .waived,
            waiver: "key \(found.signer.prefix(12)) until \(found.waiver.expiresAt): "
                + Printable.escape(found.waiver.reason, limit: Waiver.reasonBytesMax))
    }

    /// What becomes of the demands on the size and on what was measured alone.
    func measuredOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        sizeOutcomes(evidence) + metricOutcomes(evidence) + latencyOutcomes(evidence)
    }

    private func signatureOutcome(_ evidence: Evidence) -> RequirementOutcome {
        let counted = signature?.keys.map { keys in evidence.signers.filter(keys.contains) } ?? evidence.signers
        let demanded = signature?.keys.map { "by one of \($0.count) named keys" } ?? "by a trusted release key"
        guard let signer = counted.first else {
            let measured = evidence.signatureFault ?? "signed, but by none of the demanded keys"
            let isMissing = evidence.signers.isEmpty && evidence.signatureFault == Self.noSignature
            return RequirementOutcome(
                requirement: "signature", demanded: demanded, measured: measured,
                status: isMissing ? .missing : .failed)
        }
        return RequirementOutcome(
            requirement: "signature", demanded: demanded, measured: "valid, key \(signer.prefix(12))", status: .passed)
    }

    /// The fault of a version that nobody signed.
    package static let noSignature = "not signed"

    /// Only what is incomplete is worth a line.
    private func contentOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let first = evidence.missingContent.first else { return [] }
        let count = evidence.missingContent.count
        return [outcome("content", "every file", "\(count) missing, \(first.short) first", false)]
    }

    private func sizeOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let size else { return [] }
        return [
            outcome(
                "size", "at most \(size.maxBytes) bytes", "\(evidence.contentBytes) bytes",
                evidence.contentBytes <= size.maxBytes)
        ]
    }

    private func lineageOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        (lineage ?? []).map { relation in
            let signer = evidence.relations[relation]
            return RequirementOutcome(
                requirement: "lineage.\(relation.rawValue)", demanded: "in signed provenance",
                measured: signer.map { "told by key \($0.prefix(12))" } ?? "not told by a trusted key",
                status: signer == nil ? .missing : .passed)
        }
    }

    private func attestationOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        (attestations ?? []).map { demand in
            let type = PredicateType.resolve(demand.type)
            let found = evidence.statements.filter { $0.predicateType == type }
            let counted = found.first { statement in
                (demand.role.map { $0 == statement.role } ?? true)
                    && (demand.keys.map { $0.contains(statement.signer) } ?? true)
            }
            let by =
                demand.keys.map { "by one of \($0.count) named keys" }
                ?? demand.role.map { "by a trusted \($0.rawValue) key" } ?? "by a trusted key"
            return RequirementOutcome(
                requirement: "attestation.\(Printable.escape(PredicateType.short(type)))", demanded: by,
                measured: counted.map { "valid, key \($0.signer.prefix(12))" }
                    ?? (found.isEmpty ? "none by a trusted key" : "signed, but by none of the demanded keys"),
                status: counted != nil ? .passed : found.isEmpty ? .missing : .failed)
        }
    }

    private func metricOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        (metrics ?? [:]).sorted { $0.key < $1.key }.flatMap { name, bound -> [RequirementOutcome] in
            guard let value = evidence.report?.measurements?.metrics[name] else {
                return [unmeasured(name, bound.text, evidence.report)]
            }
            var outcomes: [RequirementOutcome] = []
            let measured = Figure.metric(value)
            if let min = bound.min {
                outcomes.append(outcome(name, "at least \(Figure.metric(min))", measured, value >= min))
            }
            if let max = bound.max {
                outcomes.append(outcome(name, "at most \(Figure.metric(max))", measured, value <= max))
            }
            if let maxDrop = bound.maxDrop {
                outcomes.append(
                    bound.confidence.map { pairedOutcome(name, maxDrop: maxDrop, confidence: $0, evidence) }
                        ?? dropOutcome(name, value: value, maxDrop: maxDrop, evidence))
            }
            return outcomes + sliceOutcomes(name, bound.perSlice ?? [:], evidence)
        }
    }

    /// Against the current holder; the first holder of an alias has nothing to be compared with.
    private func dropOutcome(
        _ name: String, value: Double, maxDrop: Double, _ evidence: Evidence
    ) -> RequirementOutcome {
        let requirement = "\(name).drop"
        guard let holder = evidence.holder else {
            return outcome(requirement, "at most \(Figure.metric(maxDrop))", "no current holder", true)
        }
        let demanded = "at most \(Figure.metric(maxDrop)) below \(holder.repository):\(holder.number)"
        guard let current = evidence.holderReport?.measurements?.metrics[name] else {
            return unmeasured(requirement, demanded, evidence.holderReport)
        }
        let drop = Metric.direction(of: name) == .lowerIsBetter ? value - current : current - value
        return outcome(
            requirement, demanded, "\(Figure.metric(value)) against \(Figure.metric(current))", drop <= maxDrop)
    }

    private func latencyOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        (latency?.bounds ?? []).flatMap { name, bound -> [RequirementOutcome] in
            let requirement = "latency.\(name)"
            guard let measurements = evidence.report?.measurements,
                let value = measurements.latency.microseconds(of: name)
            else { return [unmeasured(requirement, bound.text, evidence.report)] }
            var outcomes: [RequirementOutcome] = []
            if let max = bound.maxMilliseconds {
                outcomes.append(
                    outcome(
                        requirement, "at most \(Figure.duration(max * 1000))", Figure.duration(value),
                        value <= max * 1000))
            }
            if let maxRatio = bound.maxRatio {
                outcomes.append(ratioOutcome(name, maxRatio: maxRatio, evidence))
            }
            return outcomes
        }
    }

    private func ratioOutcome(
        _ name: String, maxRatio: Double, _ evidence: Evidence
    ) -> RequirementOutcome {
        let requirement = "latency.\(name).ratio"
        guard let holder = evidence.holder else {
            return outcome(requirement, "at most \(Figure.ratio(maxRatio))", "no current holder", true)
        }
        let demanded = "at most \(Figure.ratio(maxRatio)) of \(holder.repository):\(holder.number)"
        guard let comparison = evidence.report?.measurements?.comparison, comparison.baseline.digest == holder.digest,
            let figures = comparison.figures.ratios?[name]
        else { return unmeasured(requirement, demanded, nil) }
        guard let lower = figures.lower, let upper = figures.upper, let confidence = comparison.figures.confidence
        else {
            return RequirementOutcome(
                requirement: requirement, demanded: demanded, measured: Figure.ratio(figures.ratio),
                confidence: "too few sessions: \(figures.sessions.count)", status: .inconclusive)
        }
        return RequirementOutcome(
            requirement: requirement, demanded: demanded, measured: Figure.ratio(figures.ratio),
            confidence: Figure.interval(lower...upper, confidence),
            status: upper <= maxRatio ? .passed : lower > maxRatio ? .failed : .inconclusive)
    }

    private func throughputOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let bound = latency?.throughput?.min else { return [] }
        let demanded = "at least \(Figure.fixed(bound, 0)) samples/s"
        guard let measured = evidence.report?.measurements?.latency.throughput else {
            return [unmeasured("throughput", demanded, evidence.report)]
        }
        return [outcome("throughput", demanded, "\(Figure.fixed(measured, 0)) samples/s", measured >= bound)]
    }

    private func memoryOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let memory else { return [] }
        let demanded = "at most \(memory.maxBytes) bytes"
        guard let peak = evidence.report?.measurements?.peakMemoryBytes else {
            return [unmeasured("memory", demanded, evidence.report)]
        }
        return [outcome("memory", demanded, "\(peak) bytes", peak <= memory.maxBytes)]
    }

    private func cageOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let cage else { return [] }
        guard let report = evidence.report, report.measurements != nil, let measured = report.cage else {
            return [unmeasured("cage", cage.rawValue, evidence.report)]
        }
        let absent = measured.absent.map { Printable.escape($0) }.joined(separator: ", ")
        let lack = "without \(absent.isEmpty ? "a layer" : absent)"
        let text = measured.isFull ? "\(measured.layers.count) layers" : lack
        return [outcome("cage", cage.rawValue, text, measured.isFull)]
    }

    func outcome(
        _ requirement: String, _ demanded: String, _ measured: String, _ isMet: Bool
    ) -> RequirementOutcome {
        RequirementOutcome(
            requirement: requirement, demanded: demanded, measured: measured, status: isMet ? .passed : .failed)
    }

    func unmeasured(
        _ requirement: String, _ demanded: String, _ report: VerificationReport?
    ) -> RequirementOutcome {
        let reason = report?.failure.map { "\($0.kind): \(Printable.escape($0.message))" } ?? "not measured"
        return RequirementOutcome(
            requirement: requirement, demanded: demanded, measured: reason,
            status: report?.failure == nil ? .missing : .failed)
    }
}

extension Policy.MetricBound {
    fileprivate var text: String {
        let parts = [
            min.map { "at least \(Figure.metric($0))" }, max.map { "at most \(Figure.metric($0))" },
            maxDrop.map { "drop at most \(Figure.metric($0))" },
            perSlice.map { "bounds in slices of \(Printable.escape($0.keys.sorted().joined(separator: ", ")))" },
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }
}

extension Policy.LatencyBound {
    fileprivate var text: String {
        let parts = [
            maxMilliseconds.map { "at most \(Figure.duration($0 * 1000))" },
            maxRatio.map { "at most \(Figure.ratio($0)) of the holder" },
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }
}

/// Figures as tables print them.
package enum Figure {
    package static func metric(_ value: Double) -> String { fixed(value, 4) }
    package static func ratio(_ value: Double) -> String { fixed(value, 3) + "x" }
    /// `0.991x to 1.021x at 95 %`
    package static func interval(_ bounds: ClosedRange<Double>, _ confidence: Double) -> String {
        "\(ratio(bounds.lowerBound)) to \(ratio(bounds.upperBound)) at \(percent(confidence))"
    }
    /// A share as a percentage: `95 %`, `99.9 %`.
    package static func percent(_ share: Double) -> String {
        let tenths = fixed(share * 100, 1)
        return (tenths.hasSuffix(".0") ? String(tenths.dropLast(2)) : tenths) + " %"
    }
    /// From microseconds, in the unit that reads best: `2.1 µs`, `1.500 ms`, `2.500 s`.
    package static func duration(_ microseconds: Double) -> String {
        if microseconds < 1000 { return fixed(microseconds, 1) + " µs" }
        return microseconds < 1_000_000
            ? fixed(microseconds / 1000, 3) + " ms" : fixed(microseconds / 1_000_000, 3) + " s"
    }

    /// `1 file`, `3 files`
    package static func files(_ count: Int) -> String { count == 1 ? "1 file" : "\(count) files" }

    /// A size with a binary unit: `1.5 MiB`.
    package static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024 { return unit == "B" ? "\(count) B" : "\(fixed(value, 1)) \(unit)" }
            value /= 1024
        }
        return "\(fixed(value, 1)) TiB"
    }

    /// Rounded half away from zero to a number of decimals.
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        var scale: Int64 = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int64((abs(value) * Double(scale)).rounded(.toNearestOrAwayFromZero))
        let fraction = String(scaled % scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return "\(sign)\(scaled)" }
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: decimals - fraction.utf8.count) + fraction
    }
}
