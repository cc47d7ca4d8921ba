package import AssayDomain
import Logging
import Synchronization

/// Completes the evidence of promoted versions behind the answers to their promotions.
///
/// What is to be done stands in the index, written in the transaction of the promotion, so nothing is lost with the
/// process: the next one goes on, and a bundle has what it needs made when it is exported. One version is sealed at a
/// time, whoever asks, so that nothing is made twice.
package final class SealQueue: Sendable {
    /// How many versions are read from the index at a time, and sealed at most once the process is to end.
    private static let batchMax = 10

    private let seal: Seal
    private let index: any Index
    private let logger: Logger
    private let turn = Turn()
    private let wakeUps = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private let isStopping = Mutex(false)

    init(seal: Seal, index: any Index, logger: Logger) {
        self.seal = seal
        self.index = index
        self.logger = logger
    }

    /// Completes the evidence of a version now; gives how many documents were made. Throws as `Seal`.
    package func callAsFunction(_ reference: Reference) async throws -> Int {
        try await turn.run { try await seal(reference) }
    }

    /// Has the queue look for what is to be done.
    func wake() { wakeUps.continuation.yield() }

    /// Lets `run` end once it has sealed what waits now, a batch at most; what is left is for the next process.
    package func stop() {
        isStopping.withLock { $0 = true }
        wake()
    }

    /// Seals what waits, and from then on each promoted version, until it is stopped or its task is cancelled.
    package func run() async throws {
        var iterator = wakeUps.stream.makeAsyncIterator()
        repeat {
            while try await sealBatch() == Self.batchMax, !isStopping.withLock({ $0 }) {}
            if isStopping.withLock({ $0 }) { return }
        } while await iterator.next() != nil
    }

    /// Seals some of what waits; gives how many versions that were. A failing store is left alone until the next wake.
    @discardableResult
    package func sealBatch() async throws -> Int {
        do {
            let waiting = try await index.unsealedVersions(limit: Self.batchMax)
            for (version, promotion) in waiting {
                do {
                    _ = try await self(version)
                } catch let error as AssayError where error.code.kind != .storage {
                    // It would fail again; whoever exports a bundle is told why.
                    logger.warning("version is not sealed", metadata: ["version": "\(version)", "error": "\(error)"])
                }
                try await index.markSealed(promotion: promotion)
            }
            return waiting.count
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.error("promoted versions are not sealed", metadata: ["error": "\(error)"])
            return 0
        }
    }
}

/// Has one piece of work run at a time, in the order in which they came.
actor Turn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    nonisolated func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        await take()
        do {
            let value = try await body()
            await release()
            return value
        } catch {
            await release()
            throw error
        }
    }

    private func take() async {
        if !isTaken {
            isTaken = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Whoever waits longest has the turn from now on.
    private func release() {
        if waiting.isEmpty {
            isTaken = false
        } else {
            waiting.removeFirst().resume()
        }
    }
}
