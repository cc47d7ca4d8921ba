import EvaluationProtocol
import Testing

@testable import ModelEvaluator

@Suite struct `Classification metrics` {
    /// Class 0: 2 of 3 right, class 1: 1 of 2 right, class 2: expected once and never predicted, class 3: not there.
    private static func listed(expected: [Int] = [0, 0, 0, 1, 1, 2], predicted: [Int] = [0, 0, 1, 1, 0, 1])
        -> ClassScorer
    {
        ClassScorer(
            ClassAnswers(
                classes: ["a", "b", "c", "d"], expected: expected, predicted: predicted, scored: [],
                areProbabilities: false, scores: []),
            topK: [1])
    }

    /// Two samples of each of three classes.
    private static let rows: [[Double]] = [
        [0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.1, 0.3, 0.6], [0.6, 0.3, 0.1],
    ]
    private static func scored(
        _ rows: [[Double]] = rows, expected: [Int] = [0, 0, 1, 1, 2, 2], topK: [Int] = [1, 2, 3, 4]
    ) throws -> ClassScorer {
        var predictions = try ScoredPredictions(classes: (0..<rows[0].count).map(ClassLabel.number))
        for (row, label) in zip(rows, expected) { try predictions.add(row[...], expected: .number(label)) }
        return ClassScorer(try predictions.answers(), topK: topK)
    }

    private func isNear(_ value: Double?, _ expected: Double) -> Bool { abs((value ?? .nan) - expected) < 1e-12 }

    @Test func `counts give the metrics of predicted classes`() {
        let values = Self.listed().values()
        #expect(values["accuracy"] == 3.0 / 6)
        #expect(isNear(values["balanced_accuracy"], (2.0 / 3 + 1.0 / 2 + 0) / 3))
        // Precision: 2 of 3, 1 of 3, none predicted. F1: 2*2/(3+3), 2*1/(2+3), 0.
        #expect(isNear(values["macro_precision"], (2.0 / 3 + 1.0 / 3 + 0) / 3))
        #expect(isNear(values["macro_recall"], (2.0 / 3 + 1.0 / 2 + 0) / 3))
        #expect(isNear(values["macro_f1"], (4.0 / 6 + 2.0 / 5 + 0) / 3))
        #expect(isNear(values["weighted_precision"], (3 * 2.0 / 3 + 2 * 1.0 / 3 + 0) / 6))
        #expect(isNear(values["weighted_recall"], 3.0 / 6))
        #expect(isNear(values["weighted_f1"], (3 * 4.0 / 6 + 2 * 2.0 / 5 + 0) / 6))
        #expect(values.count == 8)
    }

    @Test func `a class that is only predicted lowers macro figures but not the balanced accuracy`() {
        let values = Self.listed(expected: [0, 0], predicted: [0, 3]).values()
        #expect(values["balanced_accuracy"] == 0.5)
        #expect(values["macro_recall"] == 0.25)
        #expect(values["macro_precision"] == 0.5)
    }

    @Test func `the table and the matrix have the classes that occur`() {
        let scorer = Self.listed()
        #expect(scorer.classFigures?.map(\.name) == ["a", "b", "c"])
        #expect(
            scorer.classFigures?[0]
                == ClassFigures(name: "a", samples: 3, precision: 2.0 / 3, recall: 2.0 / 3, f1: 4.0 / 6))
        #expect(
            scorer.confusionMatrix
                == ConfusionMatrix(labels: ["a", "b", "c"], counts: [[2, 1, 0], [1, 1, 0], [0, 1, 0]]))
    }

    @Test func `a matrix of too many classes is left out`() {
        let labels = Array(0...ClassScorer.confusionClassesMax)
        let scorer = ClassScorer(
            ClassAnswers(
                classes: labels.map { "\($0)" }, expected: labels, predicted: labels, scored: [],
                areProbabilities: false, scores: []), topK: [])
        #expect(scorer.confusionMatrix == nil)
        #expect(scorer.classFigures?.count == labels.count)
        #expect(scorer.values()["macro_f1"] == 1)
    }

    @Test func `weights choose and repeat samples`() {
        let scorer = Self.listed()
        #expect(scorer.values(weights: [1, 1, 0, 1, 0, 0])["accuracy"] == 1)
        #expect(scorer.values(weights: [0, 0, 0, 1, 0, 3])["accuracy"] == 0.25)
        #expect(scorer.values(weights: [0, 0, 0, 0, 0, 0]).isEmpty)
    }

    @Test func `top k counts ranks below k and leaves out a k above the number of classes`() throws {
        let values = try Self.scored().values()
        // Ranks of the expected classes: 0, 1 or 2 (0.3 ties with class 2, which is higher), 0, 0, 0, 2.
        #expect(isNear(values["top_1"], 4.0 / 6))
        #expect(isNear(values["top_2"], 5.0 / 6))
        #expect(values["top_3"] == 1)
        #expect(values["top_4"] == nil)
    }

    @Test func `the loss is the mean of the logarithms`() throws {
        let scorer = try Self.scored([[0.5, 0.5], [0.25, 0.75]], expected: [0, 0])
        #expect(isNear(scorer.values()["log_loss"], (0.6931471805599453 + 1.3862943611198906) / 2))
        let sure = try Self.scored([[0, 1]], expected: [0])
        // -ln 2^-52
        #expect(isNear(sure.values()["log_loss"], 36.04365338911715))
    }

    @Test func `the calibration error weighs the gap of every bin`() throws {
        // Confidences 0.9 and 0.92 are in one bin with 1 of 2 right: |1 - 1.82|; 0.6 alone and right: |1 - 0.6|.
        let scorer = try Self.scored([[0.9, 0.1], [0.08, 0.92], [0.6, 0.4]], expected: [0, 0, 0])
        #expect(isNear(scorer.values()["calibration_error"], (0.82 + 0.4) / 3))
    }

    @Test func `scores that are no probabilities have no loss and no calibration`() throws {
        for row in [[2.0, -1], [0.6, 0.5], [1.5, -0.5]] {
            let values = try Self.scored([row], expected: [0]).values()
            #expect(values["log_loss"] == nil && values["calibration_error"] == nil)
            #expect(values["accuracy"] == 1)
        }
    }

    @Test func `the area is the share of pairs won, a tie counting half`() throws {
        // Scores of class 1: positives 0.8 and 0.4, negatives 0.4 and 0.1. Won: 2 + 1, tied: 1.
        let scorer = try Self.scored([[0.2, 0.8], [0.6, 0.4], [0.6, 0.4], [0.9, 0.1]], expected: [1, 1, 0, 0])
        #expect(scorer.values()["roc_auc"] == 3.5 / 4)
        // Repeating a sample repeats its pairs: negatives 0.4 and twice 0.1.
        #expect(isNear(scorer.values(weights: [1, 1, 1, 2])["roc_auc"], 5.5 / 6))
        #expect(scorer.values(weights: [1, 1, 0, 0])["roc_auc"] == nil)
    }

    @Test func `the area of several classes is the mean of one against the rest`() throws {
        // Class 0: 0.7, 0.3 against 0.1, 0.2, 0.1, 0.6: 4 + 3 of 8. Class 1:
        // 0.8, 0.5 against 0.2, 0.4, 0.3, 0.3: 8 of 8.
        // Class 2: 0.6, 0.1 against 0.1, 0.3, 0.1, 0.3: 4 + two ties of 8.
        let values = try Self.scored().values()
        #expect(isNear(values["roc_auc"], (7.0 / 8 + 1 + 5.0 / 8) / 3))
    }

    @Test func `a label that is not scored is refused with the classes that are`() throws {
        var predictions = try ScoredPredictions(classes: [.text("no"), .text("yes")])
        let failure = try #require(throws: EvaluationFailure.self) {
            try predictions.add([0.5, 0.5], expected: .text("maybe"))
        }
        #expect(failure.kind == .shapeMismatch)
        #expect(failure.message.contains("'no', 'yes'") && failure.message.contains("maybe"))
    }
}
