package import AssayDomain
package import AssayRegistry
import Glibc
import Logging
import Metrics
import NIOCore
import Synchronization

extension FileBlobStore {
    /// How many proofs are remembered; beyond it they are forgotten, and blobs are hashed anew.
    private static let provenMax = 1 << 16

    package func size(of digest: Digest) async throws -> Int64? {
        if let file = OpenFile(cached: layout.blob(digest)) { return try file.size() }
        return try await blocking { try OpenFile(existing: self.layout.blob(digest), flags: O_RDONLY)?.size() }
    }

    /// The bytes of a piece that is read to see whether a blob is whole.
    private static let pieceBytes: Int64 = 4 << 20

    package func isWhole(_ digest: Digest, size: Int64) async throws -> Bool {
        do {
            // Whatever pulls are told to check: this is asked to know.
            guard let blob = try await open(digest, isChecked: true), blob.size == size else { return false }
            var buffer = ByteBuffer()
            for start in stride(from: 0, to: size, by: Int64.Stride(Self.pieceBytes)) {
                try await blob.read(start..<min(size, start + Self.pieceBytes), into: &buffer)
            }
            return true
        } catch let error as AssayError where error.code == .digestMismatch {
            return false
        }
    }

    package func open(_ digest: Digest) async throws -> (any StoredBlob)? {
        try await open(digest, isChecked: settings.readCheck == .checksums)
    }

    private func open(_ digest: Digest, isChecked: Bool) async throws -> FileBlob? {
        if let file = OpenFile(cached: layout.blob(digest)), let blob = try blob(digest, file, file.stamp(), isChecked)
        {
            return blob
        }
        let found: (file: OpenFile, stamp: FileStamp, blob: FileBlob?)? = try await blocking {
            guard let file = try OpenFile(existing: self.layout.blob(digest), flags: O_RDONLY) else { return nil }
            let stamp = try file.stamp()
            return (file, stamp, try self.blobWithTable(digest, file, stamp, isChecked))
        }
        guard let (file, stamp, blob) = found else { return nil }
        if let blob { return blob }
        return try await proofs.run {
            try await self.blocking {
                // Whoever waited for the same proof finds the table when it is his turn.
                if let blob = try self.blobWithTable(digest, file, stamp, isChecked) { return blob }
                return self.blob(digest, file, stamp, keeping: try self.prove(file, stamp, digest), isChecked)
            }
        }
    }

    /// The blob of a file, if what its checks need is in memory.
    private func blob(_ digest: Digest, _ file: OpenFile, _ stamp: FileStamp, _ isChecked: Bool) -> FileBlob? {
        var table: ChunkChecksums?
        if isChecked, stamp.size > Int64(ChunkChecksums.chunkBytes) {
            table = tables.table(of: digest, size: stamp.size)
            if table == nil { return nil }
        }
        return FileBlob(
            store: self, digest: digest, file: file, stamp: stamp, checksums: table, isChecked: isChecked)
    }

    /// The blob with its table from memory or disk; nil if there is none that can be believed: a table is not flushed
    /// when it is written, so the power can take it away. Blocks the thread.
    private func blobWithTable(
        _ digest: Digest, _ file: OpenFile, _ stamp: FileStamp, _ isChecked: Bool
    ) throws -> FileBlob? {
        if let blob = blob(digest, file, stamp, isChecked) { return blob }
        return try readTable(of: digest, size: stamp.size).map { blob(digest, file, stamp, keeping: $0, isChecked) }
    }

    private func blob(
        _ digest: Digest, _ file: OpenFile, _ stamp: FileStamp, keeping table: ChunkChecksums, _ isChecked: Bool
    ) -> FileBlob {
        tables.keep(table, of: digest)
        return FileBlob(
            store: self, digest: digest, file: file, stamp: stamp, checksums: table, isChecked: isChecked)
    }

    package func withLocalFile<Result: Sendable>(
        of digest: Digest, _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result {
        let (file, stamp) = try await blocking {
            guard let file = try OpenFile(existing: self.layout.blob(digest), flags: O_RDONLY) else {
                throw AssayError(.blobNotFound, "blob \(digest) is not there")
            }
            let stamp = try file.stamp()
            if self.proven.withLock({ $0[digest] != stamp }) { _ = try self.prove(file, stamp, digest) }
            return (file, stamp)
        }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(file.ownPath))
        } catch {
            result = .failure(error)
        }
        // A proof that is lost is only made anew.
        try? await blocking { try self.keepProof(of: digest, in: file, from: stamp) }
        return try result.get()
    }

    /// Keeps a proof over a link to the file, which changes its stamp and not its bytes.
    private func keepProof(of digest: Digest, in file: OpenFile, from stamp: FileStamp) throws {
        let now = try file.stamp()
        if now.hasBytes(of: stamp) { remember(digest, now) }
    }

    // MARK: Proof

    func remember(_ digest: Digest, _ stamp: FileStamp) {
        proven.withLock { proven in
            if proven.count >= Self.provenMax { proven.removeAll() }
            proven[digest] = stamp
        }
    }

    /// Decides about a blob whose bytes are not what its checksums say: if they still hash to its digest, the table was
    /// wrong. Throws `digest-mismatch` for a damaged blob.
    func reprove(_ blob: FileBlob) async throws -> ChunkChecksums {
        let table = try await proofs.run {
            try await self.blocking { try self.prove(blob.file, blob.stamp, blob.digest) }
        }
        tables.keep(table, of: blob.digest)
        return table
    }

    /// Hashes a blob's file and keeps its checksums; a damaged one is set aside. Blocks the thread. Throws
    /// `digest-mismatch`.
    private func prove(_ file: OpenFile, _ stamp: FileStamp, _ digest: Digest) throws -> ChunkChecksums {
        let scan = try BlobScan(file, digest.algorithm)
        guard scan.digest == digest else {
            try setAside(digest, stamp)
            throw AssayError(
                .digestMismatch, "the stored bytes of \(digest) are damaged", reason: "they were set aside",
                remedy: "push the file again")
        }
        // A full or failing disk takes no table, and is no reason not to serve a blob that was just proven.
        try? keep(scan)
        remember(digest, stamp)
        return scan.checksums
    }

    /// Takes a damaged file out of the way, so that its blob is missing from now on and the next push brings it back.
    /// A file that has taken its place meanwhile stays: it was proven when it came.
    private func setAside(_ digest: Digest, _ stamp: FileStamp) throws {
        let target = layout.damaged(digest)
        try layout.makeFolder(FileLayout.parent(of: target))
        try publisher.withNamesHeld {
            guard try OpenFile(existing: layout.blob(digest), flags: O_RDONLY)?.stamp() == stamp else { return }
            try SystemCall.check("rename") { rename(layout.blob(digest), target) }
            logger.error(
                "a stored blob is damaged and was set aside; look at the disk, then push its content again",
                metadata: ["digest": "\(digest)", "file": "\(target)"])
            Counter(label: "assay_damaged_blobs_total").increment()
        }
    }

    // MARK: Tables

    /// Writes the table of a blob of several chunks. It is not flushed: a lost one is made anew. Blocks the thread.
    func keep(_ scan: BlobScan) throws {
        guard scan.checksums.sums.count > 1 else { return }
        let path = layout.checksums(scan.digest)
        try layout.makeFolder(FileLayout.parent(of: path))
        // What a killed process leaves of it is reaped as an upload.
        let draft = newUploadPath()
        let file = try OpenFile(creating: draft)
        do {
            try scan.checksums.encoded.withUnsafeBytes { try file.write($0, at: 0) }
            try SystemCall.check("rename") { rename(draft, path) }
        } catch {
            unlink(draft)
            throw error
        }
    }

    /// Nil if there is none that can be believed.
    private func readTable(of digest: Digest, size: Int64) throws -> ChunkChecksums? {
        guard let file = try OpenFile(existing: layout.checksums(digest), flags: O_RDONLY) else { return nil }
        let byteCount = ChunkChecksums.encodedBytes(forSize: size)
        guard try file.size() == Int64(byteCount) else { return nil }
        let bytes = try [UInt8](unsafeUninitializedCapacity: byteCount) { space, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(space), at: 0)
        }
        return ChunkChecksums(decoding: bytes, size: size)
    }
}
