import AssayDomain
import AssayRegistry
import EvaluationProtocol
import Glibc
import Subprocess

/// How one evaluator process came to its end, as its parent saw it.
struct EvaluatorEnding: Sendable {
    enum Answer: Sendable {
        case result(EvaluationResult)
        case failure(EvaluationFailure)
        /// Its output ended, or was none of ours.
        case silent
        /// It wrote more than anything that measures would.
        case flooded
        case deadline
        /// At the deadline it did not run: somebody had stopped it.
        case stopped
    }

    /// What it said before it opened anything of the job; nothing that it says later can change it.
    let cage: EvaluationCage?
    let answer: Answer

    /// What is reported. The status counts where the process ended on its own.
    func outcome(status: TerminationStatus, deadline: Duration) -> EvaluationOutcome {
        switch answer {
        case .result(let result):
            // Without its cage a process has opened nothing, so it cannot have measured anything.
            guard cage != nil else { return failed(.workerCrashed, "the evaluator answered without a cage") }
            // Reports count for the build that made them, and this host speaks for its own.
            guard result.evaluator.version == EvaluatorVersion.current else {
                return failed(.internal, "the evaluator is of version \(result.evaluator.version), not of this build")
            }
            return EvaluationOutcome(
                environment: Self.environment(of: result), cage: reportedCage,
                result: .success(Self.measurements(of: result)))
        case .failure(let failure):
            return failed(failure.kind, failure.message, remedy: failure.remedy)
        case .deadline:
            return failed(.timeLimit, "the evaluation did not end within \(deadline.components.seconds) seconds")
        case .stopped:
            return failed(
                .workerCrashed,
                "the evaluator was stopped and did not go on within \(deadline.components.seconds) seconds")
        case .flooded:
            return failed(.workerCrashed, "the evaluator wrote more than \(EvaluatorOutput.bytesMax) bytes or no line")
        case .silent:
            return death(status)
        }
    }

    private func death(_ status: TerminationStatus) -> EvaluationOutcome {
        switch status {
        case .signaled(SIGXCPU): failed(.timeLimit, "the evaluation used up its CPU time")
        case .signaled(SIGXFSZ): failed(.resourceLimit, "the evaluation wrote to a file")
        case .signaled(SIGSYS):
            failed(.forbiddenCall, "the evaluator was ended at a system call that measuring a model has no use for")
        default: failed(.workerCrashed, "the evaluator ended without an answer (\(status))")
        }
    }

    private func failed(
        _ kind: EvaluationFailure.Kind, _ message: String, remedy: String? = nil
    ) -> EvaluationOutcome {
        EvaluationOutcome(
            environment: nil, cage: reportedCage,
            result: .failure(
                .init(
                    Printable.escape(kind.rawValue, limit: 100), Printable.escape(message, limit: 1000),
                    remedy: remedy.map { Printable.escape($0, limit: 500) })))
    }

    private var reportedCage: VerificationReport.Cage? {
        cage.map { cage in
            VerificationReport.Cage(
                layers: cage.layers.map { Printable.escape($0.rawValue, limit: 100) },
                absent: cage.absent.map { Printable.escape($0.rawValue, limit: 100) })
        }
    }

    // MARK: Mapping

    private static func environment(of result: EvaluationResult) -> VerificationReport.Environment {
        VerificationReport.Environment(
            runtime: "\(result.runtime.name) \(result.runtime.version)", cpu: Printable.escape(result.machine.cpuModel),
            isaFlags: result.machine.isaFlags, cores: result.machine.cores)
    }

    private static func measurements(of result: EvaluationResult) -> EvaluationOutcome.Measurements {
        let matrix = result.metrics.confusionMatrix
        var measurements = EvaluationOutcome.Measurements(
            metrics: result.metrics.values, confusionMatrix: matrix?.counts, classes: matrix?.labels,
            sampleCount: result.samples, latency: latency(result.latency),
            comparison: result.comparison.map(comparison),
            sweep: result.sweep.isEmpty
                ? nil
                : result.sweep.map { .init(threads: $0.threads, batch: $0.batchSize, latency: latency($0.latency)) },
            loadMicroseconds: result.loadMicroseconds, firstRunMicroseconds: result.firstRunMicroseconds,
            peakMemoryBytes: Int64(result.peakMemoryBytes))
        measurements.fixedBatch = result.settings.batchSize
        measurements.perClass = result.metrics.classes?.map(VerificationReport.ClassFigures.init)
        measurements.slices = result.metrics.slices?.mapValues {
            $0.mapValues { VerificationReport.SliceFigures(samples: $0.samples, metrics: $0.metrics) }
        }
        measurements.paired = result.metrics.paired.map(VerificationReport.PairedFigures.init)
        measurements.fed = result.fed.map {
            .init(input: Printable.escape($0.input, limit: 200), array: Printable.escape($0.array, limit: 200))
        }
        measurements.inputsNamedBy = result.inputsNamedBy
        measurements.judged = VerificationReport.Judged(result.judged)
        measurements.batchInvariant = result.batchInvariance.map(VerificationReport.BatchInvariance.init)
        measurements.deterministic = result.determinism.map {
            .init(runs: $0.runs, maxDifference: $0.maxDifference)
        }
        measurements.agreement = VerificationReport.Agreement(result, latency: comparison)
        measurements.leftOut = result.metrics.leftOut?.mapValues { Printable.escape($0, limit: 400) }
        measurements.pairedFailure = result.metrics.pairedFailure.map { Printable.escape($0, limit: 300) }
        return measurements
    }

    private static func latency(_ figures: LatencyFigures) -> VerificationReport.Latency {
        VerificationReport.Latency(
            p50: figures.p50, p90: figures.p90, p95: figures.p95, p99: figures.p99, mean: figures.mean,
            tail: figures.tail, max: figures.max, throughput: figures.throughput, runs: figures.runs,
            quantiles: figures.quantiles)
    }

    private static func comparison(_ figures: ComparisonFigures) -> VerificationReport.ComparisonFigures {
        VerificationReport.ComparisonFigures(
            latency: latency(figures.baseline), candidate: latency(figures.candidate),
            ratios: figures.ratios.reduce(into: [:]) { ratios, entry in
                ratios[entry.key.rawValue] = .init(
                    ratio: entry.value.ratio, lower: entry.value.lower, upper: entry.value.upper,
                    sessions: entry.value.sessions)
            },
            confidence: figures.confidence, pairsPerSession: figures.pairsPerSession)
    }
}
