import AssayDomain
import Testing

@testable import TransparencyLog

/// A tree by the definition (RFC 9162, section 2.1.1): slow, and plainly right.
struct NaiveTree {
    let hasher = MerkleHasher()
    let leaves: [MerkleHash]

    init(_ count: Int) {
        let hasher = hasher
        leaves = (0..<count).map { hasher.leaf(Array("entry \($0)".utf8)) }
    }

    func root(_ range: Range<Int>) -> MerkleHash {
        guard range.count > 1 else { return range.isEmpty ? MerkleHasher.emptyRoot : leaves[range.lowerBound] }
        var split = 1
        while split * 2 < range.count { split *= 2 }
        let middle = range.lowerBound + split
        return hasher.node(root(range.lowerBound..<middle), root(middle..<range.upperBound))
    }

    var root: MerkleHash { root(0..<leaves.count) }

    func hashes(_ ranges: [Range<Int64>]) -> [MerkleHash] {
        ranges.map { root(Int($0.lowerBound)..<Int($0.upperBound)) }
    }
}

struct MerkleTests {
    /// Roots of the reference trees of RFC 6962 implementations: the empty one, and the one of an empty entry.
    @Test func `hashes are those of the reference vectors`() {
        #expect(
            Hex.encode(MerkleHasher.emptyRoot.bytes)
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            Hex.encode(MerkleHasher().leaf([UInt8]()).bytes)
                == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
        let hasher = MerkleHasher()
        #expect(
            Hex.encode(hasher.node(hasher.leaf([UInt8]()), hasher.leaf([0x00])).bytes)
                == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")
    }

    @Test(arguments: [0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 513])
    func `a growing tree has the root of the definition`(count: Int) {
        let tree = NaiveTree(count)
        var frontier = MerkleFrontier()
        for leaf in tree.leaves { frontier.append(leaf, tree.hasher) }
        #expect(frontier.size == Int64(count))
        #expect(frontier.root(tree.hasher) == tree.root)
    }

    @Test func `what tiles keep are the hashes of every eighth level`() {
        let tree = NaiveTree(600)
        var frontier = MerkleFrontier()
        var kept: [[MerkleHash]] = [[], []]
        for leaf in tree.leaves { frontier.append(leaf, tree.hasher) { level, hash in kept[level].append(hash) } }
        #expect(kept[0] == tree.leaves)
        #expect(kept[1] == [tree.root(0..<256), tree.root(256..<512)])
    }

    @Test(arguments: 1...40)
    func `every entry is proven, and no other place and no other entry is`(count: Int) {
        let tree = NaiveTree(count)
        let size = Int64(count)
        for index in 0..<count {
            let proof = tree.hashes(MerkleProof.inclusion(of: Int64(index), in: size))
            func root(_ leaf: MerkleHash, _ index: Int, _ proof: [MerkleHash]) -> MerkleHash? {
                MerkleProof.root(leaf: leaf, at: Int64(index), in: size, proof: proof, tree.hasher)
            }
            #expect(root(tree.leaves[index], index, proof) == tree.root)
            #expect(root(tree.hasher.leaf([1]), index, proof) != tree.root)
            if count > 1 {
                #expect(root(tree.leaves[index], (index + 1) % count, proof) != tree.root)
                #expect(root(tree.leaves[index], index, Array(proof.dropLast())) != tree.root)
            }
            #expect(root(tree.leaves[index], index, proof + [tree.root]) != tree.root)
            #expect(root(tree.leaves[index], count, proof) == nil)
        }
    }

    @Test(arguments: 1...24)
    func `every growth is proven, and no other history is`(oldCount: Int) {
        let hasher = MerkleHasher()
        for newCount in oldCount...40 {
            let tree = NaiveTree(newCount)
            let old = (size: Int64(oldCount), root: tree.root(0..<oldCount))
            let new = (size: Int64(newCount), root: tree.root)
            let proof = tree.hashes(MerkleProof.consistency(from: old.size, to: new.size))
            #expect(MerkleProof.isConsistent(from: old, to: new, proof: proof, hasher))
            let other = (size: old.size, root: hasher.leaf([7]))
            #expect(!MerkleProof.isConsistent(from: other, to: new, proof: proof, hasher))
            #expect(!MerkleProof.isConsistent(from: old, to: new, proof: proof + [new.root], hasher))
            guard newCount > oldCount else { continue }
            #expect(!MerkleProof.isConsistent(from: new, to: old, proof: proof, hasher))
            #expect(!MerkleProof.isConsistent(from: old, to: (new.size, other.root), proof: proof, hasher))
            if !proof.isEmpty {
                #expect(!MerkleProof.isConsistent(from: old, to: new, proof: Array(proof.dropLast()), hasher))
            }
        }
    }

    @Test(arguments: [1, 255, 256, 257, 700])
    func `proofs and the right edge are read from tiles`(count: Int) throws {
        let tree = NaiveTree(count)
        let size = Int64(count)
        var levels: [[MerkleHash]] = [[], []]
        var frontier = MerkleFrontier()
        for leaf in tree.leaves { frontier.append(leaf, tree.hasher) { level, hash in levels[level].append(hash) } }
        var tiles = TileSet(size: size)
        let index = size * 2 / 3
        let ranges = MerkleProof.inclusion(of: index, in: size) + [0..<size]
        for tile in tiles.tiles(for: ranges) {
            guard case .hashes(let level) = tile.content else { throw TransparencyFault.tile("of entries") }
            let start = Int(tile.number) * Tile.widthMax
            try tiles.add(levels[level][start..<start + tile.width].flatMap(\.bytes), of: tile)
        }
        #expect(try ranges.map { try tiles.hash(of: $0) } == tree.hashes(ranges))
        #expect(try tiles.frontier(of: size) == frontier)
    }

    @Test func `a tile of another size is refused`() {
        var tiles = TileSet(size: 3)
        #expect(throws: AssayError.self) { try tiles.add([1, 2, 3], of: Tile(.hashes(level: 0), 0, width: 3)) }
        #expect(throws: AssayError.self) { try tiles.hash(of: 0..<3) }
    }
}
