/// The version of the messages between the parent and the evaluator; both refuse any other.
package enum EvaluationProtocolVersion {
    package static let current = 5
}

/// The version of the evaluator; it goes up with every change that can change a figure.
package enum EvaluatorVersion {
    package static let current = "0.6.0"
}

/// What one evaluator process is asked to do: which files, what to measure, and within which limits.
///
/// It is the whole of the process's standard input, as one JSON document.
package struct EvaluationJob: Equatable, Sendable {
    /// Path of the ONNX Runtime shared library.
    package var runtimePath: String
    /// Path of the ONNX model to judge. Its folder holds what the model keeps beside it, and nothing else.
    package var modelPath: String
    /// Path of the model that its latency is compared with, run by run in the same process; likewise.
    package var baselineModelPath: String?
    /// Path of the model that its answers are compared with, sample by sample; likewise.
    package var teacherModelPath: String?
    /// Bounds of its latency over the teacher's: measuring goes on until each is decided.
    package var teacherMaxRatios: [LatencyStatistic: Double] = [:]
    /// Path of the `.npz` archive that holds one array per model input and the labels.
    package var datasetPath: String
    /// Name of the array of expected values.
    package var labelName: String
    /// Which arrays are inputs, as far as anybody says so.
    package var inputs: EvaluationInputs
    package var task: EvaluationTask
    /// The output that is judged; nil if the model has one alone that can be.
    package var output: String?
    /// What scores are; nil if they are probabilities where every one can be, and logits elsewhere.
    package var scores: ScoreKind?
    /// The values of k for which the top-k accuracy is reported; one above the number of classes is left out.
    package var topK: [Int]
    package var latency: LatencySettings
    package var limits: EvaluationLimits

    package init(
        runtimePath: String, modelPath: String, baselineModelPath: String? = nil, datasetPath: String,
        labelName: String = "label", inputs: EvaluationInputs = EvaluationInputs(), task: EvaluationTask = .auto,
        topK: [Int] = [5],
        latency: LatencySettings = LatencySettings(), limits: EvaluationLimits = EvaluationLimits()
    ) {
        self.runtimePath = runtimePath
        self.modelPath = modelPath
        self.baselineModelPath = baselineModelPath
        self.datasetPath = datasetPath
        self.labelName = labelName
        self.inputs = inputs
        self.task = task
        self.topK = topK
        self.latency = latency
        self.limits = limits
    }
}

/// The names of the arrays that may go into a model; a list that is absent says nothing.
package struct EvaluationInputs: Equatable, Codable, Sendable {
    /// As the description beside the arrays names them.
    package var dataset: [String]?
    /// As the policy names them.
    package var policy: [String]?
    /// Which axis has the samples, counted from 0, by the name of an input or output; the first where nothing is said.
    package var batchAxes: [String: Int]?

    package init(dataset: [String]? = nil, policy: [String]? = nil, batchAxes: [String: Int]? = nil) {
        self.dataset = dataset
        self.policy = policy
        self.batchAxes = batchAxes
    }

    private enum CodingKeys: String, CodingKey {
        case dataset, policy
        case batchAxes = "batch_axes"
    }

    /// Who says which arrays are inputs.
    package var namedBy: [String] {
        [dataset.map { _ in "dataset" }, policy.map { _ in "policy" }].compactMap(\.self)
    }
}

/// What the scores of a classifier are.
package enum ScoreKind: String, Codable, Sendable, CaseIterable {
    case probabilities
    /// Any numbers of which the largest is the best; their softmax are probabilities.
    case logits
}

/// How the outputs of a model are compared with the labels.
package enum EvaluationTask: String, Codable, Sendable, CaseIterable {
    /// Classification if the labels are integers, regression if they are floating point.
    case auto
    case classification
    case regression
}
