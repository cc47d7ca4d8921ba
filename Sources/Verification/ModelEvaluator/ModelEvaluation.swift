import EvaluationProtocol
import ONNXModel
import ONNXRuntime

/// One evaluation from job to result, in the order: runtime, models, dataset, accuracy, latency, comparison, sweep.
struct ModelEvaluation {
    private let job: EvaluationJob
    /// When the process began to work on the job; the budget counts from here.
    private let start = MonotonicClock.nanoseconds
    private let progress: (EvaluationStage, Int, Int) -> Void

    init(job: EvaluationJob, progress: @escaping (EvaluationStage, Int, Int) -> Void) {
        self.job = job
        self.progress = progress
    }

    /// Measures everything that the job asks for. What the job names is not to be trusted: the cage is closed before.
    func evaluate() throws(EvaluationFailure) -> EvaluationResult {
        let steps = 3 + [job.baselineModelPath, job.teacherModelPath].compactMap(\.self).count
        progress(.loading, 0, steps)
        let library = try loadLibrary()
        progress(.loading, 1, steps)
        let (session, loadTime) = try loadModel(library, job.modelPath, "model")
        progress(.loading, 2, steps)
        let baseline = try job.baselineModelPath.map { path throws(EvaluationFailure) in
            try loadModel(library, path, "baseline model").session
        }
        let teacher = try job.teacherModelPath.map { path throws(EvaluationFailure) in
            try loadModel(library, path, "teacher model").session
        }
        progress(.loading, steps - 1, steps)
        try RandomOperators.requireNone(in: job.modelPath)
        let names = Set((session.inputs + (baseline?.inputs ?? []) + (teacher?.inputs ?? [])).map(\.name))
        let data = try TestData(job, inputs: names)
        progress(.loading, steps, steps)

        let inputs = try data.inputs(library: library, session: session)
        let batchSize = try inputs.batchSize(wanted: job.latency.batchSize)
        let watch = AnswerWatch()
        let candidate = LatencyMeasurement(run: try prepare(session, inputs, batchSize), watch: watch)
        let firstRun = try EvaluationFailure.ofBatch(batchSize) { () throws(OnnxError) in try candidate.time() }
        let accuracy = AccuracyMeasurement(
            library: library, data: data, job: job, progress: progress)
        var answers = try accuracy.answers(of: session)
        let (warmUpRuns, latency) = try latency(candidate, batchSize)
        let peakMemory = ProcessMemory.peakBytes
        let repeated =
            try accuracy.requireSame(answers, from: session, "the session that latency was measured in")
            + accuracy.requireSame(
                answers, from: try loadModel(library, job.modelPath, "model").session, "a fresh session")
        let invariance = try accuracy.batchInvariance(of: answers, in: session)
        let comparison = try baseline.map { session throws(EvaluationFailure) in
            accuracy.compare(&answers, with: session, at: job.baselineModelPath ?? "")
            let baselineInputs = try EvaluationFailure.ofBaseline { () throws(EvaluationFailure) in
                try data.inputs(library: library, session: session)
            }
            return try compare(
                library, inputs, Other(job.baselineModelPath, "baseline", baselineInputs), batchSize, watch, job.latency
            )
        }
        let taught = try teacher.map { session throws(EvaluationFailure) in
            try teach(library, answers, session, inputs, batchSize, watch, accuracy)
        }
        try watch.requireOneAnswer()
        var result = EvaluationResult(
            evaluator: .init(version: EvaluatorVersion.current),
            runtime: .init(name: "onnxruntime", version: library.version),
            machine: .current,
            settings: .init(
                threads: job.latency.threads, batchSize: batchSize, warmUpRuns: warmUpRuns,
                measuredRuns: latency.runs, seed: job.latency.seed),
            samples: data.sampleCount, fed: inputs.fed, inputsNamedBy: data.inputsNamedBy(job),
            judged: answers.judged, metrics: answers.metrics, latency: latency, comparison: comparison,
            sweep: try sweep(library, inputs), loadMicroseconds: Double(loadTime) / 1_000,
            firstRunMicroseconds: Double(firstRun) / 1_000, peakMemoryBytes: peakMemory)
        result.batchInvariance = invariance
        result.determinism = .init(runs: repeated)
        result.teacher = taught?.figures
        result.teacherFailure = taught?.failure
        return result
    }

    private func loadLibrary() throws(EvaluationFailure) -> OnnxLibrary {
        do {
            return try OnnxLibrary(path: job.runtimePath)
        } catch {
            throw EvaluationFailure.loading(error, "library", path: job.runtimePath)
        }
    }

    private func loadModel(
        _ library: OnnxLibrary, _ path: String, _ what: String, threads: Int? = nil
    ) throws(EvaluationFailure) -> (session: OnnxSession, nanoseconds: UInt64) {
        try SystemFiles.requireFile(path, what, .invalidModel)
        let start = MonotonicClock.nanoseconds
        do {
            let session = try OnnxSession(
                library: library, modelPath: path, threads: threads ?? job.latency.threads)
            let time = MonotonicClock.nanoseconds - start
            session.inputsOfAnyShape = Self.inputsOfAnyShape(of: session, at: path)
            return (session, time)
        } catch {
            throw EvaluationFailure.loading(error, what, path: path)
        }
    }

    /// The inputs whose shape the model's file does not tell; only those that look like single numbers can be such.
    private static func inputsOfAnyShape(of session: OnnxSession, at path: String) -> Set<String> {
        let candidates = session.inputs.filter { if case .tensor(_, []) = $0.kind { true } else { false } }
        // What cannot be read here stays a single number.
        guard !candidates.isEmpty, let summary = try? ONNXSummary(reading: FileSource(path: path)) else { return [] }
        let open = Set(summary.inputs.filter { $0.shape == nil }.map(\.name))
        return Set(candidates.map(\.name)).intersection(open)
    }

    private func prepare(
        _ session: OnnxSession, _ inputs: ModelInputs, _ batchSize: Int
    ) throws(EvaluationFailure) -> OnnxRun {
        OnnxRun(
            session: session, inputs: try inputs.tensors(rows: 0..<batchSize),
            outputNames: session.outputs.map(\.name))
    }

    // MARK: Latency

    /// When the budget of the whole process is used up.
    private var budgetEnd: UInt64 { start + UInt64(job.latency.budgetSeconds) * 1_000_000_000 }

    /// The candidate by itself. If more is to be measured it gets a third of the time that is left.
    private func latency(
        _ candidate: LatencyMeasurement, _ batchSize: Int
    ) throws(EvaluationFailure) -> (warmUpRuns: Int, figures: LatencyFigures) {
        let isAlone = job.baselineModelPath == nil && job.teacherModelPath == nil && sweepPoints.isEmpty
        let now = MonotonicClock.nanoseconds
        let left = budgetEnd > now ? budgetEnd - now : 0
        let wanted = job.latency.measuredRuns
        return try EvaluationFailure.ofRunning { () throws(OnnxError) in
            let warmUpRuns = try candidate.warmUp(runsMax: job.latency.warmUpRuns)
            let times = try candidate.times(wanted, until: now + (isAlone ? left : left / 3)) {
                progress(.latency, $0, wanted)
            }
            return (warmUpRuns, LatencyFigures(nanoseconds: times, batchSize: batchSize))
        }
    }

    /// The other model of a comparison.
    private struct Other {
        let path: String
        let name: String
        let inputs: ModelInputs

        init(_ path: String?, _ name: String, _ inputs: ModelInputs) {
            self.path = path ?? ""
            self.name = name
            self.inputs = inputs
        }
    }

    private func compare(
        _ library: OnnxLibrary, _ inputs: ModelInputs, _ other: Other, _ batchSize: Int, _ watch: AnswerWatch,
        _ settings: LatencySettings
    ) throws(EvaluationFailure) -> ComparisonFigures {
        if let fixed = other.inputs.fixedBatchSize, fixed != batchSize {
            throw EvaluationFailure(
                .shapeMismatch,
                "the model runs batches of \(batchSize) and the \(other.name) of \(fixed): they cannot be compared")
        }
        let comparison = LatencyComparison(settings: settings, batchSize: batchSize, watch: watch) {
            () throws(EvaluationFailure) in
            try prepare(try loadModel(library, job.modelPath, "model").session, inputs, batchSize)
        } baseline: { () throws(EvaluationFailure) in
            try prepare(
                try loadModel(library, other.path, "\(other.name) model").session, other.inputs, batchSize)
        }
        return try comparison.measure(until: budgetEnd) { progress(.comparison, $0, $1) }
    }

    /// The teacher's answers beside the model's, and its latency. The figures of the model itself do not depend on
    /// them, so what is wrong with the teacher is told and ends nothing; what is wrong with the model does.
    private func teach(
        _ library: OnnxLibrary, _ answers: AccuracyMeasurement.Answers, _ teacher: OnnxSession, _ inputs: ModelInputs,
        _ batchSize: Int, _ watch: AnswerWatch, _ accuracy: AccuracyMeasurement
    ) throws(EvaluationFailure) -> (figures: TeacherFigures?, failure: String?) {
        let path = job.teacherModelPath ?? ""
        let other: Other
        var figures: TeacherFigures
        do {
            figures = try accuracy.agreement(of: answers, with: teacher, at: path)
            let own = try EvaluationFailure.ofBaseline("teacher") { () throws(EvaluationFailure) in
                try accuracy.data.inputs(library: library, session: teacher)
            }
            other = Other(path, "teacher", own)
        } catch {
            return (nil, error.message)
        }
        if let fixed = other.inputs.fixedBatchSize, fixed != batchSize {
            figures.leftOut["latency"] = "the model runs batches of \(batchSize) and the teacher of \(fixed)"
            return (figures, nil)
        }
        var settings = job.latency
        settings.maxRatios = job.teacherMaxRatios
        figures.latency = try compare(library, inputs, other, batchSize, watch, settings)
        return (figures, nil)
    }

    /// Runs per point of a sweep, and the time after which a point has enough.
    private static let sweepRuns = 200
    private static let sweepPointNanoseconds: UInt64 = 2_000_000_000

    private var sweepPoints: [(threads: Int, batchSize: Int)] {
        guard !job.latency.sweepBatchSizes.isEmpty || !job.latency.sweepThreads.isEmpty else { return [] }
        let batchSizes = job.latency.sweepBatchSizes.isEmpty ? [job.latency.batchSize] : job.latency.sweepBatchSizes
        let threads = job.latency.sweepThreads.isEmpty ? [job.latency.threads] : job.latency.sweepThreads
        return threads.flatMap { threads in batchSizes.map { (threads, $0) } }
    }

    private func sweep(
        _ library: OnnxLibrary, _ inputs: ModelInputs
    ) throws(EvaluationFailure) -> [SweepPoint] {
        let wanted = sweepPoints
        var points: [SweepPoint] = []
        var loaded: (threads: Int, session: OnnxSession)?
        for (threads, wantedBatch) in wanted where MonotonicClock.nanoseconds < budgetEnd {
            let batchSize = try inputs.batchSize(wanted: wantedBatch)
            // A graph with a fixed batch size has one point for each number of threads.
            if points.contains(where: { $0.threads == threads && $0.batchSize == batchSize }) { continue }
            if loaded?.threads != threads {
                loaded = (threads, try loadModel(library, job.modelPath, "model", threads: threads).session)
            }
            guard let session = loaded?.session else { break }
            let watch = AnswerWatch()
            let measurement = LatencyMeasurement(run: try prepare(session, inputs, batchSize), watch: watch)
            let end = min(budgetEnd, MonotonicClock.nanoseconds + Self.sweepPointNanoseconds)
            let times = try EvaluationFailure.ofRunning { () throws(OnnxError) in
                _ = try measurement.warmUp(runsMax: job.latency.warmUpRuns)
                return try measurement.times(Self.sweepRuns, until: end)
            }
            try watch.requireOneAnswer()
            points.append(
                SweepPoint(
                    threads: threads, batchSize: batchSize,
                    latency: LatencyFigures(nanoseconds: times, batchSize: batchSize)))
            progress(.sweep, points.count, wanted.count)
        }
        return points
    }
}
