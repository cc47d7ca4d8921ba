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
    private let queue = GatheringQueue<any Write>(batchMax: batchMax)
    private let hasFailed = Atomic<Bool>(false)

    init(_ connection: DatabaseQueue) { self.connection = connection }

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
        try database.inTransaction(.immediate) {
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
