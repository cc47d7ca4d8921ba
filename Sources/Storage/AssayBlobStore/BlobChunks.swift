import AssayCrypto
import AssayDomain
import NIOCore
import NIOPosix

/// A part of a file, read in large chunks as they are asked for.
struct BlobChunks: AsyncSequence, Sendable {
    typealias Failure = any Error

    /// Large enough that the hop to a thread is lost in the copying, small enough for many streams.
    private static let chunkBytes: Int64 = 512 << 10

    let file: OpenFile
    let range: Range<Int64>
    let threads: NIOThreadPool

    struct AsyncIterator: AsyncIteratorProtocol {
        let file: OpenFile
        let threads: NIOThreadPool
        var rest: Range<Int64>

        mutating func next() async throws -> ByteBuffer? {
            guard !rest.isEmpty else { return nil }
            let count = Int(Swift.min(rest.upperBound - rest.lowerBound, BlobChunks.chunkBytes))
            let chunk = try await threads.runIfActive { [file, offset = rest.lowerBound] in
                try BlobChunks.read(file, count: count, at: offset)
            }
            rest = rest.lowerBound + Int64(count)..<rest.upperBound
            return chunk
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(file: file, threads: threads, rest: range) }

    private static func read(_ file: OpenFile, count: Int, at offset: Int64) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        let read = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: space[..<count]), at: offset)
        }
        guard read == count else {
            throw AssayError(.storageFailed, "a blob is shorter than it was", remedy: "see the server's log")
        }
        return buffer
    }
}

/// The whole of a blob, hashed while it passes; its last chunk is held back until the digest is known.
///
/// So nobody gets to the end of a blob whose bytes are not what its name says.
struct ProvingChunks: AsyncSequence, Sendable {
    typealias Failure = any Error

    let chunks: BlobChunks
    let digest: Digest
    /// Told once whether the bytes are right; it throws if they are not.
    let conclude: @Sendable (Bool) throws -> Void

    struct AsyncIterator: AsyncIteratorProtocol {
        var chunks: BlobChunks.AsyncIterator
        let hash: StreamingDigest
        let proving: ProvingChunks

        mutating func next() async throws -> ByteBuffer? {
            guard let chunk = try await chunks.next() else { return nil }
            let isLast = chunks.rest.isEmpty
            try await chunks.threads.runIfActive { [hash, proving] in
                chunk.withUnsafeReadableBytes { hash.update($0) }
                if isLast { try proving.conclude(hash.finalize() == proving.digest) }
            }
            return chunk
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(chunks: chunks.makeAsyncIterator(), hash: StreamingDigest(digest.algorithm), proving: self)
    }
}
