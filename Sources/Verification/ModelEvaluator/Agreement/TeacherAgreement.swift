import EvaluationProtocol

/// How far a model answers as its teacher does: the figures of docs/formats/agreement.md.
struct TeacherAgreement {
    let student: AnswerTable
    let teacher: AnswerTable
    /// What is right, by name, in the order of the samples; nil without labels.
    let expected: [String]?
    /// The value of each sample by group.
    let groups: [String: [String]]
    let seed: UInt64

    /// Probabilities of the student are kept from 0 by the distance of the numbers next to 1, as those of log loss.
    static let smallest = Double.ulpOfOne

    /// All figures that are defined. `metrics` are the teacher's own.
    func figures(metrics: [String: Double]) -> TeacherFigures {
        let samples = max(student.predicted.count, teacher.predicted.count)
        guard !student.predicted.isEmpty else { return valueFigures(metrics: metrics) }
        let agreeing = zip(student.predicted, teacher.predicted).map { $0.utf8.elementsEqual($1.utf8) }
        let count = agreeing.count(where: \.self)
        var result = TeacherFigures(
            samples: samples, figures: ["agreement": Self.share(count, of: samples)],
            counts: ["agreeing": count, "ties": student.ties, "teacher_ties": teacher.ties], metrics: metrics)
        if !groups.isEmpty {
            result.slices = groups.mapValues { values in
                Dictionary(grouping: agreeing.indices, by: { values[$0] }).mapValues { places in
                    Self.share(places.count { agreeing[$0] }, of: places.count)
                }
            }
        }
        addDivergence(to: &result)
        addErrors(to: &result, agreeing)
        return result
    }

    private static func share(_ count: Int, of total: Int) -> AgreementFigure {
        AgreementFigure(
            value: Double(count) / Double(total), samples: total, bounds: BinomialBounds(count: count, total: total).all
        )
    }

    // MARK: Probabilities

    private static let divergences = ["kl_mean", "kl_p50", "kl_p99", "kl_max", "js_mean", "js_p99"]

    private func addDivergence(to result: inout TeacherFigures) {
        let order: [Int]
        switch columns() {
        case .success(let found): order = found
        case .failure(let reason):
            for name in Self.divergences { result.leftOut[name] = reason.text }
            return
        }
        let width = student.width
        var divergence: [Double] = []
        var distance: [Double] = []
        for sample in student.predicted.indices {
            var (kl, js) = (0.0, 0.0)
            for column in 0..<width {
                let p = min(max(teacher.shares[sample * width + column], 0), 1)
                let q = min(max(student.shares[sample * width + order[column]], 0), 1)
                if p > 0 { kl += p * logarithm(p / max(q, Self.smallest)) }
                let middle = (p + q) / 2
                if p > 0 { js += p * logarithm(p / middle) / 2 }
                if q > 0 { js += q * logarithm(q / middle) / 2 }
            }
            divergence.append(kl)
            distance.append(js)
        }
        let samples = divergence.count
        func add(_ name: String, _ value: Double) {
            result.figures[name] = AgreementFigure(value: value, samples: samples)
        }
        let (sorted, others) = (divergence.sorted(), distance.sorted())
        add("kl_mean", divergence.reduce(0, +) / Double(samples))
        add("kl_p50", Self.rank(0.5, sorted))
        add("kl_p99", Self.rank(0.99, sorted))
        add("kl_max", sorted.last ?? 0)
        add("js_mean", distance.reduce(0, +) / Double(samples))
        add("js_p99", Self.rank(0.99, others))
    }

    /// The value at a share of sorted ones, by nearest rank.
    private static func rank(_ share: Double, _ sorted: [Double]) -> Double {
        let place = Int((share * Double(sorted.count)).rounded(.up))
        return sorted[min(max(place - 1, 0), sorted.count - 1)]
    }

    private struct Reason: Error { let text: String }

    /// For each column of the teacher the student's of the same class.
    private func columns() -> Result<[Int], Reason> {
        if let fault = student.sharesFault { return .failure(.init(text: fault)) }
        if let fault = teacher.sharesFault { return .failure(.init(text: "the teacher: \(fault)")) }
        let width = student.width
        guard width == teacher.width, width > 0 else {
            return .failure(.init(text: "the teacher scores \(teacher.width) classes and the model \(width)"))
        }
        guard let own = student.classes, let other = teacher.classes else {
            guard student.classes == nil, teacher.classes == nil else {
                return .failure(
                    .init(
                        text: "only one of the two models says which classes its scores are of: name them in 'classes'")
                )
            }
            return .success(Array(0..<width))
        }
        let places = Dictionary(
            own.enumerated().map { (ByteName($1), $0) }, uniquingKeysWith: { first, _ in first })
        let order = other.compactMap { places[ByteName($0)] }
        guard order.count == width, Set(order).count == width else {
            return .failure(.init(text: "the teacher and the model score different classes"))
        }
        return .success(order)
    }

    // MARK: Labels

    private func addErrors(to result: inout TeacherFigures, _ agreeing: [Bool]) {
        guard let expected else {
            for name in [
                "agreement_teacher_right", "agreement_teacher_wrong", "inherited_errors", "flips", "error_consistency",
                "retained_accuracy",
            ] {
                result.leftOut[name] = "the data has no labels"
            }
            return
        }
        func hits(_ table: AnswerTable) -> [Bool] {
            zip(expected, table.predicted).map { $0.utf8.elementsEqual($1.utf8) }
        }
        let (own, other) = (hits(student), hits(teacher))
        let table = ErrorTable(student: own, teacher: other)
        let same = zip(agreeing, other).count { $0 && !$1 }
        let right = other.count(where: \.self)
        let wrong = other.count - right
        result.counts["to_worse"] = table.teacherOnly
        result.counts["to_better"] = table.studentOnly
        result.counts["teacher_errors"] = wrong
        result.counts["same_answer"] = same
        result.figures["flips"] = Self.share(table.teacherOnly + table.studentOnly, of: table.total)
        if right > 0 {
            result.figures["agreement_teacher_right"] = Self.share(zip(agreeing, other).count { $0 && $1 }, of: right)
        } else {
            result.leftOut["agreement_teacher_right"] = "the teacher is never right"
            result.leftOut["retained_accuracy"] = "the teacher is never right"
        }
        if wrong > 0 {
            result.figures["agreement_teacher_wrong"] = Self.share(same, of: wrong)
            result.figures["inherited_errors"] = Self.share(same, of: wrong)
        } else {
            result.leftOut["agreement_teacher_wrong"] = "the teacher makes no error"
            result.leftOut["inherited_errors"] = "the teacher makes no error"
        }
        if right > 0 { result.figures["retained_accuracy"] = retained(table, right: right) }
        if let figure = table.consistency(seed: seed) {
            result.figures["error_consistency"] = figure
        } else {
            result.leftOut["error_consistency"] = "one of the two models makes no error, or is never right"
        }
    }

    /// The student's accuracy over the teacher's. Bounds are those of the difference (Tango), over the teacher's
    /// measured accuracy.
    private func retained(_ table: ErrorTable, right: Int) -> AgreementFigure {
        let shares = PairedShares(count: table.total, n01: table.studentOnly, n10: table.teacherOnly)
        let accuracy = Double(right) / Double(table.total)
        let difference = Double(table.studentOnly - table.teacherOnly) / Double(table.total)
        return AgreementFigure(
            value: (accuracy + difference) / accuracy, samples: table.total,
            bounds: PairedBootstrap.confidences.map { confidence in
                let bound = shares.bound(confidence: confidence)
                return DifferenceBound(
                    confidence: confidence, lower: max(0, (accuracy + bound.lower) / accuracy),
                    upper: (accuracy + bound.upper) / accuracy)
            })
    }

    // MARK: Values

    private func valueFigures(metrics: [String: Double]) -> TeacherFigures {
        let pairs = zip(student.values, teacher.values)
        let count = student.values.count
        var result = TeacherFigures(samples: count, figures: [:], counts: [:], metrics: metrics)
        result.leftOut["agreement"] = "the models answer numbers and no classes"
        guard count > 0, count == teacher.values.count else {
            result.leftOut["max_absolute_error"] = "the teacher and the model answer different numbers of values"
            return result
        }
        let gaps = pairs.map { abs($0 - $1) }
        let relative = pairs.map { abs($0 - $1) / max(abs($1), Self.smallest) }
        let squares = gaps.reduce(0) { $0 + $1 * $1 }
        var found = [
            "max_absolute_error": gaps.max() ?? 0, "max_relative_error": relative.max() ?? 0,
            "rmse": (squares / Double(count)).squareRoot(),
        ]
        found["rank_correlation"] = RankCorrelation.of(student.values, teacher.values)
        for (name, value) in found {
            if value.isFinite {
                result.figures[name] = AgreementFigure(value: value, samples: count)
            } else {
                result.leftOut[name] = "it is too large for a number"
            }
        }
        if found["rank_correlation"] == nil { result.leftOut["rank_correlation"] = "all values of a model are equal" }
        return result
    }
}

/// On how many samples each of two models is right.
struct ErrorTable {
    let both: Int
    let studentOnly: Int
    let teacherOnly: Int
    let neither: Int

    private static let resamplesRange = 200...2_000
    private static let costMax = 400_000_000

    init(student: [Bool], teacher: [Bool]) {
        both = zip(student, teacher).count { $0 && $1 }
        studentOnly = zip(student, teacher).count { $0 && !$1 }
        teacherOnly = zip(student, teacher).count { !$0 && $1 }
        neither = student.count - both - studentOnly - teacherOnly
    }

    init(both: Int, studentOnly: Int, teacherOnly: Int, neither: Int) {
        self.both = both
        self.studentOnly = studentOnly
        self.teacherOnly = teacherOnly
        self.neither = neither
    }

    var total: Int { both + studentOnly + teacherOnly + neither }

    /// Error consistency (Geirhos et al., 2020): how much oftener both are right or both wrong than two models would be
    /// that err independently of each other. Nil where one of them never errs, or always.
    var kappa: Double? {
        let n = Double(total)
        let own = Double(both + studentOnly) / n
        let other = Double(both + teacherOnly) / n
        guard own > 0, own < 1, other > 0, other < 1 else { return nil }
        let chance = own * other + (1 - own) * (1 - other)
        return (Double(both + neither) / n - chance) / (1 - chance)
    }

    /// With the percentile bootstrap's bounds, drawn with a seed.
    func consistency(seed: UInt64) -> AgreementFigure? {
        guard let kappa else { return nil }
        var generator = SplitMix64(seed: seed)
        let resamples = min(
            max(Self.costMax / max(total, 1) / 4, Self.resamplesRange.lowerBound), Self.resamplesRange.upperBound)
        var found: [Double] = []
        for _ in 0..<resamples {
            var counts = [0, 0, 0, 0]
            for _ in 0..<total {
                let place = Int(generator.next().multipliedFullWidth(by: UInt64(total)).high)
                let cell =
                    place < both
                    ? 0 : place < both + studentOnly ? 1 : place < both + studentOnly + teacherOnly ? 2 : 3
                counts[cell] += 1
            }
            let drawn = ErrorTable(
                both: counts[0], studentOnly: counts[1], teacherOnly: counts[2], neither: counts[3])
            // A draw without errors says nothing of them.
            if let kappa = drawn.kappa { found.append(kappa) }
        }
        return AgreementFigure(value: kappa, samples: total, bounds: PairedBootstrap.bounds(of: found))
    }
}

/// Spearman's correlation of ranks, equal values having the mean of their ranks.
enum RankCorrelation {
    /// Nil where all values of one list are equal.
    static func of(_ left: [Double], _ right: [Double]) -> Double? {
        let (first, second) = (ranks(left), ranks(right))
        let mean = Double(left.count + 1) / 2
        var (product, own, other) = (0.0, 0.0, 0.0)
        for (a, b) in zip(first, second) {
            product += (a - mean) * (b - mean)
            own += (a - mean) * (a - mean)
            other += (b - mean) * (b - mean)
        }
        guard own > 0, other > 0 else { return nil }
        return product / (own * other).squareRoot()
    }

    private static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + 1 + end) / 2 }
            start = end
        }
        return ranks
    }
}
