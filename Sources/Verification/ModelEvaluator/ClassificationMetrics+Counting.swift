import EvaluationProtocol

extension ClassificationMetrics {
    /// Classes up to which the confusion matrix is written out.
    static let confusionClassesMax = 200

    /// The metrics of predictions, sample by sample in the same order as the labels.
    ///
    /// - `ranks`: how many classes were scored better than the expected one; absent if the model gives no scores.
    /// - `scoredClasses`: how many classes the model scores; a k above it says nothing and is left out.
    init(expected: [Int], predicted: [Int], ranks: [Int]?, scoredClasses: Int, topK: [Int]) {
        let counts = ClassCounts(expected: expected, predicted: predicted)
        self.init(
            accuracy: Self.share(zip(expected, predicted).count { $0 == $1 }, of: expected.count),
            topK: [:],
            macroF1: counts.macroF1,
            confusionMatrix: counts.classes.count <= Self.confusionClassesMax ? counts.confusionMatrix : nil)
        guard let ranks else { return }
        for k in topK where k <= scoredClasses {
            self.topK[k] = Self.share(ranks.count { $0 < k }, of: ranks.count)
        }
    }

    private static func share(_ count: Int, of total: Int) -> Double {
        total == 0 ? 0 : Double(count) / Double(total)
    }
}

/// How often each pair of expected and predicted class occurs.
private struct ClassCounts {
    private struct Pair: Hashable {
        let expected: Int
        let predicted: Int
    }

    /// Every class that occurs among the labels or the predictions, ascending.
    let classes: [Int]
    private let pairs: [Pair: Int]

    init(expected: [Int], predicted: [Int]) {
        classes = Set(expected).union(predicted).sorted()
        pairs = zip(expected, predicted).reduce(into: [:]) {
            $0[Pair(expected: $1.0, predicted: $1.1), default: 0] += 1
        }
    }

    /// The mean over all classes of 2TP / (2TP + FP + FN).
    var macroF1: Double {
        guard !classes.isEmpty else { return 0 }
        var expectedCount: [Int: Int] = [:]
        var predictedCount: [Int: Int] = [:]
        for (pair, count) in pairs {
            expectedCount[pair.expected, default: 0] += count
            predictedCount[pair.predicted, default: 0] += count
        }
        // 2TP + FP + FN is how often the class is expected plus how often it is predicted, which is at least once.
        let scores = classes.map { label in
            Double(2 * (pairs[Pair(expected: label, predicted: label)] ?? 0))
                / Double((expectedCount[label] ?? 0) + (predictedCount[label] ?? 0))
        }
        return scores.reduce(0, +) / Double(classes.count)
    }

    var confusionMatrix: ConfusionMatrix {
        ConfusionMatrix(
            labels: classes,
            counts: classes.map { row in
                classes.map { column in pairs[Pair(expected: row, predicted: column)] ?? 0 }
            })
    }
}
