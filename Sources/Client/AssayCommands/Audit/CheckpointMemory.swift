import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// Remembers the last checkpoint of each log that was seen here, so that a log that was rolled back or split is
/// noticed, and the last move of each alias that was pulled.
///
/// A log is known by its key, and what is remembered never becomes older: several pulls may share one state folder.
struct CheckpointMemory: Sendable {
    private static let faultsOfPlace: [ErrorCode] = [
        .fileNotFound, .fileInaccessible, .fileTypeRefused, .storageFailed,
    ]
    private static let lockName = ".lock"
    /// How often what is remembered may change while it is compared.
    private static let triesMax = 100

    private let folder: String
    private let moves: String

    /// Below `$XDG_STATE_HOME/assay/`, or `~/.local/state/assay/`, in `checkpoints` and `moves`.
    ///
    /// Throws `configuration-invalid` where no variable names a folder: without a memory nobody would notice a log
    /// that was rolled back.
    init(variables: [String: String]) throws(AssayError) {
        guard let folder = try UserFolder.state.path("checkpoints", in: variables),
            let moves = try UserFolder.state.path("moves", in: variables)
        else {
            throw AssayError(
                .configurationInvalid, "what is seen of the audit log cannot be remembered",
                reason: "neither XDG_STATE_HOME nor HOME names an absolute path",
                remedy: "set XDG_STATE_HOME to a folder that stays, such as /var/lib/NAME")
        }
        self.folder = folder
        self.moves = moves
    }

    /// What is remembered of the logs of these keys, by the ids of the keys. Whatever a registry shows after this was
    /// read must not be older.
    func seen(of trust: LogTrust, client: AssayClient) async throws -> [String: Checkpoint] {
        let place = try await local(client) { try Self.place(folder) }
        var seen: [String: Checkpoint] = [:]
        for key in trust.keys.map(\.publicKey) {
            let bytes = try await client.files.run { try Self.read(key, in: place).bytes }
            seen[key.id] = try bytes.map(Self.checkpoint)
        }
        return seen
    }

    /// Checks that a checkpoint is of the log that was seen before, by hashes of the log's tiles, and remembers it.
    ///
    /// Gives the newest checkpoint that is known to continue both: another pull may have seen more since `before` was
    /// read. Throws `log-inconsistent` if the log was rolled back, or is not the one that was seen before.
    func check(
        _ shown: LogTrust.Opened, after before: [String: Checkpoint], trust: LogTrust, client: AssayClient
    ) async throws -> LogTrust.Opened {
        let key = shown.key.publicKey
        if let known = before[key.id], shown.checkpoint.size < known.size { throw Self.rolledBack(shown, known) }
        let place = try await local(client) { try Self.place(folder) }
        var current = shown
        for _ in 0..<Self.triesMax {
            let found = try await client.files.run { try Self.read(key, in: place) }
            if let known = try found.bytes.map(Self.checkpoint) {
                current = try await newest(current, known, trust: trust, client: client)
                try await checkGrowth(from: known, to: current.checkpoint, client: client)
                if known.size == current.checkpoint.size, found.isOfKey { return current }
            }
            if try await replace(found.isOfKey ? found.bytes : nil, with: current.note, of: key, in: place, client) {
                return current
            }
        }
        throw AssayError(.storeBusy, "what is remembered of the audit log changes all the time", remedy: "try again")
    }

    /// A checkpoint that is not older than what is known: the log is asked again where another pull saw more of it.
    private func newest(
        _ seen: LogTrust.Opened, _ known: Checkpoint, trust: LogTrust, client: AssayClient
    ) async throws -> LogTrust.Opened {
        guard seen.checkpoint.size < known.size else { return seen }
        let now = try trust.open(try await client.logCheckpoint())
        guard now.key.publicKey == seen.key.publicKey, known.size <= now.checkpoint.size else {
            throw Self.rolledBack(now, known)
        }
        try await checkGrowth(from: seen.checkpoint, to: now.checkpoint, client: client)
        return now
    }

    private static func rolledBack(_ shown: LogTrust.Opened, _ known: Checkpoint) -> AssayError {
        AssayError(
            .logInconsistent, "the audit log \(Printable.escape(shown.checkpoint.origin)) was rolled back",
            reason: "it has \(shown.checkpoint.size) entries, and had \(known.size) when it was last seen here")
    }

    // MARK: Moves

    /// What is remembered of an alias in a log that still is the one it was. Throws `log-inconsistent`.
    func lastMove(
        _ alias: AliasInLog, until now: LogTrust.Opened, trust: LogTrust, client: AssayClient
    ) async throws -> LastMove? {
        let place = try await local(client) { try Self.place(moves) }
        let bytes = try await client.files.run {
            try Self.read(Self.fileName(of: alias.name), in: place)
                ?? Self.read(Self.fileName(of: alias.earlierName), in: place)
        }
        guard let known = try bytes.map({ try LastMove(parsing: $0) }) else { return nil }
        let newest = try await newest(now, known.checkpoint, trust: trust, client: client)
        try await checkGrowth(from: known.checkpoint, to: newest.checkpoint, client: client)
        return known
    }

    /// Remembers a move, unless another pull has seen a later one, or more of the log.
    func keepLastMove(_ alias: AliasInLog, _ move: LastMove, client: AssayClient) async throws {
        try await local(client) {
            let place = try Self.place(moves)
            try place.withLock(Self.lockName) {
                let name = Self.fileName(of: alias.name)
                if let known = try Self.read(name, in: place).map({ try LastMove(parsing: $0) }),
                    known.index > move.index || known.checkpoint.size > move.checkpoint.size
                {
                    return
                }
                try place.write(move.encoded, as: name, replacing: true, flushed: true)
            }
        }
    }

    // MARK: Files

    private static func read(_ name: String, in place: FolderHandle) throws -> [UInt8]? {
        try place.file(name).map { file in
            try file.check(.unwritable, called: "the file \(Printable.quote(file.path))")
            return try file.readAll(bytesMax: LogProof.bytesMax)
        }
    }

    /// Opens a folder of the memory. Throws `configuration-invalid` where others could have written to it: they could
    /// have put the log back.
    private static func place(_ path: String) throws(AssayError) -> FolderHandle {
        try FolderHandle.makeOwn(path: path, called: "the folder")
    }

    /// What is remembered of the log of a key; releases before this one kept it by the log's name.
    private static func read(
        _ key: Ed25519PublicKey, in place: FolderHandle
    ) throws -> (bytes: [UInt8]?, isOfKey: Bool) {
        if let bytes = try read(fileName(of: key.id), in: place) { return (bytes, true) }
        return (try read(fileName(of: Checkpoint.origin(of: key)), in: place), false)
    }

    private static func checkpoint(_ note: [UInt8]) throws(AssayError) -> Checkpoint {
        try Checkpoint(parsing: SignedNote(parsing: note).text)
    }

    /// Writes what is remembered if it still is what was compared; false if another pull was faster.
    private func replace(
        _ compared: [UInt8]?, with note: [UInt8], of key: Ed25519PublicKey, in place: FolderHandle,
        _ client: AssayClient
    ) async throws -> Bool {
        let name = Self.fileName(of: key.id)
        return try await local(client) {
            try place.withLock(Self.lockName) { () throws -> Bool in
                guard try Self.read(name, in: place) == compared else { return false }
                try place.write(note, as: name, replacing: true, flushed: true)
                return true
            }
        }
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

/// An alias as the log of one key has it.
struct AliasInLog: Sendable {
    let repository: RepositoryName
    let alias: AliasName
    /// The id of the log's key.
    let keyID: String
    let origin: String

    /// What it is remembered by.
    var name: String { "\(keyID)\n\(repository)\n\(alias)" }
    /// What releases before this one remembered it by.
    var earlierName: String { "\(origin)\n\(repository)\n\(alias)" }
}
