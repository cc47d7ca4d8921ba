import AssayCrypto
import AssayDomain
import CFileSystem
import Glibc

/// The file of an upload, with the digest and the checksums of what it holds so far.
///
/// `@unchecked Sendable`: `FileBlobStore` lends a session to one request at a time, and each hand-over goes through its
/// lock or the thread pool's queue, which order the accesses. Within a request `hash` and `write` may run at the same
/// time: the one touches the digest alone, the other everything else, and both are awaited before the next step.
/// The size of one that nobody has is read under the lock by which it is taken.
final class UploadSession: @unchecked Sendable {
    /// What is smaller is written through the page cache, where the flush at the end finds it.
    private static let directBytesMin = 1 << 20

    /// Open only while somebody has the session, so that idle sessions cost no descriptors.
    private var file: OpenFile?
    /// Whether there is a file: it is made for the first byte, so that a session which is only begun costs nothing.
    private(set) var hasFile: Bool
    private(set) var size: Int64
    /// Nil once they are taken, or if the session was left from before a restart with bytes in it.
    private var digest: StreamingDigest?
    private var checksums: ChecksumBuilder?
    private var hashedBytes: Int64 = 0
    private var hasFailedWrite = false
    private let algorithm: Digest.Algorithm

    /// A session without bytes.
    init(hashing algorithm: Digest.Algorithm) {
        hasFile = false
        size = 0
        self.algorithm = algorithm
        digest = StreamingDigest(algorithm)
        checksums = ChecksumBuilder()
    }

    /// The session of a file that is left from before a restart; its bytes are hashed when it ends.
    init(file: OpenFile) throws(AssayError) {
        self.file = file
        hasFile = true
        size = try file.size()
        algorithm = .sha256
    }

    /// The session anew, for one that failed before it had a file.
    convenience init(like other: UploadSession) { self.init(hashing: other.algorithm) }

    /// Whether what was hashed is what is in the file.
    var isConsistent: Bool { !hasFailedWrite && (digest == nil || hashedBytes == size) }

    /// Closes the file until somebody wants the session again.
    func rest() { file = nil }

    /// The open file; made at `path` if there is none yet, opened again after a rest. Throws `upload-not-found`. Blocks
    /// the thread.
    @discardableResult
    func open(_ path: String) throws(AssayError) -> OpenFile {
        if let file { return file }
        guard hasFile else {
            let file = try OpenFile(creating: path)
            hasFile = true
            self.file = file
            return file
        }
        guard let file = try OpenFile(existing: path, flags: O_RDWR) else {
            throw AssayError(.uploadNotFound, "the upload is gone", remedy: "start a new upload")
        }
        self.file = file
        return file
    }

    /// Adds bytes to the digest. It may run beside `write` of the same block, and blocks the thread.
    func hash(_ block: UploadBlock) {
        digest?.update(block.bytes)
        hashedBytes += Int64(block.count)
    }

    /// Writes a block at the end, a large one past the page cache. Blocks the thread.
    ///
    /// A large upload through the page cache makes dirty pages faster than the disk takes them, and then every writer
    /// of the machine waits; written directly, the last flush finds nothing left to do.
    func write(_ block: UploadBlock, at path: String) throws(AssayError) {
        do throws(AssayError) {
            let file = try open(path)
            let written = try writePages(of: block, to: file)
            try file.write(UnsafeRawBufferPointer(rebasing: block.bytes[written...]), at: size + Int64(written))
        } catch {
            hasFailedWrite = true
            throw error
        }
        checksums?.update(block.bytes)
        size += Int64(block.count)
    }

    /// Writes the whole pages of a large block directly, and gives how many bytes that were: none where the file stands
    /// within a page, or its file system cannot.
    private func writePages(of block: UploadBlock, to file: OpenFile) throws(AssayError) -> Int {
        guard block.count >= Self.directBytesMin, size.isMultiple(of: Int64(UploadBlock.pageBytes)),
            assay_set_direct(file.descriptor, 1) == 0
        else { return 0 }
        let pages = block.count - block.count % UploadBlock.pageBytes
        try file.write(UnsafeRawBufferPointer(rebasing: block.bytes[..<pages]), at: size)
        try SystemCall.check("fcntl") { assay_set_direct(file.descriptor, 0) }
        return pages
    }

    /// Takes the last block of a body: it is rarely full, and then one thread is as good as two. Blocks the thread.
    func add(_ block: UploadBlock, at path: String) throws(AssayError) {
        guard block.count > 0 else { return }
        hash(block)
        try write(block, at: path)
    }

    /// What all bytes are. They are read again only where they were not hashed, by this algorithm, while they came.
    /// Blocks the thread.
    func scan(_ algorithm: Digest.Algorithm, at path: String) throws(AssayError) -> BlobScan {
        guard let digest, let checksums, digest.algorithm == algorithm else {
            return try BlobScan(open(path), algorithm)
        }
        self.digest = nil
        self.checksums = nil
        return BlobScan(digest: digest.finalize(), checksums: checksums.finish())
    }
}
