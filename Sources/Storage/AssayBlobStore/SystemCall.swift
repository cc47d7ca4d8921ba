import AssayDomain
import CFileSystem
import Glibc

/// Calls of the file system, each with its failure turned into an error that names the call.
enum SystemCall {
    /// Runs a call that gives -1 on failure, again after an interruption.
    @discardableResult
    static func check<Value: FixedWidthInteger>(_ name: StaticString, _ call: () -> Value) throws(AssayError) -> Value {
        while true {
            let value = call()
            if value != -1 { return value }
            if errno != EINTR { throw failure(name, errno) }
        }
    }

    /// The cause of an error that a failed flush gives.
    struct FlushFailure: Error {}

    /// Runs a flush, and never a second time: after a failure the system counts what was not written as written, so
    /// whatever the failure is, nobody knows what the disk holds. Throws `storage-failed`, caused by a `FlushFailure`.
    static func flush(_ name: StaticString, _ call: () -> Int32) throws(AssayError) {
        guard call() != 0 else { return }
        throw AssayError(
            .storageFailed, "a flush to disk failed", reason: "\(name): \(text(errno))",
            remedy: "check the disk, then restart the server", cause: FlushFailure())
    }

    /// The error of a failed call. Paths stay out of it: it may reach a caller.
    static func failure(_ name: StaticString, _ code: Int32) -> AssayError {
        switch code {
        case ENOSPC, EDQUOT, EFBIG:
            AssayError(
                .storageFull, "the store is full", reason: "\(name): \(text(code))",
                remedy: "free space, then retry; what unfinished uploads hold goes with: assay gc --drop-uploads")
        case EMFILE, ENFILE, ENOMEM, EAGAIN:
            AssayError(
                .storeBusy, "the server has too much open", reason: "\(name): \(text(code))", remedy: "try again")
        default:
            AssayError(
                .storageFailed, "the store's file system failed", reason: "\(name): \(text(code))",
                remedy: "see the server's log")
        }
    }

    private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// An open file that closes with its last user.
///
/// `Sendable`: the descriptor never changes, and positioned reads and writes share no state in it.
final class OpenFile: Sendable {
    let descriptor: Int32

    /// Nil if the file does not exist.
    init?(existing path: String, flags: Int32) throws(AssayError) {
        let descriptor = open(path, flags | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw SystemCall.failure("open", errno)
        }
        self.descriptor = descriptor
    }

    /// Opens a file for reading if the kernel knows it without asking a disk; nil says nothing of whether it exists.
    init?(cached path: String) {
        descriptor = assay_open_cached(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
    }

    /// Makes a file that must not exist yet, readable by its owner only.
    init(creating path: String) throws(AssayError) {
        descriptor = try SystemCall.check("open") {
            open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
    }

    deinit { close(descriptor) }

    /// A path that names this very file while it is open, whatever the one that it was opened by stands for.
    var ownPath: String { "/proc/self/fd/\(descriptor)" }

    /// The size in bytes.
    func size() throws(AssayError) -> Int64 { try stamp().size }

    /// What changes whenever somebody writes to the file or puts another in its place.
    func stamp() throws(AssayError) -> FileStamp {
        var status = stat()
        try SystemCall.check("fstat") { fstat(descriptor, &status) }
        return FileStamp(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            writtenSeconds: Int64(status.st_mtim.tv_sec), writtenNanoseconds: Int64(status.st_mtim.tv_nsec),
            changedSeconds: Int64(status.st_ctim.tv_sec), changedNanoseconds: Int64(status.st_ctim.tv_nsec))
    }

    /// Writes all bytes at a position.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(AssayError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try SystemCall.check("pwrite") {
                pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + Int64(done)))
            }
        }
    }

    /// Fills a buffer from a position if the page cache holds all of it, else gives false.
    func readCached(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Bool {
        assay_read_cached(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) == buffer.count
    }

    /// Reads up to the buffer's size from a position; fewer bytes only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(AssayError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try SystemCall.check("pread") {
                pread(descriptor, rest.baseAddress, rest.count, off_t(offset + Int64(done)))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }
}

/// The identity and the last change of a file.
struct FileStamp: Sendable, Hashable {
    let inode: UInt64
    let size: Int64
    let writtenSeconds: Int64
    let writtenNanoseconds: Int64
    /// Of names, rights or bytes.
    let changedSeconds: Int64
    let changedNanoseconds: Int64

    /// Whether no byte was written between the two, as far as the file's own times tell.
    func hasBytes(of other: FileStamp) -> Bool {
        inode == other.inode && size == other.size && writtenSeconds == other.writtenSeconds
            && writtenNanoseconds == other.writtenNanoseconds
    }
}
