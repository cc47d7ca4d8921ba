/// How latency is measured.
package struct LatencySettings: Equatable, Sendable {
    package static let threadsRange = 1...256
    package static let batchSizeRange = 1...65_536
    package static let warmUpRunsRange = 0...100_000
    package static let measuredRunsRange = 1...1_000_000
    package static let budgetSecondsRange = 1...86_400
    /// How many batch sizes, and how many numbers of threads, one sweep may go through.
    package static let sweepCountMax = 16
    /// How sure a comparison may be asked to be.
    package static let confidenceRange = 0.5...0.999

    /// Threads that work on one operator.
    package var threads: Int
    /// Samples per run. A model with a fixed first dimension decides by itself and refuses another value.
    package var batchSize: Int
    /// At most so many runs before the first one that counts; fewer if the times are steady before.
    package var warmUpRuns: Int
    /// Runs of the candidate that count.
    package var measuredRuns: Int
    /// Start of the random order in which candidate and baseline take turns.
    package var seed: UInt64
    /// Seconds from the start of the process after which no measurement is begun or gone on with.
    package var budgetSeconds: Int
    /// The most that a figure of the candidate may be, divided by the baseline's. Comparing ends when all are decided.
    package var maxRatios: [LatencyStatistic: Double]
    /// How sure a decision on a ratio must be.
    package var confidence: Double
    /// Batch sizes of the sweep; with `sweepThreads`, every pair of both is measured. Both empty: no sweep.
    package var sweepBatchSizes: [Int]
    package var sweepThreads: [Int]

    package init(
        threads: Int = 1, batchSize: Int = 1, warmUpRuns: Int = 200, measuredRuns: Int = 2_000, seed: UInt64 = 1,
        budgetSeconds: Int = 90, maxRatios: [LatencyStatistic: Double] = [:], confidence: Double = 0.95,
        sweepBatchSizes: [Int] = [], sweepThreads: [Int] = []
    ) {
        self.threads = threads
        self.batchSize = batchSize
        self.warmUpRuns = warmUpRuns
        self.measuredRuns = measuredRuns
        self.seed = seed
        self.budgetSeconds = budgetSeconds
        self.maxRatios = maxRatios
        self.confidence = confidence
        self.sweepBatchSizes = sweepBatchSizes
        self.sweepThreads = sweepThreads
    }
}

/// A figure of the distribution of the time of single runs, by the name that policies use.
package enum LatencyStatistic: String, Codable, CodingKeyRepresentable, CaseIterable, Sendable {
    case p50, p90, p95, p99, mean
    /// The mean of the slowest tenth of the runs.
    case tail
}

extension LatencySettings: Codable {
    private enum CodingKeys: String, CodingKey {
        case threads, seed, confidence
        case batchSize = "batch_size"
        case warmUpRuns = "warm_up_runs"
        case measuredRuns = "measured_runs"
        case budgetSeconds = "budget_seconds"
        case maxRatios = "max_ratios"
        case sweepBatchSizes = "sweep_batch_sizes"
        case sweepThreads = "sweep_threads"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        threads = try values.decodeIfPresent(Int.self, forKey: .threads) ?? threads
        batchSize = try values.decodeIfPresent(Int.self, forKey: .batchSize) ?? batchSize
        warmUpRuns = try values.decodeIfPresent(Int.self, forKey: .warmUpRuns) ?? warmUpRuns
        measuredRuns = try values.decodeIfPresent(Int.self, forKey: .measuredRuns) ?? measuredRuns
        seed = try values.decodeIfPresent(UInt64.self, forKey: .seed) ?? seed
        budgetSeconds = try values.decodeIfPresent(Int.self, forKey: .budgetSeconds) ?? budgetSeconds
        maxRatios = try values.decodeIfPresent([LatencyStatistic: Double].self, forKey: .maxRatios) ?? maxRatios
        confidence = try values.decodeIfPresent(Double.self, forKey: .confidence) ?? confidence
        sweepBatchSizes = try values.decodeIfPresent([Int].self, forKey: .sweepBatchSizes) ?? sweepBatchSizes
        sweepThreads = try values.decodeIfPresent([Int].self, forKey: .sweepThreads) ?? sweepThreads
    }
}
