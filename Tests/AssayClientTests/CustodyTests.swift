import AssayDomain
import Foundation
import Glibc
import Testing

@testable import AssayClient

/// What may be relied on as this user's own.
struct CustodyTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func file(mode: mode_t) throws -> LocalFile {
        let path = try folder.write([1], as: "file")
        #expect(chmod(path, mode) == 0)
        return try LocalFile(opening: path)
    }

    private func code(of custody: Custody, mode: mode_t) throws -> ErrorCode? {
        let file = try file(mode: mode)
        do {
            try file.check(custody, called: "it")
            return nil
        } catch {
            return error.code
        }
    }

    @Test(arguments: [mode_t(0o700), 0o755, 0o644, 0o444])
    func `what its owner alone may write passes`(mode: mode_t) throws {
        #expect(try code(of: .unwritable, mode: mode) == nil)
    }

    @Test(arguments: [mode_t(0o720), 0o702, 0o777, 0o666])
    func `what others may write is refused`(mode: mode_t) throws {
        #expect(try code(of: .unwritable, mode: mode) == .configurationInvalid)
        #expect(try code(of: .secret, mode: mode) == .configurationInvalid)
    }

    @Test(arguments: [mode_t(0o640), 0o604, 0o610, 0o601])
    func `a secret that others may touch is refused`(mode: mode_t) throws {
        #expect(try code(of: .secret, mode: mode | 0o400) == .configurationInvalid)
    }

    @Test(.enabled(if: geteuid() == 0, "only the superuser gives files away"))
    func `what belongs to somebody else is refused, whatever its mode`() throws {
        let file = try file(mode: 0o600)
        #expect(chown(file.path, 65_534, 65_534) == 0)
        let error = #expect(throws: AssayError.self) { try file.check(.secret, called: "it") }
        #expect(error?.code == .configurationInvalid)
        #expect(try FolderHandle.open(path: folder.path).ownFile("file") == nil)
    }

    @Test(arguments: [
        (mode_t(0o755), true), (0o700, true), (0o1777, true), (0o775, true), (0o777, false), (0o757, false),
    ])
    func `nobody else may put another in the place of a folder`(mode: mode_t, isFine: Bool) throws {
        let inner = folder.path + "/above/a"
        #expect(mkdir(folder.path + "/above", 0o700) == 0 && mkdir(inner, 0o700) == 0)
        #expect(chmod(folder.path + "/above", mode) == 0)
        #expect(symlink(inner, folder.path + "/link") == 0)
        for path in [inner, inner + "/not/there", folder.path + "/link"] {
            #expect(((try? Surroundings.check(path, called: "it")) != nil) == isFine)
        }
        #expect((try? Surroundings.check(folder.path + "/above", called: "it")) != nil)
    }

    @Test(.enabled(if: geteuid() == 0, "only the superuser gives folders away"), arguments: [uid_t(65_534), 0])
    func `nor may the owner of a folder above`(owner: uid_t) throws {
        #expect(mkdir(folder.path + "/above", 0o755) == 0)
        #expect(chown(folder.path + "/above", owner, 0) == 0)
        #expect(((try? Surroundings.check(folder.path + "/above/a", called: "it")) != nil) == (owner == 0))
    }

    @Test(arguments: [mode_t(0o777), 0o775, 0o1777])
    func `a cache that others may write to is not used`(mode: mode_t) throws {
        #expect(chmod(folder.path, mode) == 0)
        let error = #expect(throws: AssayError.self) { try BlobCache(path: folder.path, bytesMax: 1_000) }
        #expect(error?.code == .configurationInvalid)
        let cache = CacheFolder(folder.path)
        cache.keep("text", as: "name")
        #expect(try folder.names.isEmpty)
        _ = try folder.write(Array("theirs".utf8), as: "name")
        #expect(cache.text("name", bytesMax: 100) == nil)
    }

    @Test func `a text that others may write is no text of a cache`() throws {
        let path = try folder.write(Array("theirs".utf8), as: "name")
        #expect(chmod(path, 0o666) == 0)
        #expect(CacheFolder(folder.path).text("name", bytesMax: 100) == nil)
        #expect(chmod(path, 0o644) == 0)
        #expect(CacheFolder(folder.path).text("name", bytesMax: 100) == "theirs")
    }

    @Test func `two drafts of one name are two files`() throws {
        let handle = try FolderHandle.open(path: folder.path)
        let first = try handle.draft("draft")
        let second = try handle.draft("draft")
        #expect(first.name == "draft" && first.isResumable)
        #expect(second.name != "draft" && !second.isResumable)
        #expect(try folder.names.count == 2)
        withExtendedLifetime(first) {}
    }

    @Test func `a draft that was let go of is gone on with`() throws {
        let handle = try FolderHandle.open(path: folder.path)
        _ = try folder.write([1, 2, 3], as: "draft")
        let draft = try handle.draft("draft")
        #expect(draft.name == "draft" && draft.initialSize == 3)
        #expect(try draft.reader().readAll(bytesMax: 10) == [1, 2, 3])
    }

    @Test func `a draft with a second name, or that others may write, is left alone`() throws {
        let handle = try FolderHandle.open(path: folder.path)
        let path = try folder.write([1, 2, 3], as: "draft")
        #expect(link(path, folder.path + "/second") == 0)
        #expect(try handle.draft("draft").name != "draft")
        #expect(unlink(folder.path + "/second") == 0)
        #expect(chmod(path, 0o666) == 0)
        #expect(try handle.draft("draft").name != "draft")
        #expect(folder.bytes(of: "draft") == [1, 2, 3])
    }

    @Test(arguments: [false, true])
    func `a draft that was swapped does not become the file`(isReplacing: Bool) throws {
        let handle = try FolderHandle.open(path: folder.path)
        let draft = try handle.newDraft()
        #expect(unlink("\(folder.path)/\(draft.name)") == 0)
        _ = try folder.write(Array("theirs".utf8), as: draft.name)
        let error = #expect(throws: AssayError.self) {
            try handle.publish(draft, as: "file", replacing: isReplacing)
        }
        #expect(error?.code == .changedWhileReading)
    }
}
