/// What one run of a version in the executor measured, or why there is nothing to measure.
///
/// It counts only for the digests, settings and evaluator that it names. Signed as an in-toto attestation.
package struct VerificationReport: Sendable, Hashable, Codable {
    package static let formatVersion = 1

    /// A version as evidence names it: by digest; the number is for people.
    package struct Subject: Sendable, Hashable, Codable {
        package let repository: RepositoryName
        package let number: VersionNumber
        package let digest: Digest

        package init(repository: RepositoryName, number: VersionNumber, digest: Digest) {
            self.repository = repository
            self.number = number
            self.digest = digest
        }

        package init(_ version: Version) {
            self.init(repository: version.repository, number: version.number, digest: version.manifestDigest)
        }
    }

    package struct Latency: Sendable, Hashable, Codable {
        /// Of one batch, in microseconds.
        package let p50Microseconds: Double
        package let p90Microseconds: Double
        package let p99Microseconds: Double
        package let meanMicroseconds: Double
        /// Samples per second.
        package let throughput: Double
        package let runs: Int

        package init(p50: Double, p90: Double, p99: Double, mean: Double, throughput: Double, runs: Int) {
            p50Microseconds = p50
            p90Microseconds = p90
            p99Microseconds = p99
            meanMicroseconds = mean
            self.throughput = throughput
            self.runs = runs
        }

        /// The figure of a percentile by its name in a policy: `p50`, `p90`, `p99` or `mean`.
        package func microseconds(of name: String) -> Double? {
            switch name {
            case "p50": p50Microseconds
            case "p90": p90Microseconds
            case "p99": p99Microseconds
            case "mean": meanMicroseconds
            default: nil
            }
        }
    }

    /// The baseline's latency, interleaved with the candidate's in one process.
    package struct Comparison: Sendable, Hashable, Codable {
        package let baseline: Subject
        package let latency: Latency

        package init(baseline: Subject, latency: Latency) {
            self.baseline = baseline
            self.latency = latency
        }
    }

    package struct Failure: Sendable, Hashable, Codable {
        /// Stable: `invalid-model`, `time-limit`, `worker-crashed` …
        package let kind: String
        package let message: String

        package init(kind: String, message: String) {
            self.kind = kind
            self.message = message
        }

        /// Whether the process ended without an answer.
        package var isWorkerCrash: Bool { kind == "worker-crashed" }

        /// Whether it says something of the model or the data, and not of the machine or the store.
        package var isConclusive: Bool { ErrorCode.known(kind) == nil }
    }

    package struct Measurements: Sendable, Hashable, Codable {
        /// Scalars by name: those of `Metric.directions` that apply.
        package let metrics: [String: Double]
        /// Rows are the expected classes, columns the predicted ones, both in the order of `classes`.
        package let confusionMatrix: [[Int]]?
        package let classes: [String]?
        package let sampleCount: Int
        package let latency: Latency
        package let comparison: Comparison?
        package let loadMicroseconds: Double
        package let firstRunMicroseconds: Double
        package let peakMemoryBytes: Int64
        /// The table of the classes, in the order of `classes`.
        package var perClass: [ClassFigures]?
        /// By group and by the group's value.
        package var slices: [String: [String: SliceFigures]]?
        /// Metrics compared with the baseline's of `comparison`, sample by sample.
        package var paired: PairedFigures?
        /// Why there is a baseline and no such comparison.
        package var pairedFailure: String?

        package init(
            metrics: [String: Double], confusionMatrix: [[Int]]?, classes: [String]?, sampleCount: Int,
            latency: Latency, comparison: Comparison?, loadMicroseconds: Double, firstRunMicroseconds: Double,
            peakMemoryBytes: Int64
        ) {
            self.metrics = metrics
            self.confusionMatrix = confusionMatrix
            self.classes = classes
            self.sampleCount = sampleCount
            self.latency = latency
            self.comparison = comparison
            self.loadMicroseconds = loadMicroseconds
            self.firstRunMicroseconds = firstRunMicroseconds
            self.peakMemoryBytes = peakMemoryBytes
        }
    }

    package struct Environment: Sendable, Hashable, Codable {
        /// Name and version of the runtime.
        package let runtime: String
        package let cpu: String
        package let isaFlags: [String]
        package let cores: Int

        package init(runtime: String, cpu: String, isaFlags: [String], cores: Int) {
            self.runtime = runtime
            self.cpu = cpu
            self.isaFlags = isaFlags
            self.cores = cores
        }
    }

    package let format: Int
    package let verification: VerificationID
    package let subject: Subject
    package let dataset: Subject
    package let settings: VerificationSettings
    /// The evaluator build that measured, or failed to; a report counts only for that build.
    package let evaluator: String
    package let environment: Environment?
    package let measurements: Measurements?
    package let failure: Failure?
    package let startedAt: Timestamp
    package let finishedAt: Timestamp

    package init(
        verification: VerificationID, subject: Subject, dataset: Subject, settings: VerificationSettings,
        evaluator: String, environment: Environment?, outcome: Result<Measurements, FailureError>, startedAt: Timestamp,
        finishedAt: Timestamp
    ) {
        format = Self.formatVersion
        self.verification = verification
        self.subject = subject
        self.dataset = dataset
        self.settings = settings
        self.evaluator = evaluator
        self.environment = environment
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        switch outcome {
        case .success(let measurements): (self.measurements, failure) = (measurements, nil)
        case .failure(let error): (measurements, self.failure) = (nil, error.failure)
        }
    }

    /// A failure as the error of an outcome.
    package struct FailureError: Error, Sendable, Hashable {
        package let failure: Failure
        package init(_ kind: String, _ message: String) { failure = Failure(kind: kind, message: message) }
    }
}
