import AssayCrypto
package import AssayDomain

/// A part of a log without gaps, proven by a checkpoint: between its ends nothing was left out or put in.
///
/// The tree is computed from the hashes of what is before the part and from the entries themselves; what comes behind
/// it is proven as the growth of one tree to another (RFC 9162, section 2.1.4).
package struct LogSegment: Sendable, Hashable {
    /// The index of its first entry.
    package let start: Int64
    /// The index behind its last entry.
    package let end: Int64
    /// The roots of the full subtrees of all entries before it, largest first.
    package let before: [MerkleHash]
    /// What proves that the log of a checkpoint continues the first `end` entries.
    package let after: [MerkleHash]

    package init(start: Int64, end: Int64, before: [MerkleHash], after: [MerkleHash]) {
        self.start = start
        self.end = end
        self.before = before
        self.after = after
    }

    /// The ranges of entries whose hashes prove a part of a log of `size` entries.
    package static func ranges(_ part: Range<Int64>, in size: Int64) -> (before: [Range<Int64>], after: [Range<Int64>])
    {
        precondition(0 <= part.lowerBound && !part.isEmpty && part.upperBound <= size, "the part lies in the log")
        let before = MerkleProof.subtrees(of: 0..<part.lowerBound).map { level, index in
            (index << Int64(level))..<((index + 1) << Int64(level))
        }
        return (before, MerkleProof.consistency(from: part.upperBound, to: size))
    }

    /// Checks that these entries are just this part of a checkpoint's log.
    ///
    /// Gives whether the log had the root of `kept` when it had as many entries, which can be told of one of `start` to
    /// `end` entries, and of as many as the checkpoint has; nil for any other. Throws `log-inconsistent`.
    package func check(
        _ entries: [ArraySlice<UInt8>], in checkpoint: Checkpoint, passing kept: Checkpoint? = nil
    ) throws(AssayError) -> Bool? {
        let hasher = MerkleHasher()
        guard 0 <= start, start < end, end <= checkpoint.size, Int64(entries.count) == end - start,
            var tree = MerkleFrontier(size: start, roots: before)
        else { throw Self.unproven("it does not say of which entries it is") }
        var isPassed: Bool?
        func look() {
            guard let kept, kept.size == tree.size else { return }
            isPassed = tree.root(hasher) == kept.root
        }
        look()
        for entry in entries {
            tree.append(hasher.leaf(entry), hasher)
            look()
        }
        let isContinued = MerkleProof.isConsistent(
            from: (end, tree.root(hasher)), to: (checkpoint.size, checkpoint.root), proof: after, hasher)
        guard isContinued else { throw Self.unproven("it does not lead to the checkpoint's root") }
        if let kept, kept.size == checkpoint.size { return kept.root == checkpoint.root }
        return isPassed
    }

    private static func unproven(_ reason: String) -> AssayError {
        AssayError(.logInconsistent, "the part of the audit log is not of its checkpoint", reason: reason)
    }
}
