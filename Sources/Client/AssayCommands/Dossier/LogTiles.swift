import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// Reads entries and hashes of a registry's log out of its tiles, all of them as of one checkpoint.
///
/// Nothing of it is believed here: what is read is proven by the checkpoint afterwards.
actor LogTiles {
    private let client: AssayClient
    private let size: Int64
    private var tiles: TileSet
    private var known: Set<Tile> = []

    init(_ client: AssayClient, size: Int64) {
        self.client = client
        self.size = size
        tiles = TileSet(size: size)
    }

    /// The tile of entries that holds an index: the index of its first entry, and the entries.
    func entries(around index: Int64) async throws -> (first: Int64, entries: [ArraySlice<UInt8>]) {
        guard let tile = Tile.holding(index, .entries, size: size) else {
            throw AssayError(.logEntryNotFound, "the audit log has no entry \(index)")
        }
        guard let entries = EntryBundle.entries(try await client.logTile(tile.path), count: tile.width) else {
            throw AssayError(.logInconsistent, "the audit log's tile \(tile.path) is cut")
        }
        return (tile.number * Int64(Tile.widthMax), entries)
    }

    /// The hashes of ranges of entries.
    func hashes(of ranges: [Range<Int64>]) async throws -> [MerkleHash] {
        for tile in tiles.tiles(for: ranges).subtracting(known) {
            try tiles.add(try await client.logTile(tile.path), of: tile)
            known.insert(tile)
        }
        return try ranges.map { try tiles.hash(of: $0) }
    }

    /// A proof of one entry by the checkpoint of these tiles.
    func proof(of index: Int64, checkpoint: [UInt8]) async throws -> LogProof {
        let (first, entries) = try await entries(around: index)
        let hashes = try await hashes(of: MerkleProof.inclusion(of: index, in: size))
        return LogProof(
            entry: Array(entries[Int(index - first)]), index: index, hashes: hashes, checkpoint: checkpoint)
    }

    /// The part of the log with what proves it.
    func segment(_ part: Range<Int64>) async throws -> LogSegment {
        let ranges = LogSegment.ranges(part, in: size)
        return LogSegment(
            start: part.lowerBound, end: part.upperBound, before: try await hashes(of: ranges.before),
            after: try await hashes(of: ranges.after))
    }
}
