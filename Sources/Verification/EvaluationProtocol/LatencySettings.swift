/// How latency is measured.
package struct LatencySettings: Equatable, Sendable {
    package static let threadsRange = 1...256
    package static let batchSizeRange = 1...65_536
    package static let warmUpRunsRange = 0...100_000
    package static let measuredRunsRange = 1...1_000_000

    /// Threads that work on one operator.
    package var threads: Int
    /// Samples per run. A model with a fixed first dimension decides by itself and refuses another value.
    package var batchSize: Int
    /// Runs before the first one that counts.
    package var warmUpRuns: Int
    /// Runs that count, per model.
    package var measuredRuns: Int
    /// Start of the random order in which the blocks of candidate and baseline run.
    package var seed: UInt64

    package init(
        threads: Int = 1, batchSize: Int = 1, warmUpRuns: Int = 100, measuredRuns: Int = 2_000, seed: UInt64 = 1
    ) {
        self.threads = threads
        self.batchSize = batchSize
        self.warmUpRuns = warmUpRuns
        self.measuredRuns = measuredRuns
        self.seed = seed
    }
}

extension LatencySettings: Codable {
    private enum CodingKeys: String, CodingKey {
        case threads
        case batchSize = "batch_size"
        case warmUpRuns = "warm_up_runs"
        case measuredRuns = "measured_runs"
        case seed
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        threads = try values.decodeIfPresent(Int.self, forKey: .threads) ?? threads
        batchSize = try values.decodeIfPresent(Int.self, forKey: .batchSize) ?? batchSize
        warmUpRuns = try values.decodeIfPresent(Int.self, forKey: .warmUpRuns) ?? warmUpRuns
        measuredRuns = try values.decodeIfPresent(Int.self, forKey: .measuredRuns) ?? measuredRuns
        seed = try values.decodeIfPresent(UInt64.self, forKey: .seed) ?? seed
    }
}
