import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// Remembers the last checkpoint of each log that was seen here: so a log that was rolled back or split is noticed.
struct CheckpointMemory: Sendable {
    private static let faultsOfPlace: [ErrorCode] = [.fileNotFound, .fileInaccessible, .fileTypeRefused]

    /// Nil remembers nothing.
    private let folder: String?

    /// Below `$XDG_STATE_HOME/assay/checkpoints`, or `~/.local/state/assay/checkpoints`.
    init(variables: [String: String]) {
        folder = UserFolder.state.path("checkpoints", in: variables)
    }

    /// Checks that a checkpoint continues the one remembered, by hashes of the log's tiles, and remembers it.
    ///
    /// Throws `log-inconsistent` if the log was rolled back, or is not the one that was seen before.
    func check(_ checkpoint: Checkpoint, _ note: [UInt8], client: AssayClient) async throws {
        guard let folder else { return }
        let name = String(Digest.sha256(of: checkpoint.origin.utf8).hex.prefix(32))
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
                .fileInaccessible, "the last checkpoint of the log cannot be remembered", reason: error.message,
                remedy: "let the folder be written, or name another one with XDG_STATE_HOME", cause: error)
        }
    }

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
