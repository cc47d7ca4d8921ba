import NIOCore
import NIOPosix

/// Gathers a body in blocks, which are hashed and written while further ones are received.
///
/// Hashing and writing each take the blocks in order, on threads of their own and at their own pace: a write that the
/// disk keeps waiting does not stop the hashing, until all blocks are in use.
struct UploadPipeline {
    /// How many blocks one body has at a time; with their size this is its memory.
    private static let blocksMax = 4

    let session: UploadSession
    let path: String
    let threads: NIOThreadPool

    private typealias Blocks = (stream: AsyncStream<UploadBlock>, continuation: AsyncStream<UploadBlock>.Continuation)

    /// Takes a body to its end. What does not fill a block is given back, neither hashed nor written.
    ///
    /// A body that breaks off leaves everything that came before in the file, and then its error is thrown.
    func take(_ body: some AsyncSequence<ByteBuffer, any Error> & Sendable) async throws -> UploadBlock {
        let toHash: Blocks = AsyncStream.makeStream()
        let toWrite: Blocks = AsyncStream.makeStream()
        let free: Blocks = AsyncStream.makeStream()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            var freeBlocks = free.stream.makeAsyncIterator()
            var block = UploadBlock()
            var blockCount = 1
            var failure: (any Error)?
            do {
                for try await var chunk in body {
                    block.fill(from: &chunk)
                    while block.isFull {
                        if blockCount == 1 { start(toHash, toWrite, free, in: &group) }
                        block.share(with: 2)
                        toHash.continuation.yield(block)
                        toWrite.continuation.yield(block)
                        block = try await next(&freeBlocks, &blockCount)
                        block.fill(from: &chunk)
                    }
                }
            } catch {
                failure = error
            }
            toHash.continuation.finish()
            toWrite.continuation.finish()
            try await group.waitForAll()
            guard let failure else { return block }
            let rest = block
            try await threads.runIfActive { try session.add(rest, at: path) }
            throw failure
        }
    }

    private func start(
        _ toHash: Blocks, _ toWrite: Blocks, _ free: Blocks, in group: inout ThrowingTaskGroup<Void, any Error>
    ) {
        // After a failure nobody may wait for a block.
        group.addTask {
            defer { free.continuation.finish() }
            for await block in toHash.stream {
                try await threads.runIfActive { session.hash(block) }
                if block.isFreed() { free.continuation.yield(block) }
            }
        }
        group.addTask {
            defer { free.continuation.finish() }
            for await block in toWrite.stream {
                try await threads.runIfActive { try session.write(block, at: path) }
                if block.isFreed() { free.continuation.yield(block) }
            }
        }
    }

    private func next(
        _ free: inout AsyncStream<UploadBlock>.AsyncIterator, _ count: inout Int
    ) async throws -> UploadBlock {
        guard count == Self.blocksMax else {
            count += 1
            return UploadBlock()
        }
        guard let block = await free.next() else { throw CancellationError() }
        block.clear()
        return block
    }
}
