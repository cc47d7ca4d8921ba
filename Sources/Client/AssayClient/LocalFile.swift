package import AssayDomain
package import Glibc

/// What tells one state of a file from another: if none of it has changed, neither have the bytes.
package struct FileIdentity: Sendable, Hashable {
    package let device: UInt64
    package let node: UInt64
    package let size: Int64
    package let mode: mode_t
    private let modifiedSeconds: Int
    private let modifiedNanoseconds: Int
    private let changedSeconds: Int
    private let changedNanoseconds: Int

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        node = UInt64(status.st_ino)
        size = Int64(status.st_size)
        mode = status.st_mode
        modifiedSeconds = status.st_mtim.tv_sec
        modifiedNanoseconds = status.st_mtim.tv_nsec
        changedSeconds = status.st_ctim.tv_sec
        changedNanoseconds = status.st_ctim.tv_nsec
    }

    /// Whether no byte was written between the two, as far as the file's own times tell; names may have changed.
    func hasBytes(of other: FileIdentity) -> Bool {
        device == other.device && node == other.node && size == other.size
            && modifiedSeconds == other.modifiedSeconds && modifiedNanoseconds == other.modifiedNanoseconds
    }

    /// When the file or its name last changed, in seconds since 1970.
    var lastChange: Int { max(modifiedSeconds, changedSeconds) }
}

extension FileIdentity: CustomStringConvertible {
    /// All of it in one line.
    package var description: String {
        "\(device) \(node) \(size) \(mode) \(modifiedSeconds).\(modifiedNanoseconds) "
            + "\(changedSeconds).\(changedNanoseconds)"
    }
}

/// A regular file opened for reading; links, pipes and devices are refused before anything could block.
///
/// All its methods block, so they belong on the thread pool for files unless the file is known to be small.
package final class LocalFile: Sendable {
    /// How the file is called in messages.
    package let path: String
    /// What it was when it was opened.
    package let identity: FileIdentity
    private let descriptor: Int32  // owned

    /// Opens a file; throws `file-not-found`, `file-type-refused`, `file-inaccessible`.
    package convenience init(opening path: String) throws(AssayError) {
        try self.init(opening: path, in: AT_FDCWD, as: path)
    }

    /// Opens a file that the caller names; that name itself may be a link. Throws as `init(opening:)`.
    package convenience init(named path: String) throws(AssayError) {
        try self.init(opening: path, in: AT_FDCWD, as: path, flags: 0)
    }

    /// Opens a name in the folder of a descriptor.
    init(
        opening name: String, in folder: Int32, as path: String, flags: Int32 = O_NOFOLLOW
    ) throws(AssayError) {
        let descriptor = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags)
        guard descriptor >= 0 else { throw FileFailure.error(path, "read", errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let number = errno
            close(descriptor)
            throw FileFailure.error(path, "read", number)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileFailure.notRegular(path)
        }
        self.path = path
        self.identity = FileIdentity(status)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Takes over an open regular file.
    init(owning descriptor: Int32, status: stat, path: String) {
        self.path = path
        self.identity = FileIdentity(status)
        self.descriptor = descriptor
    }

    package var size: Int64 { identity.size }

    /// A path that names this very file for as long as this is there, whatever becomes of that which it was opened by.
    var ownPath: String { "/proc/self/fd/\(descriptor)" }

    /// Notes that the file is used now, and gives what it is then.
    func touch() throws(AssayError) -> FileIdentity {
        futimens(descriptor, nil)
        return FileIdentity(try status())
    }

    /// What the open file is now.
    func status() throws(AssayError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileFailure.error(path, "read", errno) }
        return status
    }

    /// Throws `changed-while-reading` if the file is no longer what it was when it was opened.
    package func checkUnchanged() throws(AssayError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileFailure.error(path, "read", errno) }
        guard FileIdentity(status) == identity else { throw changed }
    }

    /// Fills the buffer from an offset; throws `changed-while-reading` if the file has become too short for it.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(AssayError) {
        var position = 0
        while position < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[position...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(position))
            if count > 0 {
                position += count
            } else if count == 0 {
                throw changed
            } else if errno != EINTR {
                throw FileFailure.error(path, "read", errno)
            }
        }
    }

    /// The whole of a small file; throws `body-too-large` above the limit.
    package func readAll(bytesMax: Int) throws(AssayError) -> [UInt8] {
        guard size <= bytesMax else {
            throw AssayError(.bodyTooLarge, "\(Printable.quote(path)) has over \(bytesMax) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let outcome = bytes.withUnsafeMutableBytes { buffer -> Result<Void, AssayError> in
            Result { () throws(AssayError) in try read(into: buffer, at: 0) }
        }
        try outcome.get()
        return bytes
    }

    private var changed: AssayError {
        AssayError(
            .changedWhileReading, "\(Printable.quote(path)) changed while it was read",
            remedy: "try again when nothing writes to it")
    }
}

/// Turns failed system calls on files of the caller into errors.
enum FileFailure {
    static func error(_ path: String, _ action: String, _ number: Int32) -> AssayError {
        let name = Printable.quote(path)
        switch number {
        case ENOENT, ENOTDIR:
            return AssayError(.fileNotFound, "there is no file \(name)", remedy: "check the path and its folders")
        case ELOOP, ENXIO, EISDIR: return notRegular(path)
        case ENOSPC, EDQUOT: return AssayError(.storageFull, "there is no space left to \(action) \(name)")
        case EIO, EROFS: return AssayError(.storageFailed, "cannot \(action) \(name)", reason: reason(number))
        case EEXIST: return AssayError(.fileExists, "\(name) exists already", remedy: "choose another name")
        default: return AssayError(.fileInaccessible, "cannot \(action) \(name)", reason: reason(number))
        }
    }

    static func notRegular(_ path: String) -> AssayError {
        AssayError(
            .fileTypeRefused, "\(Printable.quote(path)) is no regular file",
            reason: "links, folders, pipes and devices are not followed or read here")
    }

    private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}
