extension Policy {
    /// Who the teacher is.
    package enum TeacherName: Sendable, Hashable {
        case version(Reference)
        /// The one version that trusted provenance names as this.
        case lineage(LineageRelation)
    }

    /// Relations whose two ends answer the same questions.
    package static let teacherRelations: [LineageRelation] = [
        .distilledFrom, .quantizedFrom, .fineTunedFrom, .derivedFrom,
    ]

    /// Bounds of a figure of agreement; one of min and max is set.
    package struct AgreementFigureBound: Sendable, Hashable, Codable {
        package var min: Double?
        package var max: Double?
        /// How sure it must be; without it what was measured decides.
        package var confidence: Double?
    }

    /// Bounds of the share of samples that are answered as the teacher does.
    package struct AgreementBound: Sendable, Hashable, Codable {
        package var min: Double?
        package var max: Double?
        package var confidence: Double?
        /// Of the samples on which the teacher is right, and of those on which it is wrong.
        package var teacherRight: AgreementFigureBound?
        package var teacherWrong: AgreementFigureBound?
        /// Over the samples of every value of a group, by group.
        package var slices: [String: SliceBound]?
    }

    /// What must be left of the teacher's quality.
    package struct RetainedBound: Sendable, Hashable, Codable {
        package var accuracy: AgreementFigureBound?
    }

    package struct RatioBound: Sendable, Hashable, Codable {
        package var maxRatio: Double
    }

    /// The figures that `divergence` bounds: of probabilities, and of numbers.
    package static let divergences = [
        "kl_mean", "kl_p50", "kl_p99", "kl_max", "js_mean", "js_p99", "max_absolute_error", "max_relative_error",
        "rmse",
        "rank_correlation",
    ]
    private static let bytesCost = "bytes"
    /// What `cost` bounds.
    package static let costs = VerificationReport.Latency.statistics.map { "latency_\($0)" } + [bytesCost]

    /// A bound with the requirement and the figure that it is of.
    private struct TeacherDemand {
        let requirement: String
        let figure: String
        let bound: AgreementFigureBound
    }

    private var teacherDemands: [TeacherDemand] {
        var demands: [TeacherDemand] = []
        func add(_ requirement: String, _ figure: String, _ bound: AgreementFigureBound?) {
            guard let bound else { return }
            demands.append(TeacherDemand(requirement: requirement, figure: figure, bound: bound))
        }
        if let agreement {
            if agreement.min != nil || agreement.max != nil || agreement.confidence != nil {
                add(
                    "agreement", "agreement",
                    .init(min: agreement.min, max: agreement.max, confidence: agreement.confidence))
            }
            add("agreement.teacher_right", "agreement_teacher_right", agreement.teacherRight)
            add("agreement.teacher_wrong", "agreement_teacher_wrong", agreement.teacherWrong)
        }
        for (name, bound) in (divergence ?? [:]).sorted(by: { $0.key < $1.key }) {
            add("divergence.\(Printable.escape(name))", name, bound)
        }
        add("flips", "flips", flips)
        add("inherited_errors", "inherited_errors", inheritedErrors)
        add("error_consistency", "error_consistency", errorConsistency)
        add("retained.accuracy", "retained_accuracy", retained?.accuracy)
        return demands
    }

    private var agreementSlices: [(name: String, bound: SliceBound)] {
        (agreement?.slices ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private var sortedCosts: [(name: String, bound: RatioBound)] {
        (cost ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Whether a teacher is demanded anything of.
    var hasTeacherBounds: Bool {
        agreement != nil || divergence != nil || flips != nil || inheritedErrors != nil || errorConsistency != nil
            || retained != nil || cost != nil
    }

    /// Bounds of latency that measuring goes on for until they are decided.
    var teacherMaxRatios: [String: Double]? {
        let bounds = sortedCosts.filter { $0.name != Self.bytesCost }
        guard !bounds.isEmpty else { return nil }
        return Dictionary(
            bounds.map { (String($0.name.dropFirst("latency_".count)), $0.bound.maxRatio) },
            uniquingKeysWith: { first, _ in first })
    }

    var teacherRequirements: [String] {
        teacherDemands.map(\.requirement) + agreementSlices.map { Self.agreementSlice($0.name) }
            + sortedCosts.map { Self.costRequirement($0.name) }
    }

    private static func agreementSlice(_ group: String) -> String { "agreement.slice.\(Printable.escape(group))" }
    private static func costRequirement(_ name: String) -> String { "cost.\(Printable.escape(name))" }

    // MARK: Checking

    /// Throws `policy-invalid` for a bound that nothing could meet, or everything.
    func checkTeacher() throws(AssayError) {
        guard teacher != nil || !hasTeacherBounds else {
            throw AssayError(
                .policyInvalid, "the policy bounds how answers agree with a teacher's, and names none",
                remedy: "name it as teacher: NAME:1")
        }
        guard let teacher else { return }
        guard needsMeasurement else {
            throw AssayError(
                .policyInvalid, "the policy names a teacher and bounds nothing",
                remedy: "bound agreement, divergence, flips, inherited_errors, error_consistency, retained or cost")
        }
        if case .lineage(let relation) = teacher, !Self.teacherRelations.contains(relation) {
            throw AssayError(
                .policyInvalid, "the policy's teacher is what the version is \(relation.rawValue)",
                reason: "that is no model that answers the same",
                remedy: "use \(Self.teacherRelations.map(\.rawValue).joined(separator: ", "))")
        }
        if case .version(let teacher) = teacher, case .tag(.alias) = teacher.selector {
            throw AssayError(
                .policyInvalid, "the policy's teacher \(teacher) can move",
                reason: "whoever moved it would change the policy", remedy: "name it by number or digest")
        }
        guard !(hasTeacherBounds && teacherRequirements.isEmpty) else {
            throw AssayError(
                .policyInvalid, "a bound of the teacher demands nothing", remedy: "give it a min, a max or a max_ratio")
        }
        for demand in teacherDemands { try Self.check(demand) }
        for name in (divergence ?? [:]).keys where !Self.divergences.contains(name) {
            throw Self.unknown(name, in: "divergence", among: Self.divergences)
        }
        for (name, bound) in sortedCosts {
            guard Self.costs.contains(name) else { throw Self.unknown(name, in: "cost", among: Self.costs) }
            guard bound.maxRatio.isFinite, bound.maxRatio > 0 else {
                throw AssayError(.policyInvalid, "cost.\(name) needs a max_ratio above 0", remedy: "write it as 0.5")
            }
        }
        for (group, slice) in agreementSlices {
            let bounds = [slice.min, slice.max].compactMap(\.self)
            guard !bounds.isEmpty, bounds.allSatisfy(\.isFinite), slice.minSamples ?? 1 >= 1 else {
                throw AssayError(
                    .policyInvalid, "agreement.slices.\(Printable.escape(group)) needs a finite min or max",
                    remedy: "write slices: {NAME: {min: 0.9}}")
            }
        }
    }

    private static func check(_ demand: TeacherDemand) throws(AssayError) {
        let bounds = [demand.bound.min, demand.bound.max].compactMap(\.self)
        guard !bounds.isEmpty, bounds.allSatisfy(\.isFinite),
            demand.bound.min ?? -.infinity <= demand.bound.max ?? .infinity
        else {
            throw AssayError(
                .policyInvalid, "\(demand.requirement) needs a finite min or max, the min not above the max",
                remedy: "write \(demand.requirement): {min: …} or {max: …}")
        }
        guard let confidence = demand.bound.confidence else { return }
        guard VerificationSettings.confidenceRange.contains(confidence) else {
            throw AssayError(
                .policyInvalid, "\(demand.requirement).confidence is \(confidence)", remedy: "use 0.5 to 0.999")
        }
        guard !divergences.contains(demand.figure) else {
            throw AssayError(
                .policyInvalid, "\(demand.requirement) has a confidence, and there are no bounds of that figure",
                remedy: "leave it out, or bound agreement with it")
        }
    }

    private static func unknown(_ name: String, in key: String, among names: [String]) -> AssayError {
        let near = Suggestion.nearest(to: name, among: names)
        return AssayError(
            .policyInvalid, "\(key) bounds \(Printable.quote(name, limit: 80)), which nothing measures",
            remedy: near.map { "did you mean '\($0)'?" } ?? "use one of \(names.joined(separator: ", "))")
    }

    // MARK: Deciding

    /// One line per bound.
    func teacherOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        guard let teacher, hasTeacherBounds else { return [] }
        return teacherDemands.map { demand in
            let text = demand.bound.text
            let found: VerificationReport.Agreement
            switch agreement(with: teacher, demand.requirement, text, evidence) {
            case .success(let agreement): found = agreement
            case .failure(let absence): return absence.outcome
            }
            guard let figure = found.figures[demand.figure] else {
                return missing(demand.requirement, text, found.leftOut?[demand.figure] ?? "not among what is measured")
            }
            return demand.bound.judge(figure, demand.requirement)
        } + sliceOutcomes(teacher, evidence) + costOutcomes(teacher, evidence)
    }

    private struct Absence: Error { let outcome: RequirementOutcome }

    /// What was compared with just this teacher.
    private func agreement(
        with teacher: TeacherName, _ requirement: String, _ demanded: String, _ evidence: Evidence
    ) -> Result<VerificationReport.Agreement, Absence> {
        guard let known = evidence.teacher else {
            return .failure(
                .init(
                    outcome: missing(
                        requirement, demanded, evidence.teacherFault ?? "the teacher \(teacher) is not here")))
        }
        guard let measured = evidence.report?.measurements else {
            return .failure(.init(outcome: unmeasured(requirement, demanded, evidence.report)))
        }
        guard let found = measured.agreement, found.teacher?.digest == known.subject.digest else {
            return .failure(.init(outcome: missing(requirement, demanded, "not compared with \(teacher)")))
        }
        if let failure = found.failure { return .failure(.init(outcome: missing(requirement, demanded, failure))) }
        return .success(found)
    }

    private func missing(_ requirement: String, _ demanded: String, _ reason: String) -> RequirementOutcome {
        RequirementOutcome(
            requirement: requirement, demanded: demanded, measured: Printable.escape(reason, limit: 400),
            status: .missing)
    }

    /// One line per group, which names the worst slice.
    private func sliceOutcomes(_ teacher: TeacherName, _ evidence: Evidence) -> [RequirementOutcome] {
        agreementSlices.map { group, bound in
            let requirement = Self.agreementSlice(group)
            let demanded = AgreementFigureBound(min: bound.min, max: bound.max).text
            let found: VerificationReport.Agreement
            switch agreement(with: teacher, requirement, demanded, evidence) {
            case .success(let agreement): found = agreement
            case .failure(let absence): return absence.outcome
            }
            guard let slices = found.slices?[group], !slices.isEmpty else {
                return missing(requirement, demanded, "the dataset has no array group_\(group)")
            }
            func status(_ figure: VerificationReport.AgreementFigure) -> RequirementOutcome.Status {
                guard figure.samples >= bound.minSamples ?? 1 else { return .inconclusive }
                let isMet = figure.value >= bound.min ?? -.infinity && figure.value <= bound.max ?? .infinity
                return isMet ? .passed : .failed
            }
            let gravity: [RequirementOutcome.Status] = [.failed, .inconclusive, .passed]
            let ranked = slices.sorted { left, right in
                let ranks = [left.value, right.value].map { gravity.firstIndex(of: status($0)) ?? 0 }
                return ranks[0] != ranks[1]
                    ? ranks[0] < ranks[1] : (left.value.value, left.key) < (right.value.value, right.key)
            }
            let worst = ranked[0]
            return RequirementOutcome(
                requirement: requirement, demanded: demanded,
                measured: "\(Printable.escape(worst.key)): \(Figure.metric(worst.value.value)) of "
                    + "\(worst.value.samples) samples, worst of \(slices.count)", status: status(worst.value))
        }
    }

    private func costOutcomes(_ teacher: TeacherName, _ evidence: Evidence) -> [RequirementOutcome] {
        sortedCosts.map { name, bound in
            let requirement = Self.costRequirement(name)
            let demanded = "at most \(Figure.ratio(bound.maxRatio)) of \(teacher)"
            guard name != Self.bytesCost else {
                guard let known = evidence.teacher, known.contentBytes > 0 else {
                    return missing(requirement, demanded, evidence.teacherFault ?? "the teacher \(teacher) is empty")
                }
                let ratio = Double(evidence.contentBytes) / Double(known.contentBytes)
                return outcome(requirement, demanded, Figure.ratio(ratio), ratio <= bound.maxRatio)
            }
            let found: VerificationReport.Agreement
            switch agreement(with: teacher, requirement, demanded, evidence) {
            case .success(let agreement): found = agreement
            case .failure(let absence): return absence.outcome
            }
            let statistic = String(name.dropFirst("latency_".count))
            guard let ratio = found.latency?.ratios?[statistic] else {
                return missing(requirement, demanded, found.leftOut?["latency"] ?? "not among what is measured")
            }
            guard let lower = ratio.lower, let upper = ratio.upper, let confidence = found.latency?.confidence else {
                return RequirementOutcome(
                    requirement: requirement, demanded: demanded, measured: Figure.ratio(ratio.ratio),
                    confidence: "too few sessions: \(ratio.sessions.count)", status: .inconclusive)
            }
            return RequirementOutcome(
                requirement: requirement, demanded: demanded, measured: Figure.ratio(ratio.ratio),
                confidence: Figure.interval(lower...max(lower, upper), confidence),
                status: ratio.isWithin(bound.maxRatio).map { $0 ? .passed : .failed } ?? .inconclusive)
        }
    }
}

extension Policy.AgreementFigureBound {
    fileprivate var text: String {
        let parts = [
            min.map { "at least \(Figure.metric($0))" }, max.map { "at most \(Figure.metric($0))" },
            confidence.map { "at \(Figure.percent($0))" },
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }

    /// Without a confidence by the figure itself; with one it must be shown, and is else failed or inconclusive.
    fileprivate func judge(
        _ figure: VerificationReport.AgreementFigure, _ requirement: String
    ) -> RequirementOutcome {
        let measured = "\(Figure.metric(figure.value)) of \(figure.samples) samples"
        guard let confidence else {
            let isMet = figure.value >= min ?? -.infinity && figure.value <= max ?? .infinity
            return RequirementOutcome(
                requirement: requirement, demanded: text, measured: measured, status: isMet ? .passed : .failed)
        }
        guard let bound = figure.bound(confidence: confidence) else {
            return RequirementOutcome(
                requirement: requirement, demanded: text, measured: measured, confidence: "no bounds are so sure",
                status: .inconclusive)
        }
        let isShown = bound.lower >= min ?? -.infinity && bound.upper <= max ?? .infinity
        let isRefuted = bound.upper < min ?? -.infinity || bound.lower > max ?? .infinity
        return RequirementOutcome(
            requirement: requirement, demanded: text, measured: measured,
            confidence: "\(Figure.metric(bound.lower)) to \(Figure.metric(bound.upper)) at "
                + Figure.percent(bound.confidence),
            status: isShown ? .passed : isRefuted ? .failed : .inconclusive)
    }
}

extension Policy.TeacherName: CustomStringConvertible {
    package var description: String {
        switch self {
        case .version(let reference): "\(reference)"
        case .lineage(let relation): "what it is \(relation.rawValue)"
        }
    }
}

extension Policy.TeacherName: Codable {
    private struct Lineage: Codable {
        let lineage: LineageRelation
    }

    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        // A text is a reference; what is none is told as that.
        if (try? value.decode(String.self)) != nil {
            self = .version(try value.decode(Reference.self))
        } else {
            self = .lineage(try value.decode(Lineage.self).lineage)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .version(let reference): try container.encode(reference)
        case .lineage(let relation): try container.encode(Lineage(lineage: relation))
        }
    }
}
