/// What one evaluation measured, with the context without which the figures mean nothing.
package struct EvaluationResult: Equatable, Sendable {
    package var evaluator: EvaluatorBuild
    package var runtime: RuntimeBuild
    package var machine: Machine
    package var settings: Settings
    /// Samples of the dataset that the metrics are over: all of them.
    package var samples: Int
    /// What went into the model, input by input.
    package var fed: [FedInput]
    /// Who said which arrays are inputs: `dataset`, `policy`, both or nobody.
    package var inputsNamedBy: [String]
    package var judged: Judged
    /// What answers do at another batch size; nil for recorded sets, which cannot be put together otherwise.
    package var batchInvariance: BatchInvariance?
    /// What was run again and gave the same bits.
    package var determinism: Determinism?
    package var metrics: EvaluationMetrics
    package var latency: LatencyFigures
    /// Present if the job named a baseline model.
    package var comparison: ComparisonFigures?
    /// Present if the job named a teacher whose answers could be compared.
    package var teacher: TeacherFigures?
    /// Why there is a teacher and no comparison with it, as a sentence.
    package var teacherFailure: String?
    /// Every point that the job's sweep asked for and the budget sufficed for.
    package var sweep: [SweepPoint]
    /// Time to make a session of the candidate, with reading, checking and optimising its graph.
    package var loadMicroseconds: Double
    /// Time of the candidate's first run ever, before any warm-up.
    package var firstRunMicroseconds: Double
    /// The largest resident size of the whole process up to the end of the candidate's own measurement. What the fresh
    /// sessions of a comparison or a sweep take on top is not counted.
    package var peakMemoryBytes: Int

    package init(
        evaluator: EvaluatorBuild, runtime: RuntimeBuild, machine: Machine, settings: Settings, samples: Int,
        fed: [FedInput], inputsNamedBy: [String], judged: Judged, metrics: EvaluationMetrics, latency: LatencyFigures,
        comparison: ComparisonFigures?, sweep: [SweepPoint],
        loadMicroseconds: Double, firstRunMicroseconds: Double, peakMemoryBytes: Int
    ) {
        self.evaluator = evaluator
        self.runtime = runtime
        self.machine = machine
        self.settings = settings
        self.samples = samples
        self.fed = fed
        self.inputsNamedBy = inputsNamedBy
        self.judged = judged
        self.metrics = metrics
        self.latency = latency
        self.comparison = comparison
        self.sweep = sweep
        self.loadMicroseconds = loadMicroseconds
        self.firstRunMicroseconds = firstRunMicroseconds
        self.peakMemoryBytes = peakMemoryBytes
    }
}

extension EvaluationResult {
    /// Which evaluator measured.
    package struct EvaluatorBuild: Equatable, Codable, Sendable {
        package var version: String
        package var protocolVersion: Int

        package init(version: String, protocolVersion: Int = EvaluationProtocolVersion.current) {
            self.version = version
            self.protocolVersion = protocolVersion
        }

        private enum CodingKeys: String, CodingKey {
            case version
            case protocolVersion = "protocol"
        }
    }

    /// Which library executed the model.
    package struct RuntimeBuild: Equatable, Codable, Sendable {
        package var name: String
        package var version: String

        package init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    /// Where it ran.
    package struct Machine: Equatable, Codable, Sendable {
        package var cpuModel: String
        /// The instruction set extensions that matter for inference, sorted.
        package var isaFlags: [String]
        /// Logical processors that are online.
        package var cores: Int

        package init(cpuModel: String, isaFlags: [String], cores: Int) {
            self.cpuModel = cpuModel
            self.isaFlags = isaFlags
            self.cores = cores
        }

        private enum CodingKeys: String, CodingKey {
            case cpuModel = "cpu_model"
            case isaFlags = "isa_flags"
            case cores
        }
    }

    /// An input of the model and the array that it was given.
    package struct FedInput: Equatable, Codable, Sendable {
        package var input: String
        package var array: String

        package init(input: String, array: String) {
            self.input = input
            self.array = array
        }
    }

    /// What was compared with what.
    package struct Judged: Equatable, Codable, Sendable {
        /// The array of expected values; absent where outputs are compared with recorded ones.
        package var labels: String?
        /// The array that names the columns of scores.
        package var classes: String?
        /// The outputs that predictions were taken from.
        package var predictions: [String]
        /// The output that scores were taken from.
        package var scores: String?
        /// Where it is known from what the columns of scores stand for.
        package var classesFrom: ClassSource?
        /// What the scores were taken for.
        package var scoreKind: ScoreKind?
        /// Samples of which the best score and the model's own list of classes tell different classes; nil if there are
        /// not both.
        package var argmaxDiffers: Int?

        package init(
            labels: String? = nil, classes: String? = nil, predictions: [String], scores: String? = nil
        ) {
            self.labels = labels
            self.classes = classes
            self.predictions = predictions
            self.scores = scores
        }

        private enum CodingKeys: String, CodingKey {
            case labels, classes, predictions, scores
            case classesFrom = "classes_from"
            case scoreKind = "score_kind"
            case argmaxDiffers = "argmax_differs"
        }
    }

    /// From where it is known what the columns of scores stand for.
    package enum ClassSource: String, Codable, Sendable {
        /// The dataset's array `classes`.
        case dataset
        /// The model's output `class_labels`.
        case classLabels = "class_labels"
        /// The keys of the model's maps.
        case keys
        /// The attributes of the model's classifier.
        case classifier
        /// The model's list of classes, which names the class of the best column in every sample.
        case answers
        /// Nobody says it; labels count from 0, and so do columns.
        case numbers
    }

    /// The same samples in batches of other sizes and in another order.
    package struct BatchInvariance: Equatable, Codable, Sendable {
        /// Samples per run of what was judged.
        package var batch: Int
        package var otherBatches: [Int]
        /// Samples that were compared.
        package var samples: Int
        /// Whether every answer was the same bit for bit.
        package var isExact: Bool
        /// The largest difference of two numbers, a text that differs being 1; nil with a fault.
        package var maxDifference: Double?
        /// Why there is nothing to compare, as a sentence.
        package var fault: String?

        package init(
            batch: Int, otherBatches: [Int], samples: Int, isExact: Bool, maxDifference: Double?, fault: String? = nil
        ) {
            self.batch = batch
            self.otherBatches = otherBatches
            self.samples = samples
            self.isExact = isExact
            self.maxDifference = maxDifference
            self.fault = fault
        }

        private enum CodingKeys: String, CodingKey {
            case batch, samples, fault
            case otherBatches = "other_batches"
            case isExact = "exact"
            case maxDifference = "max_difference"
        }
    }

    /// Batches of samples, or recorded sets, that were run again with the same batch and threads.
    package struct Determinism: Equatable, Codable, Sendable {
        package var runs: Int
        /// 0: answers that differ in a bit end the evaluation.
        package var maxDifference: Double

        package init(runs: Int, maxDifference: Double = 0) {
            self.runs = runs
            self.maxDifference = maxDifference
        }

        private enum CodingKeys: String, CodingKey {
            case runs
            case maxDifference = "max_difference"
        }
    }

    /// How latency was measured.
    package struct Settings: Equatable, Codable, Sendable {
        package var threads: Int
        /// Samples per timed run, as really run.
        package var batchSize: Int
        /// Runs before the candidate's times were steady.
        package var warmUpRuns: Int
        package var measuredRuns: Int
        package var seed: UInt64

        package init(threads: Int, batchSize: Int, warmUpRuns: Int, measuredRuns: Int, seed: UInt64) {
            self.threads = threads
            self.batchSize = batchSize
            self.warmUpRuns = warmUpRuns
            self.measuredRuns = measuredRuns
            self.seed = seed
        }

        private enum CodingKeys: String, CodingKey {
            case threads
            case batchSize = "batch_size"
            case warmUpRuns = "warm_up_runs"
            case measuredRuns = "measured_runs"
            case seed
        }
    }
}

extension EvaluationResult: Codable {
    private enum CodingKeys: String, CodingKey {
        case evaluator, runtime, machine, settings, samples, fed, judged, metrics, latency, comparison, sweep, teacher
        case teacherFailure = "teacher_failure"
        case inputsNamedBy = "inputs_named_by"
        case batchInvariance = "batch_invariant"
        case determinism = "deterministic"
        case loadMicroseconds = "load_microseconds"
        case firstRunMicroseconds = "first_run_microseconds"
        case peakMemoryBytes = "peak_memory_bytes"
    }
}
