import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// The registry's own key, one key in several encodings, and clocks that are set back.
struct RegistryKeyTests {
    private let test: TestRegistry
    private let production: AliasName
    private let digits: RepositoryName

    init() async throws {
        test = try await TestRegistry()
        production = try AliasName(parsing: "production")
        digits = try RepositoryName(parsing: "digits")
        _ = try await test.publish(["test.npz": "data"], to: "digits-test", kind: .dataset)
    }

    private func protect(_ json: String) async throws {
        _ = try await test.registry.publish.createRepository(digits, kind: .model)
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(json.utf8)), of: production, in: digits, by: .local)
    }

    private func version(_ script: String, signedBy key: PrivateKey? = nil) async throws -> Version {
        try #require(
            try await test.publish(["model.onnx": script], to: "digits", signedBy: key ?? test.releaseKey).version)
    }

    private func promote(_ version: Version) async throws -> Promote.Outcome {
        for _ in 0..<9 {
            let outcome = try await test.registry.promote(version, to: production, dryRun: false, by: .local)
            guard case .measuring(let ids, _) = outcome else { return outcome }
            try await test.finish(ids)
        }
        throw AssayError(.internalError, "the promotion measures without end")
    }

    private func code(_ body: () async throws -> Void) async -> ErrorCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? AssayError)?.code
        }
    }

    @Test func `the key in use is neither revoked nor ended, and the refusal names the next step`() async throws {
        let id = test.registryKey.publicKey.id
        let error = await #expect(throws: AssayError.self) {
            try await test.registry.trust.revoke(id, since: nil, by: .local)
        }
        #expect(error?.code == .inUse)
        #expect(error?.remedy?.contains("assay key rotate registry") == true)
        let past = test.clock.now().advanced(bySeconds: -9)
        #expect(
            await code { _ = try await test.registry.trust.limit(id, from: nil, until: past, by: .local) } == .inUse)
        let later = test.clock.now().advanced(bySeconds: 999)
        #expect(
            await code { _ = try await test.registry.trust.limit(id, from: later, until: nil, by: .local) } == .inUse)
        _ = try await test.registry.trust.limit(id, from: nil, until: later, by: .local)
    }

    @Test func `after a rotation old reports count until their key is revoked, and are measured anew then`()
        async throws
    {
        try await protect(#"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9}}}"#)
        let version = try await version("accuracy=0.95")
        _ = try await promote(version)
        let (old, new) = try await test.registry.trust.rotate(by: .local)
        #expect(old?.id == test.registryKey.publicKey.id)
        #expect(old?.validUntil != nil)
        #expect(new.id == test.keys.signer.key.publicKey.id)
        guard case .unchanged = try await promote(version) else {
            Issue.record("the old key's verdict does not count any more")
            return
        }
        #expect(test.host.runCount == 1)
        _ = try await test.registry.trust.revoke(test.registryKey.publicKey.id, since: nil, by: .local)
        guard case .promoted(_, version.number, _) = try await promote(version) else {
            Issue.record("it was not decided anew")
            return
        }
        #expect(test.host.runCount == 2)
        let actions = try await test.registry.audit.entries(Audit.Query(kind: .key, limit: 3)).items
            .map { $0.entry.text(.action) }
        #expect(actions == ["revoke", "limit", "trust"])
    }

    @Test func `a registry whose key was taken from it says what to do`() async throws {
        try await protect(#"{"version":1}"#)
        let version = try await version("a")
        // By an older release, or by hands in the index.
        _ = try await test.index.revokeTrustedKey(
            test.registryKey.publicKey.id, since: test.clock.now(), actor: "x", at: test.clock.now())
        let error = await #expect(throws: AssayError.self) { try await promote(version) }
        #expect(error?.code == .untrustedKey)
        #expect(error?.remedy?.contains("assay key rotate registry") == true)
        _ = try await test.registry.trust.rotate(by: .local)
        guard case .promoted = try await promote(version) else {
            Issue.record("the new key does not help")
            return
        }
    }

    @Test func `a revoked key does not come back in another encoding`() async throws {
        // Compressed, and the same key as it is written here.
        let compressed = """
            -----BEGIN PUBLIC KEY-----
            MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADwt3DO0yFBkYDxTWEHj8fnUboQLGi
            PVj2oqBuynOAiHQ=
            -----END PUBLIC KEY-----

            """
        let plain = try PublicKey(pem: compressed).pem
        #expect(plain != compressed)
        try await test.trust(plain, as: .release)
        _ = try await test.registry.trust.revoke(try PublicKey(pem: plain).id, since: nil, by: .local)
        #expect(await code { try await test.trust(compressed, as: .release) } == .keyConflict)
        #expect(await code { try await test.trust(compressed, as: .training) } == .keyConflict)

        // An older release kept the other text under its own hash.
        let id = Digest.sha256(of: Array(compressed.utf8)).hex
        let fresh = try await TestRegistry()
        try await fresh.index.addTrustedKey(
            TrustedKey(id: id, name: "old", pem: compressed, role: .release, addedAt: fresh.clock.now()), actor: "x")
        _ = try await fresh.index.revokeTrustedKey(id, since: fresh.clock.now(), actor: "x", at: fresh.clock.now())
        #expect(await code { try await fresh.trust(plain, as: .release) } == .keyConflict)
    }

    @Test func `a key that ended does not count again because a clock went back`() async throws {
        try await protect(#"{"version":1}"#)
        let end = test.clock.now().advanced(bySeconds: 60)
        _ = try await test.registry.trust.limit(test.releaseKey.publicKey.id, from: nil, until: end, by: .local)
        test.clock.advance(seconds: 3_600)
        let late = try await version("a")
        guard case .refused(let decision, _, _) = try await promote(late) else {
            Issue.record("a key counted after its end")
            return
        }
        let told = try #require(decision.outcomes.first).measured
        #expect(told.hasSuffix("counts until \(end), and the time is \(late.createdAt)"), "\(told)")
        test.clock.advance(seconds: -7_200)
        let later = try await version("b")
        #expect(later.createdAt >= late.createdAt)
        guard case .refused = try await promote(later) else {
            Issue.record("a key that ended counts again")
            return
        }
        let items = try await test.registry.audit.entries(Audit.Query(limit: 1_000)).items
        let times = items.sorted { $0.index < $1.index }.map(\.entry.at)
        #expect(times == times.sorted())
    }
}
