import AssayBundle
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// Deletes over a real store, named as callers name things.
struct DeleteTests {
    private let test: TestRegistry
    private let digits: RepositoryName

    init() async throws {
        test = try await TestRegistry()
        digits = try RepositoryName(parsing: "digits")
    }

    private func publish(_ text: String, tag: String? = nil) async throws -> Version {
        try #require(
            try await test.publish(
                ["model.onnx": text], to: "digits", signedBy: test.releaseKey, tag: try tag.map { try Tag(parsing: $0) }
            ).version)
    }

    private func failure(_ body: () async throws -> Void) async -> AssayError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? AssayError
        }
    }

    private func delete(_ selector: String) async throws {
        try await test.registry.delete.manifest(try VersionSelector(parsing: selector), in: digits, by: .local)
    }

    @Test func `an alias is taken away and its version stays`() async throws {
        let version = try await publish("a", tag: "candidate")
        try await delete("candidate")
        #expect(try await test.index.version(version.reference)?.aliases == [])
        let history = try await test.registry.aliases.history(
            of: try AliasName(parsing: "candidate"), in: digits, before: nil, limit: 9)
        #expect(history.items.map(\.cause) == [.removal, .set])
        #expect(await failure { try await delete("candidate") }?.code == .aliasNotFound)
    }

    @Test func `a number is no name to take away, and the advice says what to do`() async throws {
        let version = try await publish("a")
        let refusal = await failure { try await delete("1") }
        #expect(refusal?.code == .tagImmutable)
        #expect(refusal?.remedy?.contains("\(version.manifestDigest)") == true)
        #expect(await failure { try await delete("2") }?.code == .versionNotFound)
        try await delete("\(version.manifestDigest)")
        #expect(await failure { try await delete("1") }?.code == .versionNotFound)
        #expect(await failure { try await delete("\(version.manifestDigest)") }?.code == .manifestNotFound)
    }

    @Test func `what is in production stays, with its name and its signature`() async throws {
        let production = try AliasName(parsing: "production")
        let version = try await publish("a")
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(#"{"version":1}"#.utf8)), of: production, in: digits, by: .local)
        _ = try await test.registry.promote(version, to: production, dryRun: false, by: .local)
        try await test.registry.sealing.sealBatch()
        #expect(await failure { try await delete("production") }?.code == .aliasProtected)
        #expect(await failure { try await delete("\(version.manifestDigest)") }?.code == .inUse)
        let evidence = try await test.registry.catalog.attestations(of: version.reference)
        // The signature, the verdict and the bill of materials.
        #expect(evidence.count == 3)
        for record in evidence {
            #expect(await failure { try await delete("\(record.manifestDigest)") }?.code == .inUse)
            let blob = record.envelope.digest
            #expect(await failure { try await test.registry.delete.blob(blob, in: digits, by: .local) }?.code == .inUse)
        }
    }

    @Test func `a version is deleted by number or digest, not by alias`() async throws {
        let (first, second) = (try await publish("a", tag: "latest"), try await publish("b"))
        func delete(_ reference: Reference) async -> AssayError? {
            await failure { try await test.registry.delete.version(reference, by: .local) }
        }
        #expect(await delete(Reference(digits, try AliasName(parsing: "latest")))?.code == .referenceInvalid)
        #expect(await delete(first.reference) == nil)
        #expect(await delete(first.reference)?.code == .versionNotFound)
        #expect(await delete(Reference(digits, .digest(second.manifestDigest))) == nil)
        #expect(await delete(Reference(try RepositoryName(parsing: "no"), second.number))?.code == .repositoryNotFound)
        #expect(try await test.index.repository(digits)?.versionCount == 0)
    }

    @Test func `a blob that is unlinked is gone from its repository alone`() async throws {
        let record = try await test.push(Array("x".utf8), to: digits)
        let other = try RepositoryName(parsing: "other")
        #expect(try await test.registry.blobs.mount(record.digest, from: digits, to: other))
        try await test.registry.delete.blob(record.digest, in: digits, by: .local)
        #expect(await failure { _ = try await test.registry.blobs.size(of: record.digest, in: digits) } != nil)
        #expect(try await test.registry.blobs.size(of: record.digest, in: other) == 1)
        #expect(
            await failure { try await test.registry.delete.blob(record.digest, in: digits, by: .local) }?.code
                == .blobNotFound)
    }

    @Test func `the queue goes on when a version is deleted while it is measured`() async throws {
        _ = try await test.publish(["test.npz": "data"], to: "digits-test", kind: .dataset)
        let dataset = try await test.registry.catalog.version(try Reference(parsing: "digits-test:1"))
        func start(_ version: Version) async throws -> VerificationID {
            try await test.registry.verify.start(
                subject: version, dataset: dataset, baseline: nil, settings: VerificationSettings()
            ).id
        }
        let (gone, stays) = (try await publish("accuracy=1"), try await publish("accuracy=0.5"))
        let lost = try await start(gone)
        let kept = try await start(stays)
        test.host.duringNextRun { [test] in try await test.registry.delete.version(gone.reference, by: .local) }
        try await test.finish([kept])
        #expect(test.host.runCount == 2)
        #expect(await failure { _ = try await test.registry.verify.verification(lost) }?.code == .verificationNotFound)
        #expect(try await test.index.version(gone.reference) == nil)
    }
}
