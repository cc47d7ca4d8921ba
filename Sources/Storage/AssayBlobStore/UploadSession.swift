import AssayCrypto
import AssayDomain
import Glibc
import NIOCore

/// The file of an upload and the digest of what it holds so far.
///
/// `@unchecked Sendable`: `FileBlobStore` lends a session to one request at a time, and each hand-over goes through its
/// lock or the thread pool's queue, which order the accesses. Within a request `hash` and `write` may run at the same
/// time: the one touches the digest alone, the other everything else, and both are awaited before the next step.
final class UploadSession: @unchecked Sendable {
    /// Open only while somebody has the session, so that idle sessions cost no descriptors.
    private var file: OpenFile?
    private(set) var size: Int64
    /// Nil once the digest is taken, or if the session was left from before a restart with bytes in it.
    private var digest: StreamingDigest?
    private var writer: BlockWriter?
    private(set) var isSpoilt = false

    private static let rereadBytes = 1 << 20

    init(file: OpenFile) throws(AssayError) {
        self.file = file
        size = try file.size()
        digest = size == 0 ? StreamingDigest(.sha256) : nil
    }

    /// Marks the session as one that must be opened anew before it is used again.
    func spoil() { isSpoilt = true }

    /// Closes the file until somebody wants the session again.
    func rest() {
        file = nil
        writer = nil
    }

    /// The open file; opened again at `path` after a rest. Throws `upload-not-found`. Blocks the thread.
    @discardableResult
    func open(_ path: String) throws(AssayError) -> OpenFile {
        if let file { return file }
        guard let file = try OpenFile(existing: path, flags: O_RDWR) else {
            throw AssayError(.uploadNotFound, "the upload is gone", remedy: "start a new upload")
        }
        self.file = file
        return file
    }

    /// Adds bytes to the digest. It may run beside `write` of the same bytes, and blocks the thread.
    func hash(_ buffers: [ByteBuffer]) {
        for buffer in buffers { buffer.withUnsafeReadableBytes { digest?.update($0) } }
    }

    /// Writes bytes at the end; after the last ones of a body, all of them are in the file. Blocks the thread.
    func write(_ buffers: [ByteBuffer], isLast: Bool, at path: String) throws(AssayError) {
        let file = try open(path)
        let writer = writer ?? BlockWriter(file: file, size: size)
        self.writer = isLast ? nil : writer
        try writer.write(buffers, isLast: isLast)
        size += buffers.reduce(0) { $0 + Int64($1.readableBytes) }
    }

    /// The digest of all bytes. They are read again only where they were not hashed while they came. Blocks the thread.
    func finalDigest(_ algorithm: Digest.Algorithm, at path: String) throws(AssayError) -> Digest {
        if algorithm == .sha256, let running = digest {
            digest = nil
            return running.finalize()
        }
        return try Self.digest(of: open(path), algorithm)
    }

    /// The digest of a file's bytes. Blocks the thread.
    static func digest(of file: OpenFile, _ algorithm: Digest.Algorithm) throws(AssayError) -> Digest {
        let digest = StreamingDigest(algorithm)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: rereadBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while true {
            let count = try file.read(into: buffer, at: offset)
            if count == 0 { return digest.finalize() }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }
}
