package import AssayDomain
import Glibc

/// A folder that files are written beneath; no link is followed and no path is resolved twice on the way.
///
/// Its methods block, but only for as long as a lookup in a folder takes.
package final class FolderHandle: Sendable {
    private static let folderMode: mode_t = 0o755
    private static let fileMode: mode_t = 0o644
    private static let secretMode: mode_t = 0o600
    private static let ownMode: mode_t = 0o700

    /// How the folder is called in messages.
    package let path: String
    let descriptor: Int32  // owned

    /// Opens a folder that the caller names, and makes it and those above it if they are missing.
    package static func make(path: String) throws(AssayError) -> FolderHandle {
        try make(path: path, mode: folderMode)
    }

    private static func make(path: String, mode: mode_t) throws(AssayError) -> FolderHandle {
        var position = path.startIndex
        while let slash = path[position...].dropFirst().firstIndex(of: "/") {
            mkdir(String(path[..<slash]), mode)
            position = slash
        }
        if mkdir(path, mode) != 0, errno != EEXIST { throw FileFailure.error(path, "make folder", errno) }
        return try open(path: path)
    }

    /// Opens a folder of this user's own, which others may not write to, and makes it for its owner alone if it is
    /// missing. `kind` is what it is called in messages, such as `the cache`.
    ///
    /// Throws `configuration-invalid` for a folder that is somebody else's or that others may write to. What is opened
    /// beneath it afterwards is beneath the folder that was checked.
    package static func makeOwn(path: String, called kind: String) throws(AssayError) -> FolderHandle {
        let folder = try make(path: path, mode: ownMode)
        try folder.check(.unwritable, called: kind)
        return folder
    }

    /// Opens a folder that must be this user's own; see `makeOwn`.
    package static func openOwn(path: String, called kind: String) throws(AssayError) -> FolderHandle {
        let folder = try open(path: path)
        try folder.check(.unwritable, called: kind)
        return folder
    }

    private func check(_ custody: Custody, called kind: String) throws(AssayError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileFailure.error(path, "open", errno) }
        try custody.check(status, called: "\(kind) \(Printable.quote(path))", path: path)
    }

    /// Opens a folder that the caller names; that name itself may be a link.
    package static func open(path: String) throws(AssayError) -> FolderHandle {
        try FolderHandle(name: path, in: AT_FDCWD, flags: 0, path: path)
    }

    init(name: String, in folder: Int32, flags: Int32, path: String) throws(AssayError) {
        let descriptor = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags)
        guard descriptor >= 0 else {
            throw errno == ENOTDIR || errno == ELOOP
                ? AssayError(.fileTypeRefused, "\(Printable.quote(path)) is no folder", remedy: "name a folder")
                : FileFailure.error(path, "open", errno)
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// The folder of a name in this one, made if it is missing; a link there is refused.
    package func subfolder(_ name: String) throws(AssayError) -> FolderHandle {
        let path = "\(path)/\(name)"
        if mkdirat(descriptor, name, Self.folderMode) != 0, errno != EEXIST {
            throw FileFailure.error(path, "make folder", errno)
        }
        return try FolderHandle(name: name, in: descriptor, flags: O_NOFOLLOW, path: path)
    }

    /// Opens a file of this folder; nil if there is nothing of that name.
    package func file(_ name: String) throws(AssayError) -> LocalFile? {
        do {
            return try LocalFile(opening: name, in: descriptor, as: "\(path)/\(name)")
        } catch {
            if error.code == .fileNotFound { return nil }
            throw error
        }
    }

    /// Opens a file of this folder that is this user's own; nil if there is none, or one that others may write to.
    package func ownFile(_ name: String) throws(AssayError) -> LocalFile? {
        guard let file = try file(name), Custody.unwritable.holds(try file.status()) else { return nil }
        return file
    }

    /// Opens a file of this folder for writing, keeping what it holds, or makes it if it is missing.
    ///
    /// What has the name and is not this user's alone, by one name, or is being written by another process, is left as
    /// it is, and the draft gets a name that nobody can guess.
    package func draft(_ name: String) throws(AssayError) -> DraftFile {
        if let made = try makeDraft(name, mode: Self.fileMode, isResumable: true) {
            return made.take(in: descriptor) ? made : try newDraft()
        }
        let file = openat(descriptor, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        // What cannot be opened is not ours.
        guard file >= 0,
            let found = try? DraftFile(owning: file, name: name, path: "\(path)/\(name)", isResumable: true)
        else { return try newDraft() }
        return found.take(in: descriptor) ? found : try newDraft()
    }

    /// Makes a file of a name that nobody can guess.
    package func newDraft(isSecret: Bool = false) throws(AssayError) -> DraftFile {
        var random = SystemRandomNumberGenerator()
        while true {
            let digits = (0..<2).map { _ in String(random.next() as UInt64, radix: 16) }.joined()
            let mode = isSecret ? Self.secretMode : Self.fileMode
            if let made = try makeDraft(".assay-\(digits).part", mode: mode, isResumable: false) { return made }
        }
    }

    /// Makes a file; nil if there is something of that name.
    private func makeDraft(_ name: String, mode: mode_t, isResumable: Bool) throws(AssayError) -> DraftFile? {
        let path = "\(path)/\(name)"
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let file = openat(descriptor, name, flags, mode)
        guard file >= 0 else {
            if errno == EEXIST { return nil }
            throw FileFailure.error(path, "write", errno)
        }
        return try DraftFile(owning: file, name: name, path: path, isResumable: isResumable)
    }

    /// Gives a finished file its name; throws `file-exists` where something has it, unless that is to be replaced, and
    /// `changed-while-reading` where somebody put another file in the draft's place.
    package func publish(_ draft: DraftFile, as name: String, replacing: Bool) throws(AssayError) {
        let path = "\(path)/\(name)"
        guard draft.isNamed(draft.name, in: descriptor) else { throw Self.swapped(path) }
        if replacing {
            guard renameat(descriptor, draft.name, descriptor, name) == 0 else {
                throw FileFailure.error(path, "replace", errno)
            }
        } else {
            try publishFirst(draft, as: name, path)
        }
        // Another process of this user's may have replaced it by its own since.
        guard draft.isNamed(name, in: descriptor) || replacing && isOwn(name) else { throw Self.swapped(path) }
    }

    /// Gives a finished file a name that nothing has.
    private func publishFirst(_ draft: DraftFile, as name: String, _ path: String) throws(AssayError) {
        // A second name for the file, unlike a rename, fails where there is one already.
        if linkat(descriptor, draft.name, descriptor, name, 0) == 0 { return remove(draft.name) }
        guard [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { throw FileFailure.error(path, "write", errno) }
        // Here a file has one name (exFAT, SMB and others): it is looked for, and what somebody else makes between this
        // look and the next step is lost.
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) != 0, errno == ENOENT else {
            throw FileFailure.error(path, "write", EEXIST)
        }
        guard renameat(descriptor, draft.name, descriptor, name) == 0 else {
            throw FileFailure.error(path, "write", errno)
        }
    }

    /// The right to write into this folder, for one process at a time; nil while another one has it. Where a file
    /// system knows no locks, everybody has it.
    package func turn() -> FolderTurn? { FolderTurn(of: descriptor) }

    private func isOwn(_ name: String) -> Bool {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFREG
            && Custody.unwritable.holds(status)
    }

    private static func swapped(_ path: String) -> AssayError {
        AssayError(
            .changedWhileReading, "\(Printable.quote(path)) is not what was written",
            reason: "somebody else changed the folder meanwhile", remedy: "use a folder of your own")
    }

    /// Does work while no other process, and no other thread of this one, holds the lock of a name in this folder.
    ///
    /// The file stays, empty. Throws `file-inaccessible` where it cannot be made or locked, and what the work throws.
    package func withLock<Value>(_ name: String, _ work: () throws -> Value) throws -> Value {
        let path = "\(path)/\(name)"
        let file = openat(descriptor, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, Self.fileMode)
        guard file >= 0 else { throw FileFailure.error(path, "write", errno) }
        // Closing it gives the lock back, also when the process is killed.
        defer { close(file) }
        while flock(file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw FileFailure.error(path, "lock", errno) }
        }
        return try work()
    }

    /// Removes a file; one that is not there is no failure.
    package func remove(_ name: String) { unlinkat(descriptor, name, 0) }

    /// Writes a small file in one step; `flushed` waits until the disk has it before it gets its name, and has the
    /// name, and `isSecret` makes it its owner's alone.
    package func write(
        _ bytes: [UInt8], as name: String, replacing: Bool, flushed: Bool = false, isSecret: Bool = false
    ) throws(AssayError) {
        let draft = try newDraft(isSecret: isSecret)
        let outcome = bytes.withUnsafeBytes { buffer -> Result<Void, AssayError> in
            Result { () throws(AssayError) in try draft.write(buffer, at: 0) }
        }
        do throws(AssayError) {
            try outcome.get()
            if flushed { try draft.flush() }
            try publish(draft, as: name, replacing: replacing)
            if flushed, fsync(descriptor) != 0 { throw FileFailure.error(path, "write", errno) }
        } catch {
            remove(draft.name)
            throw error
        }
    }
}
