package import AssayDomain
package import AssayRegistry
import EvaluationProtocol
import Foundation
import Subprocess
import SystemPackage

/// Runs each evaluation in a process of its own, and turns whatever happens to that process into an outcome.
package struct ProcessEvaluatorHost: EvaluatorHost {
    /// Where the parts of an evaluation lie on this machine.
    package struct Installation: Sendable {
        /// The `assay-evaluator` executable.
        package let executable: String
        /// The ONNX Runtime shared library.
        package let runtimeLibrary: String
        /// A folder of ours in which each evaluation gets a folder for its files.
        package let staging: String

        package init(executable: String, runtimeLibrary: String, staging: String) {
            self.executable = executable
            self.runtimeLibrary = runtimeLibrary
            self.staging = staging
        }
    }

    /// Values of k for which top-k accuracy is reported.
    private static let topK = [3, 5]
    /// CPU time beyond the deadline times the threads would only be seen if the clock stood still.
    private static let memoryBytes = 8 << 30

    private let installation: Installation

    /// The staging folder is this host's alone: what a killed process left there is removed.
    package init(_ installation: Installation) {
        self.installation = installation
        StagingFolder.removeAll(in: installation.staging)
    }

    package var build: String { "assay-evaluator \(EvaluatorVersion.current)" }

    package func evaluate(
        _ request: EvaluationRequest, progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async throws -> EvaluationOutcome {
        let folder = try StagingFolder(in: installation.staging)
        defer { folder.remove() }
        let job = EvaluationJob(
            runtimePath: installation.runtimeLibrary, modelPath: try folder.stage(request.modelPath, as: "model.onnx"),
            baselineModelPath: try request.baselineModelPath.map { try folder.stage($0, as: "baseline.onnx") },
            datasetPath: try folder.stage(request.dataset), topK: Self.topK,
            latency: LatencySettings(
                threads: request.settings.threads, batchSize: request.settings.batch,
                warmUpRuns: request.settings.warmupRuns, measuredRuns: request.settings.measuredRuns,
                budgetSeconds: max(1, request.settings.deadlineSeconds * 4 / 5),
                maxRatios: Self.bounds(request.settings.maxRatios ?? [:]),
                confidence: request.settings.confidence ?? VerificationSettings.confidenceDefault,
                sweepBatchSizes: request.settings.sweepBatches ?? [],
                sweepThreads: request.settings.sweepThreads ?? []),
            limits: EvaluationLimits(
                cpuSeconds: min(request.settings.deadlineSeconds * request.settings.threads, 86_400),
                memoryBytes: Self.memoryBytes, cpuSet: request.cpus?.numbers))
        let outcome = try await supervise(
            job, deadline: .seconds(request.settings.deadlineSeconds), progress: progress)
        return outcome.keptOn(request.cpus)
    }

    package func checkAvailable() throws {
        guard FileManager.default.isExecutableFile(atPath: installation.executable) else {
            throw AssayError(
                .evaluatorUnavailable, "the evaluator is not installed",
                remedy: "install assay-evaluator beside assay, or name it with ASSAY_EVALUATOR")
        }
        guard FileManager.default.isReadableFile(atPath: installation.runtimeLibrary) else {
            throw AssayError(
                .evaluatorUnavailable, "ONNX Runtime is not installed",
                remedy: "run scripts/bootstrap.sh, or name the library with ASSAY_ONNXRUNTIME")
        }
    }

    // MARK: Supervision

    /// What the process said before it ended.
    private enum Ending: Sendable {
        case answered(EvaluationMessage)
        case silent
        case deadline
        case flooded
    }

    private func supervise(
        _ job: EvaluationJob, deadline: Duration, progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async throws -> EvaluationOutcome {
        var options = PlatformOptions()
        // A group of its own, so that nothing it starts outlives it.
        options.createSession = true
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))]
        let result = try await Subprocess.run(
            .path(FilePath(installation.executable)), environment: .custom([:] as [Environment.Key: String]),
            workingDirectory: FilePath(installation.staging), platformOptions: options,
            input: .array(try job.json()), output: .sequence, error: .discarded
        ) { execution in
            let ending = await Self.firstEnding(
                reading: execution.standardOutput, deadline: deadline, progress: progress)
            await execution.teardown(using: options.teardownSequence)
            return ending
        }
        try Task.checkCancellation()
        return Self.outcome(result.closureResult, status: result.terminationStatus, deadline: deadline)
    }

    /// Whichever comes first: the answer, the end of the output, or the deadline.
    private static func firstEnding(
        reading output: SubprocessOutputSequence, deadline: Duration,
        progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async -> Ending {
        await withTaskGroup(of: Ending.self) { group in
            group.addTask { await read(output, progress: progress) }
            group.addTask {
                // Cancelled when the answer came first; then nobody looks at what it returns.
                try? await Task.sleep(for: deadline)
                return .deadline
            }
            let first = await group.next() ?? .silent
            group.cancelAll()
            return first
        }
    }

    private static func read(
        _ output: SubprocessOutputSequence, progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async -> Ending {
        var line: [UInt8] = []
        do {
            for try await chunk in output {
                for byte in chunk.withUnsafeBytes({ Array($0) }) {
                    guard byte == UInt8(ascii: "\n") else {
                        line.append(byte)
                        if line.count > EvaluationMessage.lineBytesMax { return .flooded }
                        continue
                    }
                    switch try EvaluationMessage(line: line) {
                    case .progress(let stage, let done, let total):
                        progress(.init(stage: stage.rawValue, done: done, total: total))
                    case let final: return .answered(final)
                    }
                    line.removeAll(keepingCapacity: true)
                }
            }
        } catch {
            // Output that is no message, or that cannot be read, counts as no answer.
            return .silent
        }
        return .silent
    }

    private static func outcome(
        _ ending: Ending, status: TerminationStatus, deadline: Duration
    ) -> EvaluationOutcome {
        switch ending {
        case .answered(.result(let result)):
            EvaluationOutcome(environment: environment(of: result), result: .success(measurements(of: result)))
        case .answered(.failure(let failure)):
            failed(failure.kind, failure.message)
        case .deadline:
            failed(.timeLimit, "the evaluation did not end within \(deadline.components.seconds) seconds")
        case .flooded:
            failed(.workerCrashed, "the evaluator wrote a line without an end")
        case .answered(.progress), .silent:
            if case .signaled(SIGXCPU) = status {
                failed(.timeLimit, "the evaluation used up its CPU time")
            } else {
                failed(.workerCrashed, "the evaluator ended without an answer (\(status))")
            }
        }
    }

    private static func failed(_ kind: EvaluationFailure.Kind, _ message: String) -> EvaluationOutcome {
        EvaluationOutcome(
            environment: nil, result: .failure(.init(kind.rawValue, Printable.escape(message, limit: 1000))))
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
        measurements.perClass = result.metrics.classes?.map(VerificationReport.ClassFigures.init)
        measurements.slices = result.metrics.slices?.mapValues {
            $0.mapValues { VerificationReport.SliceFigures(samples: $0.samples, metrics: $0.metrics) }
        }
        measurements.paired = result.metrics.paired.map(VerificationReport.PairedFigures.init)
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

    private static func bounds(_ ratios: [String: Double]) -> [LatencyStatistic: Double] {
        ratios.reduce(into: [:]) { bounds, entry in
            if let statistic = LatencyStatistic(rawValue: entry.key) { bounds[statistic] = entry.value }
        }
    }
}

extension EvaluationOutcome {
    /// The same with the CPUs that the process had itself kept on; one that could not do so has no environment.
    fileprivate func keptOn(_ cpus: CPUSet?) -> EvaluationOutcome {
        let environment = environment.map {
            VerificationReport.Environment(
                runtime: $0.runtime, cpu: $0.cpu, isaFlags: $0.isaFlags, cores: $0.cores, cpuSet: cpus)
        }
        return EvaluationOutcome(environment: environment, result: result)
    }
}
