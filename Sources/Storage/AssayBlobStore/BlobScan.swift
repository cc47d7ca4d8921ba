import AssayCrypto
import AssayDomain

/// What the bytes of a file are: their digest, and the checksums of their chunks.
struct BlobScan: Sendable {
    let digest: Digest
    let checksums: ChunkChecksums

    private static let pieceBytes = 1 << 20

    /// Reads a file from its start to its end. Blocks the thread.
    init(_ file: OpenFile, _ algorithm: Digest.Algorithm) throws(AssayError) {
        let digest = StreamingDigest(algorithm)
        let checksums = ChecksumBuilder()
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 4096)
        defer { piece.deallocate() }
        var offset: Int64 = 0
        while true {
            let count = try file.read(into: piece, at: offset)
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: piece[..<count])
            digest.update(bytes)
            checksums.update(bytes)
            offset += Int64(count)
        }
        self.init(digest: digest.finalize(), checksums: checksums.finish())
    }

    init(digest: Digest, checksums: ChunkChecksums) {
        self.digest = digest
        self.checksums = checksums
    }
}
