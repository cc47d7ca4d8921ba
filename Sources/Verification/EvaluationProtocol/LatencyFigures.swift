/// The distribution of the time of single runs, in microseconds.
package struct LatencyFigures: Equatable, Codable, Sendable {
    /// Percentiles by nearest rank: the smallest time that at least that share of the runs did not exceed.
    package var p50: Double
    package var p90: Double
    package var p99: Double
    package var mean: Double
    package var min: Double
    package var max: Double
    /// Samples per second over the timed runs.
    package var throughput: Double
    /// Timed runs.
    package var runs: Int

    package init(
        p50: Double, p90: Double, p99: Double, mean: Double, min: Double, max: Double, throughput: Double, runs: Int
    ) {
        self.p50 = p50
        self.p90 = p90
        self.p99 = p99
        self.mean = mean
        self.min = min
        self.max = max
        self.throughput = throughput
        self.runs = runs
    }

    private enum CodingKeys: String, CodingKey {
        case p50 = "p50_microseconds"
        case p90 = "p90_microseconds"
        case p99 = "p99_microseconds"
        case mean = "mean_microseconds"
        case min = "min_microseconds"
        case max = "max_microseconds"
        case throughput = "samples_per_second"
        case runs
    }
}

/// The baseline's latency, measured between the blocks of the candidate, and how the candidate compares.
package struct BaselineFigures: Equatable, Codable, Sendable {
    package var latency: LatencyFigures
    /// Candidate over baseline; above 1 the candidate is slower.
    package var p50Ratio: Double
    /// Candidate over baseline; above 1 the candidate is slower.
    package var p99Ratio: Double

    package init(latency: LatencyFigures, p50Ratio: Double, p99Ratio: Double) {
        self.latency = latency
        self.p50Ratio = p50Ratio
        self.p99Ratio = p99Ratio
    }

    private enum CodingKeys: String, CodingKey {
        case latency
        case p50Ratio = "p50_ratio"
        case p99Ratio = "p99_ratio"
    }
}
