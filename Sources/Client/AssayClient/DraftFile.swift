package import AssayDomain
import Glibc

/// A file that is being written and does not have its final name yet.
package final class DraftFile: Sendable {
    private let path: String
    private let descriptor: Int32  // owned
    /// How many bytes it held when it was opened.
    let initialSize: Int64

    init(owning descriptor: Int32, path: String) throws(AssayError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileFailure.notRegular(path)
        }
        self.descriptor = descriptor
        self.path = path
        initialSize = Int64(status.st_size)
    }

    deinit { close(descriptor) }

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
