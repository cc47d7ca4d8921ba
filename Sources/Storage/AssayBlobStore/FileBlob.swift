import AssayCrypto
import AssayDomain
import AssayRegistry
import NIOCore

/// A blob's open file, of which any part can be read and proven.
struct FileBlob: StoredBlob {
    let store: FileBlobStore
    let digest: Digest
    let file: OpenFile
    let stamp: FileStamp
    /// Nil if parts are not proven by checksums: the blob is a single chunk, or nothing is checked.
    let checksums: ChunkChecksums?
    /// Whether what is read is proven.
    let isChecked: Bool

    var size: Int64 { stamp.size }

    func read(_ range: Range<Int64>, into buffer: inout ByteBuffer) async throws {
        let chunks = wholeChunks(around: range)
        buffer.clear()
        if !readCached(chunks, into: &buffer) {
            buffer = try await store.blocking { try read(chunks) }
        }
        if !isProven(buffer, from: chunks.lowerBound) {
            // The table may be wrong, the file, or what was just read of it.
            guard try await store.reprove(self).hold(for: buffer, at: chunks.lowerBound) else {
                throw AssayError(.storageFailed, "a blob reads differently each time", remedy: "check the disk")
            }
        }
        buffer.moveReaderIndex(forwardBy: Int(range.lowerBound - chunks.lowerBound))
        buffer.moveWriterIndex(to: buffer.writerIndex - Int(chunks.upperBound - range.upperBound))
    }

    /// The chunks that a range lies in; the range itself where nothing is checked.
    private func wholeChunks(around range: Range<Int64>) -> Range<Int64> {
        guard isChecked else { return range }
        let chunk = Int64(ChunkChecksums.chunkBytes)
        let end = (range.upperBound + chunk - 1) / chunk * chunk
        return range.lowerBound / chunk * chunk..<min(end, size)
    }

    /// Reads without waiting for the disk; false if that would be needed.
    private func readCached(_ range: Range<Int64>, into buffer: inout ByteBuffer) -> Bool {
        let count = range.count
        var isRead = false
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            let space = UnsafeMutableRawBufferPointer(rebasing: space[..<count])
            isRead = file.readCached(into: space, at: range.lowerBound)
            return isRead ? count : 0
        }
        return isRead
    }

    /// Blocks the thread.
    private func read(_ range: Range<Int64>) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        let read = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: range.count) { space in
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: space[..<range.count]), at: range.lowerBound)
        }
        guard read == range.count else {
            throw AssayError(.storageFailed, "a blob is shorter than it was", remedy: "see the server's log")
        }
        return buffer
    }

    private func isProven(_ buffer: ByteBuffer, from offset: Int64) -> Bool {
        guard isChecked, buffer.readableBytes > 0 else { return true }
        return checksums?.hold(for: buffer, at: offset)
            ?? (Digest.of(buffer.readableBytesView, algorithm: digest.algorithm) == digest)
    }
}

extension ChunkChecksums {
    fileprivate func hold(for buffer: ByteBuffer, at offset: Int64) -> Bool {
        buffer.withUnsafeReadableBytes { hold(for: $0, at: offset) }
    }
}
