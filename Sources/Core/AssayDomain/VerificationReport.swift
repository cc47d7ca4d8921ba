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
        /// The figures that a policy can bound, by their names there.
        package static let statistics = ["p50", "p90", "p95", "p99", "mean", "tail"]

        /// Of one batch, in microseconds.
        package let p50Microseconds: Double
        package let p90Microseconds: Double
        /// Reports of evaluators before 0.2 have none, as of all figures here that may be absent.
        package let p95Microseconds: Double?
        /// Absent if there were too few runs for one.
        package let p99Microseconds: Double?
        package let meanMicroseconds: Double
        /// The mean of the slowest tenth of the runs.
        package let tailMicroseconds: Double?
        package let maxMicroseconds: Double?
        /// Samples per second.
        package let throughput: Double
        package let runs: Int
        /// The times at 0, 1, 2 … 100 % of the sorted runs.
        package let quantilesMicroseconds: [Double]?

        package init(
            p50: Double, p90: Double, p95: Double?, p99: Double?, mean: Double, tail: Double?, max: Double?,
            throughput: Double, runs: Int, quantiles: [Double]?
        ) {
            p50Microseconds = p50
            p90Microseconds = p90
            p95Microseconds = p95
            p99Microseconds = p99
            meanMicroseconds = mean
            tailMicroseconds = tail
            maxMicroseconds = max
            self.throughput = throughput
            self.runs = runs
            quantilesMicroseconds = quantiles
        }

        /// The figure by its name among `statistics`.
        package func microseconds(of name: String) -> Double? {
            switch name {
            case "p50": p50Microseconds
            case "p90": p90Microseconds
            case "p95": p95Microseconds
            case "p99": p99Microseconds
            case "mean": meanMicroseconds
            case "tail": tailMicroseconds
            default: nil
            }
        }
    }

    /// Latency at one batch size and number of threads.
    package struct SweepPoint: Sendable, Hashable, Codable {
        package let threads: Int
        package let batch: Int
        package let latency: Latency

        package init(threads: Int, batch: Int, latency: Latency) {
            self.threads = threads
            self.batch = batch
            self.latency = latency
        }
    }

    /// A figure of the subject over the baseline's; above 1 the subject is slower.
    package struct Ratio: Sendable, Hashable, Codable {
        /// The median over the pairs of sessions.
        package let ratio: Double
        /// Its confidence interval; absent with too few sessions for one.
        package let lower: Double?
        package let upper: Double?
        /// The ratio of each pair of sessions, as they ran.
        package let sessions: [Double]

        package init(ratio: Double, lower: Double?, upper: Double?, sessions: [Double]) {
            self.ratio = ratio
            self.lower = lower
            self.upper = upper
            self.sessions = sessions
        }

        /// Whether it is at most a bound, by its whole interval; nil if that lies on both sides, or there is none.
        package func isWithin(_ bound: Double) -> Bool? {
            guard let lower, let upper else { return nil }
            return upper <= bound ? true : lower > bound ? false : nil
        }
    }

    /// The subject's latency compared with a baseline's, the runs of both interleaved in one process.
    package struct Comparison: Sendable, Hashable, Codable {
        package let baseline: Subject
        package let figures: ComparisonFigures

        package init(baseline: Subject, figures: ComparisonFigures) {
            self.baseline = baseline
            self.figures = figures
        }

        private enum CodingKeys: CodingKey { case baseline }

        package init(from decoder: any Decoder) throws {
            baseline = try decoder.container(keyedBy: CodingKeys.self).decode(Subject.self, forKey: .baseline)
            figures = try ComparisonFigures(from: decoder)
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(baseline, forKey: .baseline)
            try figures.encode(to: encoder)
        }
    }

    /// What a comparison came to.
    package struct ComparisonFigures: Sendable, Hashable, Codable {
        /// The baseline's times over all sessions.
        package let latency: Latency
        /// The subject's times beside the baseline.
        package let candidate: Latency?
        /// By the names of `Latency.statistics`.
        package let ratios: [String: Ratio]?
        /// What the intervals hold with.
        package let confidence: Double?
        package let pairsPerSession: Int?

        package init(
            latency: Latency, candidate: Latency?, ratios: [String: Ratio]?, confidence: Double?, pairsPerSession: Int?
        ) {
            self.latency = latency
            self.candidate = candidate
            self.ratios = ratios
            self.confidence = confidence
            self.pairsPerSession = pairsPerSession
        }
    }

    package struct Failure: Sendable, Hashable, Codable {
        /// Stable: `invalid-model`, `time-limit`, `worker-crashed` …
        package let kind: String
        package let message: String
        /// What to save, rename or choose.
        package var remedy: String?

        package init(kind: String, message: String, remedy: String? = nil) {
            self.kind = kind
            self.message = message
            self.remedy = remedy
        }

        /// Whether the process ended without an answer.
        package var isWorkerCrash: Bool { kind == "worker-crashed" }

        /// Whether it says something of the model or the data, and not of the machine or the store.
        package var isConclusive: Bool { !Self.kindsOfMachine.contains(kind) && ErrorCode.known(kind) == nil }

        /// Kinds of the evaluator that say that it could not work here.
        private static let kindsOfMachine: Set = ["internal", "runtime-missing"]
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
        package let sweep: [SweepPoint]?
        package let loadMicroseconds: Double
        package let firstRunMicroseconds: Double
        package let peakMemoryBytes: Int64
        /// Samples per run, where the model fixes another number than was asked for.
        package var fixedBatch: Int?

        /// Samples per run, as it ran.
        package func batch(asked settings: VerificationSettings) -> Int { fixedBatch ?? settings.batch }

        /// What went into the model; evaluators before 0.4 do not say it.
        package var fed: [FedInput]?
        /// Who named the inputs: `dataset`, `policy`, both or nobody.
        package var inputsNamedBy: [String]?
        package var judged: Judged?
        /// What answers do at another batch size, and when they are asked for again; evaluators before 0.5
        /// do not say it.
        package var batchInvariant: BatchInvariance?
        package var deterministic: Determinism?
        /// Whether answers may be kept, which follows from the two above.
        package var cacheable: Cacheable?
        /// Why metrics that such data can have are not among `metrics`, by their names.
        package var leftOut: [String: String]?

        /// The table of the classes, in the order of `classes`.
        package var perClass: [ClassFigures]?
        /// By group and by the group's value.
        package var slices: [String: [String: SliceFigures]]?
        /// Metrics compared with the baseline's of `comparison`, sample by sample.
        package var paired: PairedFigures?
        /// How far it answers as the teacher does that the settings name.
        package var agreement: Agreement?
        /// Why there is a baseline and no such comparison.
        package var pairedFailure: String?

        package init(
            metrics: [String: Double], confusionMatrix: [[Int]]?, classes: [String]?, sampleCount: Int,
            latency: Latency, comparison: Comparison?, sweep: [SweepPoint]? = nil, loadMicroseconds: Double,
            firstRunMicroseconds: Double, peakMemoryBytes: Int64
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

    package struct Environment: Sendable, Hashable, Codable {
        /// Name and version of the runtime.
        package let runtime: String
        package let cpu: String
        package let isaFlags: [String]
        package let cores: Int
        /// The CPUs that the evaluator was kept on; nil if it was on all of them.
        package let cpuSet: CPUSet?

        package init(runtime: String, cpu: String, isaFlags: [String], cores: Int, cpuSet: CPUSet? = nil) {
            self.runtime = runtime
            self.cpu = cpu
            self.isaFlags = isaFlags
            self.cores = cores
            self.cpuSet = cpuSet
        }
    }

    /// What confined the process that ran the model, by the names of its layers.
    package struct Cage: Sendable, Hashable, Codable {
        package let layers: [String]
        /// What the machine that measured lacked.
        package let absent: [String]

        package init(layers: [String], absent: [String]) {
            self.layers = layers
            self.absent = absent
        }

        /// Whether every layer that there is was closed.
        package var isFull: Bool { !layers.isEmpty && absent.isEmpty }
    }

    package let format: Int
    package let verification: VerificationID
    package let subject: Subject
    package let dataset: Subject
    /// What its latency was to be compared with, so that a failed run can be repeated too.
    package var baseline: Subject?
    package let settings: VerificationSettings
    /// The evaluator build that measured, or failed to; a report counts only for that build.
    package let evaluator: String
    /// Who measured, as the registry was told.
    package let worker: Worker?
    package let environment: Environment?
    /// Nil where no process came to confine itself, and in reports of evaluators before 0.2.
    package let cage: Cage?
    package let measurements: Measurements?
    package let failure: Failure?
    /// The how manieth try this is of the version on the dataset by this evaluator; absent where it is none: in a
    /// replay, after a failure of the machine, and in reports of registries before 0.4.
    package var tries: Int?
    /// True for a repetition that only compares: nothing is promoted by it.
    package var replay: Bool?
    package let startedAt: Timestamp
    package let finishedAt: Timestamp

    package init(
        verification: VerificationID, subject: Subject, dataset: Subject, settings: VerificationSettings,
        evaluator: String, worker: Worker? = nil, environment: Environment?, cage: Cage? = nil,
        outcome: Result<Measurements, FailureError>, startedAt: Timestamp, finishedAt: Timestamp
    ) {
        format = Self.formatVersion
        self.verification = verification
        self.subject = subject
        self.dataset = dataset
        self.settings = settings
        self.evaluator = evaluator
        self.worker = worker
        self.environment = environment
        self.cage = cage
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
        package init(_ kind: String, _ message: String, remedy: String? = nil) {
            failure = Failure(kind: kind, message: message, remedy: remedy)
        }
    }
}
