import AssayClient
import AssayDomain

/// A folder that holds versions, each in a folder named by its digest, and `current`, a link to one of them.
///
/// The link moves in one step, and only to a version that is there whole. What was current before stays for those who
/// still read it, as many as are kept; older ones go.
struct VersionFolders: Sendable {
    /// What became of the folder.
    struct Outcome: Encodable, Sendable {
        /// Where `current` leads to.
        let current: Digest
        /// Whether it was moved to the version; a pull that began later keeps its place.
        let isCurrent: Bool
        /// Versions that were taken away.
        let removedVersions: [Digest]
    }

    static let currentName = "current"
    static let keptMax = 1_000
    private static let ledgerName = ".assay-versions"
    private static let draftName = ".assay-current"
    private static let ledgerBytesMax = 1 << 20
    private static let title = "assay versions 1"

    /// What the folder remembers: how many pulls began, which of them moved `current` last, and what was current.
    fileprivate struct Ledger {
        var begun: Int64 = 0
        var mover: Int64 = 0
        /// The last one first.
        var versions: [Digest] = []

        init() {}

        /// What cannot be read says nothing.
        init(parsing bytes: [UInt8]) {
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            guard lines.first == title, lines.count > 2, let begun = Int64(lines[1]), let mover = Int64(lines[2])
            else { return }
            (self.begun, self.mover) = (max(0, begun), max(0, mover))
            versions = lines.dropFirst(3).compactMap { try? Digest(parsing: $0) }
        }

        var encoded: [UInt8] {
            Array(([title, "\(begun)", "\(mover)"] + versions.map(\.description) + [""]).joined(separator: "\n").utf8)
        }
    }

    let path: String
    /// How many versions stay beside the current one.
    let kept: Int
    let files: FileAccess
    let display: ProgressDisplay

    func folder(of digest: Digest) -> String { "\(path)/\(digest)" }

    /// Notes that a pull begins, before it asks what there is, and gives its place in the order of pulls.
    ///
    /// Throws `file-exists` where `current` is something else than a link. Nothing is made where the folder is missing.
    func begin() async throws -> Int64 {
        let root: FolderHandle
        do {
            root = try await files.run { try FolderHandle.open(path: path) }
        } catch let error as AssayError where error.code == .fileNotFound {
            return 0
        }
        try await files.run { try Self.checkCurrent(in: root) }
        let turn = try await FolderWriter.turn(in: root, files: files, display: display)
        defer { withExtendedLifetime(turn) {} }
        return try await files.run {
            var ledger = try Self.ledger(in: root)
            // More pulls than that have never begun.
            ledger.begun = ledger.begun == .max ? 1 : ledger.begun + 1
            try root.write(ledger.encoded, as: Self.ledgerName, replacing: true)
            return ledger.begun
        }
    }

    /// Points `current` to a version that is there, unless a pull that began later has moved it, and takes away what is
    /// kept no longer. Nobody else may be writing into the version's folder meanwhile.
    func finish(_ digest: Digest, begun ticket: Int64) async throws -> Outcome {
        let root = try await files.run { try FolderHandle.open(path: path) }
        let turn = try await FolderWriter.turn(in: root, files: files, display: display)
        defer { withExtendedLifetime(turn) {} }
        return try await files.run {
            try Self.checkCurrent(in: root)
            var ledger = try Self.ledger(in: root)
            let pointed = root.linkTarget(Self.currentName).flatMap { try? Digest(parsing: $0) }
            let isThere = try pointed.map { try root.existingSubfolder($0.description) != nil } ?? false
            let moves = !isThere || ticket >= ledger.mover
            if let pointed, isThere { ledger.note(pointed) }
            if moves {
                ledger.note(digest)
                ledger.mover = max(ledger.mover, ticket)
            }
            try root.write(ledger.encoded, as: Self.ledgerName, replacing: true)
            if moves, pointed != digest {
                try root.link(Self.currentName, to: digest.description, by: Self.draftName)
            }
            let current = moves ? digest : pointed ?? digest
            let removed = try Self.prune(root, keeping: ledger.kept(kept, current: current, writing: digest))
            return Outcome(current: current, isCurrent: moves, removedVersions: removed)
        }
    }

    private static func checkCurrent(in root: FolderHandle) throws {
        guard let kind = root.kind(of: currentName), kind != .link else { return }
        throw AssayError(
            .fileExists, "\(Printable.quote("\(root.path)/\(currentName)")) is no link",
            remedy: "name another folder, or move what is there")
    }

    private static func ledger(in root: FolderHandle) throws -> Ledger {
        try root.file(ledgerName).map { Ledger(parsing: try $0.readAll(bytesMax: ledgerBytesMax)) } ?? Ledger()
    }

    /// Takes away the folders of versions that are not kept and that no pull writes into.
    private static func prune(_ root: FolderHandle, keeping kept: Set<Digest>) throws -> [Digest] {
        var removed: [Digest] = []
        for entry in try root.entries() where entry.kind == .folder {
            // What is called otherwise is nobody's version.
            guard let digest = try? Digest(parsing: entry.name), !kept.contains(digest),
                let folder = try? root.existingSubfolder(entry), let turn = folder.turn()
            else { continue }
            withExtendedLifetime(turn) { FolderContents.empty(folder) }
            if root.remove(entry) { removed.append(digest) }
        }
        return removed
    }
}

extension VersionFolders.Ledger {
    fileprivate mutating func note(_ digest: Digest) {
        versions.removeAll { $0 == digest }
        versions.insert(digest, at: 0)
        versions = Array(versions.prefix(VersionFolders.keptMax + 1))
    }

    /// The current version, the one that was written just now, and those that were current last.
    fileprivate func kept(_ count: Int, current: Digest, writing: Digest) -> Set<Digest> {
        Set([current, writing] + versions.filter { $0 != current }.prefix(count))
    }
}
