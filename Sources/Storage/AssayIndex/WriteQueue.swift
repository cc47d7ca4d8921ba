import AssayDomain
import GRDB
import Synchronization

/// Runs writes one after the other, and commits those that wait together with one flush of the disk.
///
/// While one transaction is flushed, the writes that come meanwhile gather; the next transaction takes them all, each
/// in a savepoint of its own, so that one that fails leaves nothing of itself and the others stand. None is answered
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
            try database.inTransaction(.immediate) {
                for write in batch { try write.perform(in: database) }
                return .commit
            }
            for write in batch { write.conclude(nil) }
        } catch {
            for write in batch { write.conclude(error) }
        }
    }
}

/// One write and whoever waits for it; used by the writing connection's thread alone.
private protocol Write: AnyObject, Sendable {
    /// Does the work in a savepoint. Throws only what ended the whole transaction: a full or failing disk.
    func perform(in database: Database) throws

    /// Answers: with the error that undid the transaction, or with what came of the work.
    func conclude(_ failure: (any Error)?)
}

/// `@unchecked Sendable`: made by one task, then handed over once, through the queue's lock, to the connection's
/// thread.
private final class PendingWrite<Value: Sendable>: Write, @unchecked Sendable {
    private let body: @Sendable (Database) throws -> Value
    private let continuation: CheckedContinuation<Value, any Error>
    private var result: Result<Value, any Error>?

    init(body: @escaping @Sendable (Database) throws -> Value, continuation: CheckedContinuation<Value, any Error>) {
        self.body = body
        self.continuation = continuation
    }

    func perform(in database: Database) throws {
        do {
            var value: Value?
            try database.inSavepoint {
                value = try body(database)
                return .commit
            }
            result = value.map(Result.success)
        } catch {
            result = .failure(error)
            guard database.isInsideTransaction else { throw error }
        }
    }

    func conclude(_ failure: (any Error)?) {
        if case .failure(let error) = result { return continuation.resume(throwing: error) }
        if let failure { return continuation.resume(throwing: failure) }
        guard let result else { return continuation.resume(throwing: DatabaseError(resultCode: .SQLITE_ABORT)) }
        continuation.resume(with: result)
    }
}
