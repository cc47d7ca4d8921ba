import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// Remembers the last checkpoint of each log that was seen here, so that a log that was rolled back or split is
/// noticed, and the last move of each alias that was pulled.
struct CheckpointMemory: Sendable {
    private static let faultsOfPlace: [ErrorCode] = [.fileNotFound, .fileInaccessible, .fileTypeRefused]

    /// Nil remembers nothing.
    private let folder: String?
    private let moves: String?

    /// Below `$XDG_STATE_HOME/assay/`, or `~/.local/state/assay/`, in `checkpoints` and `moves`.
    init(variables: [String: String]) {
        folder = UserFolder.state.path("checkpoints", in: variables)
        moves = UserFolder.state.path("moves", in: variables)
    }

    /// Checks that a checkpoint continues the one remembered, by hashes of the log's tiles, and remembers it.
    ///
    /// Throws `log-inconsistent` if the log was rolled back, or is not the one that was seen before.
    func check(_ checkpoint: Checkpoint, _ note: [UInt8], client: AssayClient) async throws {
        guard let folder else { return }
        let name = Self.fileName(of: checkpoint.origin)
        let place = try await local(client) { try FolderHandle.make(path: folder) }
        if let file = try await client.files.run({ try place.file(name) }) {
            let bytes = try await client.files.run { try file.readAll(bytesMax: LogProof.bytesMax) }
            let known = try Checkpoint(parsing: SignedNote(parsing: bytes).text)
            guard known.size <= checkpoint.size else {
                throw AssayError(
                    .logInconsistent, "the audit log \(Printable.escape(checkpoint.origin)) was rolled back",
                    reason: "it has \(checkpoint.size) entries, and had \(known.size) when it was last seen here")
            }
            try await checkGrowth(from: known, to: checkpoint, client: client)
            if known.size == checkpoint.size { return }
        }
        try await local(client) { try place.write(note, as: name, replacing: true) }
    }

    /// Makes or writes what is remembered. Throws `file-inaccessible` where it cannot: without the memory nobody would
    /// notice a log that was changed.
    private func local<Value: Sendable>(
        _ client: AssayClient, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        do {
            return try await client.files.run(work)
        } catch let error as AssayError where Self.faultsOfPlace.contains(error.code) {
            throw AssayError(
                .fileInaccessible, "what was seen of the log cannot be remembered", reason: error.message,
                remedy: "let the folder be written, or name another one with XDG_STATE_HOME", cause: error)
        }
    }

    /// What is remembered under a name, of a log that still is the one it was. Throws `log-inconsistent`.
    func lastMove(_ name: String, until now: Checkpoint, client: AssayClient) async throws -> LastMove? {
        guard let moves else { return nil }
        let place = try await local(client) { try FolderHandle.make(path: moves) }
        guard let file = try await client.files.run({ try place.file(Self.fileName(of: name)) }) else { return nil }
        let known = try LastMove(
            parsing: try await client.files.run { try file.readAll(bytesMax: LogProof.bytesMax) })
        try await checkGrowth(from: known.checkpoint, to: now, client: client)
        return known
    }

    func keepLastMove(_ name: String, _ move: LastMove, client: AssayClient) async throws {
        guard let moves else { return }
        try await local(client) {
            try FolderHandle.make(path: moves).write(move.encoded, as: Self.fileName(of: name), replacing: true)
        }
    }

    private static func fileName(of name: String) -> String { String(Digest.sha256(of: name.utf8).hex.prefix(32)) }

    private func checkGrowth(from known: Checkpoint, to now: Checkpoint, client: AssayClient) async throws {
        var proof: [MerkleHash] = []
        if 0 < known.size, known.size < now.size {
            let ranges = MerkleProof.consistency(from: known.size, to: now.size)
            var tiles = TileSet(size: now.size)
            for tile in tiles.tiles(for: ranges) { try tiles.add(try await client.logTile(tile.path), of: tile) }
            for range in ranges { proof.append(try tiles.hash(of: range)) }
        }
        let isSame = MerkleProof.isConsistent(
            from: (known.size, known.root), to: (now.size, now.root), proof: proof, MerkleHasher())
        guard isSame else {
            throw AssayError(
                .logInconsistent, "the audit log \(Printable.escape(now.origin)) is not the one that was seen before",
                reason: "its first \(known.size) entries were changed",
                remedy: "ask its operator; keep what is remembered below the state folder as proof")
        }
    }
}
