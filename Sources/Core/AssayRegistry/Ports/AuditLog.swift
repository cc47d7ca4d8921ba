package import AssayDomain

/// The append-only log as the index writes it: entries come out of the transactions that make the facts.
///
/// The index calls `extend` within a transaction, stores the head that it gives in the same transaction, and then
/// calls `publish` once that is durable, or `rollback` if it is not. So no head is ever seen that a crash could take
/// back, and no two heads that contradict each other are signed. All calls come from one thread at a time.
package protocol LogWriter: Sendable {
    /// Brings the log to what the index holds, after a start: `tail` are the entries from `tailStart` up to the head.
    ///
    /// A log that is new has no head and no tail. One whose tiles and tail do not lead to the head, or cannot be read
    /// or written, is not writable afterwards.
    func recover(head: LogHead?, tailStart: Int64, tail: [[UInt8]])

    /// Integrates entries behind the last one and signs the new head. Throws `storage-failed` if the log is closed.
    func extend(by entries: [[UInt8]]) throws -> LogHead

    /// Makes the last head and its entries visible.
    func publish()

    /// Forgets the last head and its entries.
    func rollback()

    /// How many entries are durable in the log itself, so that the index need not keep them.
    var flushedSize: Int64 { get }

    /// False after a failure: then nothing is extended until the process starts anew.
    var isWritable: Bool { get }
}

/// The state of a log: how many entries it has, and the signed checkpoint that says so.
package struct LogHead: Sendable, Hashable {
    package let size: Int64
    /// A signed note (C2SP tlog-checkpoint).
    package let checkpoint: [UInt8]

    package init(size: Int64, checkpoint: [UInt8]) {
        self.size = size
        self.checkpoint = checkpoint
    }
}

/// What a proof of a log shows.
package struct LogEvidence: Sendable, Hashable {
    /// Whose key signed the checkpoint that the proof leads to.
    package enum Signer: Sendable, Hashable {
        /// The key of this log.
        case own
        /// One of the other keys that were named.
        case trusted
        /// None of them: then anybody may have made the proof.
        case unknown
    }

    /// The bytes of the entry.
    package let entry: [UInt8]
    package let index: Int64
    package let signer: Signer

    package init(entry: [UInt8], index: Int64, signer: Signer) {
        self.entry = entry
        self.index = index
        self.signer = signer
    }
}

/// The append-only log as everyone reads it.
package protocol AuditLog: Sendable {
    /// The last head that was published.
    var head: LogHead { get }

    /// Why the log takes no entries, in words; nil if it does.
    var damage: String? { get }

    /// The bytes of a tile by what stands behind `tile/` in its path (C2SP tlog-tiles); nil beyond the tree, and for a
    /// path that is none. Throws `storage-failed`, and `log-inconsistent` where its file is cut, missing or too long.
    func tile(_ path: String) async throws -> [UInt8]?

    /// Entries in order, from one on; fewer than `limit` at the end of the log. Throws `storage-failed`.
    func entries(from index: Int64, limit: Int) async throws -> [[UInt8]]

    /// A proof that the log has an entry, with the entry in it and the present checkpoint (C2SP tlog-proof).
    /// Throws `log-entry-not-found`, `storage-failed`.
    func proof(of index: Int64) async throws -> [UInt8]

    /// What the bytes of a proof (C2SP tlog-proof) show; nil for what is none, whose hashes do not lead to its
    /// checkpoint, or whose checkpoint claims a known key that did not sign it. `trusted` are keys of other logs.
    func evidence(in proof: [UInt8], trusted: [TrustedKey]) -> LogEvidence?

    /// The hashes of entries as leaves of the log's tree, 32 bytes each.
    func leafHashes(of entries: [[UInt8]?]) -> [UInt8]
}
