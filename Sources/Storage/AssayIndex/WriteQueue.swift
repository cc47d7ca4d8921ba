import AssayDomain
import AssayRegistry
import GRDB
import Synchronization

/// Runs writes one after the other, and commits those that wait together with one flush of the disk.
///
/// While one transaction is flushed, the writes that come meanwhile gather, and the next transaction takes them all. A
/// write that is refused is undone with all of them, and the others are done again without it. None is answered before
/// the transaction that holds it is durable. After a failure of the disk nothing is written any more.
final class WriteQueue: Sendable {
    /// The most writes of one transaction.
    private static let batchMax = 64

    private let connection: DatabaseQueue
    private let log: any LogWriter
    private let queue = GatheringQueue<any Write>(batchMax: batchMax)
    private let hasFailed = Atomic<Bool>(false)

    /// Every transaction ends with the entries that its writes add to the log.
    init(_ connection: DatabaseQueue, log: any LogWriter) {
        self.connection = connection
        self.log = log
    }

    func close() throws { try connection.close() }

    /// Runs one write in a transaction that is durable before this returns; an error leaves nothing of it.
    func run<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            guard queue.add(PendingWrite(body: body, continuation: continuation)) else { return }
            connection.asyncWriteWithoutTransaction { database in
                while let batch = self.queue.next() { self.commit(batch, in: database) }
            }
        }
    }

    /// Whether writes are taken; false after a failure of the disk, because nobody knows what it holds then.
    var isWritable: Bool { !hasFailed.load(ordering: .acquiring) }

    // MARK: At the start, when nobody else uses the connection

    func readAtStart<Value>(_ body: (Database) throws -> Value) throws -> Value { try connection.read(body) }

    func writeAtStart(_ body: (Database) throws -> Void) throws {
        try connection.writeWithoutTransaction { database in
            try committing(in: database) {
                try body(database)
                return .commit
            }
        }
    }

    // MARK: Transactions

    private func commit(_ batch: [any Write], in database: Database) {
        var writes = batch
        var refused: [(write: any Write, error: any Error)] = []
        do {
            while let (position, error) = try transaction(of: writes, in: database) {
                refused.append((writes.remove(at: position), error))
            }
            for write in writes { write.conclude(nil) }
            for (write, error) in refused { write.conclude(error) }
        } catch {
            if IndexFault.isOfDisk(error) { hasFailed.store(true, ordering: .releasing) }
            for write in batch { write.conclude(error) }
        }
    }

    /// Does all writes and commits, or none; gives the one that was refused and why. Throws if the disk fails.
    private func transaction(
        of writes: [any Write], in database: Database
    ) throws -> (position: Int, error: any Error)? {
        guard isWritable else { throw IndexFault.closed }
        var refusal: (position: Int, error: any Error)?
        try committing(in: database) {
            for (position, write) in writes.enumerated() {
                do {
                    try write.perform(in: database)
                } catch  where !IndexFault.endsTransaction(error) {
                    refusal = (position, error)
                    return .rollback
                }
            }
            return .commit
        }
        return refusal
    }

    /// Runs one transaction: what it wrote into the log becomes visible once it is durable, and only then.
    private func committing(in database: Database, _ body: () throws -> Database.TransactionCompletion) throws {
        do {
            var isCommitted = false
            try database.inTransaction(.immediate) {
                let completion = try body()
                isCommitted = completion == .commit
                if isCommitted { try extendLog(in: database) }
                return completion
            }
            if isCommitted { log.publish() } else { log.rollback() }
        } catch {
            log.rollback()
            throw error
        }
    }

    /// Integrates what the transaction added to the log, and keeps the new head in the same transaction.
    private func extendLog(in database: Database) throws {
        let size = try database.logHead()?.size ?? 0
        let entries = try database.logTail(behind: size).map(\.entry)
        guard !entries.isEmpty else { return }
        let head = try log.extend(by: entries)
        guard head.size == size + Int64(entries.count) else { throw IndexFault.unreadable("the end of the audit log") }
        try database.setLogHead(size: head.size, checkpoint: head.checkpoint)
        try database.trimLogTail(to: log.flushedSize)
    }
}

/// One write and whoever waits for it; used by the writing connection's thread alone.
private protocol Write: AnyObject, Sendable {
    /// Does the work; it may be done again after a transaction that failed.
    func perform(in database: Database) throws

    /// Answers: with the error that undid the transaction, or with what came of the work.
    func conclude(_ failure: (any Error)?)
}

/// `@unchecked Sendable`: made by one task, then handed over once, through the queue's lock, to the connection's
/// thread.
private final class PendingWrite<Value: Sendable>: Write, @unchecked Sendable {
    private let body: @Sendable (Database) throws -> Value
    private let continuation: CheckedContinuation<Value, any Error>
    private var value: Value?

    init(body: @escaping @Sendable (Database) throws -> Value, continuation: CheckedContinuation<Value, any Error>) {
        self.body = body
        self.continuation = continuation
    }

    func perform(in database: Database) throws { value = try body(database) }

    func conclude(_ failure: (any Error)?) {
        if let failure { return continuation.resume(throwing: failure) }
        guard let value else { preconditionFailure("a write that was committed was performed") }
        continuation.resume(returning: value)
    }
}
