import AssayClient
import AssayCrypto
import AssayDomain
import Foundation
import Testing

@testable import AssayCommands

/// Pulls are exact: what is written, what goes, what stays.
@Suite struct FolderWriterTests {
    private let folder = try? TestFolder()

    private func place() throws -> String { try #require(folder).path + "/out" }

    private var records: PullRecords {
        get throws { PullRecords(variables: ["XDG_STATE_HOME": "\(try #require(folder).path)/state"]) }
    }

    /// Writes a version of these files as a pull would.
    private func write(
        _ contents: [String: String], rules: FolderWriter.FolderRules = .init(), chosen: [String]? = nil
    ) async throws -> FolderWriter.Outcome {
        let files = contents.keys.sorted().map { path in
            let bytes = Array((contents[path] ?? "").utf8)
            return VersionFile(path: path, digest: .sha256(of: bytes), size: Int64(bytes.count))
        }
        let records = try records
        let path = try place()
        return try await FileAccess.withAccess { access in
            let writer = FolderWriter(
                files: access, display: ProgressDisplay(Captured().console()), options: rules, records: records,
                bring: { file, target, _ in
                    let bytes = Array((contents[file.path] ?? "").utf8)
                    try await target.write(digest: file.digest, files: access) { write in
                        try await write(bytes.count) { $0.copyBytes(from: bytes) }
                    }
                })
            return try await writer.write(
                FolderPlan(
                    files: files, chosen: files.filter { chosen?.contains($0.path) ?? true }, signature: nil),
                into: path)
        }
    }

    private func names() throws -> [String] {
        let root = try place()
        return try FileManager.default.subpathsOfDirectory(atPath: root).sorted()
    }

    private func put(_ text: String, at name: String) throws {
        _ = try #require(folder).write(text, as: "out/\(name)")
    }

    @Test func `files of an earlier version go and those of the user stay`() async throws {
        _ = try await write(["a": "1", "old/deep/b": "2", "c": "3"])
        try put("mine", at: "notes.txt")
        try put("changed", at: "c")
        let outcome = try await write(["a": "1"])
        #expect(outcome.removed == ["old/deep/b"])
        #expect(outcome.others == ["c", "notes.txt"])
        #expect(try names() == ["a", "c", "notes.txt"], "folders that are empty then go with their files")
    }

    @Test func `a file that the user put back with other bytes is not an earlier version's`() async throws {
        _ = try await write(["a": "1", "b": "2"])
        try put("other", at: "b")
        #expect(try await write(["a": "1"]).removed.isEmpty)
    }

    @Test func `others go only when that is asked, and are named`() async throws {
        try put("mine", at: "notes.txt")
        try put("mine", at: "deep/er/notes.txt")
        let outside = try #require(folder).path + "/outside"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try #require(folder).write("safe", as: "outside/file")
        try FileManager.default.createSymbolicLink(atPath: place() + "/link", withDestinationPath: outside)
        #expect(try await write(["a": "1"]).others == ["deep/er/notes.txt", "link", "notes.txt"])
        let outcome = try await write(["a": "1"], rules: .init(isDeletingOthers: true))
        #expect(outcome.deleted == ["deep/er/notes.txt", "link", "notes.txt"] && outcome.others.isEmpty)
        #expect(try names() == ["a"])
        #expect(FileManager.default.fileExists(atPath: outside + "/file"), "no link is followed")
    }

    @Test func `a file of an earlier version gives way to a folder, and a folder to a file`() async throws {
        _ = try await write(["x": "file", "y/z/file": "deep"])
        let outcome = try await write(["x/y": "now a folder", "y": "now a file"])
        #expect(outcome.removed.sorted() == ["x", "y/z/file"])
        #expect(try names() == ["x", "x/y", "y"])
    }

    @Test func `a file of the user in the way is named before anything is written`() async throws {
        try put("mine", at: "x")
        let error = await #expect(throws: AssayError.self) { try await write(["a": "1", "x/y": "2"]) }
        #expect(error?.code == .fileExists && error?.message.contains("/x'") == true)
        #expect(try names() == ["x"])
        _ = try await write(["a": "1", "x/y": "2"], rules: .init(isDeletingOthers: true))
        #expect(try names() == ["a", "x", "x/y"])
    }

    @Test func `other bytes are refused before anything is written, and replaced when that is asked`() async throws {
        try put("mine", at: "b")
        await #expect(throws: AssayError.self) { try await write(["a": "1", "b": "2", "d/e": "3"]) }
        #expect(try names() == ["b"])
        _ = try await write(["a": "1", "b": "2"], rules: .init(isReplacing: true))
        #expect(try names() == ["a", "b"])
    }

    @Test func `what cut downloads left goes, and what only looks like it stays`() async throws {
        let draft = ".assay-\(String(repeating: "a", count: 32))-01234567.part"
        try put("half", at: draft)
        try put("half", at: "deep/\(draft)")
        try put("mine", at: ".assay-mine.part")
        let outcome = try await write(["a": "1"])
        #expect(outcome.others == [".assay-mine.part"])
        #expect(try names() == [".assay-mine.part", "a", "deep"])
    }

    @Test func `a pull that ends in the middle leaves nothing that the next one does not know`() async throws {
        _ = try await write(["old": "1"])
        struct Cut: Error {}
        let records = try records
        let path = try place()
        let new = [("a", "2"), ("b", "3")].map { path, text in
            VersionFile(path: path, digest: .sha256(of: text.utf8), size: 1)
        }
        await #expect(throws: Cut.self) {
            try await FileAccess.withAccess { access in
                let writer = FolderWriter(
                    files: access, display: ProgressDisplay(Captured().console()), options: .init(),
                    records: records,
                    bring: { file, target, _ in
                        guard file.path.isExactly("a") else { throw Cut() }
                        try await target.write(digest: file.digest, files: access) { write in
                            try await write(1) { $0.copyBytes(from: Array("2".utf8)) }
                        }
                    })
                _ = try await writer.write(FolderPlan(files: new, chosen: new, signature: nil), into: path)
            }
        }
        let outcome = try await write(["c": "4"])
        #expect(Set(outcome.removed).isSubset(of: ["a", "old"]) && outcome.removed.contains("old"))
        #expect(try names() == ["c"])
    }

    @Test func `some files of a version leave the others of it alone`() async throws {
        let version = ["a": "1", "b": "2"]
        _ = try await write(version, chosen: ["a"])
        #expect(try await write(version, chosen: ["b"]).removed.isEmpty)
        #expect(try names() == ["a", "b"])
        #expect(try await write(["c": "3"]).removed == ["a", "b"])
    }
}

@Suite struct PullRecordTests {
    @Test func `a record is read as it was written`() {
        var record = PullRecord(
            files: [VersionFile(path: "a b/ü", digest: .sha256(of: "x".utf8), size: 1)], signature: [1, 2])
        record.add(
            PullRecord(files: [VersionFile(path: "a b/ü", digest: .sha256(of: "y".utf8), size: 1)], signature: nil))
        #expect(PullRecord(parsing: record.encoded) == record)
        #expect(record.digests()[ExactText("a b/ü")]?.count == 2)
    }

    @Test(arguments: ["../x", "/etc/passwd", "a/../../x", "a//b", "", "a\\b", "./a"])
    func `a line whose path leads elsewhere says nothing`(path: String) {
        let text = "assay pull record 1\n\(Digest.sha256(of: "x".utf8)) \(path)\n"
        #expect(PullRecord(parsing: Array(text.utf8)).files.isEmpty)
    }

    @Test(arguments: ["", "assay pull record 2\n", "{}", "\u{0}"])
    func `what is no record says nothing`(text: String) {
        #expect(PullRecord(parsing: Array(text.utf8)) == PullRecord())
    }
}

@Suite struct NameCollisionTests {
    /// Two files that a folder really has, for their nodes.
    private func nodes(_ folder: TestFolder) throws -> (FileNode, FileNode) {
        try folder.write("1", as: "one")
        try folder.write("2", as: "two")
        let root = try FolderHandle.open(path: folder.path)
        return (try #require(root.node(of: "one")), try #require(root.node(of: "two")))
    }

    @Test func `two names that lead to one file, of which the folder has one, are named`() throws {
        let (one, two) = try nodes(TestFolder())
        let places = [("model.bin", one), ("Model.bin", one), ("other", two)].map { (path: $0.0, node: $0.1) }
        let found = NameCollision.find(places) { !$0.isExactly("model.bin") }
        #expect(found == NameCollision(first: "model.bin", second: "Model.bin"))
        #expect(found?.error(in: "out").message == "'model.bin' and 'Model.bin' are one name in 'out'")
        #expect(found?.error(in: "out").code == .pathUnsafe)
    }

    @Test func `two names of one file that are both there are somebody's own links`() throws {
        let (one, _) = try nodes(TestFolder())
        #expect(NameCollision.find([("a", one), ("b", one)].map { (path: $0.0, node: $0.1) }) { _ in true } == nil)
    }

    @Test func `files that differ in case are two where the file system says so`() throws {
        let folder = try TestFolder()
        try folder.write("1", as: "d/Model")
        try folder.write("2", as: "d/model")
        let root = try FolderHandle.open(path: folder.path)
        #expect(try NameCollision.find(["d/Model", "d/model", "e/none"], in: root) == nil)
        // What a folder that folds case looks like from outside: two names of one folder.
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/D", withDestinationPath: "d")
        #expect(try NameCollision.find(["d/Model"], in: root) == nil)
    }
}
