import AssayDomain
import GRDB
import Synchronization

/// Runs writes one after the other, and commits those that wait together with one flush of the disk.
///
/// While one transaction is flushed, the writes that come meanwhile gather, and the next transaction takes them all. If
/// one of them fails, which is rare, nothing of that transaction stays and each gets one of its own. None is answered
/// before the transaction that holds it is durable.
final class WriteQueue: Sendable {
    /// The most writes of one transaction: more would keep the first of them waiting for little gain.
    private static let batchMax = 64

    private struct State {
        var waiting: [any Write] = []
        var isRunning = false
    }

    private let connection: DatabaseQueue
    private let state = Mutex(State())

    init(_ connection: DatabaseQueue) { self.connection = connection }

    func close() throws { try connection.close() }

    /// Runs one write in a transaction that is durable before this returns; an error leaves nothing of it.
    func run<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let mustStart = state.withLock { state in
                state.waiting.append(PendingWrite(body: body, continuation: continuation))
                defer { state.isRunning = true }
                return !state.isRunning
            }
            guard mustStart else { return }
            connection.asyncWriteWithoutTransaction { database in
                while let batch = self.nextBatch() { Self.commit(batch, in: database) }
            }
        }
    }

    /// The writes that wait; nil if none does, and then the next one has to start again.
    private func nextBatch() -> [any Write]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isRunning = false
                return nil
            }
            let batch = Array(state.waiting.prefix(Self.batchMax))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    private static func commit(_ batch: [any Write], in database: Database) {
        do {
            try transaction(of: batch, in: database)
            for write in batch { write.conclude(nil) }
        } catch {
            if batch.count > 1, isOfOneWrite(error) {
                for write in batch { commit([write], in: database) }
            } else {
                for write in batch { write.conclude(error) }
            }
        }
    }

    /// Whether a rule said no to one of the writes. After a failure of the disk nothing is tried again.
    private static func isOfOneWrite(_ error: any Error) -> Bool {
        error is AssayError || (error as? DatabaseError)?.resultCode == .SQLITE_CONSTRAINT
    }

    private static func transaction(of batch: [any Write], in database: Database) throws {
        try database.inTransaction(.immediate) {
            for write in batch { try write.perform(in: database) }
            return .commit
        }
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
