import EvaluationProtocol
import ONNXModel
import ONNXRuntime

extension AccuracyMeasurement {
    /// Runs a teacher on the same samples and compares the answers. Throws what is wrong with the teacher, or with the
    /// comparison; the figures of the model itself do not depend on it.
    func agreement(
        of answers: Answers, with teacher: OnnxSession, at path: String
    ) throws(EvaluationFailure) -> TeacherFigures {
        guard case .labelled(let data) = data, let student = answers.table else {
            throw EvaluationFailure(
                .invalidDataset, "recorded outputs have no samples that two models could be compared on",
                remedy: "measure on an .npz archive of samples; labels are not needed")
        }
        let pass = try EvaluationFailure.ofBaseline("teacher") { () throws(EvaluationFailure) in
            try self.pass(of: teacher, data, .paired, modelPath: path)
        }
        let table = table(pass.rows ?? AnswerRows(), pass, data)
        guard student.predicted.isEmpty == table.predicted.isEmpty else {
            throw EvaluationFailure(
                .shapeMismatch, "one of the two models answers classes and the other one numbers",
                remedy: "choose the output that is judged with --output, or as the policy's output")
        }
        if case .none = data.labels { try Self.requireSameClasses(student, table) }
        var expected: [String]?
        if let scorer = answers.scorer as? ClassScorer {
            expected = scorer.answers.expected.map { scorer.answers.classes[$0] }
        }
        return TeacherAgreement(
            student: student, teacher: table, expected: expected, groups: data.groups, seed: job.latency.seed
        ).figures(metrics: pass.answers.scorer.values().filter { $1.isFinite })
    }

    /// Without labels only what the models and the data say of classes ties the one's to the other's.
    private static func requireSameClasses(_ student: AnswerTable, _ teacher: AnswerTable) throws(EvaluationFailure) {
        // Models that name the classes themselves say by it which they are.
        if student.isListed, teacher.isListed { return }
        func names(_ table: AnswerTable) -> Set<ByteName>? { table.classes.map { Set($0.map { ByteName($0) }) } }
        let isTold = (names(student) == nil) == (names(teacher) == nil)
        guard isTold, names(student) == names(teacher), student.columnCount == teacher.columnCount else {
            throw EvaluationFailure(
                .shapeMismatch, "the teacher and the model answer different classes, or only one of them names its own",
                remedy: ClassFacts.remedy)
        }
    }

    /// What a pass came to, as it is compared with another; nil where there is no teacher.
    func table(of pass: Pass, _ data: LabelledData) -> AnswerTable? { pass.rows.map { table($0, pass, data) } }

    private func table(_ rows: AnswerRows, _ pass: Pass, _ data: LabelledData) -> AnswerTable {
        var table = AnswerTable()
        if let scorer = pass.answers.scorer as? ClassScorer {
            let answers = scorer.answers
            table.predicted = answers.predicted.map { answers.classes[$0] }
            table.classes = answers.scores?.classes
            let fault = rows.fault ?? answers.scores?.sharesFault ?? answers.scoresFault
            fill(&table, rows, fault: answers.scores == nil ? fault ?? "the model answers no scores" : fault)
            return table
        }
        guard case .none = data.labels, !pass.roles.isOfValues else {
            table.values = rows.rows
            return table
        }
        let columns = rows.columns(pass.facts, pass.roles)?.map(\.name)
        table.classes = columns ?? (rows.list.isEmpty ? nil : [])
        fill(&table, rows, fault: rows.fault ?? (rows.rows.isEmpty ? "the model answers no scores" : nil))
        if pass.roles.isListJudged {
            table.predicted = rows.list.map(\.name)
            table.isListed = true
            if rows.rows.isEmpty { table.classes = nil }
        } else {
            let width = rows.width == 1 ? 2 : rows.width
            let names = columns ?? (0..<width).map { "\($0)" }
            table.predicted = Self.best(rows, above: job.scores == .logits ? 0 : 0.5).map { names[$0] }
        }
        return table
    }

    /// The place of the best score of each sample; of a single score the second place if it is above a limit.
    private static func best(_ rows: AnswerRows, above limit: Double) -> [Int] {
        rows.width > 1 ? rows.best : rows.rows.map { $0 > limit ? 1 : 0 }
    }

    /// Probabilities and ties of scores; with a fault none.
    private func fill(_ table: inout AnswerTable, _ rows: AnswerRows, fault: String?) {
        let width = rows.width
        table.columnCount = width
        guard width > 0, !rows.rows.isEmpty else {
            table.sharesFault = fault ?? "the model answers no scores"
            return
        }
        let starts = stride(from: 0, to: rows.rows.count, by: width)
        if width > 1 {
            table.ties = starts.count { start in
                let row = rows.rows[start..<start + width]
                let largest = row.max()
                return row.count { $0 == largest } > 1
            }
        }
        if let fault {
            table.sharesFault = fault
            return
        }
        let areLogits = job.scores == .logits
        guard areLogits || starts.allSatisfy({ Self.areShares(rows.rows[$0..<$0 + width]) }) else {
            table.sharesFault =
                "the scores are no probabilities; declare them with --scores logits (policy: scores: logits) if their "
                + "softmax is meant"
            return
        }
        for start in starts {
            let row = width == 1 ? Self.pair(rows.rows[start], areLogits) : rows.rows[start..<start + width]
            table.shares += areLogits ? Softmax.shares(row) : row
        }
    }

    private static func areShares(_ row: ArraySlice<Double>) -> Bool {
        row.count == 1 ? row.allSatisfy(ScoredPredictions.isProbability) : ScoredPredictions.areProbabilities(row)
    }

    /// The two scores that a single one stands for.
    private static func pair(_ score: Double, _ isLogit: Bool) -> ArraySlice<Double> {
        isLogit ? [0, score][...] : [1 - score, score][...]
    }
}

/// The answers to samples of which nobody says what they should be.
struct UnlabelledPredictions: Predictions {
    let samples: Int
    let roles: OutputRoles

    /// Whoever collects the answers relies on each output having one form in every batch.
    mutating func add(_ answers: [BatchAnswer], start: Int, count: Int, skipped: Int) throws(EvaluationFailure) {
        for (role, answer) in zip(roles.outputs, answers)
        where OutputForm(answer, name: role.name, samples: count) != role.form {
            throw EvaluationFailure(
                .shapeMismatch,
                "the model's output \(MessageText.quote(role.name)) changes its shape or type from batch to batch",
                remedy: "measure with --batch 1 (policy: latency.batch), or export the model anew")
        }
    }

    func scored(topK: [Int]) throws(EvaluationFailure) -> ScoredAnswers {
        ScoredAnswers(scorer: NoScorer(sampleCount: samples))
    }

    /// There is nothing that answers could be right by.
    private struct NoScorer: MetricScorer {
        let sampleCount: Int
        var cost: Int { 1 }

        func values(weights: [Int]) -> [String: Double] { [:] }
    }
}

extension OutputRoles {
    /// Whether it is numbers that are compared, and no classes.
    var isOfValues: Bool { list == nil && scores == nil }

    /// The outputs that are compared with a teacher's where nobody says what is right: classes or scores where there
    /// are some, and else its numbers. One number for each sample is a score only if that is declared.
    static func unlabelled(
        _ probe: OutputProbe, columns: [ClassLabel]?, _ job: EvaluationJob
    ) throws(EvaluationFailure) -> OutputRoles {
        let facts = ClassFacts(labels: [], columns: columns)
        let isSingle = probe.answers.filter { $0.form != .classLabels }.allSatisfy { $0.form == .single }
        let hasClasses = probe.answers.contains { answer in
            guard job.output.map({ ByteName($0) == ByteName(answer.name) }) ?? true else { return false }
            return switch answer.form {
            case .list, .matrix, .maps: true
            case .single: job.scores != nil && isSingle
            case .classLabels, .other: false
            }
        }
        if hasClasses { return try .ofClasses(probe, facts, chosen: job.output) }
        let fitting = probe.answers.filter { answer in
            guard case .tensor(let output) = answer.answer, case .floatingPoint = output.elements else { return false }
            return output.shape.first == probe.samples
                && job.output.map { ByteName($0) == ByteName(answer.name) } ?? true
        }
        guard let first = fitting.first else {
            if let chosen = job.output { throw probe.unfit(try probe.named(chosen)) }
            throw EvaluationFailure(
                .shapeMismatch,
                "none of the model's outputs (\(MessageText.list(probe.names))) has an answer for each "
                    + "sample that could be compared with a teacher's",
                remedy: "choose the output with --output, or as the policy's output")
        }
        guard fitting.count == 1 else { throw probe.ambiguous(fitting.map(\.name), "values") }
        return OutputRoles(
            predictions: .init(index: first.index, name: first.name, form: first.form), list: nil, scores: nil,
            classLabels: nil)
    }
}

extension ClassFacts {
    /// What is known of classes where nobody says which is right.
    static func unlabelled(_ data: LabelledData, modelPath: String) -> ClassFacts {
        ClassFacts(
            labels: [], columns: data.columns,
            // Lists that are not known are not assumed.
            classifiers: try? ONNXClassLists(reading: FileSource(path: modelPath)))
    }
}
