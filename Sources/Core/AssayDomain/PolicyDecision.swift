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

    /// The same of a requirement of another name.
    func named(_ requirement: String) -> RequirementOutcome {
        RequirementOutcome(
            requirement: requirement, demanded: demanded, measured: measured, confidence: confidence, status: status,
            waiver: waiver)
    }

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
            [signatureOutcome(evidence), manifestOutcome(evidence)] + withdrawalOutcomes(evidence)
            + contentOutcomes(evidence) + sizeOutcomes(evidence) + formatOutcomes(evidence) + lineageOutcomes(evidence)
            + attestationOutcomes(evidence)
            + figureOutcomes(evidence)
            + metricOutcomes(evidence)
            + latencyOutcomes(evidence) + timeOutcomes(evidence) + throughputOutcomes(evidence)
            + memoryOutcomes(evidence) + cageOutcomes(evidence) + inputOutcomes(evidence) + answerOutcomes(evidence)
            + cacheableOutcomes(evidence) + teacherOutcomes(evidence)
            + triesOutcomes(evidence)
        let all = outcomes + partOutcomes(evidence)
        // A name that two lines share is waived for neither: whoever waived it meant one.
        let shared = Dictionary(grouping: all, by: \.requirement).filter { $0.value.count > 1 }.keys
        return PolicyDecision(
            outcomes: all.map { shared.contains($0.requirement) ? $0 : waived($0, evidence) })
    }

    /// Of each further dataset, by its name.
    private func partOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        parts.flatMap { name, part in
            var own = evidence
            own.report = evidence.parts[name]?.report
            own.holderReport = evidence.parts[name]?.holderReport
            own.tries = evidence.parts[name]?.tries
            let outcomes =
                part.metricOutcomes(own) + part.cageOutcomes(own) + part.inputOutcomes(own) + part.triesOutcomes(own)
            return outcomes.map { $0.named("\(name).\($0.requirement)") }
        }
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
                + Printable.escape(found.waiver.reason, limit: Reason.bytesMax))
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

    /// Whoever binds the manifest must be one of those whose signatures count.
    private func manifestOutcome(_ evidence: Evidence) -> RequirementOutcome {
        let (measured, status): (String, RequirementOutcome.Status) =
            switch evidence.binding {
            case .plain, .ambiguous: (evidence.binding.text, evidence.binding.isBound ? .passed : .failed)
            case .unbound: (evidence.binding.text, .missing)
            case .signed(let keys):
                keys.first { signature?.keys?.contains($0) ?? true }.map {
                    (ManifestBinding.signed(by: [$0]).text, .passed)
                }
                    ?? ("signed, but by none of the demanded keys", .failed)
            }
        return RequirementOutcome(
            requirement: "manifest", demanded: "nothing but the signed files", measured: measured, status: status)
    }

    /// The fault of a version that nobody signed.
    package static let noSignature = "not signed"

    /// Only what is withdrawn is worth a line.
    private func withdrawalOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        evidence.withdrawn.map { [RequirementOutcome(of: $0)] } ?? []
    }

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
            // Where it was measured is told by a measurement, whatever provenance claims.
            let signer = relation == .evaluatedOn ? measurer(evidence) : evidence.relations[relation]
            return RequirementOutcome(
                requirement: "lineage.\(relation.rawValue)",
                demanded: relation == .evaluatedOn ? "in a report with measurements" : "in signed provenance",
                measured: signer.map { "told by key \($0.prefix(12))" } ?? "not told by a trusted key",
                status: signer == nil ? .missing : .passed)
        }
    }

    private func metricOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        (metrics ?? [:]).sorted { $0.key < $1.key }.flatMap { name, bound -> [RequirementOutcome] in
            let value = evidence.report?.measurements?.metrics[name]
            var outcomes: [RequirementOutcome] = []
            if let demanded = bound.text {
                outcomes.append(
                    value.map {
                        outcome(
                            name, demanded, Figure.metric($0),
                            $0 >= bound.min ?? -.infinity && $0 <= bound.max ?? .infinity)
                    } ?? unmeasured(name, demanded, evidence.report))
            }
            if let maxDrop = bound.maxDrop {
                outcomes.append(
                    value.map { value in
                        bound.confidence.map { pairedOutcome(name, maxDrop: maxDrop, confidence: $0, evidence) }
                            ?? dropOutcome(name, value: value, maxDrop: maxDrop, evidence)
                    } ?? unmeasured("\(name).drop", "at most \(Figure.metric(maxDrop))", evidence.report))
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
            let (requirement, ratio) = ("latency.\(name)", "latency.\(name).ratio")
            let fault = evidence.report?.measurements?.batchFault
            let value = evidence.report?.measurements?.latency.microseconds(of: name)
            var outcomes: [RequirementOutcome] = []
            if let max = bound.maxMilliseconds {
                let demanded = "at most \(Figure.duration(max * 1000))"
                outcomes.append(
                    fault.map { outcome(requirement, demanded, $0, false) }
                        ?? value.map { outcome(requirement, demanded, Figure.duration($0), $0 <= max * 1000) }
                        ?? unmeasured(requirement, demanded, evidence.report))
            }
            if let max = bound.maxRatio {
                let demanded = "at most \(Figure.ratio(max)) of the holder"
                outcomes.append(
                    fault.map { outcome(ratio, demanded, $0, false) }
                        ?? value.map { _ in ratioOutcome(name, maxRatio: max, evidence) }
                        ?? unmeasured(ratio, demanded, evidence.report))
            }
            return outcomes
        }
    }

    private func timeOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        (latency?.times ?? []).map { name, bound in
            let demanded = "at most \(Figure.duration(bound.maxMilliseconds * 1000))"
            guard let value = evidence.report?.measurements?.microseconds(of: name) else {
                return unmeasured("latency.\(name)", demanded, evidence.report)
            }
            if name == "max", let fault = evidence.report?.measurements?.batchFault {
                return outcome("latency.\(name)", demanded, fault, false)
            }
            return outcome(
                "latency.\(name)", demanded, Figure.duration(value), value <= bound.maxMilliseconds * 1000)
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
            status: figures.isWithin(maxRatio).map { $0 ? .passed : .failed } ?? .inconclusive)
    }

    private func throughputOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let bound = latency?.throughput?.min else { return [] }
        let demanded = "at least \(Figure.fixed(bound, 0)) samples/s"
        guard let measured = evidence.report?.measurements?.latency.throughput else {
            return [unmeasured("throughput", demanded, evidence.report)]
        }
        if let fault = evidence.report?.measurements?.batchFault {
            return [outcome("throughput", demanded, fault, false)]
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

    /// No demand, but what the figures rest on: whoever reads a verdict sees that nobody said what may go in.
    private func inputOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard needsMeasurement, let measured = evidence.report?.measurements, measured.inputsNamedBy?.isEmpty ?? false
        else { return [] }
        let arrays = (measured.fed ?? []).prefix(5).map { Printable.quote($0.array, limit: 40) }
        let more = (measured.fed ?? []).count > arrays.count ? " …" : ""
        return [
            outcome(
                "inputs", "nothing: neither the dataset nor the policy names the inputs",
                "fed \(arrays.joined(separator: ", "))\(more)", true)
        ]
    }

    /// How often it was measured: where that is bounded, and where it was more than once.
    private func triesOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let count = evidence.tries else { return [] }
        if let max = tries?.max { return [outcome("tries", "at most \(max)", "\(count)", count <= max)] }
        return count > 1 ? [outcome("tries", "any number", "\(count)", true)] : []
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
        let reason =
            report?.failure.map { "\($0.kind): \(Printable.escape($0.message))" }
            ?? report?.measurements?.reason(against: requirement)
            ?? (report == nil ? "not measured" : "not among what is measured")
        return RequirementOutcome(
            requirement: requirement, demanded: demanded, measured: reason,
            status: report?.failure == nil ? .missing : .failed)
    }
}

extension VerificationReport.Measurements {
    /// Why latencies do not count for what was asked; nil if they do.
    fileprivate var batchFault: String? { fixedBatch.map { "it runs \($0) sample(s) at a time" } }

    /// A time by its name among `Policy.Latency.times`.
    fileprivate func microseconds(of name: String) -> Double? {
        switch name {
        case "max": latency.maxMicroseconds
        case "load": loadMicroseconds
        case "first_run": firstRunMicroseconds
        default: nil
        }
    }
}

extension Policy.MetricBound {
    /// Of the value itself; nil if it is bounded in other ways alone.
    fileprivate var text: String? {
        let parts = [min.map { "at least \(Figure.metric($0))" }, max.map { "at most \(Figure.metric($0))" }]
            .compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
