import Glibc

/// Bytes that can be read at any offset without holding all of them.
package protocol RandomAccessSource {
    /// How many bytes there are; it does not change while the source is in use.
    var byteCount: Int { get }

    /// Fills the whole buffer from an offset. The caller asks only for bytes that lie within `byteCount`.
    ///
    /// Throws what the source fails with; readers pass it on untouched.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws
}

/// Bytes in memory as a source.
package struct BytesSource: RandomAccessSource {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var byteCount: Int { bytes.count }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        buffer.copyBytes(from: bytes[offset..<offset + buffer.count])
    }
}

/// Bytes that live elsewhere, such as a stored blob, as a source.
package struct FetchedSource: RandomAccessSource {
    package let byteCount: Int
    private let fetch: (_ offset: Int, _ count: Int) throws -> [UInt8]

    /// Takes a function that gives exactly `count` bytes from `offset`.
    package init(byteCount: Int, fetch: @escaping (_ offset: Int, _ count: Int) throws -> [UInt8]) {
        self.byteCount = byteCount
        self.fetch = fetch
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        let bytes = try fetch(offset, buffer.count)
        guard bytes.count == buffer.count else {
            throw ONNXModelError.unreadable("\(bytes.count) bytes came instead of \(buffer.count)")
        }
        buffer.copyBytes(from: bytes)
    }
}

/// A regular file as a source; owns its descriptor.
package final class FileSource: RandomAccessSource {
    package let byteCount: Int
    private let descriptor: Int32

    /// Opens a file for reading; refuses what is not a regular file and never blocks on a pipe.
    package init(path: String) throws(ONNXModelError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure() }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = Self.failure()
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw ONNXModelError.unreadable("it is not a regular file")
        }
        self.descriptor = descriptor
        self.byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled))
            if count > 0 {
                filled += count
            } else if count == 0 {
                throw ONNXModelError.unreadable("it became shorter while it was read")
            } else if errno != EINTR {
                throw Self.failure()
            }
        }
    }

    private static func failure() -> ONNXModelError { .unreadable(String(cString: strerror(errno))) }
}
