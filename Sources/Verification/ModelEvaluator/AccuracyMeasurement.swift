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

    /// The inputs of a model that are run to measure its latency.
    func inputs(library: OnnxLibrary, session: OnnxSession) throws(EvaluationFailure) -> ModelInputs {
        switch self {
        case .labelled(let data):
            return try ModelInputs(library: library, session: session, dataset: data.arrays, rows: data.rows)
        case .recorded(let sets): return try ModelInputs(library: library, session: session, set: sets[0])
        }
    }
}

/// Runs all of the data once and compares the answers with what was expected.
struct AccuracyMeasurement {
    /// Samples per run.
    private static let batchSize = 16

    let library: OnnxLibrary
    let data: TestData
    let topK: [Int]
    let seed: UInt64
    let progress: (EvaluationStage, Int, Int) -> Void

    /// The metrics of a model, compared with those of a baseline if there is one.
    func metrics(of session: OnnxSession, baseline: OnnxSession?) throws(EvaluationFailure) -> EvaluationMetrics {
        switch data {
        case .labelled(let data):
            var metrics = try measure(session, baseline, data)
            guard metrics.values.values.allSatisfy(\.isFinite) else {
                throw EvaluationFailure(.nonFiniteOutput, "the errors of the model are too large for a number")
            }
            metrics.slices?.forEach { group, slices in
                metrics.slices?[group] = slices.mapValues {
                    SliceFigures(samples: $0.samples, metrics: $0.metrics.filter { $1.isFinite })
                }
            }
            return metrics
        case .recorded(let sets): return try compare(session, sets)
        }
    }

    // MARK: Labels

    private func measure(
        _ session: OnnxSession, _ baseline: OnnxSession?, _ data: LabelledData
    ) throws(EvaluationFailure) -> EvaluationMetrics {
        let total = baseline == nil ? data.rows : 2 * data.rows
        let scorer = try scorer(of: session, data) { progress(.accuracy, $0, total) }
        var metrics = EvaluationMetrics(kind: .regression, values: scorer.values())
        if let scorer = scorer as? ClassScorer {
            metrics.kind = .classification
            metrics.classes = scorer.classFigures
            metrics.confusionMatrix = scorer.confusionMatrix
        }
        metrics.slices = Self.slices(of: scorer, data.groups)
        guard let baseline else { return metrics }
        do {
            let other = try self.scorer(of: baseline, data) { progress(.accuracy, data.rows + $0, total) }
            metrics.paired = compare(scorer, other)
        } catch {
            // Latency can be compared all the same; who demands a comparison of metrics is told why there is none.
            metrics.pairedFailure = "the baseline model: \(error.message)"
        }
        return metrics
    }

    /// Runs the whole dataset once.
    ///
    /// A graph with a fixed batch size gets its last batch from the end of the dataset; what that repeats is dropped.
    private func scorer(
        of session: OnnxSession, _ data: LabelledData, progress: (Int) -> Void
    ) throws(EvaluationFailure) -> any MetricScorer {
        let inputs = try ModelInputs(library: library, session: session, dataset: data.arrays, rows: data.rows)
        let output = try data.output(of: session)
        var predictions = Predictions(data)
        let batchSize = try inputs.batchSize(wanted: min(Self.batchSize, inputs.rows))
        var done = 0
        while done < inputs.rows {
            let isFixed = inputs.fixedBatchSize != nil
            let start = isFixed ? min(done, inputs.rows - batchSize) : done
            let end = min(start + batchSize, inputs.rows)
            let run = OnnxRun(
                session: session, inputs: try inputs.tensors(rows: start..<end), outputNames: [output.name])
            do {
                try run.execute()
            } catch {
                throw EvaluationFailure.running(error)
            }
            try predictions.add(
                output.answer(of: run), start: start, count: end - start, skipped: done - start)
            done = end
            progress(done)
        }
        return try predictions.scorer(topK: topK)
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
                    samples: weights.reduce(0, +), metrics: scorer.values(weights: weights))
            }
        }
    }

    private func compare(_ candidate: any MetricScorer, _ baseline: any MetricScorer) -> PairedFigures {
        let bootstrap = PairedBootstrap(candidate: candidate, baseline: baseline, seed: seed)
        let resamples = bootstrap.resamples
        var figures = PairedFigures(
            resamples: resamples, metrics: bootstrap.metrics { progress(.paired, $0, resamples) }, mcNemar: nil)
        if let candidate = candidate as? ClassScorer, let baseline = baseline as? ClassScorer {
            let shares = PairedShares(candidate: candidate.hits, baseline: baseline.hits)
            figures.mcNemar = shares.mcNemar
            figures.metrics["accuracy"]?.bounds = PairedBootstrap.confidences.map { shares.bound(confidence: $0) }
        }
        return figures
    }

    // MARK: Recorded outputs

    /// Runs every set and compares all outputs.
    private func compare(_ session: OnnxSession, _ sets: [RecordedSet]) throws(EvaluationFailure) -> EvaluationMetrics {
        let names = session.outputs.map(\.name)
        var comparison = GoldenComparison()
        for (position, set) in sets.enumerated() {
            let inputs = try ModelInputs(library: library, session: session, set: set)
            let expected = try set.outputs(named: names)
            let run = OnnxRun(session: session, inputs: try inputs.tensors(rows: 0..<1), outputNames: names)
            do {
                try run.execute()
            } catch {
                throw EvaluationFailure.running(error)
            }
            for (index, array) in expected.enumerated() {
                try comparison.add(
                    run, index, expected: array, subject: "output \(MessageText.quote(names[index])) of \(set.name)")
            }
            progress(.accuracy, position + 1, sets.count)
        }
        guard comparison.values.values.allSatisfy(\.isFinite) else {
            throw EvaluationFailure(.nonFiniteOutput, "the errors of the model are too large for a number")
        }
        return EvaluationMetrics(kind: .golden, values: comparison.values)
    }
}

extension GoldenComparison {
    /// Adds one output of a run; `subject` names it to a person.
    fileprivate mutating func add(
        _ run: OnnxRun, _ index: Int, expected array: DatasetArray, subject: String
    ) throws(EvaluationFailure) {
        let answer: OnnxOutput
        do {
            answer = try run.output(at: index)
        } catch {
            throw EvaluationFailure.running(error)
        }
        guard answer.shape == array.shape else {
            throw EvaluationFailure(
                .shapeMismatch, "\(subject) has shape \(answer.shape), \(array.shape) is recorded")
        }
        guard let elements = array.elements(), elements.isSameKind(as: answer.elements) else {
            throw EvaluationFailure(
                .unsupportedType, "\(subject) is recorded as \(array.elementType.name), the model answers another type")
        }
        if let place = add(answer, expected: OnnxOutput(shape: array.shape, elements: elements)) {
            throw EvaluationFailure(
                .nonFiniteOutput, "\(subject) is NaN or an infinity at element \(place), or only recorded as one")
        }
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
