import EvaluationProtocol
import ONNXRuntime

/// What a model is measured on.
enum TestData {
    case labelled(LabelledData)
    case recorded([RecordedSet])

    /// Reads a `.npz` archive, or a folder of recorded sets.
    init(_ job: EvaluationJob, inputs: Set<String>) throws(EvaluationFailure) {
        self =
            SystemFiles.isFolder(job.datasetPath)
            ? .recorded(try RecordedSets(path: job.datasetPath, bytesMax: job.limits.memoryBytes / 2).sets)
            : .labelled(try LabelledData(job, inputs: inputs))
    }

    var sampleCount: Int {
        switch self {
        case .labelled(let data): data.rows
        case .recorded(let sets): sets.count
        }
    }

    /// Who says which arrays are inputs: a recorded set does so by itself.
    func inputsNamedBy(_ job: EvaluationJob) -> [String] {
        switch self {
        case .labelled: job.inputs.namedBy
        case .recorded: ["dataset"]
        }
    }

    /// The inputs of a model that are run to measure its latency.
    func inputs(library: OnnxLibrary, session: OnnxSession) throws(EvaluationFailure) -> ModelInputs {
        switch self {
        case .labelled(let data):
            return try ModelInputs(library: library, session: session, data: data)
        case .recorded(let sets): return try ModelInputs(library: library, session: session, set: sets[0])
        }
    }
}

/// Runs all of the data once and compares the answers with what was expected.
struct AccuracyMeasurement {
    /// Of the batches, how many are run again: one of so many, and a few at least.
    private static let repeatedOfBatches = 20
    private static let repeatedMin = 2

    let library: OnnxLibrary
    let data: TestData
    let job: EvaluationJob
    let progress: (EvaluationStage, Int, Int) -> Void

    private var seed: UInt64 { job.latency.seed }

    /// What a model answered, as figures and as something that can be compared.
    struct Answers {
        var metrics: EvaluationMetrics
        /// Nil for recorded outputs, which have no samples to be compared on.
        let scorer: (any MetricScorer)?
        let judged: EvaluationResult.Judged
        /// All that was run, in order.
        let batches: [AnsweredBatch]
        /// The outputs that a run was asked for.
        let outputs: [String]
        /// What is compared with a teacher's answers; nil where there is no teacher, or nothing to compare.
        var table: AnswerTable?
    }

    /// What was run at once, and what came out of it.
    struct AnsweredBatch {
        /// Samples, or one recorded set by its position.
        let rows: Range<Int>
        let fingerprint: Int
    }

    /// One way through the whole dataset.
    struct Pass {
        let answers: ScoredAnswers
        let roles: OutputRoles
        let batches: [AnsweredBatch]
        /// All scores; nil where there is no teacher to compare them with.
        let rows: AnswerRows?
        let facts: ClassFacts
    }

    /// Runs a model and takes its metrics.
    func answers(of session: OnnxSession) throws(EvaluationFailure) -> Answers {
        switch data {
        case .labelled(let data): return try answers(of: session, data)
        case .recorded(let sets): return try answers(of: session, sets)
        }
    }

    /// Runs a part of what was run before in a session, in an order that is drawn; answers how many runs.
    ///
    /// Throws `nondeterministic` if an answer is not the same bit for bit: then what was judged is not what is served.
    func requireSame(
        _ answers: Answers, from session: OnnxSession, _ which: String
    ) throws(EvaluationFailure) -> Int {
        let batches = answers.batches
        var runs = 0
        for batch in batches.shuffled().prefix(max(Self.repeatedMin, batches.count / Self.repeatedOfBatches)) {
            let run = try run(batch, in: session, outputs: answers.outputs)
            let answer = try EvaluationFailure.ofRunning { () throws(OnnxError) in
                try run.execute()
                return try run.fingerprint()
            }
            guard answer == batch.fingerprint else {
                throw EvaluationFailure(
                    .nondeterministic,
                    "run again in \(which) the model gave different answers to \(name(of: batch)); it must give the "
                        + "same bits for the same batch and threads",
                    remedy: "export the model for inference, without operators of random")
            }
            runs += 1
        }
        return runs
    }

    private func run(
        _ batch: AnsweredBatch, in session: OnnxSession, outputs: [String]
    ) throws(EvaluationFailure) -> OnnxRun {
        switch data {
        case .labelled(let data):
            let inputs = try ModelInputs(library: library, session: session, data: data)
            return OnnxRun(session: session, inputs: try inputs.tensors(rows: batch.rows), outputNames: outputs)
        case .recorded(let sets):
            let inputs = try ModelInputs(library: library, session: session, set: sets[batch.rows.lowerBound])
            return OnnxRun(session: session, inputs: try inputs.tensors(rows: 0..<1), outputNames: outputs)
        }
    }

    private func name(of batch: AnsweredBatch) -> String {
        switch data {
        case .labelled: "samples \(batch.rows.lowerBound) to \(batch.rows.upperBound - 1)"
        case .recorded(let sets): sets[batch.rows.lowerBound].name
        }
    }

    /// Adds how the metrics compare with those of a baseline on the same samples.
    ///
    /// Latency can be compared even if the baseline's answers cannot be judged, so this never fails; who demands a
    /// comparison of metrics is told why there is none.
    func compare(_ answers: inout Answers, with baseline: OnnxSession, at path: String) {
        guard case .labelled(let data) = data, let candidate = answers.scorer else { return }
        do {
            let other = try pass(of: baseline, data, .paired, modelPath: path)
            answers.metrics.paired = compare(candidate, other.answers.scorer)
        } catch {
            answers.metrics.pairedFailure = "the baseline model: \(error.message)"
        }
    }

    // MARK: Labels

    private func answers(of session: OnnxSession, _ data: LabelledData) throws(EvaluationFailure) -> Answers {
        let pass = try pass(of: session, data, .accuracy, modelPath: job.modelPath)
        let scorer = pass.answers.scorer
        var metrics = EvaluationMetrics(kind: .regression, values: scorer.values())
        guard metrics.values.values.allSatisfy(\.isFinite) else {
            throw EvaluationFailure(.nonFiniteOutput, "the errors of the model are too large for a number")
        }
        if case .none = data.labels { metrics.kind = .unlabelled }
        if let scorer = scorer as? ClassScorer {
            metrics.kind = .classification
            metrics.classes = scorer.classFigures
            metrics.confusionMatrix = scorer.confusionMatrix
            metrics.leftOut = scorer.leftOut.isEmpty ? nil : scorer.leftOut
        }
        metrics.slices = Self.slices(of: scorer, data.groups)
        var judged = EvaluationResult.Judged(
            labels: metrics.kind == .unlabelled ? nil : data.rule.labelName,
            classes: data.columns.map { _ in LabelledData.classesName },
            predictions: [pass.roles.predictions.name],
            scores: pass.answers.hasScores ? pass.roles.scores?.name : nil)
        judged.classesFrom = pass.answers.classesFrom
        judged.scoreKind = pass.answers.scoreKind
        judged.argmaxDiffers = pass.answers.argmaxDiffers
        return Answers(
            metrics: metrics, scorer: metrics.kind == .unlabelled ? nil : scorer, judged: judged, batches: pass.batches,
            outputs: pass.roles.outputs.map(\.name), table: table(of: pass, data))
    }

    /// Runs the whole dataset once, as many samples at a time as latency is measured with.
    ///
    /// A graph with a fixed batch size gets its last batch from the end of the dataset; what that repeats is dropped.
    func pass(
        of session: OnnxSession, _ data: LabelledData, _ stage: EvaluationStage, modelPath: String
    ) throws(EvaluationFailure) -> Pass {
        let inputs = try ModelInputs(library: library, session: session, data: data)
        let batchSize = try inputs.batchSize(wanted: min(job.latency.batchSize, inputs.rows))
        let facts = ClassFacts(data, modelPath: modelPath)
        let roles = try roles(of: session, data, inputs, batchSize, facts)
        var rows = job.teacherModelPath == nil ? nil : AnswerRows()
        var predictions = predictions(data, roles, of: session, facts)
        let outputs = roles.outputs
        var batches: [AnsweredBatch] = []
        var done = 0
        while done < inputs.rows {
            let isFixed = inputs.fixedBatchSize != nil
            let start = isFixed ? min(done, inputs.rows - batchSize) : done
            let end = min(start + batchSize, inputs.rows)
            let run = OnnxRun(
                session: session, inputs: try inputs.tensors(rows: start..<end), outputNames: outputs.map(\.name))
            let fingerprint = try EvaluationFailure.ofBatch(end - start) { () throws(OnnxError) in
                try run.execute()
                return try run.fingerprint()
            }
            batches.append(AnsweredBatch(rows: start..<end, fingerprint: fingerprint))
            var answers: [BatchAnswer] = []
            for (position, output) in outputs.enumerated() {
                let answer = try BatchAnswer(run, at: position, session.outputs[output.index])
                try answer.requireFinite(start: start, count: end - start)
                answers.append(answer)
            }
            try predictions.add(answers, start: start, count: end - start, skipped: done - start)
            rows?.add(answers, roles, skipped: done - start)
            done = end
            progress(stage, done, inputs.rows)
        }
        return Pass(
            answers: try predictions.scored(topK: job.topK), roles: roles, batches: batches, rows: rows,
            facts: facts ?? .unlabelled(data, modelPath: modelPath))
    }

    /// Which outputs are judged, found out by a run of the first batch.
    private func roles(
        of session: OnnxSession, _ data: LabelledData, _ inputs: ModelInputs, _ batchSize: Int, _ facts: ClassFacts?
    ) throws(EvaluationFailure) -> OutputRoles {
        let run = OnnxRun(
            session: session, inputs: try inputs.tensors(rows: 0..<batchSize), outputNames: session.outputs.map(\.name))
        try EvaluationFailure.ofBatch(batchSize) { () throws(OnnxError) in try run.execute() }
        let probe = OutputProbe(run, of: session, samples: batchSize)
        if let facts { return try .ofClasses(probe, facts, chosen: job.output) }
        if case .none = data.labels { return try .unlabelled(probe, columns: data.columns, job) }
        guard case .values(_, let columns) = data.labels else {
            throw EvaluationFailure(.internal, "labels are neither classes nor values")
        }
        return try .ofValues(probe, columns: columns, chosen: job.output)
    }

    private func predictions(
        _ data: LabelledData, _ roles: OutputRoles, of session: OnnxSession, _ facts: ClassFacts?
    ) -> any Predictions {
        switch data.labels {
        case .none: return UnlabelledPredictions(samples: data.rows, roles: roles)
        case .values(let expected, let columns): return ValuePredictions(expected: expected, columns: columns)
        case .classes(let expected):
            var epsilon = Double.ulpOfOne
            if let scores = roles.scores, case .tensor(let type, _) = session.outputs[scores.index].kind {
                epsilon = type.epsilon
            }
            return ClassPredictions(
                expected, roles, facts ?? ClassFacts(labels: expected, columns: data.columns), declared: job.scores,
                epsilon: epsilon)
        }
    }

    /// The metrics of every value of every group; nil without groups.
    private static func slices(
        of scorer: any MetricScorer, _ groups: [String: [String]]
    ) -> [String: [String: SliceFigures]]? {
        guard !groups.isEmpty else { return nil }
        return groups.mapValues { values in
            Set(values).reduce(into: [:]) { slices, value in
                let weights = values.map { $0 == value ? 1 : 0 }
                slices[value] = SliceFigures(
                    samples: weights.reduce(0, +), metrics: scorer.values(weights: weights).filter { $1.isFinite })
            }
        }
    }

    private func compare(_ candidate: any MetricScorer, _ baseline: any MetricScorer) -> PairedFigures {
        let bootstrap = PairedBootstrap(candidate: candidate, baseline: baseline, seed: seed)
        let resamples = bootstrap.resamples
        var figures = PairedFigures(
            resamples: resamples,
            metrics: bootstrap.metrics { progress(.paired, $0, resamples) }.filter { $1.isFinite }, mcNemar: nil)
        if let candidate = candidate as? ClassScorer, let baseline = baseline as? ClassScorer {
            let shares = PairedShares(candidate: candidate.hits, baseline: baseline.hits)
            figures.mcNemar = shares.mcNemar
            figures.metrics["accuracy"]?.bounds = PairedBootstrap.confidences.map { shares.bound(confidence: $0) }
        }
        return figures
    }

    // MARK: Recorded outputs

    /// Runs every set and compares all outputs.
    private func answers(of session: OnnxSession, _ sets: [RecordedSet]) throws(EvaluationFailure) -> Answers {
        let names = session.outputs.map(\.name)
        if let chosen = job.output, !names.contains(where: { ByteName($0) == ByteName(chosen) }) {
            throw EvaluationFailure(
                .shapeMismatch,
                "the model has no output \(MessageText.quote(chosen)); it has \(MessageText.list(names))",
                remedy: "choose one of them with --output, or as the policy's output")
        }
        var comparison = GoldenComparison()
        var batches: [AnsweredBatch] = []
        for (position, set) in sets.enumerated() {
            let inputs = try ModelInputs(library: library, session: session, set: set)
            let expected = try set.outputs(named: names)
            let run = OnnxRun(session: session, inputs: try inputs.tensors(rows: 0..<1), outputNames: names)
            let fingerprint = try EvaluationFailure.ofRunning { () throws(OnnxError) in
                try run.execute()
                return try run.fingerprint()
            }
            batches.append(AnsweredBatch(rows: position..<position + 1, fingerprint: fingerprint))
            for (index, output) in expected.enumerated() {
                try comparison.add(
                    run, index, expected: output, subject: "output \(MessageText.quote(names[index])) of \(set.name)")
            }
            progress(.accuracy, position + 1, sets.count)
        }
        guard comparison.values.values.allSatisfy(\.isFinite) else {
            throw EvaluationFailure(.nonFiniteOutput, "the errors of the model are too large for a number")
        }
        return Answers(
            metrics: EvaluationMetrics(kind: .golden, values: comparison.values), scorer: nil,
            judged: EvaluationResult.Judged(predictions: names), batches: batches, outputs: names)
    }
}

extension PairedMetric {
    fileprivate var isFinite: Bool { baseline.isFinite && difference.isFinite }
}

extension GoldenComparison {
    /// Adds one output of a run; `subject` names it to a person.
    fileprivate mutating func add(
        _ run: OnnxRun, _ index: Int, expected: RecordedOutput, subject: String
    ) throws(EvaluationFailure) {
        switch expected {
        case .array(let array):
            let answer = try EvaluationFailure.ofRunning { () throws(OnnxError) in try run.output(at: index) }
            try add(answer, array, subject: subject)
        case .maps(let recorded):
            let maps = try EvaluationFailure.ofRunning { () throws(OnnxError) in try run.maps(at: index) }
            try Self.requireFinite(
                add(try recorded.matrix(of: maps, subject: subject), expected: recorded.matrix), subject: subject)
        }
    }

    private mutating func add(
        _ answer: OnnxOutput, _ array: DatasetArray, subject: String
    ) throws(EvaluationFailure) {
        guard answer.shape == array.shape else {
            throw EvaluationFailure(
                .shapeMismatch, "\(subject) has shape \(answer.shape), \(array.shape) is recorded")
        }
        guard let elements = array.elements(), elements.isSameKind(as: answer.elements) else {
            throw EvaluationFailure(
                .unsupportedType, "\(subject) is recorded as \(array.elementType.name), the model answers another type")
        }
        try Self.requireFinite(
            add(answer, expected: OnnxOutput(shape: array.shape, elements: elements)), subject: subject)
    }

    private static func requireFinite(_ place: Int?, subject: String) throws(EvaluationFailure) {
        guard let place else { return }
        throw EvaluationFailure(
            .nonFiniteOutput, "\(subject) is NaN or an infinity at element \(place), or only recorded as one")
    }
}

extension OnnxOutput.Elements {
    fileprivate func isSameKind(as other: OnnxOutput.Elements) -> Bool {
        switch (self, other) {
        case (.floatingPoint, .floatingPoint), (.integers, .integers), (.strings, .strings): true
        default: false
        }
    }
}
