import EvaluationProtocol
import ONNXRuntime
import Testing

@testable import ModelEvaluator

@Suite struct `Classification metrics` {
    /// Class 0: 2 of 3 right, class 1: 1 of 2 right, class 2: expected once and never predicted, class 3: not there.
    private static func listed(expected: [Int] = [0, 0, 0, 1, 1, 2], predicted: [Int] = [0, 0, 1, 1, 0, 1])
        -> ClassScorer
    {
        ClassScorer(
            ClassAnswers(classes: ["a", "b", "c", "d"], expected: expected, predicted: predicted), topK: [1])
    }

    /// Two samples of each of three classes.
    private static let rows: [[Double]] = [
        [0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.1, 0.3, 0.6], [0.6, 0.3, 0.1],
    ]
    private static func scored(
        _ rows: [[Double]] = rows, expected: [Int] = [0, 0, 1, 1, 2, 2], topK: [Int] = [1, 2, 3, 4],
        declared: ScoreKind? = nil, epsilon: Double = .ulpOfOne
    ) throws -> ClassScorer {
        let classes = (0..<rows[0].count).map(ClassLabel.number)
        var predictions = try ScoredPredictions(classes: classes, declared: declared, epsilon: epsilon)
        for (row, label) in zip(rows, expected) { try predictions.add(row[...], expected: .number(label)) }
        let answers = ClassAnswers(
            classes: classes.map(\.name), expected: expected, predicted: predictions.best,
            scores: predictions.scores(of: "scores"))
        return ClassScorer(answers, topK: topK)
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
                classes: labels.map { "\($0)" }, expected: labels, predicted: labels), topK: [])
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
        // Ranks of the expected classes: 0, 2 (0.3 ties with class 2, which is taken first), 0, 0, 0, 2.
        #expect(isNear(values["top_1"], 4.0 / 6))
        #expect(isNear(values["top_2"], 4.0 / 6))
        #expect(values["top_3"] == 1)
        #expect(values["top_4"] == nil)
    }

    @Test func `the loss is the mean of the logarithms`() throws {
        let scorer = try Self.scored([[0.5, 0.5], [0.25, 0.75]], expected: [0, 0])
        #expect(isNear(scorer.values()["log_loss"], (0.6931471805599453 + 1.3862943611198906) / 2))
        let sure = try Self.scored([[0, 1]], expected: [0])
        // -ln 2^-52
        #expect(isNear(sure.values()["log_loss"], 36.04365338911715))
        // -ln 2^-23: the number next to 1 is that of the scores' own type.
        let single = try Self.scored([[0, 1]], expected: [0], epsilon: OnnxElementType.float32.epsilon)
        #expect(isNear(single.values()["log_loss"], 15.942385152878742))
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
            let scorer = try Self.scored([row], expected: [0])
            #expect(scorer.leftOut["log_loss"]?.contains("--scores logits") == true)
        }
    }

    @Test(arguments: [[1.0000001, 0], [1.004, -0.004], [0.5, 0.5049], [-1e-8, 1]])
    func `what rounding makes of probabilities are still some`(row: [Double]) throws {
        let values = try Self.scored([row], expected: [0]).values()
        #expect(values["log_loss"] != nil && values["calibration_error"] != nil)
        #expect(try #require(values["log_loss"]) >= 0)
    }

    @Test func `probabilities that are declared and are none are refused`() throws {
        let failure = try #require(throws: EvaluationFailure.self) {
            try Self.scored([[2.0, -1]], expected: [0], declared: .probabilities)
        }
        #expect(failure.message.contains("2.0, -1.0") && failure.remedy?.contains("logits") == true)
    }

    /// Values by scipy.special.softmax and scikit-learn's log_loss and roc_auc_score (ovr, macro) over it.
    @Test func `of declared logits the softmax is measured`() throws {
        let rows = [
            [2.0, 0.5, -1], [0.1, 1.5, 0.3], [-0.5, 0.2, 0.9], [3, 2.5, 2.9], [0, 0.4, 0.6], [1, 0.9, -2],
        ]
        let expected = [0, 1, 2, 2, 1, 0]
        let values = try Self.scored(rows, expected: expected, declared: .logits).values()
        #expect(abs((values["log_loss"] ?? 0) - 0.6644551163763732) < 1e-12)
        #expect(abs((values["roc_auc"] ?? 0) - 0.9166666666666666) < 1e-12)
        let open = try Self.scored(rows, expected: expected)
        #expect(open.values()["roc_auc"] == nil && open.leftOut["roc_auc"]?.contains("--scores logits") == true)
        #expect(open.values()["top_2"] == values["top_2"])
    }

    @Test func `the area of two logits is that of their difference`() throws {
        // Differences: 1, -1, 3, 0. By the second column alone the last one would win against all.
        let rows = [[0.0, 1], [2, 1], [-3, 0], [9, 9]]
        for declared in [nil, ScoreKind.logits] {
            let scorer = try Self.scored(rows, expected: [1, 0, 1, 0], declared: declared)
            #expect(scorer.values()["roc_auc"] == 1)
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

    @Test func `the area is not defined where a class has no sample`() throws {
        let scorer = try Self.scored(Array(Self.rows.prefix(4)), expected: [0, 0, 1, 1])
        #expect(scorer.values()["roc_auc"] == nil)
        #expect(scorer.leftOut["roc_auc"]?.contains("'2'") == true)
    }

    @Test func `a label that is not scored is refused with the classes that are`() throws {
        var predictions = try ScoredPredictions(
            classes: [.text("no"), .text("yes")], declared: nil, epsilon: .ulpOfOne)
        let failure = try #require(throws: EvaluationFailure.self) {
            try predictions.add([0.5, 0.5], expected: .text("maybe"))
        }
        #expect(failure.kind == .shapeMismatch)
        #expect(failure.message.contains("'no', 'yes'") && failure.message.contains("maybe"))
    }
}
