import EvaluationProtocol

/// The scores of a classifier, sample by sample; of each only what the metrics need is kept.
struct ScoredPredictions {
    /// How far from 1 the sum of probabilities may be: float16 has about three digits.
    private static let sumTolerance = 0.005

    /// What the columns of scores stand for.
    let classes: [ClassLabel]
    private let positions: [ClassLabel: Int]
    private var expected: [Int] = []
    private var predicted: [Int] = []
    private var scored: [ClassAnswers.Scored] = []
    private var areProbabilities = true
    private var scores: [Double] = []
    private var areScoresKept = true

    init(classes: [ClassLabel]) throws(EvaluationFailure) {
        guard classes.count > 1 else {
            throw EvaluationFailure(.shapeMismatch, "the model scores \(classes.count) class; two or more are needed")
        }
        self.classes = classes
        positions = Dictionary(classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Takes the scores of one sample: the best one predicts, and of equal ones the first.
    mutating func add(_ row: ArraySlice<Double>, expected label: ClassLabel) throws(EvaluationFailure) {
        guard let position = positions[label] else { throw unscored(label) }
        let first = row.startIndex
        let expectedScore = row[first + position]
        var best = first
        var rank = 0
        var sum = 0.0
        for index in row.indices {
            let score = row[index]
            if score > row[best] { best = index }
            if score > expectedScore || (score == expectedScore && index < first + position) { rank += 1 }
            if score < 0 || score > 1 { areProbabilities = false }
            sum += score
        }
        if abs(sum - 1) > Self.sumTolerance { areProbabilities = false }
        expected.append(position)
        predicted.append(best - first)
        scored.append(.init(rank: rank, expectedScore: expectedScore, bestScore: row[best]))
        if areScoresKept { scores += row }
        if scores.count > RocCurve.scoresMax {
            scores = []
            areScoresKept = false
        }
    }

    private func unscored(_ label: ClassLabel) -> EvaluationFailure {
        let scoredClasses =
            classes == (0..<classes.count).map(ClassLabel.number)
            ? "0 to \(classes.count - 1)" : MessageText.list(classes.map(\.name))
        return EvaluationFailure(
            .shapeMismatch,
            "a label is class \(MessageText.plain(label.name, limit: MessageText.nameLengthMax)) and the model scores "
                + "the classes \(scoredClasses)")
    }

    func answers() throws(EvaluationFailure) -> ClassAnswers {
        ClassAnswers(
            classes: try ClassLabel.names(classes), expected: expected, predicted: predicted, scored: scored,
            areProbabilities: areProbabilities, scores: scores)
    }
}
