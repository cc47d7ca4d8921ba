import Synchronization

/// Jobs that are better done together: those that come while a batch is worked on are the next batch.
///
/// Adapters use it to make several writes durable with one flush. One worker at a time takes batches until none is
/// left.
package final class GatheringQueue<Job: Sendable>: Sendable {
    private struct State {
        var waiting: [Job] = []
        var hasWorker = false
    }

    private let batchMax: Int
    private let state = Mutex(State())

    /// `batchMax` is the most jobs of one batch: more would keep the first of them waiting for little gain.
    package init(batchMax: Int) { self.batchMax = batchMax }

    /// Adds a job. True if there is no worker, and then the caller has to start one.
    package func add(_ job: Job) -> Bool {
        state.withLock { state in
            state.waiting.append(job)
            defer { state.hasWorker = true }
            return !state.hasWorker
        }
    }

    /// The next batch for the worker, in the order in which its jobs came; nil if none waits, and then the worker ends.
    package func next() -> [Job]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.hasWorker = false
                return nil
            }
            let batch = Array(state.waiting.prefix(batchMax))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }
}
