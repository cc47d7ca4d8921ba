/// The area under the receiver operating characteristic of each class against all others, of two classes that of the
/// second one.
///
/// It is the share of the pairs of a sample of the class and another one in which the former has the higher score, an
/// equal score counting half (Hanley and McNeil, 1982), which is the area under the curve by trapezoids.
struct RocCurve {
    /// Scores above which the areas are not computed: they all have to be kept and sorted.
    static let scoresMax = 1 << 22

    private let expected: [Int]
    /// The classes that stand against the others, in order.
    private let classes: Range<Int>
    /// By class, the samples by rising score of the class.
    private let order: [[Int32]]
    /// By class, whether the sample at a place of the order has the same score as the one before.
    private let isTied: [[Bool]]

    /// Takes scores row by row, `classCount` per sample.
    init(expected: [Int], scores: [Double], classCount: Int) {
        self.init(expected: expected, classes: 0..<classCount) { label in
            expected.indices.map { scores[$0 * classCount + label] }
        }
    }

    /// Takes for each sample how much it is of the second of two classes.
    init(expected: [Int], positive: [Double]) {
        self.init(expected: expected, classes: 1..<2) { _ in positive }
    }

    private init(expected: [Int], classes: Range<Int>, column: (Int) -> [Double]) {
        self.expected = expected
        self.classes = classes
        var order: [[Int32]] = []
        var isTied: [[Bool]] = []
        for label in classes {
            let column = column(label)
            let sorted = expected.indices.sorted { column[$0] < column[$1] }
            order.append(sorted.map(Int32.init))
            isTied.append(sorted.indices.map { $0 > 0 && column[sorted[$0]] == column[sorted[$0 - 1]] })
        }
        self.order = order
        self.isTied = isTied
    }

    /// The mean over the classes; nil if one of them has no samples, or all.
    func area(weights: [Int]) -> Double? {
        var sum = 0.0
        for (position, label) in classes.enumerated() {
            guard let area = area(of: label, order[position], isTied[position], weights) else { return nil }
            sum += area
        }
        return sum / Double(classes.count)
    }

    private func area(of label: Int, _ order: [Int32], _ isTied: [Bool], _ weights: [Int]) -> Double? {
        var positives = 0
        var negatives = 0
        // Twice the pairs won, so that half a pair is a whole number.
        var won = 0.0
        var tiedPositives = 0
        var tiedNegatives = 0
        for place in order.indices {
            let sample = Int(order[place])
            let weight = weights[sample]
            guard weight != 0 || !isTied[place] else { continue }
            if !isTied[place] {
                won += Double(tiedPositives) * Double(2 * negatives + tiedNegatives)
                positives += tiedPositives
                negatives += tiedNegatives
                tiedPositives = 0
                tiedNegatives = 0
            }
            if expected[sample] == label { tiedPositives += weight } else { tiedNegatives += weight }
        }
        won += Double(tiedPositives) * Double(2 * negatives + tiedNegatives)
        positives += tiedPositives
        negatives += tiedNegatives
        guard positives > 0, negatives > 0 else { return nil }
        return won / (2 * Double(positives) * Double(negatives))
    }
}
