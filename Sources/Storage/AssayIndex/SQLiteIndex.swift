package import AssayDomain
package import AssayRegistry
import GRDB
import Synchronization

/// The index in one SQLite database: one connection writes and checkpoints, a few others only read.
///
/// The connections are GRDB queues of their own rather than its pool: a read through the pool hops over three threads,
/// a read here over one, which is most of what resolving an alias costs.
package final class SQLiteIndex: Index {
    /// How many reads run at the same time.
    package static let readersMax = 4

    private let writer: WriteQueue
    private let readers: ReaderSet
    private let log: any LogWriter
    let detailsCache = VersionDetailsCache()
    /// What clients ask for again and again: manifests, and which blobs a repository has.
    let manifestCache = ReadCache<ManifestKey, StoredManifest?>(costMax: 8 << 20) { ($0?.bytes.count ?? 0) + 512 }
    let blobSizeCache = ReadCache<BlobKey, Int64?>(costMax: 4 << 20) { _ in 512 }
    private let commits = Atomic<UInt64>(0)
    /// The time of the last entry when the index was opened.
    package let lastEntryTime: Timestamp

    /// Opens the database at `path`, making it if there is none and migrating it if it is of an older schema.
    ///
    /// Throws `store-version-unsupported` for a newer schema or a database that is not an index, and then changes
    /// nothing; `storage-full`; `storage-failed`. No other process may have the file open. Every fact goes to `log`.
    package static func open(path: String, log: any LogWriter) throws -> SQLiteIndex {
        try IndexFault.translating { try SQLiteIndex(path: path, log: log) }
    }

    private init(path: String, log: any LogWriter) throws {
        try Schema.checkVersion(ofFileAt: path)
        let connection = try DatabaseQueue(path: path, configuration: Connections.writer)
        try connection.writeWithoutTransaction { database in
            try Connections.makeCommitsDurable(database)
            try Schema.migrate(database)
        }
        writer = WriteQueue(connection, log: log)
        self.log = log
        try LogRecovery.run(writer, log)
        lastEntryTime = try writer.readAtStart { try $0.lastLogTime() }
        readers = try ReaderSet(path: path, count: Self.readersMax)
    }

    /// Closes all connections; the writer goes last, so that its last checkpoint is the only one.
    package func close() throws {
        try IndexFault.translating {
            try readers.close()
            try writer.close()
        }
    }

    /// Runs one write transaction, durable before this returns; an error leaves nothing of it.
    ///
    /// After a failure of the disk nobody knows what it holds, so no other write is tried until the process starts
    /// anew.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        // Whatever came of it, nothing that was read before may be believed after.
        defer { commits.add(1, ordering: .acquiringAndReleasing) }
        do {
            return try await writer.run(body)
        } catch {
            throw IndexFault.translate(error)
        }
    }

    package var isWritable: Bool { writer.isWritable && log.isWritable }

    /// How many writes there were: what a cached result is held against.
    var commit: UInt64 { commits.load(ordering: .acquiring) }

    /// Reads before anybody else uses the index.
    func readAtStart<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try IndexFault.translating { try writer.readAtStart(body) }
    }

    /// Runs several statements over one snapshot.
    func read<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await readers.withReader { try await $0.read(body) }
        } catch {
            throw IndexFault.translate(error)
        }
    }

    /// Runs exactly one statement, which is a snapshot by itself, without the cost of a transaction around it.
    func readOnce<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await readers.withReader { try await $0.unsafeRead(body) }
        } catch {
            throw IndexFault.translate(error)
        }
    }
}
