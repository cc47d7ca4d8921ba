import AssayRegistry
import Synchronization

/// A log that only counts entries and keeps them: the index never looks into what it is given.
final class CountingLog: LogWriter {
    private struct State {
        var entries: [[UInt8]] = []
        var pending: [[UInt8]] = []
        var isOpen = false
    }

    private let state = Mutex(State())
    /// Entries that the log says it holds by itself.
    let flushedSize: Int64

    init(flushedSize: Int64 = 0) { self.flushedSize = flushedSize }

    /// What was published, as text.
    var entries: [String] { state.withLock { $0.entries.map { String(decoding: $0, as: UTF8.self) } } }

    var isWritable: Bool { state.withLock(\.isOpen) }

    func recover(head: LogHead?, tailStart: Int64, tail: [[UInt8]]) {
        state.withLock { state in
            state.entries = [[UInt8]](repeating: [], count: Int(tailStart)) + tail
            state.isOpen = Int64(state.entries.count) == head?.size ?? 0
        }
    }

    func extend(by entries: [[UInt8]]) -> LogHead {
        state.withLock { state in
            state.pending = entries
            let size = state.entries.count + entries.count
            return LogHead(size: Int64(size), checkpoint: Array("head of \(size)".utf8))
        }
    }

    func publish() {
        state.withLock { state in
            state.entries += state.pending
            state.pending = []
        }
    }

    func rollback() { state.withLock { $0.pending = [] } }
}
