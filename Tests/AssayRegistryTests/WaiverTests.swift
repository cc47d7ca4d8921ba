import AssayBundle
import AssayCrypto
import AssayDomain
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

    private func waive(
        _ requirement: String = "accuracy", alias: String = "production", expiresAt: Int64 = 4_102_444_800_000,
        key: PrivateKey? = nil
    ) async throws {
        let waiver = Waiver(
            alias: try AliasName(parsing: alias), requirement: requirement, reason: "agreed",
            expiresAt: Timestamp(milliseconds: expiresAt))
        let envelope = try Statement(
            subjects: [.init(name: "digits", digest: version.manifestDigest)], predicateType: PredicateType.waiver,
            predicate: try JSON.encode(waiver)
        ).signed(by: key ?? test.releaseKey)
        _ = try await test.registry.attest(envelope: envelope, to: version.reference, by: .local)
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
        try await waive()
        guard case .promoted(let decision, _, _) = try await promote() else {
            Issue.record("the waived version was not promoted")
            return
        }
        #expect(decision.outcomes.map(\.status) == [.passed, .passed, .waived])
        let moves = try await test.registry.aliases.history(
            of: production, in: version.repository, before: nil, limit: 1)
        #expect(moves.items.map(\.waived) == [["accuracy"]])
    }

    @Test func `a waiver counts for its alias, until it expires, and by a key that may waive`() async throws {
        try await waive(alias: "staging")
        try await waive(expiresAt: 1)
        try await waive("latency.p50")
        try await waive(key: try PrivateKey.generate())
        guard case .refused(let decision, _, _) = try await promote() else {
            Issue.record("a waiver counted that does not")
            return
        }
        #expect(decision.outcomes.map(\.status) == [.passed, .passed, .failed])
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
