import EvaluationProtocol
import ONNXRuntime

/// One evaluation from job to result, in the order: limits, runtime, models, dataset, accuracy, latency.
struct ModelEvaluation {
    private let job: EvaluationJob
    private let progress: (EvaluationStage, Int, Int) -> Void

    init(job: EvaluationJob, progress: @escaping (EvaluationStage, Int, Int) -> Void) {
        self.job = job
        self.progress = progress
    }

    /// Measures everything that the job asks for; first of all it limits this whole process for good.
    func run() throws(EvaluationFailure) -> EvaluationResult {
        try ProcessLimits.apply(job.limits)
        return try evaluate()
    }

    /// Measures without limits on the process.
    func evaluate() throws(EvaluationFailure) -> EvaluationResult {
        let steps = job.baselineModelPath == nil ? 3 : 4
        progress(.loading, 0, steps)
        let library = try loadLibrary()
        progress(.loading, 1, steps)
        let (session, loadTime) = try loadModel(library, job.modelPath, "model")
        progress(.loading, 2, steps)
        let baseline = try job.baselineModelPath.map { path throws(EvaluationFailure) in
            try loadModel(library, path, "baseline model").session
        }
        progress(.loading, steps - 1, steps)
        let names = Set((session.inputs + (baseline?.inputs ?? [])).map(\.name))
        let data = try TestData(job, inputs: names)
        progress(.loading, steps, steps)

        let inputs = try data.inputs(library: library, session: session)
        let batchSize = try inputs.batchSize(wanted: job.latency.batchSize)
        let candidate = try prepare(session, inputs, batchSize)
        let firstRun = try firstRun(candidate)
        let metrics = try AccuracyMeasurement(
            library: library, data: data, topK: job.topK, seed: job.latency.seed, progress: progress
        ).metrics(of: session, baseline: baseline)
        let baselineRun = try baseline.map { session throws(EvaluationFailure) in
            try prepareBaseline(session, try data.inputs(library: library, session: session), batchSize)
        }
        let latency = try latency(candidate, baselineRun, batchSize)
        return EvaluationResult(
            evaluator: .init(version: EvaluatorVersion.current),
            runtime: .init(name: "onnxruntime", version: library.version),
            machine: .current,
            settings: .init(
                threads: job.latency.threads, batchSize: batchSize, warmUpRuns: job.latency.warmUpRuns,
                measuredRuns: job.latency.measuredRuns, seed: job.latency.seed),
            samples: data.sampleCount, metrics: metrics, latency: latency.candidate, baseline: latency.baseline,
            loadMicroseconds: Double(loadTime) / 1_000, firstRunMicroseconds: Double(firstRun) / 1_000,
            peakMemoryBytes: ProcessMemory.peakBytes)
    }

    private func loadLibrary() throws(EvaluationFailure) -> OnnxLibrary {
        do {
            return try OnnxLibrary(path: job.runtimePath)
        } catch {
            throw EvaluationFailure.loading(error, "library", path: job.runtimePath)
        }
    }

    private func loadModel(
        _ library: OnnxLibrary, _ path: String, _ what: String
    ) throws(EvaluationFailure) -> (session: OnnxSession, nanoseconds: UInt64) {
        try SystemFiles.requireFile(path, what, .invalidModel)
        let start = MonotonicClock.nanoseconds
        do {
            let session = try OnnxSession(library: library, modelPath: path, threads: job.latency.threads)
            return (session, MonotonicClock.nanoseconds - start)
        } catch {
            throw EvaluationFailure.loading(error, what, path: path)
        }
    }

    private func prepare(
        _ session: OnnxSession, _ inputs: ModelInputs, _ batchSize: Int
    ) throws(EvaluationFailure) -> OnnxRun {
        OnnxRun(
            session: session, inputs: try inputs.tensors(rows: 0..<batchSize),
            outputNames: session.outputs.map(\.name))
    }

    private func prepareBaseline(
        _ session: OnnxSession, _ inputs: ModelInputs, _ batchSize: Int
    ) throws(EvaluationFailure) -> OnnxRun {
        if let fixed = inputs.fixedBatchSize, fixed != batchSize {
            throw EvaluationFailure(
                .shapeMismatch,
                "the model runs batches of \(batchSize) and the baseline of \(fixed): they cannot be compared")
        }
        return try prepare(session, inputs, batchSize)
    }

    private func firstRun(_ run: OnnxRun) throws(EvaluationFailure) -> UInt64 {
        defer { run.releaseOutputs() }
        do {
            return try LatencyMeasurement.time(run)
        } catch {
            throw EvaluationFailure.running(error)
        }
    }

    private func latency(
        _ candidate: OnnxRun, _ baseline: OnnxRun?, _ batchSize: Int
    ) throws(EvaluationFailure) -> (candidate: LatencyFigures, baseline: BaselineFigures?) {
        let measurement = LatencyMeasurement(candidate: candidate, baseline: baseline, settings: job.latency)
        let times: LatencyMeasurement.Times
        do {
            times = try measurement.measure { progress(.latency, $0, job.latency.measuredRuns) }
        } catch {
            throw EvaluationFailure.running(error)
        }
        let figures = LatencyFigures(nanoseconds: times.candidate, batchSize: batchSize)
        guard !times.baseline.isEmpty else { return (figures, nil) }
        return (figures, BaselineFigures(candidate: figures, nanoseconds: times.baseline, batchSize: batchSize))
    }
}

extension BaselineFigures {
    fileprivate init(candidate: LatencyFigures, nanoseconds: [UInt64], batchSize: Int) {
        let figures = LatencyFigures(nanoseconds: nanoseconds, batchSize: batchSize)
        self.init(
            latency: figures, p50Ratio: candidate.p50 / max(figures.p50, .leastNormalMagnitude),
            p99Ratio: candidate.p99 / max(figures.p99, .leastNormalMagnitude))
    }
}
