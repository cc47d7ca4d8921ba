import EvaluationProtocol

extension LatencyFigures {
    /// The figures of the times of single runs in nanoseconds; there is at least one.
    init(nanoseconds: [UInt64], batchSize: Int) {
        let sorted = nanoseconds.sorted().map { Double($0) / 1_000 }
        let total = sorted.reduce(0, +)
        self.init(
            p50: Self.percentile(50, of: sorted),
            p90: Self.percentile(90, of: sorted),
            p99: Self.percentile(99, of: sorted),
            mean: total / Double(sorted.count),
            min: sorted.first ?? 0,
            max: sorted.last ?? 0,
            throughput: total > 0 ? Double(batchSize) * Double(sorted.count) * 1_000_000 / total : 0,
            runs: sorted.count)
    }

    /// The percentile by nearest rank: the value at position ceil(percent / 100 * count), counted from 1.
    static func percentile(_ percent: Int, of sorted: [Double]) -> Double {
        guard !sorted.isEmpty else { return 0 }
        let rank = (percent * sorted.count + 99) / 100
        return sorted[Swift.min(Swift.max(rank, 1), sorted.count) - 1]
    }
}
