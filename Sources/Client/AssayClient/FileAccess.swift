import AssayCrypto
package import AssayDomain
import NIOCore
import NIOPosix

/// Runs blocking file work on a bounded pool of threads, away from the threads that serve tasks.
package struct FileAccess: Sendable {
    /// How many blocking operations run at a time; two transfers keep a reader and a writer each.
    private static let threads = 4
    /// How much of a file one job hashes; between jobs a cancellation is seen.
    private static let hashJobBytes: Int64 = 16 << 20
    private static let hashBufferBytes: Int64 = 1 << 20

    private let pool: NIOThreadPool
    private let eventLoop: any EventLoop

    /// Lends access to files and ends its threads afterwards.
    package static func withAccess<Result: Sendable>(
        _ body: (FileAccess) async throws -> Result
    ) async throws -> Result {
        let pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
        let access = FileAccess(pool: pool, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        do {
            let result = try await body(access)
            try await pool.shutdownGracefully()
            return result
        } catch {
            // The failure of the work is the one that counts.
            try? await pool.shutdownGracefully()
            throw error
        }
    }

    /// Starts work and gives its future, so that something else can go on meanwhile.
    func start<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) -> EventLoopFuture<Result> {
        pool.runIfActive(eventLoop: eventLoop, work)
    }

    /// Does work; what waits in the queue is dropped when the task is cancelled.
    package func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await pool.runIfActive(work)
    }

    /// The digest of a file, with constant memory; throws `changed-while-reading` if it changed meanwhile.
    package func hash(
        _ file: LocalFile, algorithm: Digest.Algorithm = .sha256, progress: @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Digest {
        let digest = StreamingDigest(algorithm)
        try await update(digest, with: file, range: 0..<file.size, progress: progress)
        try await run { try file.checkUnchanged() }
        return digest.finalize()
    }

    /// The digest of a file, for what runs on a thread that may block; throws `changed-while-reading`.
    package static func digest(of file: LocalFile, algorithm: Digest.Algorithm) throws -> Digest {
        let digest = StreamingDigest(algorithm)
        try update(digest, with: file, part: 0..<file.size)
        try file.checkUnchanged()
        return digest.finalize()
    }

    /// Adds a part of a file to a digest.
    func update(
        _ digest: StreamingDigest, with file: LocalFile, range: Range<Int64>, progress: @Sendable (Int64) -> Void
    ) async throws {
        var position = range.lowerBound
        while position < range.upperBound {
            let part = position..<min(range.upperBound, position + Self.hashJobBytes)
            try Task.checkCancellation()
            try await run { try Self.update(digest, with: file, part: part) }
            position = part.upperBound
            progress(position)
        }
    }

    private static func update(_ digest: StreamingDigest, with file: LocalFile, part: Range<Int64>) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(hashBufferBytes), alignment: 4_096)
        defer { buffer.deallocate() }
        var position = part.lowerBound
        while position < part.upperBound {
            let count = Int(min(hashBufferBytes, part.upperBound - position))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            try file.read(into: piece, at: position)
            digest.update(UnsafeRawBufferPointer(piece))
            position += Int64(count)
        }
    }
}
