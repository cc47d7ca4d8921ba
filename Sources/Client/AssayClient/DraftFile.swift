package import AssayDomain
import Glibc

/// A file that is being written and does not have its final name yet.
package final class DraftFile: Sendable {
    /// What it is called in its folder until it is published.
    package let name: String
    private let path: String
    private let descriptor: Int32  // owned
    /// Whether a later run finds it by its name, to go on with it.
    let isResumable: Bool
    /// How many bytes it held when it was opened.
    let initialSize: Int64

    init(owning descriptor: Int32, name: String, path: String, isResumable: Bool) throws(AssayError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileFailure.notRegular(path)
        }
        self.descriptor = descriptor
        self.name = name
        self.path = path
        self.isResumable = isResumable
        initialSize = Int64(status.st_size)
    }

    deinit { close(descriptor) }

    /// What the file holds now, read by the descriptor that writes it.
    func reader() throws(AssayError) -> LocalFile {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        var status = stat()
        guard copy >= 0, fstat(copy, &status) == 0 else {
            let number = errno
            if copy >= 0 { close(copy) }
            throw FileFailure.error(path, "read", number)
        }
        return LocalFile(owning: copy, status: status, path: path)
    }

    /// Whether a name in a folder is this very file.
    func isNamed(_ name: String, in folder: Int32) -> Bool {
        var (own, named) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0
            && own.st_dev == named.st_dev && own.st_ino == named.st_ino
    }

    /// Whether the file is this process's to go on with: this user's, by one name alone, writable by nobody else, and
    /// in nobody's hands. It stays locked until it is closed, so that two processes never write one draft.
    func take(in folder: Int32) -> Bool {
        var status = stat()
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor, &status) == 0 && status.st_nlink == 1
            && Custody.unwritable.holds(status) && isNamed(name, in: folder)
    }

    /// Drops what the file holds.
    package func truncate() throws(AssayError) {
        guard ftruncate(descriptor, 0) == 0 else { throw FileFailure.error(path, "write", errno) }
    }

    /// Waits until the disk has what was written.
    func flush() throws(AssayError) {
        guard fsync(descriptor) == 0 else { throw FileFailure.error(path, "write", errno) }
    }

    /// Writes all the bytes at an offset.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(AssayError) {
        var position = 0
        while position < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(position))
            if count >= 0 {
                position += count
            } else if errno != EINTR {
                throw FileFailure.error(path, "write", errno)
            }
        }
    }
}
