import AssayDomain
import Synchronization

/// Tables of blobs that were read lately, because a part of a large blob is often followed by the next one.
final class ChecksumTables: Sendable {
    /// The most checksums that are kept, 8 bytes each: those of 128 GiB in large blobs.
    private static let sumsMax = 2 << 20
    /// What a table takes besides its checksums, counted in checksums.
    private static let tableCost = 40

    private struct State {
        var tables: [Digest: ChunkChecksums] = [:]
        var sums = 0
    }

    private let state = Mutex(State())

    /// The table of a blob of this size, if it is known.
    func table(of digest: Digest, size: Int64) -> ChunkChecksums? {
        state.withLock { $0.tables[digest] }.flatMap { $0.size == size ? $0 : nil }
    }

    func keep(_ table: ChunkChecksums, of digest: Digest) {
        state.withLock { state in
            let cost = table.sums.count + Self.tableCost
            if state.sums + cost > Self.sumsMax { state = State() }
            if state.tables.updateValue(table, forKey: digest) == nil { state.sums += cost }
        }
    }
}
