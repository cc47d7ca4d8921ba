/// A confidence interval for the median of independent values, whatever their distribution.
///
/// The interval between the k-th smallest and the k-th largest of n values holds the median unless fewer than k of them
/// fell on one of its sides, which has the probability 2 · P(B(n, ½) < k). A bootstrap of the median resamples to the
/// same order statistics, but promises more than they hold where n is small. Source: David and Nagaraja, Order
/// Statistics, 3rd edition, section 7.1.
struct MedianInterval: Equatable {
    let median: Double
    /// Nil if there are too few values for the confidence.
    let bounds: ClosedRange<Double>?

    /// Of at least one value.
    init(_ values: [Double], confidence: Double) {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        bounds = Self.rank(of: sorted.count, confidence: confidence).map { sorted[$0 - 1]...sorted[sorted.count - $0] }
    }

    /// The largest k that holds the confidence with `count` values; nil if not even the outermost do.
    static func rank(of count: Int, confidence: Double) -> Int? {
        var probability = 1.0
        for _ in 0..<count { probability /= 2 }  // P(B(n, 1/2) = 0)
        var below = 0.0
        var rank: Int?
        for k in 1...max(1, count / 2) {
            below += probability
            guard 2 * below <= 1 - confidence else { break }
            rank = k
            probability *= Double(count - k + 1) / Double(k)
        }
        return rank
    }

    /// The fewest values that give an interval of this confidence.
    static func countMin(confidence: Double) -> Int {
        var count = 1
        while rank(of: count, confidence: confidence) == nil { count += 1 }
        return count
    }
}
