package import AssayCrypto
package import AssayDomain
package import AssayRegistry
package import Logging
package import NIOPosix
import Synchronization
import TransparencyLog

/// The audit log in one folder: a Merkle tree over its entries, kept as tiles (C2SP tlog-tiles).
///
/// What makes an entry durable is the transaction of the index that it comes from; the index keeps it until its tile is
/// full and flushed. So the tiles' last, partial parts need no flush: after a crash they are written anew.
package final class FileAuditLog: AuditLog, LogWriter {
    /// The name of the log of a key: it changes with the key, and nobody else can use it.
    package static func origin(of key: Ed25519PublicKey) -> String { Checkpoint.origin(of: key) }

    private struct State {
        var published: LogHead
        /// The tree up to `published`.
        var frontier = MerkleFrontier()
        /// Where the next entry goes in the file of its tile.
        var bundleBytes = 0
        var flushedSize: Int64 = 0
        /// What was integrated and is not published yet.
        var growth: Growth?
        /// Why nothing is added.
        var damage: String? = "it was not opened"
    }

    private struct Growth {
        let head: LogHead
        let frontier: MerkleFrontier
        let entries: [[UInt8]]
        /// New hashes of each level of tiles.
        let hashes: [[MerkleHash]]
    }

    private let key: Ed25519PrivateKey
    private let origin: String
    private let folder: TileFolder
    private let threads: NIOThreadPool
    private let logger: Logger
    private let state: Mutex<State>

    /// A log in `folder`, which need not exist. Nothing can be extended before `recover`.
    package init(folder: String, key: Ed25519PrivateKey, threads: NIOThreadPool, logger: Logger) throws {
        self.key = key
        origin = Self.origin(of: key.publicKey)
        self.folder = TileFolder(root: folder)
        self.threads = threads
        self.logger = logger
        let empty = Checkpoint(origin: origin, size: 0, root: MerkleHasher.emptyRoot)
        state = Mutex(State(published: LogHead(size: 0, checkpoint: try empty.signed(by: key))))
    }

    // MARK: Writing

    package var isWritable: Bool { damage == nil }
    package var damage: String? { state.withLock(\.damage) }
    package var flushedSize: Int64 { state.withLock(\.flushedSize) }

    package func recover(head: LogHead?, tailStart: Int64, tail: [[UInt8]]) {
        do {
            if let head { try resume(head, tailStart: tailStart, tail: tail) } else { try begin() }
        } catch {
            state.withLock { state in
                state.damage = "\((error as? AssayError).map { $0.reason ?? $0.message } ?? "it cannot be read")"
                // What there is can still be read, and looked through.
                if let head { state.published = head }
            }
            logger.error("audit log is damaged, nothing is written", metadata: ["error": "\(error)"])
        }
    }

    private func begin() throws {
        guard try folder.read(.entries, 0) == nil, try folder.readCheckpoint() == nil else {
            throw Self.inconsistent("the index knows of no log, and there is one")
        }
        state.withLock { $0.damage = nil }
    }

    private func resume(_ head: LogHead, tailStart: Int64, tail: [[UInt8]]) throws {
        let checkpoint = try Checkpoint(opening: head.checkpoint, trusted: [key.publicKey])
        guard checkpoint.origin == origin, checkpoint.size == head.size, tailStart >= 0,
            tailStart.isMultiple(of: Int64(Tile.widthMax)), tailStart + Int64(tail.count) == head.size
        else { throw Self.inconsistent("the index's last checkpoint is not of its entries") }
        try checkNoneIsNewer(than: checkpoint)
        let start = try frontier(of: tailStart)
        let hasher = MerkleHasher()
        let rest = Self.extend(start, by: tail, hasher)
        guard rest.frontier.root(hasher) == checkpoint.root else {
            throw Self.inconsistent("the tiles and the index's last entries do not lead to its last checkpoint")
        }
        try state.withLock { state in
            state.frontier = start
            state.flushedSize = tailStart
            state.growth = Growth(head: head, frontier: rest.frontier, entries: tail, hashes: rest.hashes)
            try write(&state)
            state.damage = nil
        }
    }

    /// A checkpoint is published after the index has kept it, so a newer one means that the index lost its end, or was
    /// put back to an older state. Going on from there would sign a second history.
    private func checkNoneIsNewer(than checkpoint: Checkpoint) throws {
        guard let note = try folder.readCheckpoint() else { return }
        let published: Checkpoint
        do {
            published = try Checkpoint(opening: note, trusted: [key.publicKey])
        } catch {
            // Half written when the machine failed, or damaged: it tells nothing.
            return logger.warning("last checkpoint of the audit log cannot be read", metadata: ["error": "\(error)"])
        }
        guard published.size <= checkpoint.size, published.size < checkpoint.size || published == checkpoint else {
            throw Self.inconsistent(
                "a checkpoint of \(published.size) entries was published, and the index has \(checkpoint.size)")
        }
    }

    package func extend(by entries: [[UInt8]]) throws -> LogHead {
        try state.withLock { state in
            guard state.damage == nil else {
                throw AssayError(
                    .storageFailed, "the audit log takes no entries", reason: "it was found damaged, or a write failed",
                    remedy: "see the server's log; find the damage with: assay audit verify")
            }
            let hasher = MerkleHasher()
            let rest = Self.extend(state.frontier, by: entries, hasher)
            let checkpoint = Checkpoint(origin: origin, size: rest.frontier.size, root: rest.frontier.root(hasher))
            let head = LogHead(size: checkpoint.size, checkpoint: try checkpoint.signed(by: key))
            state.growth = Growth(head: head, frontier: rest.frontier, entries: entries, hashes: rest.hashes)
            return head
        }
    }

    package func publish() {
        state.withLock { state in
            do {
                try write(&state)
            } catch {
                // The entries are durable in the index, and the next start writes them; until then nothing is added.
                state.damage = "it could not be written"
                logger.error("audit log cannot be written", metadata: ["error": "\(error)"])
            }
        }
    }

    package func rollback() { state.withLock { $0.growth = nil } }

    /// Adds entries to a tree; gives the new hashes of each level of tiles too.
    private static func extend(
        _ frontier: MerkleFrontier, by entries: [[UInt8]], _ hasher: MerkleHasher
    ) -> (frontier: MerkleFrontier, hashes: [[MerkleHash]]) {
        var frontier = frontier
        var hashes: [[MerkleHash]] = []
        for entry in entries {
            frontier.append(hasher.leaf(entry), hasher) { level, hash in
                while hashes.count <= level { hashes.append([]) }
                hashes[level].append(hash)
            }
        }
        return (frontier, hashes)
    }

    /// Writes what was integrated to its tiles and makes it what is published.
    private func write(_ state: inout State) throws(AssayError) {
        guard let rest = state.growth else { return }
        let size = state.frontier.size
        // A tile of entries is durable before the index may forget them, and its hashes with it.
        for (level, hashes) in rest.hashes.enumerated() {
            _ = try write(hashes.map(\.bytes), from: Tile.count(level: level, size: size), of: .hashes(level: level)) {
                $0 * MerkleHash.byteCount
            }
        }
        let bundleBytes = state.bundleBytes
        state.bundleBytes = try write(rest.entries.map(EntryBundle.encode), from: size, of: .entries) { _ in
            bundleBytes
        }
        try folder.writeCheckpoint(rest.head.checkpoint)
        state.frontier = rest.frontier
        state.flushedSize = rest.head.size - rest.head.size % Int64(Tile.widthMax)
        state.published = rest.head
        state.growth = nil
    }

    /// Writes items to the tiles that they belong to; gives the size of the last one's file if that is not full.
    ///
    /// `offset` tells where in its tile's file the first item goes.
    private func write(
        _ items: [[UInt8]], from first: Int64, of content: Tile.Content, offset: (_ position: Int) -> Int
    ) throws(AssayError) -> Int {
        var rest = items[...]
        var index = first
        var position = Int(first % Int64(Tile.widthMax))
        var start = position == 0 ? 0 : offset(position)
        while !rest.isEmpty {
            let part = rest.prefix(Tile.widthMax - position)
            let bytes = Array(part.joined())
            let isFull = position + part.count == Tile.widthMax
            // The entries behind a hash of a higher level are not kept by the index any more.
            let isDurable = isFull || content.isOfHigherLevel
            try folder.write(bytes, at: start, of: content, index / Int64(Tile.widthMax), isDurable: isDurable)
            rest = rest.dropFirst(part.count)
            index += Int64(part.count)
            (position, start) = isFull ? (0, 0) : (position + part.count, start + bytes.count)
        }
        return start
    }

    /// The right edge of the flushed part, from its tiles.
    private func frontier(of size: Int64) throws -> MerkleFrontier {
        var tiles = TileSet(size: size)
        for tile in tiles.tiles(for: [0..<size]) {
            guard case .hashes = tile.content, let bytes = try folder.read(tile.content, tile.number) else {
                throw Self.inconsistent("tile \(tile.path) is missing")
            }
            try tiles.add(Array(bytes.prefix(tile.width * MerkleHash.byteCount)), of: tile)
        }
        return try tiles.frontier(of: size)
    }

    private static func inconsistent(_ reason: String) -> AssayError {
        AssayError(
            .logInconsistent, "the audit log is damaged", reason: reason,
            remedy: "find the damage with: assay audit verify; restore the log folder and the index from one backup")
    }

    // MARK: Reading

    package var head: LogHead { state.withLock(\.published) }

    package func tile(_ path: String) async throws -> [UInt8]? {
        guard let tile = Tile(path: path) else { return nil }
        return try await threads.runIfActive { try self.content(of: tile, size: self.head.size) }
    }

    package func entries(from index: Int64, limit: Int) async throws -> [[UInt8]] {
        try await threads.runIfActive {
            let size = self.head.size
            var entries: [[UInt8]] = []
            while entries.count < limit, let tile = Tile.holding(index + Int64(entries.count), .entries, size: size) {
                let position = Int((index + Int64(entries.count)) % Int64(Tile.widthMax))
                let bundle = try self.content(of: tile, size: size) ?? []
                guard let found = EntryBundle.entries(bundle, count: tile.width) else { throw Self.cut(tile) }
                entries += found[position...].prefix(limit - entries.count).map(Array.init)
            }
            return entries
        }
    }

    package func proof(of index: Int64) async throws -> [UInt8] {
        try await threads.runIfActive {
            let head = self.head
            guard 0..<head.size ~= index, let bundle = Tile.holding(index, .entries, size: head.size),
                let entries = EntryBundle.entries(
                    try self.content(of: bundle, size: head.size) ?? [], count: bundle.width)
            else {
                throw AssayError(.logEntryNotFound, "the audit log has no entry \(index)")
            }
            let ranges = MerkleProof.inclusion(of: index, in: head.size)
            var tiles = TileSet(size: head.size)
            for tile in tiles.tiles(for: ranges) {
                try tiles.add(try self.content(of: tile, size: head.size) ?? [], of: tile)
            }
            return LogProof(
                entry: Array(entries[Int(index % Int64(Tile.widthMax))]), index: index,
                hashes: try ranges.map { try tiles.hash(of: $0) }, checkpoint: head.checkpoint
            ).encoded()
        }
    }

    package func evidence(in proof: [UInt8], trusted: [TrustedKey]) -> LogEvidence? {
        do {
            let proof = try LogProof(parsing: proof)
            let checkpoint = try Checkpoint(parsing: try SignedNote(parsing: proof.checkpoint).text)
            _ = try proof.entry(provenBy: checkpoint)
            let signer = try signer(of: proof.checkpoint, trusted: trusted)
            return LogEvidence(entry: proof.entry, index: proof.index, signer: signer)
        } catch {
            return nil
        }
    }

    /// Who signed a checkpoint; a log has the name of its key. Throws `signature-invalid` for one that claims a key
    /// falsely, and `log-inconsistent` for one of another log than its key's.
    private func signer(of note: [UInt8], trusted: [TrustedKey]) throws -> LogEvidence.Signer {
        let keys = try trusted.map { try Ed25519PublicKey(pem: $0.pem) }.filter { $0 != key.publicKey }
        do {
            let (checkpoint, signer) = try Checkpoint.open(note, trusted: [key.publicKey] + keys)
            guard checkpoint.origin.utf8.elementsEqual(Checkpoint.origin(of: signer).utf8) else {
                throw Self.inconsistent("a checkpoint is of another log than its key's")
            }
            return signer == key.publicKey ? .own : .trusted
        } catch let error as AssayError where error.code == .untrustedKey {
            return .unknown
        }
    }

    package func leafHashes(of entries: [[UInt8]?]) -> [UInt8] {
        let hasher = MerkleHasher()
        let nothing = [UInt8](repeating: 0, count: MerkleHash.byteCount)
        return entries.flatMap { $0.map { hasher.leaf($0).bytes } ?? nothing }
    }

    /// The bytes of a tile of a tree of `size` entries; nil if it reaches beyond it.
    private func content(of tile: Tile, size: Int64) throws -> [UInt8]? {
        let first = tile.number * Int64(Tile.widthMax)
        guard let whole = Tile.holding(first, tile.content, size: size), tile.width <= whole.width else { return nil }
        guard let bytes = try folder.read(tile.content, tile.number) else { throw Self.cut(tile) }
        let count: Int
        switch tile.content {
        case .hashes: count = tile.width * MerkleHash.byteCount
        case .entries:
            guard let last = EntryBundle.entries(bytes, count: tile.width)?.last else { throw Self.cut(tile) }
            count = last.endIndex
        }
        guard count <= bytes.count else { throw Self.cut(tile) }
        // The file of a full tile never changes again.
        guard count == bytes.count || tile.isPartial else {
            throw Self.inconsistent("the file of tile \(tile.path) goes on behind its end")
        }
        return Array(bytes[..<count])
    }

    private static func cut(_ tile: Tile) -> AssayError {
        inconsistent("the file of tile \(tile.path) is cut or missing")
    }
}

extension Tile.Content {
    fileprivate var isOfHigherLevel: Bool {
        if case .hashes(let level) = self { level > 0 } else { false }
    }
}
