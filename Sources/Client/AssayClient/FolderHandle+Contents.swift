package import AssayDomain
import Glibc

/// What tells one file from every other, whatever names it has.
package struct FileNode: Sendable, Hashable {
    package let device: UInt64
    package let node: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        node = UInt64(status.st_ino)
    }
}

/// Something that lies in a folder, by its name as the file system has it, which need not be a text.
package struct FolderEntry: Sendable, Hashable {
    /// What it is; no link is followed.
    package enum Kind: Sendable, Hashable {
        case file
        case folder
        case link
        case other
    }

    /// The bytes of its name.
    let bytes: [UInt8]
    package let kind: Kind
    package let node: FileNode

    /// Its name to be shown.
    package var name: String { String(decoding: bytes, as: UTF8.self) }
}

extension FolderHandle {
    /// What lies in the folder, in the order of the names' bytes.
    package func entries() throws(AssayError) -> [FolderEntry] {
        // A descriptor of its own: reading moves a position, and others may read at the same time.
        let opened = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0, let stream = fdopendir(opened) else {
            let number = errno
            if opened >= 0 { close(opened) }
            throw FileFailure.error(path, "read", number)
        }
        defer { closedir(stream) }
        var entries: [FolderEntry] = []
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard bytes != Array(".".utf8), bytes != Array("..".utf8) else { continue }
            // What is gone by now is not there.
            guard let status = status(of: bytes) else { continue }
            entries.append(FolderEntry(bytes: bytes, kind: Self.kind(status), node: FileNode(status)))
        }
        return entries.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// Which file a name leads to here; nil where there is none. A link is not followed.
    package func node(of name: String) -> FileNode? { status(of: Array(name.utf8)).map(FileNode.init) }

    /// What a name is here; nil where there is none.
    package func kind(of name: String) -> FolderEntry.Kind? { status(of: Array(name.utf8)).map(Self.kind) }

    /// The folder of a name in this one; nil if there is nothing of that name.
    ///
    /// Throws `file-type-refused` for what is no folder; a link is none.
    package func existingSubfolder(_ name: String) throws(AssayError) -> FolderHandle? {
        do throws(AssayError) {
            return try FolderHandle(name: name, in: descriptor, flags: O_NOFOLLOW, path: "\(path)/\(name)")
        } catch {
            if error.code == .fileNotFound { return nil }
            throw error
        }
    }

    /// As `existingSubfolder`, of something that was found.
    package func existingSubfolder(_ entry: FolderEntry) throws(AssayError) -> FolderHandle? {
        guard String(validating: entry.bytes, as: UTF8.self) == nil else { return try existingSubfolder(entry.name) }
        let opened = withName(entry.bytes) {
            openat(descriptor, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        }
        guard opened >= 0 else {
            if errno == ENOENT { return nil }
            throw FileFailure.error("\(path)/\(entry.name)", "open", errno)
        }
        defer { close(opened) }
        return try FolderHandle(name: ".", in: opened, flags: 0, path: "\(path)/\(entry.name)")
    }

    /// Removes what was found, unless the name leads to something else by now; whether it is gone.
    package func remove(_ entry: FolderEntry) -> Bool {
        guard let status = status(of: entry.bytes), FileNode(status) == entry.node else { return false }
        return withName(entry.bytes) { unlinkat(descriptor, $0, entry.kind == .folder ? AT_REMOVEDIR : 0) } == 0
    }

    /// Removes a folder that holds nothing; whether it is gone.
    @discardableResult
    package func removeEmptyFolder(_ name: String) -> Bool { unlinkat(descriptor, name, AT_REMOVEDIR) == 0 }

    /// Whether a path leads to this very folder.
    package func isAt(_ path: String) -> Bool {
        var (own, named) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && stat(path, &named) == 0 && FileNode(own) == FileNode(named)
    }

    /// When what lies in it last changed, in seconds since 1970.
    package var lastChange: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status.st_mtim.tv_sec : 0
    }

    /// Where the folder is, without links and `..`; nil where that cannot be told.
    package var absolutePath: String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }

    /// Where a link of this folder leads to, as it says it; nil if there is no link of that name.
    package func linkTarget(_ name: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { readlinkat(descriptor, name, $0, buffer.count) } ?? -1
        }
        return count >= 0 ? String(validating: bytes.prefix(count), as: UTF8.self) : nil
    }

    /// Makes a name a link to a target in one step: whoever looks sees what was there before, or the new one.
    ///
    /// `draft` is a name that nothing else here has. Throws `file-inaccessible` where links cannot be made.
    package func link(_ name: String, to target: String, by draft: String) throws(AssayError) {
        unlinkat(descriptor, draft, 0)
        guard symlinkat(target, descriptor, draft) == 0 else {
            throw FileFailure.error("\(path)/\(name)", "make link", errno)
        }
        guard renameat(descriptor, draft, descriptor, name) == 0 else {
            let number = errno
            unlinkat(descriptor, draft, 0)
            throw FileFailure.error("\(path)/\(name)", "replace", number)
        }
    }

    /// Removes a draft that an earlier run left and nobody writes; one that is somebody else's stays. Whether it went.
    package func removeAbandoned(_ entry: FolderEntry) -> Bool {
        guard entry.kind == .file, DraftFile.isName(entry.name) else { return false }
        let file = openat(descriptor, entry.name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0,
            let draft = try? DraftFile(  // What is no file is no draft.
                owning: file, name: entry.name, path: "\(path)/\(entry.name)", isResumable: true),
            draft.take(in: descriptor)
        else { return false }
        return remove(entry)
    }

    private func status(of name: [UInt8]) -> stat? {
        var status = stat()
        return withName(name) { fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0 ? status : nil
    }

    private func withName<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (bytes + [0]).map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { buffer in
            // The array holds the zero at its end at least, so it has a place.
            guard let name = buffer.baseAddress else { return "".withCString(body) }
            return body(name)
        }
    }

    private static func kind(_ status: stat) -> FolderEntry.Kind {
        switch status.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        case S_IFLNK: .link
        default: .other
        }
    }
}

extension DraftFile {
    private static let prefix = ".assay-"
    private static let suffix = ".part"

    /// Whether a name is one that drafts have, and nothing else has by chance: hexadecimal digits in between.
    package static func isName(_ name: String) -> Bool {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.utf8.count > prefix.utf8.count + suffix.utf8.count
        else { return false }
        let middle = name.dropFirst(prefix.count).dropLast(suffix.count)
        return middle.utf8.count <= 48
            && middle.utf8.allSatisfy { $0.isLowerHexDigit || $0 == UInt8(ascii: "-") }
    }
}
