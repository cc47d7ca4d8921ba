import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// Waivers and the check of a policy, over a real store.
struct WaiverTests {
    private let test: TestRegistry
    private let production: AliasName
    private let version: Version

    private static let policy =
        #"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9}},"waivers":{"role":"release"}}"#

    init() async throws {
        test = try await TestRegistry()
        production = try AliasName(parsing: "production")
        _ = try await test.publish(["test.npz": "data"], to: "digits-test", kind: .dataset)
        version = try #require(
            try await test.publish(["model.onnx": "accuracy=0.5"], to: "digits", signedBy: test.releaseKey).version)
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(Self.policy.utf8)), of: production, in: version.repository, by: .local)
    }

    /// A waiver by default exactly of what is promoted here; each part of it may be another.
    private func waive(
        _ requirement: String = "accuracy", alias: String = "production", repository: String = "digits",
        of other: Digest? = nil, policy: Digest? = nil, expiresAt: Int64 = 4_102_444_800_000, key: PrivateKey? = nil,
        type: String = PredicateType.waiver, edit: (String) -> String = { $0 }
    ) async throws -> [UInt8] {
        let current = try await test.index.policy(of: production, in: version.repository)?.digest
        let waiver = Waiver(
            scope: .init(
                repository: try RepositoryName(parsing: repository), version: other ?? version.manifestDigest,
                alias: try AliasName(parsing: alias), policy: try #require(policy ?? current)),
            requirement: requirement, reason: "agreed", expiresAt: Timestamp(milliseconds: expiresAt))
        return try Statement(
            subjects: [.init(name: "digits", digest: version.manifestDigest)], predicateType: type,
            predicate: Array(edit(String(decoding: try JSON.encode(waiver), as: UTF8.self)).utf8)
        ).signed(by: key ?? test.releaseKey)
    }

    private func attach(_ envelope: [UInt8]) async throws {
        _ = try await test.registry.attest(envelope: envelope, to: version.reference, by: .local)
    }

    /// Attaches an envelope as part of a push, where nobody looks at what it waives.
    private func push(_ envelope: [UInt8]) async throws {
        let manifest = try #require(
            try await test.index.manifest(.digest(version.manifestDigest), in: version.repository))
        _ = try await test.registry.publish(
            Publish.Request(
                repository: version.repository, kind: .model, manifest: manifest.bytes,
                mediaType: MediaType.imageManifest, intent: .version(nil), attestations: [envelope]), by: .local)
    }

    private func promote() async throws -> Promote.Outcome {
        for _ in 0..<5 {
            let outcome = try await test.registry.promote(version, to: production, dryRun: false, by: .local)
            guard case .measuring(let ids, _) = outcome else { return outcome }
            try await test.finish(ids)
        }
        throw AssayError(.internalError, "the promotion measures without end")
    }

    @Test func `a waiver is seen in the verdict and in the history`() async throws {
        try await attach(try await waive())
        guard case .promoted(let decision, _, _) = try await promote() else {
            Issue.record("the waived version was not promoted")
            return
        }
        #expect(decision.outcomes.map(\.status) == [.passed, .passed, .waived])
        let moves = try await test.registry.aliases.history(
            of: production, in: version.repository, before: nil, limit: 1)
        #expect(moves.items.map(\.waived) == [["accuracy"]])
    }

    @Test func `a waiver counts for exactly what it names, until it expires, and by a key that may waive`() async throws
    {
        let other = Digest.sha256(of: Array("other".utf8))
        for envelope in [
            try await waive(alias: "staging"), try await waive(expiresAt: 1), try await waive("latency.p50"),
            try await waive(key: try PrivateKey.generate()), try await waive(repository: "elsewhere"),
            try await waive(of: other), try await waive(policy: other),
            try await waive(type: PredicateType.waiverWithoutPolicy),
            try await waive(edit: { $0.replacing("expires_at", with: "expiresAt") }),
        ] {
            // By push, as any bundle brings it along.
            try await push(envelope)
            guard case .refused(let decision, _, _) = try await promote() else {
                Issue.record("a waiver counted that does not")
                return
            }
            #expect(decision.outcomes.map(\.status) == [.passed, .passed, .failed])
        }
        try await push(try await waive())
        guard case .promoted = try await promote() else {
            Issue.record("the waiver did not count")
            return
        }
    }

    @Test func `a waiver that could never count is refused when it is made`() async throws {
        let other = Digest.sha256(of: Array("other".utf8))
        for (envelope, code) in [
            (try await waive(alias: "staging"), ErrorCode.policyNotFound),
            (try await waive("latency.p50"), .requestInvalid), (try await waive("acuracy"), .requestInvalid),
            (try await waive("signature"), .requestInvalid), (try await waive(expiresAt: 1), .requestInvalid),
            (try await waive(repository: "elsewhere"), .requestInvalid),
            (try await waive(of: other), .requestInvalid), (try await waive(policy: other), .requestInvalid),
            (try await waive(type: PredicateType.waiverWithoutPolicy), .requestInvalid),
            (try await waive(edit: { $0.replacing("expires_at", with: "expiresAt") }), .requestInvalid),
            (try await waive(edit: { _ in "{}" }), .requestInvalid),
        ] {
            let error = await #expect(throws: AssayError.self) { try await attach(envelope) }
            #expect(error?.code == code)
        }
        try await attach(try await waive())
    }

    @Test func `under a policy that was changed since a waiver waives nothing`() async throws {
        try await attach(try await waive())
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(Self.policy.replacing("0.9", with: "0.91").utf8)), of: production,
            in: version.repository, by: .local)
        guard case .refused = try await promote() else {
            Issue.record("a waiver of another policy counted")
            return
        }
    }

    @Test func `each dataset of a policy is measured before it decides`() async throws {
        _ = try await test.publish(["drift.npz": "other"], to: "drift", kind: .dataset)
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(
                Array(
                    """
                    {"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.4}},
                    "datasets":{"drift":{"dataset":"drift:1","metrics":{"accuracy":{"min":0.6}}}}}
                    """.utf8)), of: production, in: version.repository, by: .local)
        guard case .refused(let decision, _, _) = try await promote() else {
            Issue.record("a version was promoted that fails on a further dataset")
            return
        }
        #expect(decision.outcomes.map(\.requirement) == ["signature", "manifest", "accuracy", "drift.accuracy"])
        #expect(decision.outcomes.map(\.status) == [.passed, .passed, .passed, .failed])
        #expect(test.host.runCount == 2)
    }

    @Test func `a check decides by what is there and measures nothing`() async throws {
        let before = try await test.registry.promote.check(version, for: production, policy: nil)
        #expect(before.decision.outcomes.map(\.status) == [.passed, .passed, .missing])
        #expect(test.host.runCount == 0)
        _ = try await promote()
        let after = try await test.registry.promote.check(version, for: production, policy: nil)
        #expect(after.decision.outcomes.map(\.status) == [.passed, .passed, .failed])
        let lenient = try Policy.parse(
            Array(#"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.4}}}"#.utf8))
        let other = try await test.registry.promote.check(version, for: production, policy: lenient)
        #expect(other.decision.isPassed)
        #expect(other.holder == nil)
    }
}
