package import AssayDomain
package import AssayRegistry
import Glibc
package import Logging
package import NIOCore
package import NIOPosix
import Synchronization

/// The blob store over one folder of one file system.
///
/// A blob appears by a rename of a flushed file whose bytes were hashed while they came; the rename replaces what is
/// there, because bytes just proven good are never worse than bytes proven long ago, and so a push heals a damaged
/// blob.
package final class FileBlobStore: BlobStore {
    /// Uploads up to this size are written by the thread that publishes them: changing threads would cost more.
    private static let smallBytesMax = 64 << 10

    let layout: FileLayout
    let threads: NIOThreadPool
    let publisher: BlobPublisher
    let settings: StoreSettings
    let logger: Logger
    /// Checksums of blobs that were read lately.
    let tables = ChecksumTables()
    let proofs = ProofTurns()
    /// Blobs whose bytes this process has hashed, with the file as it was then.
    let proven = Mutex<[Digest: FileStamp]>([:])
    private let ids: any IDGenerator
    private let uploads: UploadTable

    /// Opens the store at `root`, which exists. Throws `configuration-invalid` for a file system that cannot keep one.
    ///
    /// `threads` runs everything that blocks. `uptime` can be replaced where no time shall pass.
    package init(
        root: String, threads: NIOThreadPool, ids: any IDGenerator, logger: Logger,
        settings: StoreSettings = StoreSettings(), uptime: (@Sendable () -> Duration)? = nil
    ) throws {
        layout = FileLayout(root: root)
        self.threads = threads
        self.ids = ids
        self.settings = settings
        self.logger = logger
        try layout.makeFolder(layout.uploads)
        try SelfTest.run(in: root)
        publisher = try BlobPublisher(layout, threads: threads)
        let start = ContinuousClock.now
        uploads = UploadTable(
            stored: try layout.unfinishedUploads().map { ($0.id, $0.age) }, expiry: settings.uploadExpiry,
            uptime: uptime ?? { ContinuousClock.now - start })
    }

    package var isWritable: Bool { publisher.isWritable }

    // MARK: Uploads

    package func beginUpload(hashing algorithm: Digest.Algorithm) async throws -> UploadID {
        try publisher.checkWritable()
        let id = newUploadID()
        let session = UploadSession(hashing: algorithm)
        do {
            try uploads.add(session, as: id)
        } catch {
            try await reapUploads()
            try uploads.add(session, as: id)
        }
        return id
    }

    package func reapUploads() async throws { try await removeFiles(of: uploads.removeExpired()) }

    package func unfinishedUploads() async throws -> UploadsHeld {
        let found = try await blocking { try self.layout.unfinishedUploads() }
        return UploadsHeld(count: found.count, bytes: found.reduce(0) { $0 + $1.size })
    }

    package func dropUploads() async throws -> UploadsHeld {
        let sizes = Dictionary(
            try await blocking { try self.layout.unfinishedUploads() }.map { ($0.id, $0.size) },
            uniquingKeysWith: { first, _ in first })
        let idle = uploads.removeIdle()
        try await removeFiles(of: idle)
        return UploadsHeld(count: idle.count, bytes: idle.reduce(0) { $0 + (sizes[$1] ?? 0) })
    }

    private func removeFiles(of given: [UploadID]) async throws {
        guard !given.isEmpty else { return }
        try await blocking {
            var failure: (any Error)?
            for id in given {
                do {
                    try self.removeFile(of: id)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        }
    }

    /// Removes the file of an upload that is in the table no longer; there may be none. Blocks the thread.
    private func removeFile(of id: UploadID) throws {
        if unlink(layout.upload(id)) != 0, errno != ENOENT { throw SystemCall.failure("unlink", errno) }
    }

    package func uploadedBytes(of id: UploadID) async throws -> Int64 {
        // Asking takes the session from nobody who is about to write.
        if let size = try uploads.size(of: id) { return size }
        return try await withSession(id) { $0.size }
    }

    package func append(
        _ body: some AsyncSequence<ByteBuffer, any Error> & Sendable, to id: UploadID, at offset: Int64?
    ) async throws -> Int64 {
        try publisher.checkWritable()
        return try await withSession(id) { session in
            let last = try await self.receive(body, into: session, at: self.layout.upload(id), from: offset)
            try await self.blocking { try session.add(last, at: self.layout.upload(id)) }
            return session.size
        }
    }

    package func finishUpload(
        _ id: UploadID, appending body: some AsyncSequence<ByteBuffer, any Error> & Sendable, at offset: Int64?,
        as digest: Digest
    ) async throws -> Int64 {
        try publisher.checkWritable()
        return try await withSession(id) { session in
            let path = self.layout.upload(id)
            let last = try await self.receive(body, into: session, at: path, from: offset)
            let complete: @Sendable () throws -> OpenFile = {
                try session.add(last, at: path)
                return try self.proven(session, at: path, as: digest)
            }
            if session.size == 0, last.count <= Self.smallBytesMax {
                try await self.publish(digest, from: path, complete)
            } else {
                let file = try await self.blocking(complete)
                try await self.publish(digest, from: path) { file }
            }
            self.uploads.remove(id)
            return session.size
        }
    }

    /// The file of an upload, if its bytes are those of the digest. Blocks the thread.
    private func proven(_ session: UploadSession, at path: String, as digest: Digest) throws -> OpenFile {
        let scan = try session.scan(digest.algorithm, at: path)
        guard scan.digest == digest else {
            throw AssayError(
                .digestMismatch, "the upload is not \(digest)", reason: "its bytes hash to \(scan.digest)",
                remedy: "send the bytes that the digest was made of")
        }
        try keep(scan)
        return try session.open(path)
    }

    /// Receives a body as far as it fills blocks; the rest is given back, neither hashed nor written.
    private func receive(
        _ body: some AsyncSequence<ByteBuffer, any Error> & Sendable, into session: UploadSession, at path: String,
        from offset: Int64?
    ) async throws -> UploadBlock {
        if let offset, offset != session.size {
            throw AssayError(
                .uploadOutOfOrder, "the upload stands at byte \(session.size), not \(offset)",
                remedy: "go on at byte \(session.size)")
        }
        return try await UploadPipeline(session: session, path: path, threads: threads).take(body)
    }

    package func cancelUpload(_ id: UploadID) async throws {
        try await withSession(id) { _ in
            try await self.blocking { try self.removeFile(of: id) }
            self.uploads.remove(id)
        }
    }

    /// Lends a session to one caller, opening it anew if only its file is left.
    private func withSession<Value: Sendable>(
        _ id: UploadID, _ body: (UploadSession) async throws -> Value
    ) async throws -> Value {
        let session = try await take(id)
        defer {
            session.rest()
            // One whose digest is not that of its file is opened anew and goes by the file alone.
            uploads.giveBack(id, session.isConsistent ? session : session.hasFile ? nil : UploadSession(like: session))
        }
        return try await body(session)
    }

    private func take(_ id: UploadID) async throws -> UploadSession {
        if let session = try uploads.take(id) { return session }
        do {
            return try await blocking {
                guard let file = try OpenFile(existing: self.layout.upload(id), flags: O_RDWR) else {
                    throw AssayError(.uploadNotFound, "the upload \(id) is gone", remedy: "start a new upload")
                }
                return try UploadSession(file: file)
            }
        } catch let error as AssayError where error.code == .uploadNotFound {
            uploads.remove(id)
            throw error
        } catch {
            uploads.giveBack(id, nil)
            throw error
        }
    }

    // MARK: Small content

    package func put(_ bytes: [UInt8], as digest: Digest) async throws {
        try publisher.checkWritable()
        let path = newUploadPath()
        try await publish(digest, from: path) {
            let file = try OpenFile(creating: path)
            let written = bytes.withUnsafeBytes { bytes in
                Result { () throws(AssayError) in try file.write(bytes, at: 0) }
            }
            try written.get()
            let checksums = ChecksumBuilder()
            bytes.withUnsafeBytes { checksums.update($0) }
            try self.keep(BlobScan(digest: digest, checksums: checksums.finish()))
            return file
        }
    }

    // MARK: Steps of a write

    private func newUploadID() -> UploadID { UploadID(bits: (ids.next(), ids.next())) }

    /// Where a file can be written before it gets its name.
    func newUploadPath() -> String { layout.upload(newUploadID()) }

    private func publish(
        _ digest: Digest, from path: String, _ complete: @escaping @Sendable () throws -> OpenFile
    ) async throws {
        let file = try await publisher.publish(digest, from: path, complete)
        remember(digest, try file.stamp())
    }

    /// Runs work that blocks. A failed flush in it ends all writes; a file that cannot be read does not.
    func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        do {
            return try await threads.runIfActive(work)
        } catch let error as AssayError where error.cause is SystemCall.FlushFailure {
            publisher.endWrites()
            throw error
        }
    }
}
