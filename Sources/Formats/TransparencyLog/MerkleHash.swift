import AssayCrypto
import AssayDomain

/// A hash in a Merkle tree: 32 bytes of SHA-256.
package struct MerkleHash: Sendable, Hashable {
    package static let byteCount = RepeatedSHA256.byteCount

    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// Takes 32 bytes; nil for any other number.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    fileprivate init() {}

    package var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Swift.withUnsafeBytes(of: words, body)
    }

    fileprivate mutating func withUnsafeMutableBytesOfHash(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
        withUnsafeMutableBytes(of: &words, body)
    }

    package static func == (left: MerkleHash, right: MerkleHash) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) { withUnsafeBytes { hasher.combine(bytes: $0) } }
}

/// Computes the hashes of a tree. Not for two threads at a time.
///
/// Source: RFC 9162, section 2.1.1; C2SP tlog-tiles. A leaf is SHA-256(0x00, entry), a node SHA-256(0x01, left, right).
package final class MerkleHasher {
    private let digest = RepeatedSHA256()

    package init() {}

    package func leaf(_ entry: some Collection<UInt8>) -> MerkleHash {
        let isContiguous = entry.withContiguousStorageIfAvailable { hash(0, UnsafeRawBufferPointer($0), Self.nothing) }
        return isContiguous ?? Array(entry).withUnsafeBytes { hash(0, $0, Self.nothing) }
    }

    package func node(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
        left.withUnsafeBytes { left in right.withUnsafeBytes { hash(1, left, $0) } }
    }

    /// The root of a tree without entries: SHA-256 of nothing.
    package static var emptyRoot: MerkleHash { MerkleHash(Digest.sha256(of: []).bytes) ?? MerkleHash() }

    private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    private func hash(
        _ prefix: UInt8, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) -> MerkleHash {
        var hash = MerkleHash()
        hash.withUnsafeMutableBytesOfHash { digest.hash(prefix, first, second, into: $0) }
        return hash
    }
}

/// The right edge of a growing tree: the roots of its full subtrees, largest first.
package struct MerkleFrontier: Sendable, Hashable {
    /// How many entries the tree has.
    package private(set) var size: Int64 = 0
    /// One root for each one bit of `size`, the highest bit first.
    private var roots: [MerkleHash] = []

    package init() {}

    /// The frontier of a tree of `size` entries from the roots of its full subtrees, largest first; nil if their
    /// number is another one.
    package init?(size: Int64, roots: [MerkleHash]) {
        guard size >= 0, roots.count == size.nonzeroBitCount else { return nil }
        self.size = size
        self.roots = roots
    }

    /// Adds a leaf, and hands over each hash whose level is a multiple of 8, the leaf first: what tiles keep.
    package mutating func append(
        _ leaf: MerkleHash, _ hasher: MerkleHasher, keep: (_ tileLevel: Int, MerkleHash) -> Void = { _, _ in }
    ) {
        keep(0, leaf)
        var hash = leaf
        var level = 0
        while size >> level & 1 == 1, let left = roots.popLast() {
            hash = hasher.node(left, hash)
            level += 1
            if level.isMultiple(of: Tile.height) { keep(level / Tile.height, hash) }
        }
        roots.append(hash)
        size += 1
    }

    package func root(_ hasher: MerkleHasher) -> MerkleHash {
        guard var hash = roots.last else { return MerkleHasher.emptyRoot }
        for left in roots.dropLast().reversed() { hash = hasher.node(left, hash) }
        return hash
    }
}
