import EvaluationProtocol
import ONNXRuntime

/// The scores of a classifier, sample by sample; of each only what the metrics need is kept.
struct ScoredPredictions {
    /// How far from 1 the sum of probabilities may be, and one of them outside of 0 to 1: float16 has about three
    /// digits, and forests add up thousands of float32.
    static let tolerance = 0.005

    /// What the columns of scores stand for.
    let classes: [ClassLabel]
    /// What the scores are declared to be.
    private let declared: ScoreKind?
    private let epsilon: Double
    private let positions: [ClassLabel: Int]
    private var samples: [ClassScores.Sample] = []
    private var areProbabilities = true
    private var rows: [Double] = []
    private var areRowsKept = true
    /// The column of the best score of each sample, the first of equal ones.
    private(set) var best: [Int] = []

    init(classes: [ClassLabel], declared: ScoreKind?, epsilon: Double) throws(EvaluationFailure) {
        guard classes.count > 1 else {
            throw EvaluationFailure(
                .shapeMismatch, "the model scores \(classes.count) class; two or more are needed",
                remedy: "export the model with a score for each class")
        }
        self.classes = classes
        self.declared = declared
        self.epsilon = epsilon
        positions = Dictionary(classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether the scores of a sample are probabilities, within the tolerance.
    static func areProbabilities(_ row: some Collection<Double>) -> Bool {
        abs(row.reduce(0, +) - 1) <= tolerance && row.allSatisfy(isProbability)
    }

    /// Whether a number is a probability, within the tolerance.
    static func isProbability(_ score: Double) -> Bool { score >= -tolerance && score <= 1 + tolerance }

    /// Takes the scores of one sample. Ranks are those of scikit-learn: of equal scores the last one is the best.
    mutating func add(_ row: ArraySlice<Double>, expected label: ClassLabel) throws(EvaluationFailure) {
        guard let position = positions[label] else { throw unscored(label) }
        if declared != .logits, areProbabilities { areProbabilities = Self.areProbabilities(row) }
        if declared == .probabilities, !areProbabilities {
            throw EvaluationFailure(
                .shapeMismatch,
                "the scores are declared as probabilities, and those of sample \(samples.count) are none: "
                    + row.prefix(5).map { "\($0)" }.joined(separator: ", "),
                remedy: "declare them with --scores logits (policy: scores: logits), or export the model with a softmax"
            )
        }
        let place = row.startIndex + position
        var best = row.startIndex
        var rank = 0
        for index in row.indices {
            if row[index] > row[best] { best = index }
            if row[index] > row[place] || (row[index] == row[place] && index > place) { rank += 1 }
        }
        let shares = declared == .logits ? Softmax.shares(row) : row
        samples.append(
            .init(
                rank: rank, expectedScore: shares[place], bestScore: min(max(shares[best], 0), 1),
                isBestRight: best == place))
        self.best.append(best - row.startIndex)
        guard areRowsKept else { return }
        // The difference of two logits ranks as their softmax does, and does not run into 1.
        rows += declared == .logits && row.count == 2 ? row : shares
        if rows.count > RocCurve.scoresMax {
            rows = []
            areRowsKept = false
        }
    }

    private func unscored(_ label: ClassLabel) -> EvaluationFailure {
        EvaluationFailure(
            .shapeMismatch,
            "a label is class \(MessageText.plain(label.name, limit: MessageText.nameLengthMax)) and the model scores "
                + "the classes \(ClassLabel.summary(classes))",
            remedy: ClassFacts.remedy)
    }

    /// What the scores are taken for.
    var kind: ScoreKind { declared ?? (areProbabilities ? .probabilities : .logits) }

    /// All that was added. `output` names the scores to a person.
    func scores(of output: String) -> ClassScores {
        let undeclared =
            "the scores of \(MessageText.quote(output)) are no probabilities; declare them with --scores logits "
            + "(policy: scores: logits) if their softmax is meant"
        let hasShares = declared == .logits || areProbabilities
        let curve: ClassScores.Curve =
            if !areRowsKept {
                .undefined("there are over \(RocCurve.scoresMax) scores")
            } else if classes.count == 2 {
                .positive(
                    stride(from: 0, to: rows.count, by: 2).map {
                        kind == .logits ? rows[$0 + 1] - rows[$0] : rows[$0 + 1]
                    })
            } else {
                hasShares ? .rows(rows) : .undefined(undeclared)
            }
        return ClassScores(
            samples: samples, classes: classes.map(\.name), sharesFault: hasShares ? nil : undeclared,
            epsilon: declared == .logits ? Double.ulpOfOne : epsilon, curve: curve)
    }
}

/// Scores of any size as shares of 1.
enum Softmax {
    static func shares(_ row: ArraySlice<Double>) -> ArraySlice<Double> {
        let largest = row.max() ?? 0
        let powers = row.map { exponential($0 - largest) }
        let sum = powers.reduce(0, +)
        var shares = row
        for (index, power) in zip(row.indices, powers) { shares[index] = power / sum }
        return shares
    }
}

extension OnnxElementType {
    /// The distance of the numbers next to 1, which scikit-learn keeps probabilities away from 0 and 1 by.
    var epsilon: Double {
        switch self {
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        case .float32: 0x1p-23
        default: Double.ulpOfOne
        }
    }
}
