import AssayClient
import AssayCrypto
import AssayDomain
import Foundation
import Testing

struct DigestCacheTests {
    private let folder: TestFolder
    private let cache: DigestCache
    private static let size = Int(DigestCache.fileBytesMin)
    private static let later = Int(Date().timeIntervalSince1970) + 3600

    init() throws {
        folder = try TestFolder()
        cache = DigestCache(folder: folder.path + "/cache/digests")
    }

    private func file(_ name: String = "weights", _ byte: UInt8 = 1, count: Int = size) throws -> LocalFile {
        let path = "\(folder.path)/\(name)"
        try Data(repeating: byte, count: count).write(to: URL(fileURLWithPath: path))
        return try LocalFile(opening: path)
    }

    private let digest = Digest.sha256(of: [1, 2, 3])

    @Test func `a file that did not change is known`() throws {
        let file = try file()
        #expect(cache.digest(of: file) == nil)
        cache.remember(digest, of: file, now: Self.later)
        #expect(cache.digest(of: try LocalFile(opening: file.path)) == digest)
    }

    @Test(arguments: ["written", "touched", "replaced"])
    func `a file that changed is not`(change: String) throws {
        let file = try file()
        cache.remember(digest, of: file, now: Self.later)
        switch change {
        case "written":
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file.path))
            try handle.write(contentsOf: [9])
        case "touched":
            try FileManager.default.setAttributes([.modificationDate: Date.distantPast], ofItemAtPath: file.path)
        default:
            try FileManager.default.removeItem(atPath: file.path)
            _ = try self.file()
        }
        #expect(cache.digest(of: try LocalFile(opening: file.path)) == nil)
    }

    @Test func `a file that changed a moment ago is not remembered`() throws {
        let file = try file()
        cache.remember(digest, of: file)
        #expect(cache.digest(of: file) == nil)
    }

    @Test func `a small file is not remembered`() throws {
        let file = try file(count: Self.size - 1)
        cache.remember(digest, of: file, now: Self.later)
        #expect(cache.digest(of: file) == nil)
    }

    @Test(arguments: ["", "nonsense", "1 2 3\nsha256:0\n"])
    func `an entry that cannot be read says nothing`(text: String) throws {
        let file = try file()
        cache.remember(digest, of: file, now: Self.later)
        let entries = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/cache/digests")
        let entry = try #require(entries.first)
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/cache/digests/\(entry)"))
        #expect(cache.digest(of: file) == nil)
    }

    @Test(arguments: [nil, "/dev/null/digests"])
    func `without a folder nothing is known and nothing fails`(path: String?) throws {
        let cache = DigestCache(folder: path)
        let file = try file()
        cache.remember(digest, of: file, now: Self.later)
        #expect(cache.digest(of: file) == nil)
    }
}
