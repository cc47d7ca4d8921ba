import AssayAuditLog
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Logging
import NIOPosix
import TestSupport
import Testing
import TransparencyLog

/// A log in a folder of its own, written as the index writes it.
private final class LogFixture {
    let folder: TemporaryFolder
    let key: Ed25519PrivateKey
    let threads: NIOThreadPool
    private(set) var log: FileAuditLog
    /// What the index would hold.
    private(set) var entries: [[UInt8]] = []
    private(set) var head: LogHead?
    private(set) var trimmed: Int64 = 0

    init() throws {
        folder = try TemporaryFolder()
        key = try Ed25519PrivateKey.generate()
        threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        log = try FileAuditLog(folder: folder.path + "/log", key: key, threads: threads, logger: Logger(label: "test"))
        log.recover(head: nil, tailStart: 0, tail: [])
    }

    deinit { threads.shutdownGracefully { _ in } }

    func add(_ count: Int) throws {
        let new = (entries.count..<entries.count + count).map { Array("entry \($0)".utf8) }
        head = try log.extend(by: new)
        trimmed = log.flushedSize
        log.publish()
        entries += new
    }

    /// Starts anew over the same folder with what the index kept.
    func reopen(head other: LogHead? = nil, tail: [[UInt8]]? = nil) throws {
        log = try FileAuditLog(folder: folder.path + "/log", key: key, threads: threads, logger: Logger(label: "test"))
        log.recover(head: other ?? head, tailStart: trimmed, tail: tail ?? Array(entries[Int(trimmed)...]))
    }

    var root: MerkleHash {
        let hasher = MerkleHasher()
        var frontier = MerkleFrontier()
        for entry in entries { frontier.append(hasher.leaf(entry), hasher) }
        return frontier.root(hasher)
    }

    func file(_ path: String) -> URL { URL(filePath: folder.path + "/log/tile/" + path) }
}

struct FileAuditLogTests {
    @Test(arguments: [[1], [255, 1], [256], [300, 300], [1, 1, 700]])
    func `what is written is proven, and read back`(batches: [Int]) async throws {
        let fixture = try LogFixture()
        for count in batches { try fixture.add(count) }
        let checkpoint = try Checkpoint(opening: fixture.log.head.checkpoint, trusted: [fixture.key.publicKey])
        #expect(checkpoint.size == Int64(fixture.entries.count))
        #expect(checkpoint.root == fixture.root)
        #expect(try await fixture.log.entries(from: 0, limit: 10_000) == fixture.entries)
        #expect(try await fixture.log.entries(from: checkpoint.size, limit: 10).isEmpty)
        for index in [0, fixture.entries.count / 2, fixture.entries.count - 1] {
            let proof = try LogProof(parsing: try await fixture.log.proof(of: Int64(index)))
            #expect(proof.entry == fixture.entries[index])
            let hasher = MerkleHasher()
            let root = MerkleProof.root(
                leaf: hasher.leaf(proof.entry), at: proof.index, in: checkpoint.size, proof: proof.hashes, hasher)
            #expect(root == checkpoint.root)
        }
    }

    @Test func `a smaller partial tile is the beginning of a wider one, and nothing is beyond the tree`() async throws {
        let fixture = try LogFixture()
        try fixture.add(300)
        let log = fixture.log
        let whole = try #require(try await log.tile("0/001.p/44"))
        #expect(whole.count == 44 * 32)
        #expect(try await log.tile("0/001.p/7") == Array(whole.prefix(7 * 32)))
        #expect(try await log.tile("1/000.p/1")?.count == 32)
        let bundle = try #require(try await log.tile("entries/001.p/44"))
        #expect(EntryBundle.entries(bundle, count: 44)?.map(Array.init) == Array(fixture.entries[256...]))
        for absent in ["0/001", "0/001.p/45", "0/002", "1/000.p/2", "2/000.p/1", "entries/001", "x", "0/000.p/0"] {
            #expect(try await log.tile(absent) == nil, "\(absent)")
        }
    }

    @Test func `a head that was taken back is never seen`() throws {
        let fixture = try LogFixture()
        try fixture.add(3)
        let before = fixture.log.head
        _ = try fixture.log.extend(by: [[1], [2]])
        #expect(fixture.log.head == before)
        fixture.log.rollback()
        try fixture.add(1)
        #expect(
            try Checkpoint(opening: fixture.log.head.checkpoint, trusted: [fixture.key.publicKey]).root == fixture.root)
    }

    @Test(arguments: [1, 255, 256, 257, 600])
    func `a start goes on where the index ends, whatever the last tiles hold`(count: Int) async throws {
        let fixture = try LogFixture()
        try fixture.add(count)
        try fixture.add(1)
        // As a power failure leaves them: the partial tiles were never flushed.
        let last = (count + 1) / 256
        let isPartial = (count + 1) % 256 != 0
        if isPartial {
            let name = String(repeating: "0", count: 3 - String(last).count) + String(last)
            try Data([1, 2, 3]).write(to: fixture.file("entries/\(name)"))
            try FileManager.default.removeItem(at: fixture.file("0/\(name)"))
        }
        try fixture.reopen()
        #expect(fixture.log.isWritable)
        try fixture.add(5)
        #expect(try await fixture.log.entries(from: 0, limit: 1_000) == fixture.entries)
        let checkpoint = try Checkpoint(opening: fixture.log.head.checkpoint, trusted: [fixture.key.publicKey])
        #expect(checkpoint.root == fixture.root)
    }

    @Test func `a log that does not lead to the index's head takes nothing`() async throws {
        let fixture = try LogFixture()
        try fixture.add(300)
        try fixture.add(1)
        let file = fixture.file("1/000")
        let good = try Data(contentsOf: file)
        try Data(good.map { $0 ^ 1 }).write(to: file)
        try fixture.reopen()
        #expect(!fixture.log.isWritable)
        #expect(fixture.log.damage?.contains("last checkpoint") == true)
        #expect(throws: AssayError.self) { try fixture.log.extend(by: [[1]]) }
        // It can still be looked at.
        #expect(fixture.log.head == fixture.head)
        try good.write(to: file)
        try fixture.reopen()
        #expect(fixture.log.isWritable)
    }

    @Test func `an index that was rolled back, and one of another key, are refused`() throws {
        let fixture = try LogFixture()
        try fixture.add(10)
        let old = fixture.head
        try fixture.add(10)
        try fixture.reopen(head: old)
        #expect(!fixture.log.isWritable)
        try fixture.reopen(tail: fixture.entries.reversed())
        #expect(!fixture.log.isWritable)
        let stranger = try Ed25519PrivateKey.generate()
        let log = try FileAuditLog(
            folder: fixture.folder.path + "/log", key: stranger, threads: fixture.threads, logger: Logger(label: "test")
        )
        log.recover(head: fixture.head, tailStart: 0, tail: fixture.entries)
        #expect(!log.isWritable)
    }

    @Test func `an index that was put back as a whole does not begin a second history`() throws {
        let fixture = try LogFixture()
        try fixture.add(10)
        let (old, kept) = (fixture.head, fixture.entries)
        try fixture.add(1)
        try fixture.reopen(head: old, tail: kept)
        #expect(!fixture.log.isWritable)
        try fixture.reopen()
        #expect(fixture.log.isWritable)
    }

    @Test func `an index without a head does not start over a log that is there`() throws {
        let fixture = try LogFixture()
        try fixture.add(2)
        let log = try FileAuditLog(
            folder: fixture.folder.path + "/log", key: fixture.key, threads: fixture.threads,
            logger: Logger(label: "test"))
        log.recover(head: nil, tailStart: 0, tail: [])
        #expect(!log.isWritable)
    }

    @Test(arguments: ["0/000", "entries/000"])
    func `a file of a full tile has nothing behind its end`(path: String) async throws {
        let fixture = try LogFixture()
        try fixture.add(300)
        #expect(try await fixture.log.tile(path) != nil)
        let file = fixture.file(path)
        try (Data(contentsOf: file) + [1]).write(to: file)
        await #expect(throws: AssayError.self) { try await fixture.log.tile(path) }
        // Its beginning is still that of a partial one.
        #expect(try await fixture.log.tile(path + ".p/7") != nil)
    }

    @Test func `a log that cannot write closes`() throws {
        let fixture = try LogFixture()
        try fixture.add(2)
        try FileManager.default.removeItem(at: fixture.file("entries/000"))
        try FileManager.default.createDirectory(at: fixture.file("entries/000"), withIntermediateDirectories: true)
        let before = fixture.log.head
        try fixture.add(1)
        #expect(!fixture.log.isWritable)
        #expect(fixture.log.head == before)
        #expect(throws: AssayError.self) { try fixture.log.extend(by: [[1]]) }
    }
}
