import EvaluationProtocol
import ONNXRuntime

/// What a model answers for a batch.
enum BatchAnswer {
    case tensor(OnnxOutput)
    /// One map from classes to scores per sample.
    case maps([OnnxMap])
}

/// Collects what a model answers, batch by batch, and turns it into something that can be scored.
struct Predictions {
    private let labels: Labels
    private let columns: [ClassLabel]?
    private var predictedLabels: [ClassLabel] = []
    private var predictedValues: [Double] = []
    private var scored: ScoredPredictions?

    /// Whether the model gave scores, and not only classes or values.
    var hasScores: Bool { scored != nil }

    init(_ data: LabelledData) {
        labels = data.labels
        columns = data.columns
    }

    /// Adds the answers of a batch whose samples begin at `start`; the first `skipped` were already added before.
    mutating func add(_ answer: BatchAnswer, start: Int, count: Int, skipped: Int) throws(EvaluationFailure) {
        guard answer.isFinite else {
            throw EvaluationFailure(
                .nonFiniteOutput, "the model answers NaN or an infinity for samples \(start) to \(start + count - 1)")
        }
        let samples = start + skipped..<start + count
        switch (labels, answer) {
        case (.classes(let expected), .maps(let maps)):
            guard maps.count == count else {
                throw EvaluationFailure(.shapeMismatch, "the model answers \(maps.count) maps for \(count) samples")
            }
            for (map, label) in zip(maps[skipped...], expected[samples]) { try add(map, expected: label) }
        case (.classes(let expected), .tensor(let output)):
            try add(output, expected: expected[samples], count: count, skipped: skipped)
        case (.values(_, let columns), .tensor(let output)):
            guard case .floatingPoint(let values) = output.elements else {
                throw EvaluationFailure(
                    .unsupportedType, "the model answers no floating point where numbers are expected")
            }
            guard output.shape.first == count, values.count == count * columns else {
                throw Self.mismatch(output, columns == 1 ? "[\(count)]" : "[\(count), \(columns)]")
            }
            predictedValues += values[(skipped * columns)...]
        case (.values, .maps):
            throw EvaluationFailure(.unsupportedType, "the model answers maps where numbers are expected")
        }
    }

    private mutating func add(
        _ output: OnnxOutput, expected: ArraySlice<ClassLabel>, count: Int, skipped: Int
    ) throws(EvaluationFailure) {
        if let classes = ClassLabel.list(output.elements) {
            guard classes.count == count else { throw Self.mismatch(output, "[\(count)]") }
            predictedLabels += classes[skipped...]
            return
        }
        guard case .floatingPoint(let values) = output.elements, output.shape.first == count,
            output.shape.count == 2 || output.shape.count == 1 && values.count == count
        else { throw Self.mismatch(output, "[\(count), number of classes]") }
        let isSingle = values.count == count
        let scores = isSingle ? try Self.pairs(values) : values
        let width = isSingle ? 2 : output.shape[1]
        if scored == nil { scored = try ScoredPredictions(classes: try columnClasses(width)) }
        for (row, label) in zip(skipped..<count, expected) {
            try scored?.add(scores[row * width..<(row + 1) * width], expected: label)
        }
    }

    /// The scores of both classes, where a model answers the probability of the second one alone.
    private static func pairs(_ probabilities: [Double]) throws(EvaluationFailure) -> [Double] {
        guard let odd = probabilities.first(where: { !(0...1).contains($0) }) else {
            return probabilities.flatMap { [1 - $0, $0] }
        }
        throw EvaluationFailure(
            .shapeMismatch,
            "the model answers one number per sample, which must be the probability of the second class; \(odd) is "
                + "none. Labels of a regression are floating point: save them as float64"
        )
    }

    private func columnClasses(_ width: Int) throws(EvaluationFailure) -> [ClassLabel] {
        guard let columns else { return (0..<width).map(ClassLabel.number) }
        guard columns.count == width else {
            throw EvaluationFailure(
                .shapeMismatch,
                "the dataset's array '\(LabelledData.classesName)' names \(columns.count) classes and the model scores "
                    + "\(width)")
        }
        return columns
    }

    private mutating func add(_ map: OnnxMap, expected: ClassLabel) throws(EvaluationFailure) {
        guard let keys = ClassLabel.list(map.keys) else {
            throw EvaluationFailure(.unsupportedType, "the model answers maps whose keys are no classes")
        }
        if scored == nil { scored = try ScoredPredictions(classes: keys.sorted()) }
        let scores = Dictionary(zip(keys, map.values), uniquingKeysWith: { first, _ in first })
        let row = scored?.classes.compactMap { scores[$0] } ?? []
        guard row.count == scored?.classes.count, row.count == keys.count else {
            throw EvaluationFailure(.shapeMismatch, "the model's maps have different classes from sample to sample")
        }
        try scored?.add(row[...], expected: expected)
    }

    private static func mismatch(_ output: OnnxOutput, _ expected: String) -> EvaluationFailure {
        EvaluationFailure(.shapeMismatch, "the model's output has shape \(output.shape); \(expected) is expected")
    }

    /// The scorer of everything that was added.
    func scorer(topK: [Int]) throws(EvaluationFailure) -> any MetricScorer {
        switch labels {
        case .classes(let expected):
            if let scored { return ClassScorer(try scored.answers(), topK: topK) }
            return ClassScorer(try Self.answers(expected: expected, predicted: predictedLabels), topK: [])
        case .values(let expected, let columns):
            return RegressionScorer(expected: expected, predicted: predictedValues, columns: columns)
        }
    }

    /// The answers of a model that names one class per sample.
    private static func answers(
        expected: [ClassLabel], predicted: [ClassLabel]
    ) throws(EvaluationFailure) -> ClassAnswers {
        let classes = Set(expected).union(predicted).sorted()
        let positions = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        return ClassAnswers(
            classes: try ClassLabel.names(classes), expected: expected.compactMap { positions[$0] },
            predicted: predicted.compactMap { positions[$0] }, scored: [], areProbabilities: false, scores: [])
    }
}

extension BatchAnswer {
    fileprivate var isFinite: Bool {
        switch self {
        case .tensor(let output):
            if case .floatingPoint(let values) = output.elements { values.allSatisfy(\.isFinite) } else { true }
        case .maps(let maps): maps.allSatisfy { $0.values.allSatisfy(\.isFinite) }
        }
    }
}
