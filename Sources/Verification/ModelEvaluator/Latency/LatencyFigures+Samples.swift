import EvaluationProtocol

extension LatencyFigures {
    /// The figures of the times of single runs in nanoseconds; there is at least one.
    init(nanoseconds: [UInt64], batchSize: Int) {
        let sorted = nanoseconds.sorted().map { Double($0) / 1_000 }
        let total = sorted.reduce(0, +)
        self.init(
            p50: LatencyStatistic.p50.value(ofSorted: sorted), p90: LatencyStatistic.p90.value(ofSorted: sorted),
            p95: LatencyStatistic.p95.value(ofSorted: sorted),
            p99: sorted.count >= Self.runsForP99 ? LatencyStatistic.p99.value(ofSorted: sorted) : nil,
            mean: LatencyStatistic.mean.value(ofSorted: sorted), tail: LatencyStatistic.tail.value(ofSorted: sorted),
            min: sorted.first ?? 0, max: sorted.last ?? 0,
            throughput: total > 0 ? Double(batchSize) * Double(sorted.count) * 1_000_000 / total : 0,
            runs: sorted.count, quantiles: (0...100).map { Self.percentile($0, of: sorted) })
    }

    /// The percentile by nearest rank: the value at position ceil(percent / 100 * count), counted from 1.
    static func percentile(_ percent: Int, of sorted: [Double]) -> Double {
        guard !sorted.isEmpty else { return 0 }
        let rank = (percent * sorted.count + 99) / 100
        return sorted[Swift.min(Swift.max(rank, 1), sorted.count) - 1]
    }
}

extension LatencyStatistic {
    /// The figure of ascending times, of which there is at least one; in their unit.
    func value(ofSorted sorted: [Double]) -> Double {
        switch self {
        case .p50: LatencyFigures.percentile(50, of: sorted)
        case .p90: LatencyFigures.percentile(90, of: sorted)
        case .p95: LatencyFigures.percentile(95, of: sorted)
        case .p99: LatencyFigures.percentile(99, of: sorted)
        case .mean: sorted.reduce(0, +) / Double(max(1, sorted.count))
        case .tail: Self.mean.value(ofSorted: Array(sorted.suffix(max(1, sorted.count / 10))))
        }
    }
}
