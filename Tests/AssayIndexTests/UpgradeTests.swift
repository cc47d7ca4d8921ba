import AssayDomain
import AssayRegistry
import Foundation
import GRDB
import Testing

@testable import AssayIndex

/// A database of the first schema, with content, becomes one of the current schema and works.
struct UpgradeTests {
    /// Makes the database, lends the index over it, and closes it.
    private func withUpgraded(
        from version: Int = 1, _ body: (SQLiteIndex) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-upgrade-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "index.sqlite").path
        try FirstSchema.fill(path)
        try LaterSchema.bring(path, to: version)
        let index = try SQLiteIndex.open(path: path, log: CountingLog())
        try await body(index)
        try index.close()
    }

    @Test func `what was there is there, and sound`() async throws {
        try await withUpgraded { index in
            let state = try await index.write { database in
                try [
                    "user_version", "foreign_key_check", "integrity_check",
                ].map { try String.fetchAll(database, sql: "PRAGMA \($0)") }
            }
            #expect(state == [["\(Schema.currentVersion)"], [], ["ok"]])
            let version = try await index.found("team/fraud:production")
            #expect(try version.number == number(1))
            let manifest = try await index.manifest(.digest(version.manifestDigest), in: version.repository)?.parsed()
            #expect(manifest?.layers.map(\.digest) == [digest(1)])
            #expect(try await index.push(1).version == version)
            #expect(try await index.unreferencedBlobs(now: time(99), limit: 9).map(\.digest) == [digest(4)])
        }
    }

    @Test(arguments: 1...6)
    func `a verification stays what it was, and one that was running waits`(version: Int) async throws {
        try await withUpgraded(from: version) { index in
            let found = try await index.verifications(JobQuery(limit: 9)).items
            #expect(found.map(\.id) == [4, 3, 2, 1].map { VerificationID(bits: $0) })
            #expect(found.map(\.state) == [.failed, .measured, .queued, .queued])
            #expect(found.map(\.attempts) == [1, 1, 0, 0])
            #expect(found.map(\.finishedAt) == [time(9), time(9), nil, nil])
            #expect(found.map(\.envelopeDigest) == [digest(700), digest(700), nil, nil])
            #expect(found[3].settings == VerificationSettings(batch: 4, warmupRuns: 50))
            #expect(try await index.claim(7)?.id == VerificationID(bits: 1))
            let subject = found[0].subject
            try await index.enqueue(
                Verification(
                    id: VerificationID(bits: 5), subject: subject, dataset: found[0].dataset, baseline: nil,
                    settings: VerificationSettings(), createdAt: time(9)))
            let listed = try await index.verifications(of: subject.digest, in: subject.repository, limit: 1)
            #expect(listed.map(\.id) == [VerificationID(bits: 5)])
        }
    }

    @Test func `numbers go on behind the largest that was given`() async throws {
        try await withUpgraded { index in
            #expect(try await index.push(10).version?.number == number(8))
            for reference in ["team/fraud:7", "team/fraud:8"] { try await index.delete(reference) }
            #expect(try await index.push(2).version?.number == number(9))
        }
    }

    @Test(arguments: 1...6)
    func `every dataset of a policy is found from now on`(version: Int) async throws {
        try await withUpgraded(from: version) { index in
            let found = try await index.write { database in
                try String.fetchAll(database, sql: "SELECT dataset FROM policy_datasets ORDER BY dataset")
            }
            #expect(found == ["data:1", "data:2"])
        }
    }

    @Test(arguments: 1...5, [true, false])
    func `a promotion of before stands once its manifest was found bound`(version: Int, isBound: Bool) async throws {
        try await withUpgraded(from: version) { index in
            let (alias, name) = (try aliasName("production"), try repositoryName("team/fraud"))
            #expect(try await index.alias(alias, in: name)?.standing == .unbound)
            let unasked = try await index.unaskedPromotions(limit: 9)
            #expect(unasked.map { "\($0.version)" } == ["team/fraud:1"])
            for promotion in unasked { try await index.answerPromotion(promotion.sequence, isBound: isBound) }
            #expect(try await index.unaskedPromotions(limit: 9).isEmpty)
            #expect(try await index.alias(alias, in: name)?.standing == (isBound ? .promoted : .unbound))
        }
    }

    @Test(arguments: [1, 3, 6])
    func `keys stay what they were, and one for figures is taken from now on`(version: Int) async throws {
        func key(_ id: String, _ role: TrustedKey.Role) -> TrustedKey {
            TrustedKey(id: id, name: role.rawValue, pem: "PEM", role: role, addedAt: time(1))
        }
        try await withUpgraded(from: version) { index in
            let (old, new) = (key("ab12", .release), key("cd34", .evaluation))
            #expect(try await index.trustedKeys() == [old])
            try await index.addTrustedKey(new, actor: "owner")
            #expect(try await index.trustedKeys() == [old, new])
        }
    }

    @Test func `what was needed is still needed`() async throws {
        try await withUpgraded { index in
            let name = try repositoryName("team/fraud")
            #expect(await code { try await index.delete("team/fraud:1") } == .inUse)
            #expect(await code { try await index.delete("data:1") } == .inUse)
            #expect(
                await code { try await index.deleteBlob(digest(1), in: name, actor: "tester", at: time(9)) } == .inUse)
            let elsewhere = await code {
                try await index.deleteBlob(digest(1), in: try repositoryName("data"), actor: "tester", at: time(9))
            }
            #expect(elsewhere == .blobNotFound)
            #expect(
                await code {
                    try await index.deleteManifest(digest(1_000_600), in: name, actor: "tester", at: time(9))
                } == .inUse)
            try await index.removePolicy(of: try aliasName("production"), in: name, actor: "owner", at: time(9))
            try await index.delete("team/fraud:1")
            try await index.delete("data:1")
        }
    }
}

/// A database as the first schema left it, filled with its own statements.
private enum FirstSchema {
    private static let script: URL = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../schema/sql/V0001_initial.sql").standardizedFileURL

    /// team/fraud with the versions 1, in production by a policy that measures on data:1, and 7; a blob of nobody.
    static func fill(_ path: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: try String(contentsOf: script, encoding: .utf8))
            try database.execute(
                sql: """
                    INSERT INTO repositories VALUES (1, 'team/fraud', 'model', 1, 2), (2, 'data', 'dataset', 1, 1)
                    """)
            for (seed, repository) in [(1, 1), (2, 1), (3, 2), (4, 1), (600, 1)] {
                try insertBlob(seed, in: repository, database)
            }
            for (seed, repository, number) in [(1, 1, 1), (2, 1, 7), (3, 2, 1)] {
                try insertManifest(Sample.manifest(seed), seed, in: repository, database)
                try insertVersion(seed, number, in: repository, database)
            }
            try insertPromotion(database)
            try insertVerifications(database)
            try database.execute(
                sql: """
                    INSERT INTO trusted_keys (id, name, pem, role, added_at, revoked_at)
                    VALUES ('ab12', 'release', 'PEM', 'release', 1, NULL)
                    """)
        }
        try queue.close()
    }

    /// One in each state, in the order queued, running, measured, failed.
    private static func insertVerifications(_ database: Database) throws {
        for (id, state) in zip(1..., ["queued", "running", "measured", "failed"]) {
            let isFinished = id > 2
            try database.execute(
                sql: "INSERT INTO verifications VALUES (?, ?, 1, 3, NULL, ?, ?, 1, ?, ?)",
                arguments: [
                    id, VerificationID(bits: UInt64(id)).text,
                    #"{"batch":4,"deadline_seconds":120,"measured_runs":600,"threads":1,"warmup_runs":50}"#, state,
                    isFinished ? 9 : nil, isFinished ? digest(700).description : nil,
                ])
        }
    }

    private static func insertBlob(_ seed: Int, in repository: Int, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO blobs VALUES (?, ?, ?, 1)",
            arguments: [seed, digest(seed).description, Sample.layerBytes])
        try database.execute(sql: "INSERT INTO repository_blobs VALUES (?, ?, 1)", arguments: [repository, seed])
    }

    private static func insertManifest(
        _ manifest: Manifest, _ id: Int, in repository: Int, _ database: Database
    ) throws {
        try database.execute(
            sql: "INSERT INTO manifests VALUES (?, ?, ?, ?, NULL, ?, ?, 1, NULL, ?)",
            arguments: [
                id, repository, manifest.digest.description, manifest.mediaType, manifest.subject?.digest.description,
                manifest.bytes.count, Data(manifest.bytes),
            ])
        for layer in manifest.layers {
            try database.execute(
                sql: "INSERT INTO manifest_references VALUES (?, 0, 'layer', ?, ?, ?)",
                arguments: [id, layer.digest.description, layer.size, layer.mediaType])
        }
    }

    private static func insertVersion(_ id: Int, _ number: Int, in repository: Int, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO versions (id, repository_id, number, manifest_id, created_at, content_bytes, metadata)
                VALUES (?, ?, ?, ?, 1, 100, '{}')
                """, arguments: [id, repository, number, id])
        try database.execute(
            sql: "INSERT INTO tags VALUES (?, ?, ?, 0, 1)", arguments: [repository, "\(number)", id])
        try database.execute(
            sql: "INSERT INTO search (rowid, repository, metadata, annotations) VALUES (?, 'name', '', '')",
            arguments: [id])
    }

    private static func insertPromotion(_ database: Database) throws {
        let verdict = try Sample.attachment(600, about: digest(1_000_001)).referrer
        try insertManifest(verdict, 600, in: 1, database)
        try database.execute(
            sql: "INSERT INTO attestations VALUES (600, 1, ?, ?, NULL, ?, ?)",
            arguments: [
                digest(1_000_001).description, MediaType.dsseEnvelope, digest(600).description, Sample.layerBytes,
            ])
        let policy = digest(500).description
        let json = Data(#"{"dataset":"data:1","datasets":{"far":{"dataset":"data:2"}},"version":1}"#.utf8)
        try database.execute(sql: "INSERT INTO policies VALUES (?, ?, 1)", arguments: [policy, json])
        try database.execute(
            sql: "INSERT INTO alias_policies VALUES (1, 'production', ?, 1, 'owner')", arguments: [policy])
        try database.execute(sql: "INSERT INTO tags VALUES (1, 'production', 1, 1, 1)")
        try database.execute(
            sql: "INSERT INTO alias_moves VALUES (1, 1, 'production', NULL, 1, 'promotion', 1, 'owner', ?, ?)",
            arguments: [policy, digest(600).description])
    }
}

/// The schemas between the first and the last, made by their own scripts.
private enum LaterSchema {
    private static let scripts: URL = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../schema/sql").standardizedFileURL

    /// Brings a database of the first schema to a later one.
    static func bring(_ path: String, to version: Int) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: scripts.path).sorted()
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { database in
            for name in names[1..<version] {
                try database.execute(sql: try String(contentsOf: scripts.appending(path: name), encoding: .utf8))
            }
        }
        try queue.close()
    }
}
