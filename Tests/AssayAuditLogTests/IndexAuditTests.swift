import AssayAuditLog
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import Foundation
import GRDB
import TestSupport
import Testing
import TransparencyLog

/// What the index says of itself against what the log says.
struct IndexAuditTests {
    private let test: TestRegistry
    private let digits: RepositoryName

    /// A store with a fact of every kind.
    init() async throws {
        test = try await TestRegistry()
        digits = try RepositoryName(parsing: "team/digits")
        let alias = try AliasName(parsing: "candidate")
        for number in 1...3 {
            _ = try await test.publish(
                ["m.onnx": "model \(number)"], to: digits.text, signedBy: test.releaseKey,
                tag: number == 3 ? .alias(alias) : nil, metadata: VersionMetadata(description: "number \(number)"))
        }
        let policy = try Policy.parse(Array(#"{"version":1}"#.utf8))
        let production = try AliasName(parsing: "production")
        _ = try await test.registry.aliases.setPolicy(policy, of: production, in: digits, by: .local)
        let version = try await test.registry.catalog.version(Reference(digits, try #require(VersionNumber(1))))
        _ = try await test.registry.promote(version, to: production, dryRun: false, by: .local)
        let two = try #require(VersionNumber(2))
        _ = try await test.registry.aliases.move(alias, in: digits, to: two, expecting: .anything, by: .local)
        try await test.registry.delete.version(Reference(digits, two), by: .local)
        let blob = try await test.push(Array("unused".utf8), to: digits)
        try await test.registry.delete.blob(blob.digest, in: digits, by: .local)
        _ = try await test.registry.trust.limit(
            test.releaseKey.publicKey.id, from: nil, until: Timestamp(milliseconds: 9_000_000_000_000), by: .local)
        _ = try await test.registry.trust.revoke(test.releaseKey.publicKey.id, since: nil, by: .local)
    }

    /// The places where log and index differ, and the faults that the index tells.
    private func differences() async throws -> [String] {
        let entries = try await test.log.entries(from: 0, limit: 10_000)
        let facts = try await test.index.factEntries(from: 0, count: entries.count)
        let places = zip(entries, facts).enumerated().filter { $0.element.0 != $0.element.1 }.map {
            "entry \($0.offset)"
        }
        return places + (try await test.registry.audit.faults())
    }

    private func change(_ sql: String) throws {
        let queue = try DatabaseQueue(path: test.folder.path + "/index.sqlite")
        try queue.write { try $0.execute(sql: sql) }
        try queue.close()
    }

    @Test func `every fact is an entry, and every entry a fact`() async throws {
        let entries = try await test.log.entries(from: 0, limit: 10_000).map { try AuditEntry(parsing: $0) }
        #expect(Set(entries.map(\.kind)) == Set(AuditEntry.Kind.allCases))
        #expect(try await differences() == [])
        let hashes = try await test.registry.audit.factHashes(from: 0, count: 10_000)
        #expect(hashes == test.log.leafHashes(of: try await test.log.entries(from: 0, limit: 10_000)))
    }

    @Test(arguments: [
        "UPDATE alias_moves SET to_number = 3 WHERE alias = 'production'",
        "UPDATE alias_moves SET actor = 'nobody' WHERE sequence = 1",
        "UPDATE alias_moves SET to_digest = NULL WHERE alias = 'production'",
        "DELETE FROM alias_moves WHERE sequence = 1",
        "UPDATE alias_moves SET log_index = NULL WHERE sequence = 1",
        "UPDATE tags SET version_id = 3 WHERE name = 'production'",
        "UPDATE tags SET moved_at = moved_at + 1 WHERE name = 'production'",
        "DELETE FROM tags WHERE name = 'production'", "DELETE FROM tags WHERE name = '3'",
        "UPDATE versions SET metadata = '{\"description\":\"other\"}' WHERE number = 1",
        "UPDATE versions SET number = 9 WHERE number = 3", "UPDATE versions SET actor = 'x' WHERE number = 3",
        "UPDATE versions SET created_at = 7 WHERE number = 3",
        "UPDATE manifests SET content = CAST(replace(CAST(content AS TEXT), 'm.onnx', 'n.onnx') AS BLOB) WHERE id = 1",
        "UPDATE manifests SET digest = 'sha256:' || lower(hex(zeroblob(32))) WHERE id = 1",
        "DELETE FROM alias_policies", "UPDATE alias_policies SET actor = 'x'",
        "UPDATE policies SET json = CAST('{}' AS BLOB)", "DELETE FROM policy_changes",
        "UPDATE trusted_keys SET revoked_at = NULL", "UPDATE trusted_keys SET role = 'release' WHERE role = 'log'",
        "DELETE FROM trusted_keys WHERE role = 'registry'", "UPDATE key_changes SET name = 'x' WHERE sequence = 1",
        "UPDATE attestations SET predicate_type = 'x'", "DELETE FROM attestations",
        "UPDATE deletions SET number = NULL WHERE number = 2", "DELETE FROM deletions", "DELETE FROM ended_entries",
        "UPDATE repositories SET name = 'team/other'", "UPDATE repositories SET kind = 'dataset'",
    ])
    func `a changed row is found`(sql: String) async throws {
        try change("PRAGMA foreign_keys = OFF; " + sql)
        #expect(try await !differences().isEmpty, "\(sql)")
    }

    @Test func `entries are listed by repository and kind, newest first, page by page`() async throws {
        let all = try await test.registry.audit.entries(Audit.Query(limit: 1_000))
        #expect(all.next == nil)
        #expect(all.items.map(\.index) == Array((0..<test.registry.audit.size).reversed()))
        let aliases = try await test.registry.audit.entries(
            Audit.Query(kind: .alias, repository: digits, limit: 2))
        #expect(aliases.items.map { $0.entry.text(.cause) } == ["removal", "set"])
        let rest = try await test.registry.audit.entries(
            Audit.Query(kind: .alias, repository: digits, before: aliases.next.flatMap { Int64($0) }, limit: 9))
        #expect(rest.items.map { $0.entry.text(.cause) } == ["promotion", "set"])
        #expect(
            try await test.registry.audit.entries(
                Audit.Query(repository: try RepositoryName(parsing: "other"), limit: 9)
            ).items.isEmpty)
    }

    @Test func `a promotion names the bytes, the policy and the verdict`() async throws {
        let moves = try await test.registry.audit.entries(Audit.Query(kind: .alias, repository: digits, limit: 9))
        let promotion = try #require(moves.items.first { $0.entry.text(.cause) == "promotion" })
        let version = try await test.registry.catalog.version(Reference(digits, try #require(VersionNumber(1))))
        #expect(promotion.entry.text(.digest) == version.manifestDigest.description)
        #expect(promotion.entry.text(.verdict)?.hasPrefix("sha256:") == true)
        let proof = try LogProof(parsing: try await test.registry.audit.proof(of: promotion.index))
        #expect(try proof.verify(trusted: [test.logKey.publicKey]).entry == promotion.entry)
    }
}
