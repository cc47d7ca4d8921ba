import EvaluationProtocol

/// How often each class is expected, predicted, and both at once: what every metric of predicted classes comes from.
///
/// Definitions: scikit-learn, user guide, "Classification metrics"; a quotient whose divisor is 0 counts as 0.
struct ClassCounts {
    /// By class.
    private(set) var expected: [Int]
    private(set) var predicted: [Int]
    private(set) var hits: [Int]
    private(set) var total = 0

    /// Counts classes given as numbers below `classCount`; a sample counts as often as its weight says.
    init(expected: [Int], predicted: [Int], classCount: Int, weights: [Int]) {
        self.expected = [Int](repeating: 0, count: classCount)
        self.predicted = self.expected
        hits = self.expected
        for index in expected.indices where weights[index] != 0 {
            let weight = weights[index]
            total += weight
            self.expected[expected[index]] += weight
            self.predicted[predicted[index]] += weight
            if expected[index] == predicted[index] { hits[expected[index]] += weight }
        }
    }

    /// Classes that occur among the labels or the predictions.
    private var occurring: [Int] { expected.indices.filter { expected[$0] + predicted[$0] > 0 } }

    func precision(_ label: Int) -> Double { Self.quotient(hits[label], predicted[label]) }
    func recall(_ label: Int) -> Double { Self.quotient(hits[label], expected[label]) }
    /// 2TP / (2TP + FP + FN); the divisor is how often the class is expected plus how often it is predicted.
    func f1(_ label: Int) -> Double { Self.quotient(2 * hits[label], expected[label] + predicted[label]) }

    /// The metrics by wire name; none without a sample.
    var values: [String: Double] {
        let labels = expected.indices.filter { expected[$0] > 0 }
        guard !labels.isEmpty else { return [:] }
        let occurring = occurring
        func mean(_ classes: [Int], _ value: (Int) -> Double) -> Double {
            classes.reduce(0) { $0 + value($1) } / Double(classes.count)
        }
        func weightedMean(_ value: (Int) -> Double) -> Double {
            labels.reduce(0) { $0 + Double(expected[$1]) * value($1) } / Double(total)
        }
        return [
            "accuracy": Self.quotient(hits.reduce(0, +), total),
            "balanced_accuracy": mean(labels, recall),
            "macro_precision": mean(occurring, precision),
            "macro_recall": mean(occurring, recall),
            "macro_f1": mean(occurring, f1),
            "weighted_precision": weightedMean(precision),
            "weighted_recall": weightedMean(recall),
            "weighted_f1": weightedMean(f1),
        ]
    }

    /// The row of each class that occurs, in the order of the classes.
    func figures(names: [String]) -> [ClassFigures] {
        occurring.map {
            ClassFigures(
                name: names[$0], samples: expected[$0], precision: precision($0), recall: recall($0), f1: f1($0))
        }
    }

    private static func quotient(_ dividend: Int, _ divisor: Int) -> Double {
        divisor == 0 ? 0 : Double(dividend) / Double(divisor)
    }
}

extension ConfusionMatrix {
    /// The matrix of the classes that occur.
    init(expected: [Int], predicted: [Int], names: [String]) {
        let occurring = Set(expected).union(predicted).sorted()
        let positions = Dictionary(uniqueKeysWithValues: occurring.enumerated().map { ($1, $0) })
        var counts = [[Int]](repeating: [Int](repeating: 0, count: occurring.count), count: occurring.count)
        for (row, column) in zip(expected, predicted) {
            if let row = positions[row], let column = positions[column] { counts[row][column] += 1 }
        }
        self.init(labels: occurring.map { names[$0] }, counts: counts)
    }
}
