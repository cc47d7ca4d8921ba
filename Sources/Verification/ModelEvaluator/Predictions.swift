import EvaluationProtocol
import ONNXRuntime

/// Collects what a model answers, batch by batch, and turns it into metrics.
struct Predictions {
    private let labels: Labels
    private var predictedClasses: [Int] = []
    private var ranks: [Int]? = []
    private var scoredClasses = 0
    private var predictedValues: [Double] = []

    init(labels: Labels) {
        self.labels = labels
    }

    /// Adds the answers of a batch whose samples begin at `start`; the first `skipped` were already added before.
    mutating func add(_ output: OnnxOutput, start: Int, count: Int, skipped: Int) throws(EvaluationFailure) {
        if case .floatingPoint(let values) = output.elements, !values.allSatisfy(\.isFinite) {
            throw EvaluationFailure(
                .nonFiniteOutput, "the model answers NaN or an infinity for samples \(start) to \(start + count - 1)")
        }
        switch (labels, output.elements) {
        case (.classes(let expected), .floatingPoint(let scores)):
            guard output.shape.count == 2, output.shape[0] == count, output.shape[1] > 1 else {
                throw Self.mismatch(output, "[\(count), number of classes]")
            }
            for row in skipped..<count {
                try add(
                    scores[row * output.shape[1]..<(row + 1) * output.shape[1]], expected: expected[start + row])
            }
        case (.classes, .integers(let classes)):
            guard classes.count == count else { throw Self.mismatch(output, "[\(count)]") }
            ranks = nil
            predictedClasses += classes[skipped...]
        case (.values(_, let columns), .floatingPoint(let values)):
            guard output.shape.first == count, values.count == count * columns else {
                throw Self.mismatch(output, columns == 1 ? "[\(count)]" : "[\(count), \(columns)]")
            }
            predictedValues += values[(skipped * columns)...]
        case (.values, .integers):
            throw EvaluationFailure(.unsupportedType, "the model answers integers where numbers are expected")
        }
    }

    /// Takes the scores of one sample: the best one predicts, and of equal ones the first.
    private mutating func add(_ scores: ArraySlice<Double>, expected: Int) throws(EvaluationFailure) {
        guard (0..<scores.count).contains(expected) else {
            throw EvaluationFailure(
                .shapeMismatch, "a label is class \(expected) and the model scores the classes 0 to \(scores.count - 1)"
            )
        }
        let first = scores.startIndex
        let expectedScore = scores[first + expected]
        var best = first
        var rank = 0
        for index in scores.indices {
            if scores[index] > scores[best] { best = index }
            let isBetter = scores[index] > expectedScore || (scores[index] == expectedScore && index < first + expected)
            if isBetter { rank += 1 }
        }
        predictedClasses.append(best - first)
        ranks?.append(rank)
        scoredClasses = scores.count
    }

    private static func mismatch(_ output: OnnxOutput, _ expected: String) -> EvaluationFailure {
        EvaluationFailure(.shapeMismatch, "the model's output has shape \(output.shape); \(expected) is expected")
    }

    /// The metrics over everything that was added.
    func metrics(topK: [Int]) throws(EvaluationFailure) -> EvaluationMetrics {
        switch labels {
        case .classes(let expected):
            return .classification(
                ClassificationMetrics(
                    expected: expected, predicted: predictedClasses, ranks: ranks, scoredClasses: scoredClasses,
                    topK: topK))
        case .values(let expected, let columns):
            let metrics = RegressionMetrics(expected: expected, predicted: predictedValues, columns: columns)
            guard metrics.mse.isFinite, metrics.mae.isFinite, metrics.r2.isFinite else {
                throw EvaluationFailure(.nonFiniteOutput, "the errors of the model are too large for a number")
            }
            return .regression(metrics)
        }
    }
}

extension Labels {
    /// The position of the output that is compared with the labels.
    ///
    /// For classes it is the first matrix of scores, or else the first list of integers; for values the first tensor of
    /// floating point. A tensor whose number of dimensions the graph leaves open counts as fitting.
    func output(of session: OnnxSession) throws(EvaluationFailure) -> Int {
        let position =
            switch self {
            case .classes:
                session.outputs.firstIndex { $0.isTensor(of: [.float32, .float64], ranks: [0, 2]) }
                    ?? session.outputs.firstIndex { $0.isTensor(of: [.int64, .int32], ranks: [0, 1]) }
            case .values:
                session.outputs.firstIndex { $0.isTensor(of: [.float32, .float64], ranks: nil) }
            }
        guard let position else {
            throw EvaluationFailure(
                .unsupportedType,
                "none of the model's outputs (\(MessageText.list(session.outputs.map(\.name)))) can be compared with "
                    + "the labels; \(wanted) is needed, sequences and maps are not read")
        }
        return position
    }

    private var wanted: String {
        switch self {
        case .classes: "a float32 or float64 tensor [batch, classes] or an int64 or int32 tensor [batch]"
        case .values: "a float32 or float64 tensor"
        }
    }
}

extension OnnxValueDescription {
    fileprivate func isTensor(of types: [OnnxElementType], ranks: [Int]?) -> Bool {
        guard case .tensor(let elementType, let shape) = kind else { return false }
        return types.contains(elementType) && (ranks?.contains(shape.count) ?? true)
    }
}
