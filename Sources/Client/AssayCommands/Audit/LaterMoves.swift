import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// Looks through the log itself for moves of an alias that come after the one that a registry calls its last.
///
/// The list of moves is the registry's word, and a dishonest one can leave out the latest. So every entry behind the
/// promotion is read from the log's tiles and proven by its checkpoint. Up to where that was done is remembered for
/// each alias; the next time only what came since is read.
struct LaterMoves: Sendable {
    /// Tiles of entries that are fetched at a time.
    private static let tilesAtOnce = 8
    /// The most entries that are read for one alias.
    private static let entriesMax: Int64 = 1 << 26

    let client: AssayClient
    let memory: CheckpointMemory

    /// Throws `log-inconsistent` if the log has a move of the alias behind a promotion, or had one when it was looked
    /// through before, or has the version withdrawn and the registry does not say so; and `log-entry-not-found` if the
    /// alias has got another policy since.
    func check(
        _ promotion: PromotionRecord, at index: Int64, of version: Version, in opened: LogTrust.Opened,
        trust: LogTrust
    ) async throws {
        let (repository, alias, checkpoint) = (promotion.repository, promotion.alias, opened.checkpoint)
        let name = AliasInLog(
            repository: repository, alias: alias, keyID: opened.key.publicKey.id, origin: checkpoint.origin)
        let known = try await memory.lastMove(name, until: opened, trust: trust, client: client)
        if let known, index < known.index {
            throw Self.hidden(alias, of: repository, known.index, shown: index)
        }
        // Before the entry that was found then, and up to where the log was read then, there is nothing new.
        let start = max(index + 1, known?.checkpoint.size ?? 0)
        var policy = promotion.policy.description
        var withdrawnAt: Int64?
        try await read(from: start, of: checkpoint) { place, entry in
            guard entry.text(.repository) == repository.text else { return }
            switch entry.kind {
            case .alias where entry.text(.alias) == alias.text:
                throw Self.hidden(alias, of: repository, place, shown: index)
            // Without a policy anybody may move the alias, and then its last move is no promotion.
            case .policy where entry.text(.alias) == alias.text: policy = entry.text(.policy) ?? policy
            case .withdrawal where entry.text(.digest) == version.manifestDigest.description:
                withdrawnAt = entry.text(.action) == Withdrawal.Action.reinstate.rawValue ? nil : place
            default: return
            }
        }
        if let withdrawnAt, version.withdrawn == nil {
            throw AssayError(
                .logInconsistent, "\(version.reference) was withdrawn, and the registry does not say so",
                reason: "entry \(withdrawnAt) of the audit log withdraws it",
                remedy: "pull again; if it stays, the registry hides it: ask its operator")
        }
        guard policy == promotion.policy.description else {
            throw AssayError(
                .logEntryNotFound, "\(repository):\(alias) was promoted by another policy than it has now",
                reason: "entry \(index) of the audit log is a promotion by \(promotion.policy), and the alias has "
                    + Printable.escape(policy, limit: 80),
                remedy: "promote it again: assay promote \(repository):\(promotion.number) \(alias)")
        }
        // What a later pull must find again is not behind the place up to which the log was read.
        guard withdrawnAt == nil else { return }
        try await memory.keepLastMove(name, LastMove(index: index, checkpoint: checkpoint), client: client)
    }

    /// Hands over the entries from one on. They are proven by the checkpoint once this returns, not before.
    private func read(
        from start: Int64, of checkpoint: Checkpoint, _ body: (_ place: Int64, AuditEntry) throws -> Void
    ) async throws {
        guard start < checkpoint.size else { return }
        guard checkpoint.size - start <= Self.entriesMax else {
            throw AssayError(
                .tooManyEntries, "the audit log has over \(Self.entriesMax) entries behind the promotion",
                remedy: "promote the version again, then pull")
        }
        let hasher = MerkleHasher()
        let width = Int64(Tile.widthMax)
        let first = start - start % width
        var frontier = try await frontier(of: first, in: checkpoint)
        for position in stride(from: first, to: checkpoint.size, by: Self.tilesAtOnce * Tile.widthMax) {
            for bundle in try await bundles(from: position, of: checkpoint) {
                for entry in bundle {
                    if frontier.size >= start { try body(frontier.size, AuditEntry(parsing: Array(entry))) }
                    frontier.append(hasher.leaf(entry), hasher)
                }
            }
        }
        guard frontier.size == checkpoint.size, frontier.root(hasher) == checkpoint.root else {
            throw Self.unproven("entries from \(start) on do not lead to the root of its checkpoint")
        }
    }

    /// The tree up to a place, from the tiles of its hashes; they are proven together with the entries behind it.
    private func frontier(of count: Int64, in checkpoint: Checkpoint) async throws -> MerkleFrontier {
        var tiles = TileSet(size: checkpoint.size)
        for tile in tiles.tiles(for: [0..<count]) { try tiles.add(try await client.logTile(tile.path), of: tile) }
        return try tiles.frontier(of: count)
    }

    /// Some tiles of entries, fetched at the same time and given in order.
    private func bundles(from first: Int64, of checkpoint: Checkpoint) async throws -> [[ArraySlice<UInt8>]] {
        let tiles = (0..<Self.tilesAtOnce).compactMap {
            Tile.holding(first + Int64($0 * Tile.widthMax), .entries, size: checkpoint.size)
        }
        return try await withThrowingTaskGroup(of: (Int64, [ArraySlice<UInt8>]).self) { group in
            for tile in tiles {
                group.addTask {
                    guard let entries = EntryBundle.entries(try await client.logTile(tile.path), count: tile.width)
                    else { throw Self.unproven("tile \(tile.path) is cut") }
                    return (tile.number, entries)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private static func unproven(_ reason: String) -> AssayError {
        AssayError(.logInconsistent, "the audit log's entries are not those of its checkpoint", reason: reason)
    }

    private static func hidden(
        _ alias: AliasName, of repository: RepositoryName, _ later: Int64, shown: Int64
    ) -> AssayError {
        AssayError(
            .logInconsistent, "\(repository):\(alias) was moved after the promotion that the registry shows",
            reason: "entry \(later) of the audit log moves it, and the registry calls entry \(shown) the last",
            remedy: "pull again; if it stays, the registry hides the latest move: ask its operator")
    }
}

/// What is remembered of an alias: its last move, and the log that was looked through for it.
struct LastMove: Sendable {
    let index: Int64
    let checkpoint: Checkpoint

    init(index: Int64, checkpoint: Checkpoint) {
        self.index = index
        self.checkpoint = checkpoint
    }

    /// The index on a line of its own, and then the checkpoint's text.
    var encoded: [UInt8] { Array("\(index)\n\(checkpoint.text)".utf8) }

    /// Throws `log-inconsistent`.
    init(parsing bytes: [UInt8]) throws(AssayError) {
        guard let text = String(validating: bytes, as: UTF8.self), let end = text.firstIndex(of: "\n"),
            let index = Int64(text[..<end]), index >= 0
        else {
            throw AssayError(
                .logInconsistent, "what is remembered of an alias cannot be read",
                remedy: "remove the folder 'moves' below the state folder; the next pull reads the log anew")
        }
        self.init(index: index, checkpoint: try Checkpoint(parsing: String(text[text.index(after: end)...])))
    }
}
