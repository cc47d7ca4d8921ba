import GRDB
import Synchronization

/// How connections are opened.
enum Connections {
    /// How long a connection waits for a lock; only recovery after a crash holds one for long.
    static let busySecondsMax = 10.0
    /// Page cache of one connection, in KiB.
    static let cacheKibibytes = 8 << 10
    /// What the write-ahead log is cut to after a checkpoint, in bytes.
    static let logBytesMax = 64 << 20

    static var writer: Configuration {
        var configuration = common(label: "assay.index.writer")
        configuration.journalMode = .wal
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_size_limit = \(logBytesMax)")
        }
        return configuration
    }

    /// A read-only connection cannot checkpoint, which SQLite before 3.51.3 must not do from a second connection.
    static var reader: Configuration {
        var configuration = common(label: "assay.index.reader")
        configuration.readonly = true
        return configuration
    }

    private static func common(label: String) -> Configuration {
        var configuration = Configuration()
        configuration.label = label
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(busySecondsMax)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA cache_size = -\(cacheKibibytes)")
        }
        return configuration
    }

    /// Makes every commit wait for the disk; GRDB chooses a weaker setting when it turns on the write-ahead log.
    static func makeCommitsDurable(_ database: Database) throws {
        try database.execute(sql: "PRAGMA synchronous = FULL")
    }
}

/// A fixed number of read-only connections; each read goes to the one with the fewest reads.
final class ReaderSet: Sendable {
    private let queues: [DatabaseQueue]
    private let loads: Mutex<[Int]>

    init(path: String, count: Int) throws {
        queues = try (0..<count).map { _ in try DatabaseQueue(path: path, configuration: Connections.reader) }
        loads = Mutex(Array(repeating: 0, count: count))
    }

    func close() throws {
        for queue in queues { try queue.close() }
    }

    /// Lends a connection. Equal loads go to the first, whose caches are warm.
    func withReader<Value: Sendable>(
        _ body: @Sendable (DatabaseQueue) async throws -> Value
    ) async throws -> Value {
        let position = take()
        defer { loads.withLock { $0[position] -= 1 } }
        return try await body(queues[position])
    }

    private func take() -> Int {
        loads.withLock { loads in
            var best = 0
            for position in loads.indices where loads[position] < loads[best] { best = position }
            loads[best] += 1
            return best
        }
    }
}
