package import AssayDomain

/// Runs one evaluation in its own process.
package protocol EvaluatorHost: Sendable {
    /// Name and version of the evaluator build; a report counts only for the build that made it.
    var build: String { get }

    /// Throws `evaluator-unavailable` if a part of the installation is missing, so that nothing is queued in vain.
    func checkAvailable() throws

    /// Starts a process, supervises it to its deadline and reports what it measured.
    ///
    /// Whatever the model does gives a failure with a stable kind, never an error; errors are faults of the machine.
    /// Cancelling the task ends the process.
    func evaluate(
        _ request: EvaluationRequest, progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async throws -> EvaluationOutcome
}

/// A model as local read-only files: its graph, and those that it keeps data of its tensors in.
package struct LocalModel: Sendable {
    package let path: String
    /// Paths by the locations that the model names: paths within its folder.
    package let externalData: [ExactText: String]

    package init(path: String, externalData: [ExactText: String]) {
        self.path = path
        self.externalData = externalData
    }
}

/// Local read-only files and what to measure on them.
package struct EvaluationRequest: Sendable {
    package let model: LocalModel
    package let baseline: LocalModel?
    package let teacher: LocalModel?
    package let dataset: DatasetFiles
    package let settings: VerificationSettings
    /// The CPUs that the process is kept on; nil for all there are.
    package let cpus: CPUSet?

    package init(
        model: LocalModel, baseline: LocalModel?, teacher: LocalModel? = nil, dataset: DatasetFiles,
        settings: VerificationSettings, cpus: CPUSet?
    ) {
        self.teacher = teacher
        self.model = model
        self.baseline = baseline
        self.dataset = dataset
        self.settings = settings
        self.cpus = cpus
    }
}

/// Where the files of a `DatasetLayout` lie.
package enum DatasetFiles: Sendable {
    case archive(String, description: String?)
    /// Local paths by the names of the layout.
    case recorded([String: String])
}

extension DatasetLayout {
    /// The files at local paths, which are in the order of `files`.
    package func located(at paths: [String]) -> DatasetFiles {
        switch self {
        case .archive: .archive(paths[0], description: paths.dropFirst().first)
        case .recorded(let files): .recorded(Dictionary(uniqueKeysWithValues: zip(files.keys.sorted(), paths)))
        }
    }
}

package struct EvaluationOutcome: Sendable {
    package struct Measurements: Sendable {
        package let metrics: [String: Double]
        package let confusionMatrix: [[Int]]?
        package let classes: [String]?
        package let sampleCount: Int
        package let latency: VerificationReport.Latency
        package let comparison: VerificationReport.ComparisonFigures?
        package let sweep: [VerificationReport.SweepPoint]?
        package let loadMicroseconds: Double
        package let firstRunMicroseconds: Double
        package let peakMemoryBytes: Int64
        package var perClass: [VerificationReport.ClassFigures]?
        package var slices: [String: [String: VerificationReport.SliceFigures]]?
        package var paired: VerificationReport.PairedFigures?
        package var pairedFailure: String?
        package var fed: [VerificationReport.FedInput]?
        package var inputsNamedBy: [String]?
        package var judged: VerificationReport.Judged?
        package var batchInvariant: VerificationReport.BatchInvariance?
        package var deterministic: VerificationReport.Determinism?
        package var leftOut: [String: String]?
        /// With the teacher that the settings name.
        package var agreement: VerificationReport.Agreement?
        /// Samples per run, where the model or the data fix another number than was asked for.
        package var fixedBatch: Int?

        package init(
            metrics: [String: Double], confusionMatrix: [[Int]]?, classes: [String]?, sampleCount: Int,
            latency: VerificationReport.Latency, comparison: VerificationReport.ComparisonFigures? = nil,
            sweep: [VerificationReport.SweepPoint]? = nil, loadMicroseconds: Double, firstRunMicroseconds: Double,
            peakMemoryBytes: Int64
        ) {
            self.metrics = metrics
            self.confusionMatrix = confusionMatrix
            self.classes = classes
            self.sampleCount = sampleCount
            self.latency = latency
            self.comparison = comparison
            self.sweep = sweep
            self.loadMicroseconds = loadMicroseconds
            self.firstRunMicroseconds = firstRunMicroseconds
            self.peakMemoryBytes = peakMemoryBytes
        }
    }

    /// Nil if the process died before it could tell.
    package let environment: VerificationReport.Environment?
    /// What the process was confined by; nil if it died before it could tell.
    package let cage: VerificationReport.Cage?
    package let result: Result<Measurements, VerificationReport.FailureError>

    package init(
        environment: VerificationReport.Environment?, cage: VerificationReport.Cage? = nil,
        result: Result<Measurements, VerificationReport.FailureError>
    ) {
        self.cage = cage
        self.environment = environment
        self.result = result
    }
}
