import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// What lies in a folder before a version is written into it, held against the version and against what earlier pulls
/// wrote there.
struct FolderState: Sendable {
    /// Something that is no part of the version.
    struct Entry: Sendable {
        let found: FoundEntry
        /// Whether an earlier pull wrote it, and it is as that left it.
        let isRecorded: Bool
    }

    let entries: [Entry]
    /// Unfinished downloads.
    let drafts: [FoundEntry]
    let isCut: Bool
    /// The signature that lies there; nil if there is none that can be read.
    let signature: [UInt8]?
    /// Whether that is one that an earlier pull put there, of other files than those of the version.
    let isSignatureOfEarlier: Bool
    /// What must be remembered while files are written, so that a pull that is cut leaves nothing unknown.
    let recordWhileWriting: PullRecord
    /// What is remembered once they are.
    let recordAtEnd: PullRecord
    private let plan: FolderPlan
    private let known: Set<ExactText>
    /// The files that are written, and the folders that they lie in.
    private let chosen: Set<ExactText>
    private let chosenFolders: Set<ExactText>
    /// What goes, and what does not.
    private let removable: [Entry]
    private let staying: [Entry]

    /// Looks at a folder; throws `file-inaccessible` where it cannot be read.
    ///
    /// `isDeletingOthers` says whether what no pull wrote goes too.
    init(_ root: FolderHandle, plan: FolderPlan, records: PullRecords?, isDeletingOthers: Bool) throws {
        self.plan = plan
        known = Self.names(plan.files)
        let hasOwn = known.contains(ExactText(ModelSignature.fileName))
        let remembered = records?.record(of: root) ?? PullRecord()
        // A folder, a link or a file that is too large is no signature.
        signature =
            hasOwn ? nil : try? root.file(ModelSignature.fileName)?.readAll(bytesMax: ModelSignature.bytesMax)
        var former = remembered
        // What a version brought under this name is content, and may list whatever its pusher liked.
        let isContent = remembered.files.contains { $0.path.text.isExactly(ModelSignature.fileName) }
        if let signature, !isContent { former.add(signature: signature) }
        let contents = try FolderContents.look(at: root) { ModelSignature.ignores(path: $0) }
        isCut = contents.isCut
        let digests = former.digests()
        var (entries, drafts): ([Entry], [FoundEntry]) = ([], [])
        for found in contents.entries where !known.contains(ExactText(found.path)) {
            if found.entry.kind == .file, DraftFile.isName(found.entry.name) {
                drafts.append(found)
            } else {
                let recorded = try digests[ExactText(found.path)].map { try Self.holds($0, found, in: root) }
                entries.append(Entry(found: found, isRecorded: recorded ?? false))
            }
        }
        self.entries = entries
        self.drafts = drafts
        chosen = Self.names(plan.chosen)
        chosenFolders = Self.folders(of: plan.chosen)
        removable = isDeletingOthers ? entries : entries.filter(\.isRecorded)
        staying = isDeletingOthers ? [] : entries.filter { !$0.isRecorded }
        isSignatureOfEarlier = Self.isOfEarlier(
            signature, plan: plan, remembered: remembered, entries: entries, known: known)

        let written = PullRecord(files: plan.chosen, signature: plan.isWhole ? plan.signature : nil)
        var whileWriting = former
        whileWriting.add(written)
        recordWhileWriting = whileWriting
        var atEnd = written
        if !plan.isWhole { atEnd.files.formUnion(former.files.filter { [known] in known.contains($0.path) }) }
        recordAtEnd = atEnd
    }

    /// Whether a file of the version itself is called as signatures are.
    var hasOwnSignatureFile: Bool { known.contains(ExactText(ModelSignature.fileName)) }

    /// What is in the way of files of the version, and goes before they are written.
    var obstacles: [Entry] { removable.filter(isObstacle) }

    /// What goes once the files are there.
    var leftovers: [Entry] { removable.filter { !isObstacle($0) } }

    /// What stays and is in the way of a file of the version; nil if nothing is.
    func blocker(of path: String) -> FoundEntry? {
        guard !staying.isEmpty else { return nil }
        let above = Self.folders(above: path)
        return staying.first { entry in
            let other = ExactText(entry.found.path)
            return above.contains(other) || Self.folders(above: other.text).contains(ExactText(path))
        }?.found
    }

    private func isObstacle(_ entry: Entry) -> Bool {
        chosenFolders.contains(ExactText(entry.found.path))
            || Self.folders(above: entry.found.path).contains { chosen.contains($0) }
    }

    private static func folders(of files: [VersionFile]) -> Set<ExactText> {
        files.reduce(into: []) { $0.formUnion(folders(above: $1.path)) }
    }

    private static func names(_ files: [VersionFile]) -> Set<ExactText> { Set(files.map { ExactText($0.path) }) }

    /// The folders that a path's file lies in.
    private static func folders(above path: String) -> [ExactText] {
        var folders: [ExactText] = []
        for place in path.utf8.indices where path.utf8[place] == UInt8(ascii: "/") {
            folders.append(ExactText(path[..<place]))
        }
        return folders
    }

    /// The files of the version that the folder has by another spelling of their names: their entries are no others.
    func ownNodes(in root: FolderHandle) throws -> Set<FileNode> {
        guard !entries.isEmpty else { return [] }
        let contents = try FolderContents.look(at: root) { ModelSignature.ignores(path: $0) }
        let listed = Set(contents.entries.map { ExactText($0.path) })
        var nodes: Set<FileNode> = []
        for file in plan.files where !listed.contains(ExactText(file.path)) {
            var folder = root
            var components = file.path.pathComponents.map(String.init)
            guard let name = components.popLast() else { continue }
            var isThere = true
            for component in components {
                // What is in a file's place is no folder, and not there then.
                guard let inner = try? folder.existingSubfolder(component) else {
                    isThere = false
                    break
                }
                folder = inner
            }
            if isThere, let node = folder.node(of: name) { nodes.insert(node) }
        }
        return nodes
    }

    /// Whether a file has one of these digests now.
    private static func holds(_ digests: Set<Digest>, _ found: FoundEntry, in root: FolderHandle) throws -> Bool {
        // One that cannot be read is somebody's own.
        guard let file = try? FolderContents.open(found, in: root) else { return false }
        for digest in digests where try FileAccess.digest(of: file, algorithm: digest.algorithm) == digest {
            return true
        }
        return false
    }

    /// Whether a signature that lies there speaks of other files than those of the version, and a pull put it there:
    /// it was remembered, or all that it lists is of the version or of an earlier one.
    private static func isOfEarlier(
        _ signature: [UInt8]?, plan: FolderPlan, remembered: PullRecord, entries: [Entry], known: Set<ExactText>
    ) -> Bool {
        // What is no signature is somebody's own file.
        guard let signature, let read = try? ModelSignature(parsing: signature), (try? read.check(plan.files)) == nil
        else { return false }
        if remembered.signatures.contains(.sha256(of: signature)) { return true }
        guard let listed = try? read.listedFiles() else { return false }
        let earlier = Set(entries.filter(\.isRecorded).map { ExactText($0.found.path) })
        return listed.allSatisfy { known.contains(ExactText($0.path)) || earlier.contains(ExactText($0.path)) }
    }
}
