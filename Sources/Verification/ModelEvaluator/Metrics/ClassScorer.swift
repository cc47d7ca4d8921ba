import EvaluationProtocol

/// What a model answered to a classification, class by class in the order of `classes`.
struct ClassAnswers {
    /// What a sample's scores say beyond the predicted class.
    struct Scored {
        /// How many classes are scored better than the expected one.
        let rank: Int
        /// The score of the expected class.
        let expectedScore: Double
        /// The score of the predicted class.
        let bestScore: Double
    }

    let classes: [String]
    let expected: [Int]
    let predicted: [Int]
    /// One per sample; empty if the model gives no scores.
    let scored: [Scored]
    /// Whether the scores of every sample are probabilities.
    let areProbabilities: Bool
    /// All scores, row by row; empty if there are none, or too many to be kept.
    let scores: [Double]
}

/// The metrics of a classification.
struct ClassScorer: MetricScorer {
    /// Classes up to which the confusion matrix is written out.
    static let confusionClassesMax = 200
    /// Classes up to which the table of classes is written out.
    static let tableClassesMax = 1_000
    /// Bins of equal width of the calibration error (Guo et al., 2017).
    static let calibrationBins = 15

    let answers: ClassAnswers
    private let topK: [Int]
    private let curve: RocCurve?
    private let losses: [Double]
    private let bins: [Int]

    init(_ answers: ClassAnswers, topK: [Int]) {
        self.answers = answers
        self.topK = answers.scored.isEmpty ? [] : topK.filter { $0 <= answers.classes.count }
        curve =
            answers.scores.isEmpty
            ? nil
            : RocCurve(expected: answers.expected, scores: answers.scores, classCount: answers.classes.count)
        losses = answers.areProbabilities ? answers.scored.map { Self.loss($0.expectedScore) } : []
        bins = answers.areProbabilities ? answers.scored.map { Self.bin($0.bestScore) } : []
    }

    var sampleCount: Int { answers.expected.count }
    var cost: Int {
        sampleCount * (4 + topK.count + (curve == nil ? 0 : answers.classes.count)) + answers.classes.count
    }

    /// Which samples are predicted right.
    var hits: [Bool] { zip(answers.expected, answers.predicted).map { $0 == $1 } }

    func values(weights: [Int]) -> [String: Double] {
        let counts = ClassCounts(
            expected: answers.expected, predicted: answers.predicted, classCount: answers.classes.count,
            weights: weights)
        var values = counts.values
        guard counts.total > 0, !answers.scored.isEmpty else { return values }
        let total = Double(counts.total)
        for k in topK {
            var right = 0
            for index in weights.indices where answers.scored[index].rank < k { right += weights[index] }
            values["top_\(k)"] = Double(right) / total
        }
        values["roc_auc"] = curve?.area(weights: weights)
        if answers.areProbabilities {
            var loss = 0.0
            for index in weights.indices { loss += Double(weights[index]) * losses[index] }
            values["log_loss"] = loss / total
            values["calibration_error"] = calibrationError(weights) / total
        }
        return values
    }

    /// The table of the classes.
    var classFigures: [ClassFigures]? {
        guard answers.classes.count <= Self.tableClassesMax else { return nil }
        return ClassCounts(
            expected: answers.expected, predicted: answers.predicted, classCount: answers.classes.count,
            weights: [Int](repeating: 1, count: sampleCount)
        ).figures(names: answers.classes)
    }

    var confusionMatrix: ConfusionMatrix? {
        let matrix = ConfusionMatrix(
            expected: answers.expected, predicted: answers.predicted, names: answers.classes)
        return matrix.labels.count <= Self.confusionClassesMax ? matrix : nil
    }

    // MARK: Probabilities

    /// -ln p, with p kept away from 0 and 1 by the distance of the numbers next to 1, as in scikit-learn.
    private static func loss(_ probability: Double) -> Double {
        -logarithm(min(max(probability, Double.ulpOfOne), 1 - Double.ulpOfOne))
    }

    /// The bin of a confidence: bins are open below and closed above, and 0 is in the first.
    private static func bin(_ confidence: Double) -> Int {
        let width = 1 / Double(calibrationBins)
        return (1..<calibrationBins).first { confidence <= Double($0) * width }.map { $0 - 1 } ?? calibrationBins - 1
    }

    /// The sum over the bins of |right predictions - sum of confidences|.
    private func calibrationError(_ weights: [Int]) -> Double {
        var gaps = [Double](repeating: 0, count: Self.calibrationBins)
        for index in weights.indices where weights[index] != 0 {
            let right = answers.expected[index] == answers.predicted[index] ? 1.0 : 0.0
            gaps[bins[index]] += Double(weights[index]) * (right - answers.scored[index].bestScore)
        }
        return gaps.reduce(0) { $0 + abs($1) }
    }
}
