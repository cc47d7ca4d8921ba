package import AssayDomain
package import AssayRegistry
import EvaluationProtocol
import Foundation
import Subprocess
import Synchronization
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
    private static let topK = Metric.topK
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
        let named: EvaluationInputs
        do {
            let described = try request.dataset.description()
            named = EvaluationInputs(
                dataset: described?.inputs, policy: request.settings.inputs,
                batchAxes: described.flatMap { $0.batchAxes.isEmpty ? nil : $0.batchAxes })
        } catch let failure as VerificationReport.FailureError {
            return EvaluationOutcome(environment: nil, result: .failure(failure))
        }
        let folder = try StagingFolder(in: installation.staging)
        defer { folder.remove() }
        let job = EvaluationJob(
            runtimePath: installation.runtimeLibrary, modelPath: try folder.stage(request.model, in: "model"),
            baselineModelPath: try request.baseline.map { try folder.stage($0, in: "baseline") },
            datasetPath: try folder.stage(request.dataset), inputs: named, topK: Self.topK,
            latency: LatencySettings(
                threads: request.settings.threads, batchSize: request.settings.batch,
                warmUpRuns: request.settings.warmupRuns, measuredRuns: request.settings.measuredRuns,
                budgetSeconds: max(1, request.settings.deadlineSeconds * 4 / 5),
                maxRatios: Self.bounds(request.settings.maxRatios ?? [:]),
                confidence: request.settings.confidence ?? VerificationSettings.confidenceDefault,
                sweepBatchSizes: request.settings.sweepBatches ?? [],
                sweepThreads: request.settings.sweepThreads ?? []),
            limits: EvaluationLimits(
                // More than the deadline times the threads could only be used if the clock stood still.
                cpuSeconds: min(request.settings.deadlineSeconds * request.settings.demand.threads, 86_400),
                memoryBytes: Self.memoryBytes, cpuSet: request.cpus?.numbers))
        var chosen = job
        chosen.teacherModelPath = try request.teacher.map { try folder.stage($0, in: "teacher") }
        chosen.teacherMaxRatios = Self.bounds(request.settings.teacherMaxRatios ?? [:])
        chosen.output = request.settings.output
        chosen.scores = request.settings.scores.flatMap { EvaluationProtocol.ScoreKind(rawValue: $0.rawValue) }
        let outcome = try await supervise(
            chosen, workingFolder: try folder.makeFolder("work"), deadline: .seconds(request.settings.deadlineSeconds),
            progress: progress)
        return outcome.of(request)
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

    private func supervise(
        _ job: EvaluationJob, workingFolder: String, deadline: Duration,
        progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async throws -> EvaluationOutcome {
        var options = PlatformOptions()
        // A group of its own, so that nothing it starts outlives it.
        options.createSession = true
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))]
        let message = try job.json()
        let result = try await Subprocess.run(
            .path(FilePath(installation.executable)), environment: .custom([:] as [Environment.Key: String]),
            workingDirectory: FilePath(workingFolder), platformOptions: options,
            input: .inputWriter, output: .sequence, error: .discarded
        ) { execution in
            async let sent: Void = Self.send(message, to: execution.standardInputWriter)
            let ending = await Self.ending(
                of: execution.processIdentifier.value, output: execution.standardOutput, deadline: deadline,
                progress: progress)
            await execution.teardown(using: options.teardownSequence)
            await sent
            return ending
        }
        try Task.checkCancellation()
        return result.closureResult.outcome(status: result.terminationStatus, deadline: deadline)
    }

    /// Writes the job. A process that is gone before it has read it is known by its silence.
    private static func send(_ job: [UInt8], to input: StandardInputWriter) async {
        _ = try? await input.write(job)
        try? await input.finish()
    }

    /// Whichever comes first: the answer, the end of the output, or the deadline.
    private static func ending(
        of process: pid_t, output: SubprocessOutputSequence, deadline: Duration,
        progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async -> EvaluatorEnding {
        let told = ToldCage()
        let answer = await withTaskGroup(of: EvaluatorEnding.Answer.self) { group in
            group.addTask {
                await EvaluatorOutput.read(output, cage: told.tell, progress: progress)
            }
            group.addTask {
                // Cancelled when the answer came first; then nobody looks at what it returns.
                try? await Task.sleep(for: deadline)
                return ProcessState.isStopped(process) ? .stopped : .deadline
            }
            let first = await group.next() ?? .silent
            group.cancelAll()
            return first
        }
        return EvaluatorEnding(cage: told.cage, answer: answer)
    }

    private static func bounds(_ ratios: [String: Double]) -> [LatencyStatistic: Double] {
        ratios.reduce(into: [:]) { bounds, entry in
            if let statistic = LatencyStatistic(rawValue: entry.key) { bounds[statistic] = entry.value }
        }
    }
}

/// What an evaluator said of its cage, kept while its deadline runs beside the reading.
private final class ToldCage: Sendable {
    private let state = Mutex<EvaluationCage?>(nil)

    var cage: EvaluationCage? { state.withLock(\.self) }

    func tell(_ cage: EvaluationCage) { state.withLock { $0 = cage } }
}

extension StagingFolder {
    /// Stages a model and what it keeps beside itself in a folder of its own. The model's name there is one that no
    /// location begins with, so that none can be, or need, what the model is.
    fileprivate func stage(_ model: LocalModel, in folder: String) throws -> String {
        for (location, path) in model.externalData { _ = try stage(path, as: "\(folder)/\(location.text)") }
        let taken = Set(model.externalData.keys.compactMap { $0.text.pathComponents.first.map { ExactText($0) } })
        var (name, count) = ("model.onnx", 1)
        while taken.contains(ExactText(name)) { (name, count) = ("model-\(count).onnx", count + 1) }
        return try stage(model.path, as: "\(folder)/\(name)")
    }
}

extension DatasetFiles {
    /// What is said of a dataset's arrays; nil if nothing is. Throws `FailureError` for a malformed description.
    fileprivate func description() throws -> DatasetDescription? {
        guard case .archive(_, let path?) = self else { return nil }
        let bytes = Array(try Data(contentsOf: URL(filePath: path)))
        return try DatasetDescription.parse(bytes)
    }
}

extension EvaluationOutcome {
    /// The same with the CPUs that the process had itself kept on; one that could not do so has no environment. The
    /// size of a batch is told where it is another one than was asked for.
    fileprivate func of(_ request: EvaluationRequest) -> EvaluationOutcome {
        let environment = environment.map {
            VerificationReport.Environment(
                runtime: $0.runtime, cpu: $0.cpu, isaFlags: $0.isaFlags, cores: $0.cores, cpuSet: request.cpus)
        }
        let result = result.map { measured in
            var measured = measured
            if measured.fixedBatch == request.settings.batch { measured.fixedBatch = nil }
            return measured
        }
        return EvaluationOutcome(environment: environment, cage: cage, result: result)
    }
}
