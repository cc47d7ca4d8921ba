import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// What is to lie in a folder.
struct FolderPlan: Sendable {
    /// All files of the version.
    let files: [VersionFile]
    /// Those that are written; the others may lie there too.
    let chosen: [VersionFile]
    /// The signature to lie beside all of the files; nil if there is none that speaks of them.
    let signature: [UInt8]?

    /// Whether the files that are written are all there are.
    var isWhole: Bool { chosen.count == files.count }
}

/// Makes a folder hold exactly the files of a version.
///
/// What an earlier version left there, with the bytes that its signature or record names, goes. Everything else stays,
/// and is named, unless it is to go too.
struct FolderWriter: Sendable {
    /// Brings the bytes of a file to its place.
    typealias Bring =
        @Sendable (VersionFile, DownloadTarget, _ progress: @escaping @Sendable (Int64) -> Void) async throws -> Void

    let files: FileAccess
    let display: ProgressDisplay
    let options: FolderRules
    /// Where it is remembered what was written; nil where nothing is.
    let records: PullRecords?
    let bring: Bring

    /// What a writer may do with what is there.
    struct FolderRules: Sendable {
        /// Whether files with other bytes may be replaced.
        var isReplacing = false
        /// Whether what is no part of the version goes.
        var isDeletingOthers = false
    }

    /// What came of it.
    struct Outcome: Sendable {
        var receivedBytes: Int64 = 0
        /// Files of an earlier version that went.
        var removed: [String] = []
        /// What else was there and went, as was asked.
        var deleted: [String] = []
        /// What is there and no part of the version.
        var others: [String] = []
    }

    /// How often it is looked whether another pull into the same folder has ended, and how often before that is told.
    private static let pause = Duration.milliseconds(50)
    private static let quietLooks = 20

    /// Writes what is missing. Whatever is in its way throws before anything is written: `file-exists` for other bytes,
    /// `path-unsafe` where the folder has one name for two of the files.
    ///
    /// Of several pulls into one folder one writes at a time; the next ones find its files there. `finishing` runs
    /// while no other one can write.
    func write(
        _ plan: FolderPlan, into path: String, finishing: () async throws -> Void = {}
    ) async throws -> Outcome {
        let (root, turn) = try await opened(path)
        defer { withExtendedLifetime(turn) {} }
        let state = try await files.run {
            try FolderState(root, plan: plan, records: records, isDeletingOthers: options.isDeletingOthers)
        }
        if plan.isWhole { try await refuseOther(plan, state, in: root) }
        var missing: [VersionFile] = []
        for file in plan.chosen where try await !isThere(file, in: root, state: state) { missing.append(file) }
        try await refuseCollision(plan, in: root)

        var outcome = Outcome()
        outcome.receivedBytes = missing.map(\.size).saturatingSum()
        try await files.run {
            if let fault = records?.keep(state.recordWhileWriting, of: root), plan.signature == nil {
                tell(fault)
            }
        }
        try await remove(state.obstacles, state, from: root, &outcome)
        try await bring(missing, into: root)
        try await refuseCollision(plan, in: root)
        try await remove(state.leftovers, state, from: root, &outcome)
        try await sign(plan, state, in: root)
        try await finish(plan, state, in: root, &outcome)
        try await finishing()
        return outcome
    }

    private func tell(_ fault: AssayError) {
        display.note(
            "no record of this pull is kept, so a later one cannot tell its files from others: "
                + (fault.reason.map { "\(fault.message): \($0)" } ?? fault.message))
    }

    /// Opens the folder when it is this one's turn to write. It may have been removed meanwhile, and made anew.
    private func opened(_ path: String) async throws -> (FolderHandle, FolderTurn) {
        while true {
            let root = try await files.run { try FolderHandle.make(path: path) }
            let turn = try await Self.turn(in: root, files: files, display: display)
            if root.isAt(path) { return (root, turn) }
        }
    }

    /// Waits for the right to write into a folder.
    static func turn(
        in root: FolderHandle, files: FileAccess, display: ProgressDisplay
    ) async throws -> FolderTurn {
        var looks = 0
        while true {
            if let turn = try await files.run({ root.turn() }) { return turn }
            looks += 1
            if looks == quietLooks {
                display.note("another pull writes into \(Printable.quote(root.path)): waiting for it to end")
            }
            try await Task.sleep(for: pause)
        }
    }

    private func bring(_ missing: [VersionFile], into root: FolderHandle) async throws {
        let meter = TransferMeter(display, label: "receiving", total: missing.map(\.size).saturatingSum())
        defer { display.end() }
        _ = try await Transfers.run(missing, width: Publisher.concurrentTransfers) { index, file in
            let (folder, name) = try await files.run { try Self.place(of: file.path, in: root) }
            let target = DownloadTarget(folder: folder, name: name, isReplacing: options.isReplacing)
            try await bring(file, target, meter.reporter(of: index))
        }
    }

    /// Whether the folder holds the file with the right bytes; throws `file-exists` if something else has its place
    /// that neither goes nor may be replaced.
    private func isThere(_ file: VersionFile, in root: FolderHandle, state: FolderState) async throws -> Bool {
        if let blocker = state.blocker(of: file.path) { throw Self.isInTheWay(blocker, of: file.path, root) }
        guard let local = try await files.run({ try Self.find(file.path, in: root) }) else { return false }
        if local.size == file.size, try await files.hash(local, algorithm: file.digest.algorithm) == file.digest {
            return true
        }
        guard options.isReplacing else {
            throw AssayError(
                .fileExists, "\(Printable.quote(local.path)) exists with other content",
                remedy: "pull into another folder, or add --force to replace it")
        }
        return false
    }

    private static func isInTheWay(_ found: FoundEntry, of path: String, _ root: FolderHandle) -> AssayError {
        let isOrdinary = found.entry.kind == .file || found.entry.kind == .folder
        return AssayError(
            isOrdinary ? .fileExists : .fileTypeRefused,
            "\(Printable.quote("\(root.path)/\(found.path)")) is in the way of \(Printable.quote(path))",
            reason: "one of them would have to be a folder, and it is no file of an earlier pull",
            remedy: "move it, pull into another folder, or add --delete-others to have it removed")
    }

    private func refuseCollision(_ plan: FolderPlan, in root: FolderHandle) async throws {
        let found = try await files.run { try NameCollision.find(plan.chosen.map(\.path), in: root) }
        if let found { throw found.error(in: root.path) }
    }

    /// Opens the file of a path, making no folder; nil if it is not there.
    private static func find(_ path: String, in root: FolderHandle) throws(AssayError) -> LocalFile? {
        var components = path.pathComponents.map(String.init)
        guard let name = components.popLast() else { return nil }
        var folder = root
        for component in components {
            // A file there goes before, or its being there was told already.
            guard folder.kind(of: component) != .file, let inner = try folder.existingSubfolder(component) else {
                return nil
            }
            folder = inner
        }
        // One that holds something was looked at before; one that is empty makes room.
        return folder.kind(of: name) == .folder ? nil : try folder.file(name)
    }

    /// The folder that a path's file lies in, made if it is missing.
    private static func place(of path: String, in root: FolderHandle) throws -> (FolderHandle, String) {
        var components = path.pathComponents.map(String.init)
        guard let name = components.popLast() else {
            throw AssayError(.pathUnsafe, "a file of the version has no name")
        }
        var folder = root
        for component in components { folder = try folder.subfolder(component) }
        folder.removeEmptyFolder(name)
        return (folder, name)
    }

    // MARK: What goes

    private func remove(
        _ entries: [FolderState.Entry], _ state: FolderState, from root: FolderHandle, _ outcome: inout Outcome
    ) async throws {
        guard !entries.isEmpty else { return }
        let own = try await files.run { try state.ownNodes(in: root) }
        for entry in entries {
            // By another spelling of its name it is a file of the version.
            if own.contains(entry.found.entry.node) { continue }
            guard try await files.run({ FolderContents.remove(entry.found, from: root) }) else { continue }
            if entry.isRecorded {
                outcome.removed.append(entry.found.path)
            } else {
                outcome.deleted.append(entry.found.path)
            }
        }
    }

    /// Looks at what is there at the end, takes away what cut downloads left, and remembers what was written.
    private func finish(
        _ plan: FolderPlan, _ state: FolderState, in root: FolderHandle, _ outcome: inout Outcome
    ) async throws {
        let gone = Set((outcome.removed + outcome.deleted).map(ExactText.init))
        outcome.others = try await files.run {
            for draft in state.drafts { _ = FolderContents.removeAbandoned(draft, from: root) }
            let own = try state.ownNodes(in: root)
            let record = state.recordAtEnd
            if record != state.recordWhileWriting { _ = records?.keep(record, of: root) }
            return state.entries.filter { !gone.contains(ExactText($0.found.path)) }
                .filter { !own.contains($0.found.entry.node) }.map(\.found.path)
        }
        if state.isCut {
            display.note("\(Printable.quote(root.path)) holds so much that not all of it was looked at")
        }
    }

    // MARK: The signature

    /// Throws `file-exists` if the folder holds the signature of something else: its files would not be covered.
    private func refuseOther(_ plan: FolderPlan, _ state: FolderState, in root: FolderHandle) async throws {
        guard let signature = plan.signature, !options.isReplacing, !state.hasOwnSignatureFile,
            let found = state.signature
        else { return }
        guard Digest.sha256(of: found) != Digest.sha256(of: signature) else { return }
        throw AssayError(
            .fileExists, "the folder holds the signature of another version",
            remedy: "pull into an empty folder, or replace what is there with --force")
    }

    /// Puts the signature beside the files, unless a file of the version has that name, and takes away one that spoke
    /// of what was there before.
    private func sign(_ plan: FolderPlan, _ state: FolderState, in root: FolderHandle) async throws {
        guard !state.hasOwnSignatureFile else { return }
        if let signature = plan.signature, plan.isWhole {
            guard state.signature != signature else { return }
            try await files.run {
                try root.write(signature, as: ModelSignature.fileName, replacing: true)
            }
        } else if state.isSignatureOfEarlier {
            try await files.run { root.remove(ModelSignature.fileName) }
        }
    }
}
