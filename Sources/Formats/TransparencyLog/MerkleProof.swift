import AssayCrypto
package import AssayDomain

/// Proofs that an entry is in a tree, and that one tree continues another.
///
/// Source: RFC 9162, sections 2.1.3 and 2.1.4.
package enum MerkleProof {
    /// The most hashes of a proof: one for each level of the largest tree.
    package static let hashesMax = 63

    // MARK: Which hashes

    /// The ranges of entries whose hashes prove that an entry is in a tree of `size`, from the leaf to the root.
    package static func inclusion(of index: Int64, in size: Int64) -> [Range<Int64>] {
        precondition(0 <= index && index < size, "the entry is in the tree")
        var ranges: [Range<Int64>] = []
        var tree = 0..<size
        while tree.count > 1 {
            let middle = tree.lowerBound + split(Int64(tree.count))
            if index < middle {
                ranges.append(middle..<tree.upperBound)
                tree = tree.lowerBound..<middle
            } else {
                ranges.append(tree.lowerBound..<middle)
                tree = middle..<tree.upperBound
            }
        }
        return ranges.reversed()
    }

    /// The ranges of entries whose hashes prove that a tree of `newSize` continues one of `oldSize`.
    package static func consistency(from oldSize: Int64, to newSize: Int64) -> [Range<Int64>] {
        precondition(0 < oldSize && oldSize <= newSize, "a tree grows")
        var ranges: [Range<Int64>] = []
        var tree = 0..<newSize
        var isWhole = true
        while oldSize < tree.upperBound {
            let middle = tree.lowerBound + split(Int64(tree.count))
            if oldSize <= middle {
                ranges.append(middle..<tree.upperBound)
                tree = tree.lowerBound..<middle
            } else {
                ranges.append(tree.lowerBound..<middle)
                tree = middle..<tree.upperBound
                isWhole = false
            }
        }
        if !isWhole { ranges.append(tree) }
        return ranges.reversed()
    }

    /// The full subtrees of a range that a proof names, each as level and index, from the left.
    package static func subtrees(of range: Range<Int64>) -> [(level: Int, index: Int64)] {
        var subtrees: [(level: Int, index: Int64)] = []
        var position = range.lowerBound
        while position < range.upperBound {
            let rest = range.upperBound - position
            let level = Int64.bitWidth - 1 - rest.leadingZeroBitCount
            subtrees.append((level, position >> level))
            position += 1 << level
        }
        return subtrees
    }

    /// The largest power of two below a number of at least 2.
    private static func split(_ count: Int64) -> Int64 { 1 << (Int64.bitWidth - 1 - (count - 1).leadingZeroBitCount) }

    // MARK: Checking

    /// The root that an inclusion proof leads to; nil if it has too few or too many hashes.
    package static func root(
        leaf: MerkleHash, at index: Int64, in size: Int64, proof: [MerkleHash], _ hasher: MerkleHasher
    ) -> MerkleHash? {
        guard 0 <= index, index < size, proof.count <= hashesMax else { return nil }
        var (node, last, hash) = (index, size - 1, leaf)
        for sibling in proof {
            guard last > 0 else { return nil }
            if node & 1 == 1 || node == last {
                hash = hasher.node(sibling, hash)
                while node & 1 == 0, node != 0 { (node, last) = (node >> 1, last >> 1) }
            } else {
                hash = hasher.node(hash, sibling)
            }
            (node, last) = (node >> 1, last >> 1)
        }
        return last == 0 ? hash : nil
    }

    /// Whether a tree with the new root continues the tree with the old one.
    package static func isConsistent(
        from old: (size: Int64, root: MerkleHash), to new: (size: Int64, root: MerkleHash), proof: [MerkleHash],
        _ hasher: MerkleHasher
    ) -> Bool {
        guard old.size <= new.size, old.size >= 0, proof.count <= hashesMax else { return false }
        guard old.size < new.size else { return old.root == new.root && proof.isEmpty }
        guard old.size > 0 else { return old.root == MerkleHasher.emptyRoot && proof.isEmpty }
        var hashes = proof[...]
        if old.size.nonzeroBitCount == 1 { hashes = [old.root] + hashes }
        guard let first = hashes.popFirst() else { return false }
        var (node, last) = (old.size - 1, new.size - 1)
        while node & 1 == 1 { (node, last) = (node >> 1, last >> 1) }
        var (oldRoot, newRoot) = (first, first)
        for sibling in hashes {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                oldRoot = hasher.node(sibling, oldRoot)
                newRoot = hasher.node(sibling, newRoot)
                while node & 1 == 0, node != 0 { (node, last) = (node >> 1, last >> 1) }
            } else {
                newRoot = hasher.node(newRoot, sibling)
            }
            (node, last) = (node >> 1, last >> 1)
        }
        return last == 0 && oldRoot == old.root && newRoot == new.root
    }
}

/// Tiles of a tree that were fetched, and the hashes that can be read from them.
package struct TileSet {
    private let size: Int64
    private let hasher = MerkleHasher()
    private var tiles: [Tile: [UInt8]] = [:]

    /// Of a tree of `size` entries.
    package init(size: Int64) { self.size = size }

    /// The tiles that hold the hashes of these ranges, each once.
    package func tiles(for ranges: [Range<Int64>]) -> Set<Tile> {
        Set(ranges.flatMap(MerkleProof.subtrees).compactMap { place(of: $0)?.tile })
    }

    /// Adds a fetched tile; throws `log-inconsistent` if it has not its size.
    package mutating func add(_ bytes: [UInt8], of tile: Tile) throws(AssayError) {
        guard bytes.count == tile.width * MerkleHash.byteCount else {
            throw TransparencyFault.tile("tile \(tile.path) has \(bytes.count) bytes")
        }
        tiles[tile] = bytes
    }

    /// The hash of a range; throws `log-inconsistent` if a tile for it is missing.
    package func hash(of range: Range<Int64>) throws(AssayError) -> MerkleHash {
        var subtrees = MerkleProof.subtrees(of: range)
        guard let last = subtrees.popLast() else { return MerkleHasher.emptyRoot }
        var hash = try hash(of: last)
        for subtree in subtrees.reversed() { hash = hasher.node(try self.hash(of: subtree), hash) }
        return hash
    }

    /// The right edge of the first `count` entries, to go on from.
    package func frontier(of count: Int64) throws(AssayError) -> MerkleFrontier {
        var roots: [MerkleHash] = []
        for subtree in MerkleProof.subtrees(of: 0..<count) { roots.append(try hash(of: subtree)) }
        guard let frontier = MerkleFrontier(size: count, roots: roots) else {
            throw TransparencyFault.tile("a tree of \(count) entries")
        }
        return frontier
    }

    private typealias Subtree = (level: Int, index: Int64)

    /// The tile from which a subtree's root is folded: that of the nearest level below it.
    private func place(of subtree: Subtree) -> (tile: Tile, row: Range<Int>)? {
        let count = 1 << (subtree.level % Tile.height)
        let first = subtree.index * Int64(count)
        guard let tile = Tile.holding(first, .hashes(level: subtree.level / Tile.height), size: size) else {
            return nil
        }
        let start = Int(first % Int64(Tile.widthMax))
        return start + count <= tile.width ? (tile, start..<start + count) : nil
    }

    private func hash(of subtree: Subtree) throws(AssayError) -> MerkleHash {
        guard let (tile, row) = place(of: subtree), let bytes = tiles[tile] else {
            throw TransparencyFault.tile("a hash of level \(subtree.level) is missing")
        }
        var hashes = row.compactMap {
            MerkleHash(bytes[($0 * MerkleHash.byteCount)..<(($0 + 1) * MerkleHash.byteCount)])
        }
        while hashes.count > 1 {
            hashes = stride(from: 0, to: hashes.count, by: 2).map { hasher.node(hashes[$0], hashes[$0 + 1]) }
        }
        guard let hash = hashes.first else { throw TransparencyFault.tile("tile \(tile.path) is cut") }
        return hash
    }
}
