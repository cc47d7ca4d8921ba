extension Policy {
    // MARK: Against the holder, sample by sample

    /// Whether a drop is shown to be within its bound, shown to be above it, or neither.
    ///
    /// The bound for the lowest measured confidence that is not below the demanded one decides. That the accuracy may
    /// not drop at all is the question of McNemar's exact test, which then decides instead.
    func pairedOutcome(
        _ name: String, maxDrop: Double, confidence: Double, _ evidence: Evidence
    ) -> RequirementOutcome {
        let requirement = "\(name).drop"
        let limit = "at most \(Figure.metric(maxDrop))"
        guard let holder = evidence.holder else { return outcome(requirement, limit, "no current holder", true) }
        let demanded = "\(limit) below \(holder.repository):\(holder.number) at \(Figure.percent(confidence))"
        guard let measurements = evidence.report?.measurements,
            measurements.comparison?.baseline.digest == holder.digest, let paired = measurements.paired,
            let metric = paired.metrics[name]
        else {
            guard let reason = evidence.report?.measurements?.pairedFailure else {
                return unmeasured(requirement, demanded, evidence.report)
            }
            return RequirementOutcome(
                requirement: requirement, demanded: demanded, measured: Printable.escape(reason), status: .missing)
        }
        if maxDrop == 0, name == "accuracy", let test = paired.mcnemar {
            return RequirementOutcome(
                requirement: requirement, demanded: demanded,
                measured: "only one right: \(test.n01) new, \(test.n10) old",
                confidence: "p \(Figure.metric(test.pWorse)) worse, \(Figure.metric(test.pBetter)) better",
                status: .of(isShown: test.pBetter <= 1 - confidence, isRefuted: test.pWorse <= 1 - confidence))
        }
        let isLowerBetter = Metric.direction(of: name) == .lowerIsBetter
        let drop = Figure.metric(isLowerBetter ? metric.difference : -metric.difference)
        guard let bound = metric.bounds.first(where: { $0.confidence >= confidence }) else {
            return RequirementOutcome(
                requirement: requirement, demanded: demanded, measured: drop,
                confidence: "too few resamples: \(paired.resamples)", status: .inconclusive)
        }
        let lower = isLowerBetter ? bound.lower : -bound.upper
        let upper = isLowerBetter ? bound.upper : -bound.lower
        return RequirementOutcome(
            requirement: requirement, demanded: demanded, measured: drop,
            confidence: "\(Figure.metric(lower)) to \(Figure.metric(upper)) at \(Figure.percent(bound.confidence))",
            status: .of(isShown: upper <= maxDrop, isRefuted: lower > maxDrop))
    }

    // MARK: Slices

    /// One line per group, which names the worst slice.
    func sliceOutcomes(
        _ name: String, _ bounds: [String: SliceBound], _ evidence: Evidence
    ) -> [RequirementOutcome] {
        bounds.sorted { $0.key < $1.key }.map { group, bound in
            let requirement = "\(name).slice.\(Printable.escape(group))"
            guard let measurements = evidence.report?.measurements else {
                return unmeasured(requirement, bound.text, evidence.report)
            }
            guard let slices = measurements.slices?[group], !slices.isEmpty else {
                return RequirementOutcome(
                    requirement: requirement, demanded: bound.text,
                    measured: "the dataset has no array group_\(Printable.escape(group))", status: .missing)
            }
            return worst(of: slices.mapValues { ($0.metrics[name], $0.samples) }, bound, requirement)
        }
    }

    private func worst(
        of slices: [String: (value: Double?, samples: Int)], _ bound: SliceBound, _ requirement: String
    ) -> RequirementOutcome {
        func status(_ value: Double?, _ samples: Int) -> RequirementOutcome.Status {
            guard samples >= bound.minSamples ?? 1 else { return .inconclusive }
            guard let value else { return .missing }
            return value >= bound.min ?? -.infinity && value <= bound.max ?? .infinity ? .passed : .failed
        }
        /// How far within the bounds a value is; negative outside.
        func margin(_ value: Double?) -> Double {
            guard let value else { return -.infinity }
            return min(value - (bound.min ?? -.infinity), (bound.max ?? .infinity) - value)
        }
        let gravity: [RequirementOutcome.Status] = [.failed, .missing, .inconclusive, .passed]
        let ranked = slices.map { name, slice in
            (name: name, slice: slice, status: status(slice.value, slice.samples))
        }
        .sorted { left, right in
            let ranks = (gravity.firstIndex(of: left.status) ?? 0, gravity.firstIndex(of: right.status) ?? 0)
            let margins = (margin(left.slice.value), margin(right.slice.value))
            return ranks.0 != ranks.1
                ? ranks.0 < ranks.1 : margins.0 != margins.1 ? margins.0 < margins.1 : left.name < right.name
        }
        let worst = ranked[0]
        let value = worst.slice.value.map(Figure.metric) ?? "not defined"
        return RequirementOutcome(
            requirement: requirement, demanded: bound.text,
            measured: "\(Printable.escape(worst.name)): \(value) of \(worst.slice.samples) samples, worst of "
                + "\(slices.count)",
            status: worst.status)
    }
}

extension RequirementOutcome.Status {
    /// The status of something that may be shown, refuted, or neither.
    fileprivate static func of(isShown: Bool, isRefuted: Bool) -> Self {
        isShown ? .passed : isRefuted ? .failed : .inconclusive
    }
}

extension Policy.SliceBound {
    fileprivate var text: String {
        let parts = [
            min.map { "at least \(Figure.metric($0))" }, max.map { "at most \(Figure.metric($0))" },
            minSamples.map { "each of \($0) samples or more" },
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }
}
