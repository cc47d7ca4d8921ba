import AssayAuditLog
import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import Foundation
import GRDB
import Logging
import NIOPosix
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
        try await test.registry.sealing.sealBatch()
        let one = Reference(digits, try #require(VersionNumber(1)))
        _ = try await test.registry.withdraw(one, reason: "it fails", by: .local)
        _ = try await test.registry.withdraw(one, .reinstate, reason: "it was another", by: .local)
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
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
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
        // Places that no entry has, and an order that is not the log's.
        "UPDATE alias_moves SET log_index = 1000 WHERE sequence = 1",
        "UPDATE manifests SET log_index = 900 WHERE id = 1",
        "UPDATE versions SET log_index = -1 WHERE number = 1", "UPDATE manifests SET log_index = NULL WHERE id = 1",
        "UPDATE alias_moves SET sequence = 100 WHERE sequence = 1", "UPDATE manifests SET id = 100 WHERE id = 1",
        "UPDATE policy_changes SET log_index = 500",
        """
        INSERT INTO key_changes (log_index, action, key_id, name, role, at, actor)
        SELECT 700, 'trust', 'mallory', name, role, at, actor FROM key_changes WHERE sequence = 1
        """,
        // Facts hidden as deleted ones, and deleted ones without their entries.
        """
        INSERT INTO ended_entries SELECT id - 1, entry FROM log_tail
        WHERE id - 1 = (SELECT log_index FROM alias_moves WHERE sequence = 1);
        DELETE FROM alias_moves WHERE sequence = 1
        """, "INSERT INTO ended_entries VALUES (500, x'00')", "UPDATE deletions SET ends = 'x' WHERE ends IS NOT NULL",
        // The end of the log.
        "DELETE FROM log_tail WHERE id = 3", "INSERT INTO log_tail (entry) VALUES (x'00')",
        "UPDATE log_head SET size = size - 1", "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'log_tail'",
        "UPDATE log_clock SET at = at - 1", "DELETE FROM log_clock",
        // Keys and policies.
        "UPDATE trusted_keys SET pem = (SELECT pem FROM trusted_keys WHERE role = 'log')",
        "UPDATE policies SET created_at = created_at + 1", "DELETE FROM policies",
        "INSERT INTO policies (digest, json, created_at) VALUES ('sha256:1', x'7b7d', 1)",
        // What comes from the bytes of a manifest.
        "UPDATE manifests SET artifact_type = 'x/y' WHERE id = 1", "UPDATE manifests SET artifact_type = NULL",
        "UPDATE manifests SET subject_digest = 'sha256:1' WHERE subject_digest IS NULL",
        "UPDATE manifests SET annotations = '{\"a\":\"b\"}'", "UPDATE manifests SET size = 1 WHERE id = 1",
        "UPDATE manifests SET media_type = 'x/y' WHERE id IN (SELECT manifest_id FROM attestations)",
        "UPDATE versions SET content_bytes = content_bytes + 1 WHERE number = 1",
        "UPDATE manifest_references SET size = size + 1 WHERE manifest_id = 1 AND position = 0",
        "UPDATE manifest_references SET role = 'child' WHERE manifest_id = 1 AND position = 1",
        "UPDATE manifest_references SET media_type = 'x/y' WHERE manifest_id = 1 AND position = 1",
        "UPDATE manifest_references SET digest = 'sha256:1' WHERE manifest_id = 1 AND position = 1",
        "UPDATE manifest_references SET repository_id = 7 WHERE manifest_id = 1 AND position = 1",
        "UPDATE manifest_references SET position = 5 WHERE manifest_id = 1 AND position = 1",
        "DELETE FROM manifest_references WHERE manifest_id = 1 AND position = 1",
        """
        INSERT INTO manifest_references SELECT manifest_id, 9, repository_id, role, digest, size, media_type
        FROM manifest_references WHERE manifest_id = 1 AND position = 0
        """,
        """
        INSERT INTO manifest_references SELECT 99, position, repository_id, role, digest, size, media_type
        FROM manifest_references WHERE manifest_id = 1
        """,
        "UPDATE attestations SET envelope_size = 1", "UPDATE attestations SET subject_digest = 'sha256:1'",
        "UPDATE attestations SET repository_id = 7",
        """
        INSERT INTO attestations SELECT 1, repository_id, subject_digest, artifact_type, predicate_type,
            envelope_digest, envelope_size FROM attestations LIMIT 1
        """,
        // Tags and counts.
        "UPDATE tags SET moved_at = moved_at + 1 WHERE name = '3'", "UPDATE tags SET name = '8' WHERE name = '3'",
        "UPDATE tags SET is_alias = 2 WHERE name = '3'", "UPDATE tags SET version_id = 70 WHERE name = 'production'",
        "INSERT INTO tags SELECT repository_id, '8', version_id, is_alias, moved_at FROM tags WHERE name = '3'",
        "UPDATE repositories SET version_count = 9",
        // A report that nobody attached.
        """
        INSERT INTO verifications
            (id, repository_id, subject_id, dataset_id, settings, state, attempts, created_at, envelope_digest)
        SELECT 'v', repository_id, id, id, '{}', 'queued', 0, 1, 'sha256:1' FROM versions LIMIT 1
        """,
        // The schema itself.
        "CREATE TRIGGER mine AFTER INSERT ON tags BEGIN DELETE FROM tags; END", "DROP INDEX manifests_by_digest",
        "DROP VIEW version_details; CREATE VIEW version_details AS SELECT 1 AS id",
    ])
    func `a changed row is found`(sql: String) async throws {
        try change("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; " + sql)
        #expect(try await !differences().isEmpty, "\(sql)")
    }

    @Test func `a log that takes no entries is a fault`() async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        let unopened = try FileAuditLog(
            folder: test.folder.path + "/other", key: test.logKey, threads: threads, logger: Logger(label: "test"))
        let registry = try Registry(
            blobs: test.blobs, index: test.index, log: unopened, evidence: SignedEvidence(key: test.registryKey),
            inspector: ONNXInspector(), host: test.host, clock: SteppingClock(), steadyClock: SteppingClock(),
            ids: SequentialIDs(), codes: try MessageKey(secret: SecureRandom.bytes(32)), logger: Logger(label: "test"))
        #expect(try await registry.audit.faults() == ["the audit log takes no entries: it was not opened"])
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
