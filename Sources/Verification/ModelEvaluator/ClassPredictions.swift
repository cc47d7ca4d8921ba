import EvaluationProtocol
import ONNXRuntime

/// The answers to a classification.
///
/// Predictions come from the model's own list of classes where it has one, and else from the best score. Columns of
/// scores are matched with classes by what somebody says, or by what the whole data shows; where neither does, scores
/// are left out beside a list and refused without one.
struct ClassPredictions: Predictions {
    /// Scores beside a list above which they are not kept until the end.
    private static let keptMax = 1 << 24

    private let expected: [ClassLabel]
    private let roles: OutputRoles
    private let facts: ClassFacts
    private let declared: ScoreKind?
    private let epsilon: Double
    private var list: [ClassLabel] = []
    private var classLabels: [ClassLabel]?
    private var keys: [ClassLabel]?
    private var width = 0
    /// Scores row by row, as long as it is open what they stand for.
    private var rows: [Double] = []
    private var keptFault: String?
    /// Scores whose columns are known.
    private var streamed: ScoredPredictions?
    private var columns: ClassColumns?

    init(_ expected: [ClassLabel], _ roles: OutputRoles, _ facts: ClassFacts, declared: ScoreKind?, epsilon: Double) {
        self.expected = expected
        self.roles = roles
        self.facts = facts
        self.declared = declared
        self.epsilon = epsilon
    }

    // MARK: Adding

    mutating func add(_ answers: [BatchAnswer], start: Int, count: Int, skipped: Int) throws(EvaluationFailure) {
        for (role, answer) in zip(roles.outputs, answers) {
            let form = OutputForm(answer, name: role.name, samples: count)
            guard form == role.form else {
                throw EvaluationFailure(
                    .shapeMismatch,
                    "the model's output \(MessageText.quote(role.name)) changes its shape or type from batch to batch",
                    remedy: "measure with --batch 1 (policy: latency.batch), or export the model anew")
            }
            switch (form, answer) {
            case (.list, .tensor(let output)):
                list += (ClassLabel.list(output.elements) ?? [])[skipped...]
            case (.classLabels, .tensor(let output)): try note(ClassLabel.list(output.elements) ?? [])
            case (.matrix(let width), .tensor(let output)):
                try add(output, width: width, start: start + skipped, skipped: skipped)
            case (.single, .tensor(let output)):
                guard case .floatingPoint(let values) = output.elements else { continue }
                width = 1
                rows += values[skipped...]
            case (.maps, .maps(let maps)):
                for (index, map) in maps.enumerated().dropFirst(skipped) { try add(map, sample: start + index) }
            default: continue
            }
        }
    }

    private mutating func note(_ classes: [ClassLabel]) throws(EvaluationFailure) {
        guard classLabels == nil || classLabels == classes, Set(classes).count == classes.count else {
            throw EvaluationFailure(
                .shapeMismatch, "the model's output 'class_labels' names a class twice, or others from batch to batch",
                remedy: "export the model anew, or without this output")
        }
        classLabels = classes
    }

    private mutating func add(
        _ output: OnnxOutput, width: Int, start: Int, skipped: Int
    ) throws(EvaluationFailure) {
        guard case .floatingPoint(let values) = output.elements else { return }
        self.width = width
        for (sample, row) in (start..<start + values.count / width - skipped).enumerated() {
            let place = (sample + skipped) * width
            try add(row: values[place..<place + width], sample: row)
        }
    }

    private mutating func add(_ map: OnnxMap, sample: Int) throws(EvaluationFailure) {
        guard let classes = ClassLabel.list(map.keys) else {
            throw EvaluationFailure(.unsupportedType, "the model answers maps whose keys are no classes")
        }
        let keys = self.keys ?? classes.sorted()
        self.keys = keys
        width = keys.count
        let scores = Dictionary(zip(classes, map.values), uniquingKeysWith: { first, _ in first })
        let row = keys.compactMap { scores[$0] }
        guard row.count == keys.count, row.count == classes.count else {
            throw EvaluationFailure(.shapeMismatch, "the model's maps have different classes from sample to sample")
        }
        try add(row: row[...], sample: sample)
    }

    private mutating func add(row: ArraySlice<Double>, sample: Int) throws(EvaluationFailure) {
        guard roles.list == nil else {
            guard keptFault == nil else { return }
            rows += row
            if rows.count > Self.keptMax {
                rows = []
                keptFault = "there are over \(Self.keptMax) scores beside the list of classes"
            }
            return
        }
        if streamed == nil {
            let columns = try matching.columns(width: width)
            self.columns = columns
            streamed = try ScoredPredictions(classes: columns.classes, declared: declared, epsilon: epsilon)
        }
        let label = expected[sample]
        try streamed?.add(row, expected: label)
    }

    // MARK: The end

    private var matching: ClassMatching {
        ClassMatching(facts: facts, roles: roles, classLabels: classLabels, keys: keys)
    }

    /// What a single score per sample is taken for.
    private var singleKind: ScoreKind {
        declared ?? (rows.allSatisfy(ScoredPredictions.isProbability) ? .probabilities : .logits)
    }

    /// The rows of two scores that single ones stand for: with a logit of 0 for the first class the other one's is the
    /// difference.
    private func pairs() throws(EvaluationFailure) -> [Double] {
        guard singleKind == .probabilities else { return rows.flatMap { [0, $0] } }
        if let odd = rows.first(where: { !ScoredPredictions.isProbability($0) }) {
            throw EvaluationFailure(
                .shapeMismatch,
                "the model answers one number per sample, declared as the probability of the second class; \(odd) is "
                    + "none",
                remedy: "declare it with --scores logits (policy: scores: logits), or export the model with a sigmoid")
        }
        return rows.flatMap { [1 - $0, $0] }
    }

    func scored(topK: [Int]) throws(EvaluationFailure) -> ScoredAnswers {
        let isSingle = roles.scores?.form == .single
        let rows = isSingle ? try pairs() : self.rows
        let width = isSingle ? 2 : self.width
        guard roles.list != nil else {
            if let streamed { return try answers(streamed, columns, predicted: nil, topK: topK) }
            let columns = try matching.columns(width: width)
            return try answers(try scores(rows, columns), columns, predicted: nil, topK: topK)
        }
        let isListJudged = roles.isListJudged
        var fault = roles.scoresFault ?? keptFault
        var predicted: [ClassLabel]?
        do {
            predicted = try matching.predictions(list, expected: expected, width: width)
        } catch {
            // Where the scores are judged the list is a witness alone.
            guard !isListJudged else { throw error }
        }
        var found: (ScoredPredictions, ClassColumns)?
        if fault == nil, roles.scores != nil {
            var columns: ClassColumns?
            do {
                columns = try matching.columns(width: width, rows: rows, beside: predicted)
            } catch {
                guard isListJudged else { throw error }
                fault = error.message
            }
            found = try columns.map { columns throws(EvaluationFailure) in (try scores(rows, columns), columns) }
        }
        guard isListJudged, let predicted else {
            guard let (scored, columns) = found else {
                throw EvaluationFailure(
                    .shapeMismatch, "the scores cannot be judged: \(fault ?? "there are none")",
                    remedy: ClassFacts.remedy)
            }
            return try answers(scored, columns, predicted: nil, witness: predicted, topK: topK)
        }
        return try answers(
            found?.0, found?.1, predicted: predicted, fault: fault, topK: topK)
    }

    private func scores(_ rows: [Double], _ columns: ClassColumns) throws(EvaluationFailure) -> ScoredPredictions {
        let width = columns.classes.count
        var scored = try ScoredPredictions(
            classes: columns.classes, declared: declared, epsilon: epsilon)
        for (sample, label) in expected.enumerated() {
            try scored.add(rows[sample * width..<(sample + 1) * width], expected: label)
        }
        return scored
    }

    /// Everything of one model; `witness` is what its list says where that is not judged.
    private func answers(
        _ scored: ScoredPredictions?, _ columns: ClassColumns?, predicted: [ClassLabel]?, witness: [ClassLabel]? = nil,
        fault: String? = nil, topK: [Int]
    ) throws(EvaluationFailure) -> ScoredAnswers {
        let best = scored.map { scored in scored.best.map { scored.classes[$0] } }
        guard let judged = predicted ?? best else {
            throw EvaluationFailure(.internal, "a model without answers was judged")
        }
        let known = scored?.classes ?? []
        let others = Set(expected).union(judged).subtracting(known).sorted()
        let classes = known + others
        let positions = Dictionary(classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let answers = ClassAnswers(
            classes: try ClassLabel.names(classes), expected: expected.compactMap { positions[$0] },
            predicted: judged.compactMap { positions[$0] },
            scores: scored?.scores(of: roles.scores?.name ?? ""), scoresFault: fault)
        var result = ScoredAnswers(scorer: ClassScorer(answers, topK: topK))
        result.hasScores = scored != nil
        result.classesFrom = columns?.source
        result.scoreKind = scored?.kind
        if let best, let list = predicted ?? witness {
            result.argmaxDiffers = zip(best, list).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
        }
        return result
    }
}
