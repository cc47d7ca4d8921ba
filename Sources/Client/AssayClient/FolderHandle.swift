package import AssayDomain
import Glibc

/// A folder that files are written beneath; no link is followed and no path is resolved twice on the way.
///
/// Its methods block, but only for as long as a lookup in a folder takes.
package final class FolderHandle: Sendable {
    private static let folderMode: mode_t = 0o755
    private static let fileMode: mode_t = 0o644

    /// How the folder is called in messages.
    package let path: String
    private let descriptor: Int32  // owned

    /// Opens a folder that the caller names, and makes it and those above it if they are missing.
    package static func make(path: String) throws(AssayError) -> FolderHandle {
        var position = path.startIndex
        while let slash = path[position...].dropFirst().firstIndex(of: "/") {
            mkdir(String(path[..<slash]), folderMode)
            position = slash
        }
        if mkdir(path, folderMode) != 0, errno != EEXIST { throw FileFailure.error(path, "make folder", errno) }
        return try open(path: path)
    }

    /// Opens a folder that the caller names; that name itself may be a link.
    package static func open(path: String) throws(AssayError) -> FolderHandle {
        try FolderHandle(name: path, in: AT_FDCWD, flags: 0, path: path)
    }

    private init(name: String, in folder: Int32, flags: Int32, path: String) throws(AssayError) {
        let descriptor = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags)
        guard descriptor >= 0 else {
            throw errno == ENOTDIR || errno == ELOOP
                ? AssayError(.fileTypeRefused, "\(Printable.quote(path)) is no folder")
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

    /// Opens a file of this folder for writing, keeping what it holds; makes it if it is missing.
    package func draft(_ name: String) throws(AssayError) -> DraftFile {
        let path = "\(path)/\(name)"
        let file = openat(descriptor, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, Self.fileMode)
        guard file >= 0 else { throw FileFailure.error(path, "write", errno) }
        return try DraftFile(owning: file, path: path)
    }

    /// Gives a finished file its name; throws `file-exists` where something has it, unless that is to be replaced.
    package func publish(_ draft: String, as name: String, replacing: Bool) throws(AssayError) {
        let path = "\(path)/\(name)"
        if replacing {
            guard renameat(descriptor, draft, descriptor, name) == 0 else {
                throw FileFailure.error(path, "replace", errno)
            }
            return
        }
        // A second name for the file, unlike a rename, fails where there is one already.
        guard linkat(descriptor, draft, descriptor, name, 0) == 0 else { throw FileFailure.error(path, "write", errno) }
        remove(draft)
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

    /// Writes a small file in one step; `flushed` waits until the disk has it before it gets its name.
    package func write(
        _ bytes: [UInt8], as name: String, replacing: Bool, flushed: Bool = false
    ) throws(AssayError) {
        let draftName = ".\(name).assay.part"
        let draft = try draft(draftName)
        try draft.truncate()
        let outcome = bytes.withUnsafeBytes { buffer -> Result<Void, AssayError> in
            Result { () throws(AssayError) in try draft.write(buffer, at: 0) }
        }
        do {
            try outcome.get()
            if flushed { try draft.flush() }
            try publish(draftName, as: name, replacing: replacing)
        } catch {
            remove(draftName)
            throw error
        }
    }
}
