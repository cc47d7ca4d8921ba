import AssayClient
import AssayDomain

/// A file, or something else that is no folder, that lies somewhere beneath a folder.
struct FoundEntry: Sendable {
    /// The folders on the way to it, from the outermost one.
    let folders: [FolderEntry]
    let entry: FolderEntry

    /// Its path from the folder, to be shown and to be compared by its bytes.
    var path: String { (folders.map(\.name) + [entry.name]).joined(separator: "/") }
}

/// What lies beneath a folder, found without following links.
struct FolderContents: Sendable {
    /// The most entries that are looked at.
    static let entriesMax = 200_000

    private(set) var entries: [FoundEntry] = []
    /// Whether there is more than was looked at.
    private(set) var isCut = false

    /// Looks at everything but what `passes` says of names at the top.
    static func look(at root: FolderHandle, passing passes: (String) -> Bool) throws(AssayError) -> FolderContents {
        var contents = FolderContents()
        try contents.add(root, [], passing: passes)
        return contents
    }

    private mutating func add(
        _ folder: FolderHandle, _ above: [FolderEntry], passing passes: (String) -> Bool
    ) throws(AssayError) {
        for entry in try folder.entries() where !(above.isEmpty && passes(entry.name)) {
            guard entries.count < Self.entriesMax else {
                isCut = true
                return
            }
            if entry.kind == .folder, above.count < FileScan.depthMax {
                // What is no folder any more, or may not be read, is something by itself.
                if let inner = try? folder.existingSubfolder(entry),
                    (try? add(inner, above + [entry], passing: passes)) != nil
                {
                    continue
                }
            }
            entries.append(FoundEntry(folders: above, entry: entry))
        }
    }

    /// Removes an entry, and the folders on the way to it that hold nothing then; whether it is gone.
    static func remove(_ found: FoundEntry, from root: FolderHandle) -> Bool {
        var chain = [root]
        for folder in found.folders {
            // A folder that cannot be opened any more keeps what is in it.
            guard let last = chain.last, let inner = try? last.existingSubfolder(folder) else { return false }
            chain.append(inner)
        }
        guard chain.last?.remove(found.entry) ?? false else { return false }
        for (folder, name) in zip(chain.dropLast().reversed(), found.folders.reversed()) where !folder.remove(name) {
            break
        }
        return true
    }

    /// The file that an entry is, opened; nil if it is none, or gone.
    static func open(_ found: FoundEntry, in root: FolderHandle) throws(AssayError) -> LocalFile? {
        guard found.entry.kind == .file else { return nil }
        var folder = root
        for name in found.folders {
            guard let inner = try folder.existingSubfolder(name) else { return nil }
            folder = inner
        }
        return try folder.file(found.entry.name)
    }

    /// Removes an unfinished download that nobody goes on with; whether it is gone.
    static func removeAbandoned(_ found: FoundEntry, from root: FolderHandle) -> Bool {
        var folder = root
        for name in found.folders {
            // A folder that cannot be opened any more keeps what is in it.
            guard let inner = try? folder.existingSubfolder(name) else { return false }
            folder = inner
        }
        return folder.removeAbandoned(found.entry)
    }

    /// Removes everything in a folder; what cannot be removed stays.
    static func empty(_ folder: FolderHandle) {
        // What cannot be listed cannot be removed either.
        for entry in (try? folder.entries()) ?? [] {
            if entry.kind == .folder, let inner = try? folder.existingSubfolder(entry) { empty(inner) }
            _ = folder.remove(entry)
        }
    }
}
