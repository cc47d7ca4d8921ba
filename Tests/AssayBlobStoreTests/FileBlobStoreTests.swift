import AssayBlobStore
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

struct FileBlobStoreTests {
    private let folder: TemporaryFolder
    private let store: FileBlobStore
    private let ids = SequentialIDs()

    init() throws {
        folder = try TemporaryFolder()
        store = try Self.open(folder, ids)
    }

    private static func open(_ folder: TemporaryFolder, _ ids: SequentialIDs) throws -> FileBlobStore {
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        return try FileBlobStore(root: folder.path, threads: threads, ids: ids)
    }

    private func read(_ digest: Digest, _ range: Range<Int64>) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await chunk in try await store.read(digest, range: range) {
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        return bytes
    }

    private func code(_ body: () async throws -> Void) async -> ErrorCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? AssayError)?.code
        }
    }

    /// Two blocks and a part that is no whole page, so that direct and other writes follow each other.
    static let large = (0..<9_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }

    @Test(arguments: [[], [1], large])
    func `pieces become the blob that they hash to`(content: [UInt8]) async throws {
        let id = try await store.beginUpload()
        let pieces = stride(from: 0, to: content.count, by: 170_001).map {
            Array(content[$0..<min($0 + 170_001, content.count)])
        }
        #expect(try await store.append(Chunks(pieces), to: id, at: 0) == Int64(content.count))
        let digest = Digest.sha256(of: content)
        #expect(try await store.finishUpload(id, as: digest) == Int64(content.count))
        #expect(try await store.size(of: digest) == Int64(content.count))
        #expect(try await read(digest, 0..<Int64(content.count)) == content)
        #expect(await code { _ = try await store.uploadedBytes(of: id) } == .uploadNotFound)
    }

    @Test func `a range gives exactly its bytes`() async throws {
        let digest = Digest.sha256(of: Self.large)
        try await store.put(Self.large, as: digest)
        #expect(try await read(digest, 524_287..<1_048_577) == Array(Self.large[524_287..<1_048_577]))
        #expect(try await read(digest, 5..<5) == [])
    }

    @Test func `sha512 names a blob too`() async throws {
        let content: [UInt8] = [1, 2, 3]
        let digest = Digest.of(content, algorithm: .sha512)
        let id = try await store.beginUpload()
        _ = try await store.append(Chunks([content]), to: id, at: nil)
        _ = try await store.finishUpload(id, as: digest)
        #expect(try await read(digest, 0..<3) == content)
    }

    @Test func `a wrong digest publishes nothing and keeps the session`() async throws {
        let id = try await store.beginUpload()
        _ = try await store.append(Chunks([[1, 2, 3]]), to: id, at: 0)
        let wrong = Digest.sha256(of: [9])
        #expect(await code { _ = try await store.finishUpload(id, as: wrong) } == .digestMismatch)
        #expect(try await store.size(of: wrong) == nil)
        #expect(try await store.uploadedBytes(of: id) == 3)
        #expect(try await store.finishUpload(id, as: Digest.sha256(of: [1, 2, 3])) == 3)
    }

    @Test(arguments: [0, 2, 4])
    func `a piece at another place is refused and changes nothing`(offset: Int64) async throws {
        let id = try await store.beginUpload()
        _ = try await store.append(Chunks([[1, 2, 3]]), to: id, at: 0)
        #expect(await code { _ = try await store.append(Chunks([[4]]), to: id, at: offset) } == .uploadOutOfOrder)
        #expect(try await store.append(Chunks([[4]]), to: id, at: 3) == 4)
        _ = try await store.finishUpload(id, as: Digest.sha256(of: [1, 2, 3, 4]))
    }

    @Test func `a body that breaks off leaves what came before it`() async throws {
        struct Gone: Error {}
        let id = try await store.beginUpload()
        await #expect(throws: Gone.self) {
            _ = try await store.append(Chunks([[1, 2], [3]], then: Gone()), to: id, at: 0)
        }
        #expect(try await store.uploadedBytes(of: id) == 3)
        _ = try await store.append(Chunks([[4]]), to: id, at: 3)
        _ = try await store.finishUpload(id, as: Digest.sha256(of: [1, 2, 3, 4]))
    }

    @Test func `a session goes on after a restart`() async throws {
        let id = try await store.beginUpload()
        _ = try await store.append(Chunks([[1, 2, 3]]), to: id, at: 0)
        let restarted = try Self.open(folder, ids)
        #expect(try await restarted.uploadedBytes(of: id) == 3)
        _ = try await restarted.append(Chunks([[4]]), to: id, at: 3)
        #expect(try await restarted.finishUpload(id, as: Digest.sha256(of: [1, 2, 3, 4])) == 4)
    }

    @Test func `a second push heals a damaged blob`() async throws {
        let content: [UInt8] = Array("the right bytes".utf8)
        let digest = Digest.sha256(of: content)
        try await store.put(content, as: digest)
        let path = "\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        try Data("the wrong bytes".utf8).write(to: URL(fileURLWithPath: path))
        #expect(await code { try await store.withLocalFile(of: digest) { _ in } } == .digestMismatch)
        try await store.put(content, as: digest)
        #expect(try await read(digest, 0..<Int64(content.count)) == content)
        try await store.withLocalFile(of: digest) { path in
            #expect(FileManager.default.contents(atPath: path) == Data(content))
        }
    }

    @Test func `a slow reader of a damaged blob takes nothing of its healed one away`() async throws {
        let content = Array(Self.large.prefix(2_000_000))
        let digest = Digest.sha256(of: content)
        try await store.put(content, as: digest)
        let path = "\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        try Data(repeating: 0, count: content.count).write(to: URL(fileURLWithPath: path))
        var chunks = try await store.read(digest, range: 0..<Int64(content.count)).makeAsyncIterator()
        _ = try await chunks.next()
        try await store.put(content, as: digest)
        await #expect(throws: AssayError.self) { while try await chunks.next() != nil {} }
        #expect(try await read(digest, 0..<Int64(content.count)) == content)
    }

    @Test func `a damaged blob is not served to its end, in a part of it neither`() async throws {
        let digest = Digest.sha256(of: Self.large)
        try await store.put(Self.large, as: digest)
        let path = "\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        try Data(repeating: 0, count: Self.large.count).write(to: URL(fileURLWithPath: path))
        #expect(await code { _ = try await read(digest, 1..<Int64(Self.large.count)) } == .digestMismatch)
        #expect(try await store.size(of: digest) == nil)
    }

    @Test func `many tiny pieces become one blob`() async throws {
        let content = Array(Self.large.prefix(100_000))
        let id = try await store.beginUpload()
        _ = try await store.append(Chunks(content.map { [$0] }), to: id, at: 0)
        #expect(try await store.finishUpload(id, as: Digest.sha256(of: content)) == 100_000)
    }

    @Test func `a cancelled session is gone`() async throws {
        let id = try await store.beginUpload()
        try await store.cancelUpload(id)
        #expect(await code { _ = try await store.uploadedBytes(of: id) } == .uploadNotFound)
        #expect(await code { try await store.cancelUpload(id) } == .uploadNotFound)
    }

    @Test func `two writers of one session are kept apart`() async throws {
        let id = try await store.beginUpload()
        let (chunks, feed) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
        async let first = store.append(chunks, to: id, at: 0)
        feed.yield(ByteBuffer(bytes: [1]))
        var second: ErrorCode?
        for _ in 0..<10_000 where second != .uploadBusy {
            second = await code { _ = try await store.uploadedBytes(of: id) }
            await Task.yield()
        }
        #expect(second == .uploadBusy)
        feed.finish()
        #expect(try await first == 1)
    }

    @Test func `many pushes of one blob all succeed and store it once`() async throws {
        let content = Array(Self.large.prefix(100_000))
        let digest = Digest.sha256(of: content)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { [store] in
                    let id = try await store.beginUpload()
                    _ = try await store.append(Chunks([content]), to: id, at: 0)
                    _ = try await store.finishUpload(id, as: digest)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.size(of: digest) == 100_000)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/uploads").isEmpty)
    }

    @Test func `published files cannot be written`() async throws {
        let digest = Digest.sha256(of: [1])
        try await store.put([1], as: digest)
        let mode = try await store.withLocalFile(of: digest) { path in
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(mode == 0o444)
    }
}
