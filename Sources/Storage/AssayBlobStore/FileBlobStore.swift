package import AssayDomain
package import AssayRegistry
import Glibc
package import NIOCore
package import NIOPosix
import Synchronization

/// The blob store over one folder of one file system.
///
/// A blob appears by a rename of a flushed file whose bytes were hashed while they came; the rename replaces what is
/// there, because bytes just proven good are never worse than bytes proven long ago, and so a push heals a damaged
/// blob.
package final class FileBlobStore: BlobStore {
    /// What is smaller than this is copied.
    private static let smallChunkBytes = 16 << 10
    /// How many uploads may be unfinished at a time.
    package static let uploadsMax = 4096
    /// How long an unfinished upload waits for its next byte.
    private static let uploadIdleSeconds = 24 * 3600
    /// How many proofs are remembered; beyond it they are forgotten, and blobs are hashed anew.
    private static let provenMax = 1 << 20

    private let layout: FileLayout
    private let threads: NIOThreadPool
    private let ids: any IDGenerator
    private let sessions = Mutex<[UploadID: Slot]>([:])
    /// Blobs whose bytes this process has hashed, with the file as it was then.
    private let proven = Mutex<[Digest: FileStamp]>([:])
    /// Keeps a blob that comes and one that is set aside apart.
    private let renames = Mutex(())
    private let uploadCount: Atomic<Int>
    private let hasFailed = Atomic<Bool>(false)

    /// Who has a session.
    private enum Slot {
        case idle(UploadSession)
        case busy
    }

    /// Opens the store at `root`, which exists. Throws `configuration-invalid` for a file system that cannot keep one.
    ///
    /// `threads` runs everything that blocks.
    package init(root: String, threads: NIOThreadPool, ids: any IDGenerator) throws {
        layout = FileLayout(root: root)
        self.threads = threads
        self.ids = ids
        try layout.makeFolder(layout.uploads)
        try SelfTest.run(in: root)
        uploadCount = Atomic(try layout.reapUploads(idleFor: Self.uploadIdleSeconds))
    }

    package var isWritable: Bool { !hasFailed.load(ordering: .acquiring) }

    // MARK: Uploads

    package func beginUpload() async throws -> UploadID {
        try checkWritable()
        try await makeRoom()
        let id = UploadID(bits: (ids.next(), ids.next()))
        let session = try await blocking { try UploadSession(file: OpenFile(creating: self.layout.upload(id))) }
        session.rest()
        sessions.withLock { $0[id] = .idle(session) }
        return id
    }

    /// Counts one more upload, if need be after removing those that were given up.
    private func makeRoom() async throws {
        if uploadCount.add(1, ordering: .relaxed).newValue <= Self.uploadsMax { return }
        let left = try await blocking { try self.layout.reapUploads(idleFor: Self.uploadIdleSeconds) }
        uploadCount.store(left, ordering: .relaxed)
        guard uploadCount.add(1, ordering: .relaxed).newValue <= Self.uploadsMax else {
            uploadCount.subtract(1, ordering: .relaxed)
            throw AssayError(
                .tooManyUploads, "\(Self.uploadsMax) uploads are unfinished",
                remedy: "finish or cancel some, then try again")
        }
    }

    package func uploadedBytes(of id: UploadID) async throws -> Int64 {
        try await withSession(id) { $0.size }
    }

    package func append(
        _ body: some AsyncSequence<ByteBuffer, any Error> & Sendable, to id: UploadID, at offset: Int64?
    ) async throws -> Int64 {
        try checkWritable()
        return try await withSession(id) { session in
            if let offset, offset != session.size {
                throw AssayError(
                    .uploadOutOfOrder, "the upload stands at byte \(session.size), not \(offset)",
                    remedy: "go on at byte \(session.size)")
            }
            do {
                try await self.write(body, to: session, at: self.layout.upload(id))
            } catch {
                // The digest may be ahead of the file now; opened anew, the session goes by the file alone.
                session.spoil()
                throw error
            }
            return session.size
        }
    }

    /// Receives the next block while the last one is hashed and, at the same time, written.
    private func write(
        _ body: some AsyncSequence<ByteBuffer, any Error> & Sendable, to session: UploadSession, at path: String
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var block: [ByteBuffer] = []
            var blockBytes = 0
            var isEmpty = true
            func flush(isLast: Bool) async throws {
                try await group.waitForAll()
                guard !block.isEmpty || !isEmpty else { return }
                isEmpty = false
                let full = block
                group.addTask { try await self.blocking { session.hash(full) } }
                group.addTask { try await self.blocking { try session.write(full, isLast: isLast, at: path) } }
                block.removeAll(keepingCapacity: true)
                blockBytes = 0
            }
            do {
                for try await chunk in body where chunk.readableBytes > 0 {
                    Self.gather(chunk, into: &block)
                    blockBytes += chunk.readableBytes
                    if blockBytes >= BlockWriter.blockBytes { try await flush(isLast: false) }
                }
            } catch let error where !(error is AssayError) {
                // The client went away: what came before stays, so that the upload can be resumed.
                try await flush(isLast: true)
                try await group.waitForAll()
                throw error
            }
            try await flush(isLast: true)
            try await group.waitForAll()
        }
    }

    /// Adds a chunk; small ones are copied together, because each keeps far more memory than it has bytes.
    private static func gather(_ chunk: ByteBuffer, into block: inout [ByteBuffer]) {
        guard chunk.readableBytes < smallChunkBytes else {
            block.append(chunk)
            return
        }
        if var last = block.last, last.readableBytes < smallChunkBytes {
            block.removeLast()
            last.writeImmutableBuffer(chunk)
            block.append(last)
        } else {
            block.append(ByteBuffer(bytes: chunk.readableBytesView))
        }
    }

    package func finishUpload(_ id: UploadID, as digest: Digest) async throws -> Int64 {
        try checkWritable()
        let size = try await withSession(id) { session in
            try await self.blocking {
                let path = self.layout.upload(id)
                let actual = try session.finalDigest(digest.algorithm, at: path)
                guard actual == digest else {
                    throw AssayError(
                        .digestMismatch, "the upload is not \(digest)", reason: "its bytes hash to \(actual)",
                        remedy: "send the bytes that the digest was made of")
                }
                try self.publish(session.open(path), from: path, as: digest)
                return session.size
            }
        }
        forget(id)
        return size
    }

    package func cancelUpload(_ id: UploadID) async throws {
        try await withSession(id) { _ in
            try await self.blocking {
                if unlink(self.layout.upload(id)) != 0, errno != ENOENT { throw SystemCall.failure("unlink", errno) }
            }
        }
        forget(id)
    }

    private func forget(_ id: UploadID) {
        sessions.withLock { $0[id] = nil }
        uploadCount.subtract(1, ordering: .relaxed)
    }

    /// Lends a session to one caller, opening it anew if it is left from before a restart.
    private func withSession<Value: Sendable>(
        _ id: UploadID, _ body: (UploadSession) async throws -> Value
    ) async throws -> Value {
        let session = try await borrow(id)
        defer {
            session.rest()
            sessions.withLock { $0[id] = session.isSpoilt ? nil : .idle(session) }
        }
        return try await body(session)
    }

    private func borrow(_ id: UploadID) async throws -> UploadSession {
        let known: UploadSession? = try sessions.withLock { sessions in
            switch sessions[id] {
            case .busy:
                throw AssayError(
                    .uploadBusy, "another request writes to this upload",
                    remedy: "wait for it, then ask for the offset")
            case .idle(let session):
                sessions[id] = .busy
                return session
            case nil:
                sessions[id] = .busy
                return nil
            }
        }
        if let known { return known }
        do {
            return try await blocking {
                guard let file = try OpenFile(existing: self.layout.upload(id), flags: O_RDWR) else {
                    throw AssayError(.uploadNotFound, "there is no upload \(id)", remedy: "start a new upload")
                }
                return try UploadSession(file: file)
            }
        } catch {
            sessions.withLock { $0[id] = nil }
            throw error
        }
    }

    // MARK: Blobs

    package func put(_ bytes: [UInt8], as digest: Digest) async throws {
        try checkWritable()
        let id = UploadID(bits: (ids.next(), ids.next()))
        try await blocking {
            let file = try OpenFile(creating: self.layout.upload(id))
            let written = bytes.withUnsafeBytes { bytes in
                Result { () throws(AssayError) in try file.write(bytes, at: 0) }
            }
            try written.get()
            try self.publish(file, from: self.layout.upload(id), as: digest)
        }
    }

    package func size(of digest: Digest) async throws -> Int64? {
        try await blocking {
            var status = stat()
            if stat(self.layout.blob(digest), &status) == 0 { return Int64(status.st_size) }
            if errno == ENOENT { return nil }
            throw SystemCall.failure("stat", errno)
        }
    }

    package func read(_ digest: Digest, range: Range<Int64>) async throws -> BlobStream {
        let (file, stamp) = try await blocking {
            let file = try self.open(digest)
            return (file, try file.stamp())
        }
        guard stamp.size >= range.upperBound else {
            try await blocking { try self.setAside(digest, stamp) }
            throw Self.damaged(digest)
        }
        // Whoever goes on with a download gets to the end as well, so the part before it counts too.
        if range.lowerBound > 0, range.upperBound == stamp.size, !isProven(digest, stamp) {
            try await blocking { try self.prove(file, stamp, digest) }
        }
        let chunks = BlobChunks(file: file, range: range, threads: threads)
        guard range == 0..<stamp.size, !isProven(digest, stamp) else { return chunks }
        return ProvingChunks(chunks: chunks, digest: digest) { isProven in
            if isProven {
                self.remember(digest, stamp)
            } else {
                try self.setAside(digest, stamp)
                throw Self.damaged(digest)
            }
        }
    }

    package func withLocalFile<Result: Sendable>(
        of digest: Digest, _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result {
        try await blocking {
            let file = try self.open(digest)
            let stamp = try file.stamp()
            if !self.isProven(digest, stamp) { try self.prove(file, stamp, digest) }
        }
        return try await body(layout.blob(digest))
    }

    // MARK: Proof

    private func isProven(_ digest: Digest, _ stamp: FileStamp) -> Bool { proven.withLock { $0[digest] == stamp } }

    private func remember(_ digest: Digest, _ stamp: FileStamp) {
        proven.withLock { proven in
            if proven.count >= Self.provenMax { proven.removeAll() }
            proven[digest] = stamp
        }
    }

    /// Hashes a blob's file; a damaged one is set aside. Blocks the thread. Throws `digest-mismatch`.
    private func prove(_ file: OpenFile, _ stamp: FileStamp, _ digest: Digest) throws {
        guard try UploadSession.digest(of: file, digest.algorithm) == digest else {
            try setAside(digest, stamp)
            throw Self.damaged(digest)
        }
        remember(digest, stamp)
    }

    /// Takes a damaged file out of the way, so that its blob is missing from now on and the next push brings it back.
    /// A file that has taken its place meanwhile stays: it was proven when it came.
    private func setAside(_ digest: Digest, _ stamp: FileStamp) throws {
        let target = layout.damaged(digest)
        try layout.makeFolder(FileLayout.parent(of: target))
        try renames.withLock { _ in
            guard try OpenFile(existing: layout.blob(digest), flags: O_RDONLY)?.stamp() == stamp else { return }
            try SystemCall.check("rename") { rename(layout.blob(digest), target) }
        }
    }

    private static func damaged(_ digest: Digest) -> AssayError {
        AssayError(
            .digestMismatch, "the stored bytes of \(digest) are damaged", reason: "they were set aside",
            remedy: "push the file again")
    }

    private func open(_ digest: Digest) throws(AssayError) -> OpenFile {
        guard let file = try OpenFile(existing: layout.blob(digest), flags: O_RDONLY) else {
            throw AssayError(.blobNotFound, "blob \(digest) is not there")
        }
        return file
    }

    /// Flushes a file, gives it its final name and makes the name durable. Blocks the thread.
    private func publish(_ file: OpenFile, from path: String, as digest: Digest) throws {
        do {
            try SystemCall.check("fchmod") { fchmod(file.descriptor, 0o444) }
            try SystemCall.check("fsync") { fsync(file.descriptor) }
            let folder = layout.folder(of: digest)
            try layout.makeFolder(folder)
            try renames.withLock { _ throws(AssayError) in
                _ = try SystemCall.check("rename") { rename(path, layout.blob(digest)) }
            }
            try FileLayout.flushFolder(folder)
            remember(digest, try file.stamp())
        } catch {
            // Nobody knows what a disk holds after a failed flush, so it is never tried again.
            if error.code == .storageFailed { hasFailed.store(true, ordering: .releasing) }
            throw error
        }
    }

    private func checkWritable() throws(AssayError) {
        guard isWritable else {
            throw AssayError(
                .storageFailed, "the store takes no writes", reason: "a flush to disk failed",
                remedy: "check the disk, then restart the server")
        }
    }

    private func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await threads.runIfActive(work)
    }
}
