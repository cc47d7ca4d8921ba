/// The distribution of the time of single runs, in microseconds.
package struct LatencyFigures: Equatable, Codable, Sendable {
    /// Fewer runs than this give no `p99`: it would be hardly more than a maximum.
    package static let runsForP99 = 600

    /// Percentiles by nearest rank: the smallest time that at least that share of the runs did not exceed.
    package var p50: Double
    package var p90: Double
    package var p95: Double
    /// Nil below `runsForP99` runs.
    package var p99: Double?
    package var mean: Double
    /// Mean of the slowest tenth of the runs, of one run at least.
    package var tail: Double
    package var min: Double
    package var max: Double
    /// Samples per second over the timed runs.
    package var throughput: Double
    /// Timed runs.
    package var runs: Int
    /// The times at 0, 1, 2 … 100 % of the sorted runs: the shape of the distribution.
    package var quantiles: [Double]

    package init(
        p50: Double, p90: Double, p95: Double, p99: Double?, mean: Double, tail: Double, min: Double, max: Double,
        throughput: Double, runs: Int, quantiles: [Double]
    ) {
        self.p50 = p50
        self.p90 = p90
        self.p95 = p95
        self.p99 = p99
        self.mean = mean
        self.tail = tail
        self.min = min
        self.max = max
        self.throughput = throughput
        self.runs = runs
        self.quantiles = quantiles
    }

    private enum CodingKeys: String, CodingKey {
        case p50 = "p50_microseconds"
        case p90 = "p90_microseconds"
        case p95 = "p95_microseconds"
        case p99 = "p99_microseconds"
        case mean = "mean_microseconds"
        case tail = "tail_microseconds"
        case min = "min_microseconds"
        case max = "max_microseconds"
        case throughput = "samples_per_second"
        case runs
        case quantiles = "quantiles_microseconds"
    }
}

/// Latency at one batch size and number of threads of a sweep.
package struct SweepPoint: Equatable, Codable, Sendable {
    package var threads: Int
    package var batchSize: Int
    package var latency: LatencyFigures

    package init(threads: Int, batchSize: Int, latency: LatencyFigures) {
        self.threads = threads
        self.batchSize = batchSize
        self.latency = latency
    }

    private enum CodingKeys: String, CodingKey {
        case threads, latency
        case batchSize = "batch_size"
    }
}

/// Candidate and baseline, run in turn in fresh pairs of sessions.
package struct ComparisonFigures: Equatable, Codable, Sendable {
    /// The baseline's times over all sessions.
    package var baseline: LatencyFigures
    /// The candidate's times beside the baseline, over all sessions.
    package var candidate: LatencyFigures
    package var ratios: [LatencyStatistic: RatioFigures]
    /// What the intervals of all looks at the data together hold with.
    package var confidence: Double
    /// Pairs of runs per pair of sessions.
    package var pairsPerSession: Int

    package init(
        baseline: LatencyFigures, candidate: LatencyFigures, ratios: [LatencyStatistic: RatioFigures],
        confidence: Double, pairsPerSession: Int
    ) {
        self.baseline = baseline
        self.candidate = candidate
        self.ratios = ratios
        self.confidence = confidence
        self.pairsPerSession = pairsPerSession
    }

    private enum CodingKeys: String, CodingKey {
        case baseline, candidate, ratios, confidence
        case pairsPerSession = "pairs_per_session"
    }
}

/// A figure of the candidate over the baseline's; above 1 the candidate is slower.
package struct RatioFigures: Equatable, Codable, Sendable {
    /// The median over the pairs of sessions.
    package var ratio: Double
    /// The confidence interval of that median; nil with too few sessions for the confidence.
    package var lower: Double?
    package var upper: Double?
    /// The ratio of every pair of sessions, in the order in which they ran.
    package var sessions: [Double]

    package init(ratio: Double, lower: Double?, upper: Double?, sessions: [Double]) {
        self.ratio = ratio
        self.lower = lower
        self.upper = upper
        self.sessions = sessions
    }
}
