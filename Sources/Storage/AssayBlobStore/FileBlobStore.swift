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
    /// How many uploads may be unfinished at a time.
    package static let uploadsMax = 4096

    let layout: FileLayout
    let threads: NIOThreadPool
    let publisher: BlobPublisher
    let settings: StoreSettings
    /// Checksums of blobs that were read lately.
    let tables = ChecksumTables()
    /// Blobs whose bytes this process has hashed, with the file as it was then.
    let proven = Mutex<[Digest: FileStamp]>([:])
    private let ids: any IDGenerator
    private let sessions = Mutex<[UploadID: Slot]>([:])
    private let uploadCount: Atomic<Int>

    /// Who has a session.
    private enum Slot {
        case idle(UploadSession)
        case busy
    }

    /// Opens the store at `root`, which exists. Throws `configuration-invalid` for a file system that cannot keep one.
    ///
    /// `threads` runs everything that blocks.
    package init(
        root: String, threads: NIOThreadPool, ids: any IDGenerator, settings: StoreSettings = StoreSettings()
    ) throws {
        layout = FileLayout(root: root)
        self.threads = threads
        self.ids = ids
        self.settings = settings
        try layout.makeFolder(layout.uploads)
        try SelfTest.run(in: root)
        publisher = try BlobPublisher(layout, threads: threads)
        uploadCount = Atomic(0)
        try reapNow()
    }

    package var isWritable: Bool { publisher.isWritable }

    // MARK: Uploads

    package func beginUpload(hashing algorithm: Digest.Algorithm) async throws -> UploadID {
        try checkWritable()
        try await makeRoom()
        let id = UploadID(bits: (ids.next(), ids.next()))
        let session = try await blocking {
            try UploadSession(file: OpenFile(creating: self.layout.upload(id)), algorithm: algorithm)
        }
        session.rest()
        sessions.withLock { $0[id] = .idle(session) }
        return id
    }

    /// Counts one more upload, if need be after removing those that were given up.
    private func makeRoom() async throws {
        if uploadCount.add(1, ordering: .relaxed).newValue <= Self.uploadsMax { return }
        try await reapUploads()
        guard uploadCount.add(1, ordering: .relaxed).newValue <= Self.uploadsMax else {
            uploadCount.subtract(1, ordering: .relaxed)
            throw AssayError(
                .tooManyUploads, "\(Self.uploadsMax) uploads are unfinished",
                remedy: "finish or cancel some, then try again")
        }
    }

    package func reapUploads() async throws { try await blocking { try self.reapNow() } }

    /// Removes the uploads that nobody has written to for too long, and counts the others. Blocks the thread.
    private func reapNow() throws {
        var left = 0
        for (id, idleSeconds) in try layout.unfinishedUploads() {
            if idleSeconds <= settings.uploadExpiry.components.seconds || !reap(id) { left += 1 }
        }
        uploadCount.store(left, ordering: .relaxed)
    }

    /// Removes an upload unless somebody writes to it.
    private func reap(_ id: UploadID) -> Bool {
        sessions.withLock { sessions in
            if case .busy = sessions[id] { return false }
            sessions[id] = nil
            unlink(layout.upload(id))
            return true
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
                try await self.receive(body, into: session, at: self.layout.upload(id))
            } catch {
                // The digest may be ahead of the file now; opened anew, the session goes by the file alone.
                session.spoil()
                throw error
            }
            return session.size
        }
    }

    /// Receives a block while the last one is hashed and, at the same time, written.
    private func receive(
        _ body: some AsyncSequence<ByteBuffer, any Error> & Sendable, into session: UploadSession, at path: String
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var filling = UploadBlock()
            var working: UploadBlock?
            func hand(over block: UploadBlock) async throws {
                try await group.waitForAll()
                group.addTask { try await self.blocking { session.hash(block) } }
                group.addTask { try await self.blocking { try session.write(block, at: path) } }
                filling = working ?? UploadBlock()
                filling.clear()
                working = block
            }
            do {
                for try await var chunk in body {
                    while chunk.readableBytes > 0 {
                        filling.fill(from: &chunk)
                        if filling.isFull { try await hand(over: filling) }
                    }
                }
            } catch let error where !(error is AssayError) {
                // The client went away: what came before stays, so that the upload can be resumed.
                try await group.waitForAll()
                try await self.finish(filling, in: session, at: path)
                throw error
            }
            try await group.waitForAll()
            try await self.finish(filling, in: session, at: path)
        }
    }

    /// Takes the last block of a body: it is rarely full, and then one thread is as good as two.
    private func finish(_ block: UploadBlock, in session: UploadSession, at path: String) async throws {
        guard block.count > 0 else { return }
        try await blocking {
            session.hash(block)
            try session.write(block, at: path)
        }
    }

    package func finishUpload(_ id: UploadID, as digest: Digest) async throws -> Int64 {
        try checkWritable()
        let size = try await withSession(id) { session in
            let path = self.layout.upload(id)
            let file = try await self.blocking {
                let scan = try session.scan(digest.algorithm, at: path)
                guard scan.digest == digest else {
                    throw AssayError(
                        .digestMismatch, "the upload is not \(digest)", reason: "its bytes hash to \(scan.digest)",
                        remedy: "send the bytes that the digest was made of")
                }
                try self.keep(scan)
                return try session.open(path)
            }
            try await self.publish(file, from: path, as: digest)
            return session.size
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

    // MARK: Small content

    package func put(_ bytes: [UInt8], as digest: Digest) async throws {
        try checkWritable()
        let id = UploadID(bits: (ids.next(), ids.next()))
        let path = layout.upload(id)
        let file = try await blocking {
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
        try await publish(file, from: path, as: digest)
    }

    // MARK: Steps of a write

    private func publish(_ file: OpenFile, from path: String, as digest: Digest) async throws {
        try await publisher.publish(file, from: path, as: digest)
        remember(digest, try file.stamp())
    }

    private func checkWritable() throws(AssayError) {
        guard isWritable else {
            throw AssayError(
                .storageFailed, "the store takes no writes", reason: "a flush to disk failed",
                remedy: "check the disk, then restart the server")
        }
    }

    func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await threads.runIfActive(work)
    }
}
