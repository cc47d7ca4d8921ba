import Synchronization

/// Results of reads, each as good as a read of its own until the next commit.
///
/// This process alone writes the database, so a count of commits tells whether a result still stands: it is counted
/// before the writer is answered, and a result carries the count from before it was read. Everything goes at once when
/// a commit comes; what is asked for often is back after one read.
final class ReadCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var commit: UInt64 = 0
        var cost = 0
        var values: [Key: Value] = [:]
    }

    private let costMax: Int
    private let cost: @Sendable (Value) -> Int
    private let state = Mutex(State())

    /// Keeps values up to a sum of costs, in bytes; `cost` tells that of one.
    init(costMax: Int, cost: @escaping @Sendable (Value) -> Int) {
        self.costMax = costMax
        self.cost = cost
    }

    /// The value as of `commit`, read by `read` if it is not known.
    func value(_ key: Key, commit: UInt64, _ read: () async throws -> Value) async throws -> Value {
        if let known = state.withLock({ $0.commit == commit ? $0.values[key] : nil }) { return known }
        let value = try await read()
        state.withLock { keep(value, key, commit, in: &$0) }
        return value
    }

    private func keep(_ value: Value, _ key: Key, _ commit: UInt64, in state: inout State) {
        let cost = cost(value)
        guard commit >= state.commit, cost <= costMax / 8 else { return }
        if commit > state.commit || state.cost + cost > costMax {
            state = State(commit: commit)
        }
        guard state.values.updateValue(value, forKey: key) == nil else { return }
        state.cost += cost
    }
}
