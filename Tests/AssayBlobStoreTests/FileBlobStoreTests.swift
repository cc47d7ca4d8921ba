import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import AssayBlobStore

struct FileBlobStoreTests {
    private let folder: TemporaryFolder
    private let store: FileBlobStore
    private let ids = SequentialIDs()

    init() throws {
        folder = try TemporaryFolder()
        store = try Self.open(folder, ids)
    }

    private static func open(
        _ folder: TemporaryFolder, _ ids: SequentialIDs, _ settings: StoreSettings = StoreSettings(),
        uptime: (@Sendable () -> Duration)? = nil
    ) throws -> FileBlobStore {
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        return try FileBlobStore(
            root: folder.path, threads: threads, ids: ids, logger: Logger(label: "test"), settings: settings,
            uptime: uptime)
    }

    private func read(_ digest: Digest, _ range: Range<Int64>) async throws -> [UInt8] {
        try await Self.read(digest, range, from: store)
    }

    private static func read(
        _ digest: Digest, _ range: Range<Int64>, from store: FileBlobStore
    ) async throws -> [UInt8] {
        let blob = try #require(try await store.open(digest))
        var bytes: [UInt8] = []
        for try await piece in BlobStream(blob, range) { bytes.append(contentsOf: piece.readableBytesView) }
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

    @Test(arguments: [0, 1, large.count])
    func `pieces become the blob that they hash to`(count: Int) async throws {
        let content = Array(Self.large.prefix(count))
        let id = try await store.beginUpload(hashing: .sha256)
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

    @Test(arguments: Digest.Algorithm.allCases)
    func `sha512 names a blob too`(announced: Digest.Algorithm) async throws {
        let content: [UInt8] = [1, 2, 3]
        let digest = Digest.of(content, algorithm: .sha512)
        let id = try await store.beginUpload(hashing: announced)
        _ = try await store.append(Chunks([content]), to: id, at: nil)
        _ = try await store.finishUpload(id, as: digest)
        #expect(try await read(digest, 0..<3) == content)
    }

    @Test func `a wrong digest publishes nothing and keeps the session`() async throws {
        let id = try await store.beginUpload(hashing: .sha256)
        _ = try await store.append(Chunks([[1, 2, 3]]), to: id, at: 0)
        let wrong = Digest.sha256(of: [9])
        #expect(await code { _ = try await store.finishUpload(id, as: wrong) } == .digestMismatch)
        #expect(try await store.size(of: wrong) == nil)
        #expect(try await store.uploadedBytes(of: id) == 3)
        #expect(try await store.finishUpload(id, as: Digest.sha256(of: [1, 2, 3])) == 3)
    }

    @Test(arguments: [0, 2, 4])
    func `a piece at another place is refused and changes nothing`(offset: Int64) async throws {
        let id = try await store.beginUpload(hashing: .sha256)
        _ = try await store.append(Chunks([[1, 2, 3]]), to: id, at: 0)
        #expect(await code { _ = try await store.append(Chunks([[4]]), to: id, at: offset) } == .uploadOutOfOrder)
        #expect(try await store.append(Chunks([[4]]), to: id, at: 3) == 4)
        _ = try await store.finishUpload(id, as: Digest.sha256(of: [1, 2, 3, 4]))
    }

    @Test func `a body that breaks off leaves what came before it`() async throws {
        struct Gone: Error {}
        let id = try await store.beginUpload(hashing: .sha256)
        await #expect(throws: Gone.self) {
            _ = try await store.append(Chunks([[1, 2], [3]], then: Gone()), to: id, at: 0)
        }
        #expect(try await store.uploadedBytes(of: id) == 3)
        _ = try await store.append(Chunks([[4]]), to: id, at: 3)
        _ = try await store.finishUpload(id, as: Digest.sha256(of: [1, 2, 3, 4]))
    }

    @Test func `a session goes on after a restart`() async throws {
        let id = try await store.beginUpload(hashing: .sha256)
        _ = try await store.append(Chunks([[1, 2, 3]]), to: id, at: 0)
        let restarted = try Self.open(folder, ids)
        #expect(try await restarted.uploadedBytes(of: id) == 3)
        _ = try await restarted.append(Chunks([[4]]), to: id, at: 3)
        #expect(try await restarted.finishUpload(id, as: Digest.sha256(of: [1, 2, 3, 4])) == 4)
    }

    // MARK: Damage

    private func path(_ digest: Digest, in tree: String = "blobs") -> String {
        "\(folder.path)/\(tree)/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
    }

    /// Writes over a file as a failing disk would, with its size kept.
    private func damage(_ path: String, at offset: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        var content = try Data(contentsOf: URL(fileURLWithPath: path))
        content[offset] ^= 1
        try content.write(to: URL(fileURLWithPath: path))
    }

    @Test func `a second push heals a damaged blob`() async throws {
        let content: [UInt8] = Array("the right bytes".utf8)
        let digest = Digest.sha256(of: content)
        try await store.put(content, as: digest)
        try damage(path(digest), at: 3)
        #expect(await code { try await store.withLocalFile(of: digest) { _ in } } == .digestMismatch)
        try await store.put(content, as: digest)
        #expect(try await read(digest, 0..<Int64(content.count)) == content)
        try await store.withLocalFile(of: digest) { path in
            #expect(FileManager.default.contents(atPath: path) == Data(content))
        }
    }

    @Test func `a link to a lent file does not have it hashed anew`() async throws {
        let content = Array(Self.large.prefix(2_000_000))
        let digest = Digest.sha256(of: content)
        try await store.put(content, as: digest)
        let staged = path(digest) + "-staged"
        try await store.withLocalFile(of: digest) { path in
            #expect(linkat(AT_FDCWD, path, AT_FDCWD, staged, AT_SYMLINK_FOLLOW) == 0)
            try FileManager.default.removeItem(atPath: staged)
        }
        // Hashing a file writes its table of checksums.
        let table = path(digest).replacing("/blobs/", with: "/checksums/")
        try FileManager.default.removeItem(atPath: table)
        try await store.withLocalFile(of: digest) { _ in }
        #expect(!FileManager.default.fileExists(atPath: table))
        try damage(path(digest), at: 3)
        #expect(await code { try await store.withLocalFile(of: digest) { _ in } } == .digestMismatch)
    }

    @Test func `what is lent is the file that was proven, whatever is put in its place`() async throws {
        let content = Array("the right bytes".utf8)
        let digest = Digest.sha256(of: content)
        try await store.put(content, as: digest)
        try await store.withLocalFile(of: digest) { path in
            try Data("other bytes".utf8).write(to: URL(fileURLWithPath: folder.path + "/other"))
            #expect(rename(folder.path + "/other", self.path(digest)) == 0)
            #expect(FileManager.default.contents(atPath: path) == Data(content))
        }
        #expect(await code { try await store.withLocalFile(of: digest) { _ in } } == .digestMismatch)
    }

    @Test func `a slow reader of a damaged blob takes nothing of its healed one away`() async throws {
        let content = Array(Self.large.prefix(2_000_000))
        let digest = Digest.sha256(of: content)
        try await store.put(content, as: digest)
        try damage(path(digest), at: 1_500_000)
        var pieces = BlobStream(try #require(try await store.open(digest)), 0..<2_000_000).makeAsyncIterator()
        _ = try await pieces.next()
        try await store.put(content, as: digest)
        await #expect(throws: AssayError.self) { while try await pieces.next() != nil {} }
        #expect(try await read(digest, 0..<Int64(content.count)) == content)
    }

    /// A byte of the first, a middle and the last chunk; a process that has the checksums in memory, and a new one.
    @Test(arguments: [0, 4_500_000, 9_000_000], [false, true])
    func `a byte that the disk changed is never served`(offset: Int, restarted: Bool) async throws {
        let digest = Digest.sha256(of: Self.large)
        try await store.put(Self.large, as: digest)
        if !restarted { _ = try await read(digest, 0..<1) }
        try damage(path(digest), at: offset)
        let store = restarted ? try Self.open(folder, ids) : store
        let chunk = ChunkChecksums.chunkBytes
        let other = Int64(offset < chunk ? chunk : 0)
        #expect(
            try await Self.read(digest, other..<other + 9, from: store) == Array(Self.large[Int(other)...].prefix(9)))
        let bad = Int64(offset)..<Int64(offset) + 1
        #expect(await code { _ = try await Self.read(digest, bad, from: store) } == .digestMismatch)
        #expect(try await store.size(of: digest) == nil)
    }

    @Test func `without checks bytes are what the file system gives`() async throws {
        var settings = StoreSettings()
        settings.readCheck = .none
        let store = try Self.open(folder, ids, settings)
        let digest = Digest.sha256(of: Self.large)
        try await store.put(Self.large, as: digest)
        try damage(path(digest), at: 0)
        #expect(try await Self.read(digest, 0..<2, from: store) == [Self.large[0] ^ 1, Self.large[1]])
    }

    @Test func `a file that cannot be read as it should ends no writes`() async throws {
        var settings = StoreSettings()
        settings.readCheck = .none
        let store = try Self.open(folder, ids, settings)
        let digest = Digest.sha256(of: Self.large)
        try await store.put(Self.large, as: digest)
        let blob = try #require(try await store.open(digest))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path(digest))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path(digest)))
        try handle.truncate(atOffset: 10)
        var buffer = ByteBuffer()
        #expect(await code { try await blob.read(0..<blob.size, into: &buffer) } == .storageFailed)
        #expect(store.isWritable)
    }

    @Test(arguments: ["lost", "cut", "changed"])
    func `a table of checksums that cannot be believed is made anew`(fault: String) async throws {
        let digest = Digest.sha256(of: Self.large)
        try await store.put(Self.large, as: digest)
        let table = path(digest, in: "checksums")
        let right = try Data(contentsOf: URL(fileURLWithPath: table))
        switch fault {
        case "lost": try FileManager.default.removeItem(atPath: table)
        case "cut": try right.dropLast(8).write(to: URL(fileURLWithPath: table))
        default: try damage(table, at: 40)
        }
        let restarted = try Self.open(folder, ids)
        #expect(try await Self.read(digest, 0..<Int64(Self.large.count), from: restarted) == Self.large)
        #expect(try Data(contentsOf: URL(fileURLWithPath: table)) == right)
    }

    @Test func `a table of wrong checksums takes no good blob away`() async throws {
        let digest = Digest.sha256(of: Self.large)
        try await store.put(Self.large, as: digest)
        let table = path(digest, in: "checksums")
        let wrong = ChunkChecksums(
            size: Int64(Self.large.count),
            sums: Array(repeating: 1, count: ChunkChecksums.count(forSize: Int64(Self.large.count))))
        try Data(wrong.encoded).write(to: URL(fileURLWithPath: table))
        #expect(try await read(digest, 0..<Int64(Self.large.count)) == Self.large)
    }

    // MARK: Uploads that were given up

    @Test func `unfinished uploads are counted, and dropped unless somebody writes`() async throws {
        let idle = try await store.beginUpload(hashing: .sha256)
        _ = try await store.append(Chunks([[1, 2, 3]]), to: idle, at: 0)
        let busy = try await store.beginUpload(hashing: .sha256)
        _ = try await store.append(Chunks([[1]]), to: busy, at: 0)
        #expect(try await store.unfinishedUploads() == UploadsHeld(count: 2, bytes: 4))
        let body = HeldBody([2])
        async let appended = store.append(body, to: busy, at: 1)
        await body.isAskedFor()
        #expect(try await store.dropUploads() == UploadsHeld(count: 1, bytes: 3))
        body.letGo()
        #expect(try await appended == 2)
        #expect(await code { _ = try await store.uploadedBytes(of: idle) } == .uploadNotFound)
        #expect(try await store.dropUploads() == UploadsHeld(count: 1, bytes: 2))
        #expect(try await store.unfinishedUploads() == UploadsHeld(count: 0, bytes: 0))
    }

    @Test func `only what nobody writes to is reaped`() async throws {
        var settings = StoreSettings()
        settings.uploadExpiry = .seconds(60)
        var left: [UploadID] = []
        for _ in 0..<2 {
            let id = try await store.beginUpload(hashing: .sha256)
            _ = try await store.append(Chunks([[1]]), to: id, at: 0)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -62)], ofItemAtPath: "\(folder.path)/uploads/\(id)")
            left.append(id)
        }
        let (old, busy) = (left[0], left[1])
        let uptime = Mutex(Duration.seconds(1_000))
        let store = try Self.open(folder, ids, settings) { uptime.withLock(\.self) }
        // What an earlier process left is given a quarter of the time, whatever the clock says of its age.
        try await store.reapUploads()
        #expect(try await store.uploadedBytes(of: busy) == 1)
        #expect(FileManager.default.fileExists(atPath: "\(folder.path)/uploads/\(old)"))
        uptime.withLock { $0 += .seconds(16) }
        let young = try await store.beginUpload(hashing: .sha256)
        let body = HeldBody([2])
        async let appended = store.append(body, to: busy, at: 1)
        await body.isAskedFor()
        try await store.reapUploads()
        #expect(await code { _ = try await store.uploadedBytes(of: old) } == .uploadNotFound)
        #expect(try await store.uploadedBytes(of: young) == 0)
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/uploads/\(old)"))
        body.letGo()
        #expect(try await appended == 2)
        #expect(try await store.finishUpload(busy, as: Digest.sha256(of: [1, 2])) == 2)
    }

    // MARK: Many at a time

    @Test func `blobs that are published together are all there, and in a new process too`() async throws {
        let contents = (0..<200).map { number in Array("blob \(number % 150)".utf8) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for content in contents {
                group.addTask { [store] in try await store.put(content, as: Digest.sha256(of: content)) }
            }
            try await group.waitForAll()
        }
        let restarted = try Self.open(folder, ids)
        for content in contents {
            let size = Int64(content.count)
            #expect(try await Self.read(Digest.sha256(of: content), 0..<size, from: restarted) == content)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/uploads").isEmpty)
    }

    @Test func `many tiny pieces become one blob`() async throws {
        let content = Array(Self.large.prefix(100_000))
        let id = try await store.beginUpload(hashing: .sha256)
        _ = try await store.append(Chunks(content.map { [$0] }), to: id, at: 0)
        #expect(try await store.finishUpload(id, as: Digest.sha256(of: content)) == 100_000)
    }

    @Test func `a cancelled session is gone`() async throws {
        let id = try await store.beginUpload(hashing: .sha256)
        try await store.cancelUpload(id)
        #expect(await code { _ = try await store.uploadedBytes(of: id) } == .uploadNotFound)
        #expect(await code { try await store.cancelUpload(id) } == .uploadNotFound)
    }

    @Test func `two writers of one session are kept apart`() async throws {
        let id = try await store.beginUpload(hashing: .sha256)
        let body = HeldBody([1])
        async let first = store.append(body, to: id, at: 0)
        await body.isAskedFor()
        #expect(await code { _ = try await store.uploadedBytes(of: id) } == .uploadBusy)
        body.letGo()
        #expect(try await first == 1)
    }

    @Test func `many pushes of one blob all succeed and store it once`() async throws {
        let content = Array(Self.large.prefix(100_000))
        let digest = Digest.sha256(of: content)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { [store] in
                    let id = try await store.beginUpload(hashing: .sha256)
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
            var status = stat()
            #expect(stat(path, &status) == 0)
            return status.st_mode & 0o777
        }
        #expect(mode == 0o444)
    }
}

extension FileBlobStore {
    /// Ends an upload whose bytes are all there.
    fileprivate func finishUpload(_ id: UploadID, as digest: Digest) async throws -> Int64 {
        try await finishUpload(id, appending: Chunks([]), at: nil, as: digest)
    }
}

/// A body that comes when the test lets it.
private struct HeldBody: AsyncSequence, Sendable {
    typealias Failure = any Error

    private let bytes: [UInt8]
    private let asked = AsyncStream.makeStream(of: Void.self)
    private let released = AsyncStream.makeStream(of: Void.self)

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Returns once somebody waits for the body.
    func isAskedFor() async { for await _ in asked.stream { return } }

    func letGo() { released.continuation.finish() }

    struct AsyncIterator: AsyncIteratorProtocol {
        let body: HeldBody
        var isSent = false

        mutating func next() async throws -> ByteBuffer? {
            guard !isSent else { return nil }
            isSent = true
            body.asked.continuation.yield()
            for await _ in body.released.stream {}
            return ByteBuffer(bytes: body.bytes)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}
