import AssayDomain
import AssayRegistry
import Foundation
import GRDB
import Testing

@testable import AssayIndex

struct DatabaseTests {
    private static let scripts: URL = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../schema/sql").standardizedFileURL

    private static let schema = "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name"

    /// Runs SQL on a database beside the index.
    private func change(_ path: String, _ sql: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    @Test func `a database that is opened again holds everything`() async throws {
        let fixture = try IndexFixture()
        try await fixture.index.push(1, tag: "latest", metadata: VersionMetadata(framework: "onnx"))
        let before = try await fixture.index.annotate(
            try repositoryName("team/fraud"), try number(1), changes: ["a": "b"])
        try fixture.index.close()
        let reopened = try SQLiteIndex.open(path: fixture.path, log: CountingLog())
        #expect(try await reopened.found("team/fraud:latest") == before)
        #expect(try await reopened.search("onnx", kind: nil, limit: 1) == [before])
        #expect(try await reopened.push(1).isNew == false)
        #expect(try await reopened.push(2).version?.number == number(2))
        try reopened.close()
    }

    @Test(arguments: ["manifests", "versions"])
    func `a fact that lost its entry gets none at the next start`(table: String) async throws {
        let fixture = try IndexFixture()
        try await fixture.index.push(1)
        try fixture.index.close()
        try change(fixture.path, "UPDATE \(table) SET log_index = NULL")
        let log = CountingLog()
        let reopened = try SQLiteIndex.open(path: fixture.path, log: log)
        #expect(log.entries.count == 1)
        #expect(try await reopened.auditFaults(limit: 9).contains { $0.hasSuffix("is in no entry of the audit log") })
        try reopened.close()
    }

    @Test func `a committed write is in the file without a clean end`() async throws {
        let fixture = try IndexFixture()
        try await fixture.index.push(1)
        let copy = fixture.path + ".copy"
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: fixture.path + suffix, toPath: copy + suffix)
        }
        let recovered = try SQLiteIndex.open(path: copy, log: CountingLog())
        #expect(try await recovered.found("team/fraud:1").number == number(1))
        try recovered.close()
        try fixture.index.close()
    }

    @Test func `a commit waits for the disk, and readers cannot write or checkpoint`() async throws {
        try await withIndex { index in
            let writing = try await index.write { database in
                try ["journal_mode", "synchronous", "foreign_keys"]
                    .map { try String.fetchOne(database, sql: "PRAGMA \($0)") }
            }
            #expect(writing == ["wal", "2", "1"])
            let refusal = await code {
                try await index.read { try $0.execute(sql: "INSERT INTO runs (name, created_at) VALUES ('x', 1)") }
            }
            #expect(refusal == .storageFailed)
            try await index.push(1)
            let checkpoint = await code { try await index.readOnce { try $0.execute(sql: "PRAGMA wal_checkpoint") } }
            #expect(checkpoint == .storageFailed)
        }
    }

    @Test func `a full disk is told as such and leaves nothing`() async throws {
        try await withIndex { index in
            try await index.push(1)
            try await index.write { database in
                let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
                try database.execute(sql: "PRAGMA max_page_count = \(pages)")
            }
            let text = String(repeating: "text ", count: 10_000)
            let failure = await code { try await index.push(1, tag: "x", metadata: VersionMetadata(runId: text)) }
            #expect(failure == .storageFull)
            #expect(try await index.aliases(in: try repositoryName("team/fraud")).isEmpty)
        }
    }

    @Test(arguments: [
        "PRAGMA user_version = \(Schema.currentVersion + 1)", "PRAGMA user_version = 1000000",
        "PRAGMA user_version = -1",
    ])
    func `a schema of another version is refused and left as it is`(sql: String) async throws {
        let fixture = try IndexFixture()
        try fixture.index.close()
        try change(fixture.path, sql)
        let before = try Data(contentsOf: URL(filePath: fixture.path))
        let refusal = await code { _ = try SQLiteIndex.open(path: fixture.path, log: CountingLog()) }
        #expect(refusal == .storeVersionUnsupported)
        #expect(try Data(contentsOf: URL(filePath: fixture.path)) == before)
    }

    @Test func `the database of another program is refused`() async throws {
        let fixture = try IndexFixture()
        let other = fixture.path + ".other"
        try change(other, "CREATE TABLE notes (text TEXT)")
        let refusal = await code { _ = try SQLiteIndex.open(path: other, log: CountingLog()) }
        #expect(refusal == .storeVersionUnsupported)
    }

    @Test func `a file that is no database is a storage failure`() async throws {
        let fixture = try IndexFixture()
        let other = fixture.path + ".text"
        try Data(repeating: 0x61, count: 4096).write(to: URL(filePath: other))
        let failure = await code { _ = try SQLiteIndex.open(path: other, log: CountingLog()) }
        #expect(failure == .storageFailed)
    }

    @Test func `all scripts of the schema are in the binary, in order`() throws {
        let fixture = try IndexFixture()
        try fixture.index.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.scripts.path).sorted()
        #expect(
            names.enumerated().allSatisfy {
                $1.hasPrefix("V\(String(10_001 + $0).dropFirst())_") && $1.hasSuffix(".sql")
            })
        let queue = try DatabaseQueue(path: fixture.path)
        let reached = try queue.read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
        let tables = try queue.read { try String.fetchAll($0, sql: Self.schema) }
        #expect(reached == names.count)

        let fresh = try DatabaseQueue()
        for name in names {
            let script = try String(contentsOf: Self.scripts.appending(path: name), encoding: .utf8)
            try fresh.writeWithoutTransaction { try $0.execute(sql: script) }
        }
        #expect(try fresh.read { try String.fetchAll($0, sql: Self.schema) } == tables)
    }

    @Test(arguments: HotStatement.allCases)
    func `a statement that must be fast walks over no table`(statement: HotStatement) throws {
        let fixture = try IndexFixture()
        try fixture.index.close()
        let queue = try DatabaseQueue(path: fixture.path)
        let plan = try queue.read { database in
            let explanation = try database.makeStatement(sql: "EXPLAIN QUERY PLAN " + statement.rawValue)
            explanation.setUncheckedArguments([])
            return try Row.fetchAll(explanation).map { $0["detail"] as String }
        }
        let recursion: Set = ["SCAN a", "SCAN ancestor", "SCAN CONSTANT ROW", "SCAN t"]
        let scans = plan.filter { $0.hasPrefix("SCAN") && !recursion.contains($0) }
        #expect(scans.isEmpty, "\(plan)")
        let sorts = plan.filter { $0.hasPrefix("USE TEMP B-TREE FOR ORDER BY") }
        #expect(sorts.isEmpty, "\(plan)")
        try queue.close()
    }
}
