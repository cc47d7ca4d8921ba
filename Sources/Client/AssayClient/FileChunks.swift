import AssayDomain
import NIOCore

/// A part of a file as buffers, the next one being read while the last one is used.
struct FileChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    /// Large enough that the hop to the thread pool does not count, small enough that two of them are nothing.
    static let chunkBytes: Int64 = 256 << 10

    let file: LocalFile
    let range: Range<Int64>
    let access: FileAccess
    /// Told the position in the file after each buffer that was handed out.
    let progress: @Sendable (Int64) -> Void

    struct AsyncIterator: AsyncIteratorProtocol {
        private let chunks: FileChunks
        private var position: Int64
        private var pending: EventLoopFuture<ByteBuffer>?

        init(_ chunks: FileChunks) {
            self.chunks = chunks
            position = chunks.range.lowerBound
            pending = chunks.startRead(at: position)
        }

        mutating func next() async throws -> ByteBuffer? {
            guard let reading = pending else { return nil }
            let buffer = try await reading.get()
            chunks.progress(position)
            position += Int64(buffer.readableBytes)
            pending = chunks.startRead(at: position)
            return buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    /// Starts to read the chunk at a position; nil at the end of the range.
    private func startRead(at position: Int64) -> EventLoopFuture<ByteBuffer>? {
        guard position < range.upperBound else { return nil }
        let count = Int(Swift.min(Self.chunkBytes, range.upperBound - position))
        return access.start { [file] in
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
                try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]), at: position)
                return count
            }
            return buffer
        }
    }
}
