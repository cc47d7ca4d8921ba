import EvaluationProtocol

/// What a model answered to a classification, class by class in the order of `classes`.
struct ClassAnswers {
    let classes: [String]
    let expected: [Int]
    let predicted: [Int]
    /// Of the first classes; nil if the model gives none.
    var scores: ClassScores?
    /// Why there are none.
    var scoresFault: String?
}

/// What the scores of a classifier say, whatever it predicts.
struct ClassScores {
    /// Of one sample.
    struct Sample {
        /// How many classes are scored better than the expected one.
        let rank: Int
        /// The score of the expected class, as a share of 1 if it is one.
        let expectedScore: Double
        /// The best score, likewise.
        let bestScore: Double
        /// Whether the best score is that of the expected class.
        let isBestRight: Bool
    }

    /// What areas are computed from.
    enum Curve {
        /// Of two classes, how much each sample is of the second one.
        case positive([Double])
        /// All scores, row by row.
        case rows([Double])
        /// Nothing, and why.
        case undefined(String)
    }

    let samples: [Sample]
    /// The classes that are scored, by name.
    let classes: [String]
    /// Why the scores are no shares of 1; nil if they are.
    let sharesFault: String?
    /// How far probabilities are kept away from 0 and 1.
    let epsilon: Double
    let curve: Curve
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
    private let askedK: [Int]
    private let topK: [Int]
    private let curve: RocCurve?
    private let losses: [Double]
    private let bins: [Int]

    init(_ answers: ClassAnswers, topK: [Int]) {
        self.answers = answers
        let scores = answers.scores
        askedK = topK
        self.topK = topK.filter { $0 <= scores?.classes.count ?? 0 }
        curve =
            switch scores?.curve {
            case .positive(let positive): RocCurve(expected: answers.expected, positive: positive)
            case .rows(let rows):
                RocCurve(expected: answers.expected, scores: rows, classCount: scores?.classes.count ?? 0)
            case .undefined, nil: nil
            }
        let shares = scores.flatMap { $0.sharesFault == nil ? $0 : nil }
        losses = shares.map { shares in shares.samples.map { Self.loss($0.expectedScore, shares.epsilon) } } ?? []
        bins = shares.map { $0.samples.map { Self.bin($0.bestScore) } } ?? []
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
        guard counts.total > 0, let scores = answers.scores else { return values }
        let total = Double(counts.total)
        for k in topK {
            var right = 0
            for index in weights.indices where scores.samples[index].rank < k { right += weights[index] }
            values["top_\(k)"] = Double(right) / total
        }
        values["roc_auc"] = curve?.area(weights: weights)
        if scores.sharesFault == nil {
            var loss = 0.0
            for index in weights.indices { loss += Double(weights[index]) * losses[index] }
            values["log_loss"] = loss / total
            values["calibration_error"] = calibrationError(scores.samples, weights) / total
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

    /// Why metrics of scores are not among the values of all samples, by their names.
    var leftOut: [String: String] {
        var reasons: [String: String] = [:]
        func leave(_ names: [String], _ reason: String) { for name in names { reasons[name] = reason } }
        guard let scores = answers.scores else {
            leave(
                askedK.map { "top_\($0)" } + ["roc_auc", "log_loss", "calibration_error"],
                answers.scoresFault ?? "the model answers no scores")
            return reasons
        }
        leave(
            askedK.filter { $0 > scores.classes.count }.map { "top_\($0)" },
            "\(scores.classes.count) classes are scored")
        if let fault = scores.sharesFault { leave(["log_loss", "calibration_error"], fault) }
        if case .undefined(let fault) = scores.curve {
            leave(["roc_auc"], fault)
        } else if values()["roc_auc"] == nil {
            let occurring = Set(answers.expected)
            let absent = scores.classes.indices.filter { !occurring.contains($0) }.map { scores.classes[$0] }
            leave(["roc_auc"], "no sample is of the class \(MessageText.list(absent))")
        }
        return reasons
    }

    // MARK: Probabilities

    /// -ln p, with p kept away from 0 and 1 by the distance of the numbers next to 1, as in scikit-learn.
    private static func loss(_ probability: Double, _ epsilon: Double) -> Double {
        -logarithm(min(max(probability, epsilon), 1 - epsilon))
    }

    /// The bin of a confidence: bins are open below and closed above, and 0 is in the first.
    private static func bin(_ confidence: Double) -> Int {
        let width = 1 / Double(calibrationBins)
        return (1..<calibrationBins).first { confidence <= Double($0) * width }.map { $0 - 1 } ?? calibrationBins - 1
    }

    /// The sum over the bins of |right best scores - sum of confidences|.
    private func calibrationError(_ samples: [ClassScores.Sample], _ weights: [Int]) -> Double {
        var gaps = [Double](repeating: 0, count: Self.calibrationBins)
        for index in weights.indices where weights[index] != 0 {
            let right = samples[index].isBestRight ? 1.0 : 0.0
            gaps[bins[index]] += Double(weights[index]) * (right - samples[index].bestScore)
        }
        return gaps.reduce(0) { $0 + abs($1) }
    }
}
