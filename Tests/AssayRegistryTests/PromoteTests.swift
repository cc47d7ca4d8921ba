import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import Foundation
import TestSupport
import Testing

/// The gate, over a real store: what may pass it and what may not.
struct PromoteTests {
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
        var options = ManageAliases.PolicyOptions()
        options.creates = true
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(json.utf8)), of: production, in: digits, options, by: .local)
    }

    private func version(_ script: String, signed: Bool = true) async throws -> Version {
        try #require(
            try await test.publish(
                ["model.onnx": script], to: "digits", signedBy: signed ? test.releaseKey : nil
            ).version)
    }

    /// Promotes, and works on the queue for as long as measurements are pending.
    private func promote(_ version: Version, dryRun: Bool = false) async throws -> Promote.Outcome {
        for _ in 0..<5 {
            let outcome = try await test.registry.promote(version, to: production, dryRun: dryRun, by: .local)
            guard case .measuring(let ids, _) = outcome else { return outcome }
            try await test.finish(ids)
        }
        throw AssayError(.internalError, "the promotion measures without end")
    }

    private func holder() async throws -> VersionNumber? {
        try await test.index.version(Reference(digits, production))?.number
    }

    private static let accuracyPolicy =
        #"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9,"max_drop":0.01}}}"#

    @Test func `a better version follows a good one, and a worse one is refused`() async throws {
        try await protect(Self.accuracyPolicy)
        let first = try await version("accuracy=0.95")
        guard case .promoted(_, nil, _) = try await promote(first) else {
            Issue.record("the first version was not promoted")
            return
        }
        let worse = try await version("accuracy=0.92")
        guard case .refused(let decision, let current, _) = try await promote(worse) else {
            Issue.record("the worse version was not refused")
            return
        }
        #expect(current == first.number)
        let failed = decision.outcomes.filter { $0.status != .passed }
        #expect(failed.map(\.requirement) == ["accuracy.drop"])
        #expect(failed.first?.measured == "0.9200 against 0.9500")
        #expect(try await holder() == first.number)
        let better = try await version("accuracy=0.97")
        guard case .promoted(_, first.number, let verdict) = try await promote(better) else {
            Issue.record("the better version was not promoted")
            return
        }
        #expect(try await holder() == better.number)
        let history = try await test.registry.aliases.history(of: production, in: digits, before: nil, limit: 10)
        #expect(history.items.map(\.to) == [better.number, first.number])
        #expect(history.items.first?.verdictDigest == verdict)
    }

    @Test func `a promotion runs once what is missing and then reuses it`() async throws {
        try await protect(Self.accuracyPolicy)
        let first = try await version("accuracy=0.95")
        _ = try await promote(first, dryRun: true)
        _ = try await promote(first)
        #expect(test.host.runCount == 1)
        guard case .unchanged = try await promote(first) else {
            Issue.record("a repeated promotion changed something")
            return
        }
    }

    @Test func `a dry run moves nothing`() async throws {
        try await protect(Self.accuracyPolicy)
        guard case .decided(let decision, nil) = try await promote(try await version("accuracy=0.95"), dryRun: true)
        else {
            Issue.record("the dry run came to something else")
            return
        }
        #expect(decision.isPassed)
        #expect(try await holder() == nil)
    }

    @Test func `an unsigned version is refused without a measurement`() async throws {
        try await protect(Self.accuracyPolicy)
        let unsigned = try await version("accuracy=1", signed: false)
        guard case .refused(let decision, _, _) = try await promote(unsigned) else {
            Issue.record("an unsigned version was not refused")
            return
        }
        #expect(decision.outcomes.first?.requirement == "signature")
        #expect(decision.outcomes.first?.status == .missing)
        #expect(test.host.runCount == 0)
    }

    @Test func `a signature by an unknown or revoked key does not count`() async throws {
        try await protect(#"{"version":1}"#)
        let stranger = try PrivateKey.generate()
        let one = try await test.publish(["model.onnx": "a"], to: "digits", signedBy: stranger)
        guard case .refused = try await promote(try #require(one.version)) else {
            Issue.record("a stranger's signature counted")
            return
        }
        let two = try await version("b")
        _ = try await test.registry.trust.revoke(test.releaseKey.publicKey.id, since: nil, by: .local)
        guard case .refused = try await promote(two) else {
            Issue.record("a revoked key's signature counted")
            return
        }
    }

    @Test func `the registry's own key signs no releases`() async throws {
        try await protect(#"{"version":1}"#)
        let outcome = try await test.publish(["model.onnx": "a"], to: "digits", signedBy: test.registryKey)
        guard case .refused = try await promote(try #require(outcome.version)) else {
            Issue.record("a key of another role counted")
            return
        }
    }

    @Test func `a failed evaluation is a refusal that says why`() async throws {
        try await protect(Self.accuracyPolicy)
        guard case .refused(let decision, _, _) = try await promote(try await version("fail=time-limit")) else {
            Issue.record("a model that does not end was not refused")
            return
        }
        #expect(decision.outcomes.contains { $0.measured.contains("time-limit") })
    }

    @Test(arguments: [(105, true), (140, false)])
    func `latency is compared with the holder in the same run`(p50: Int, isPromoted: Bool) async throws {
        try await protect(#"{"version":1,"dataset":"digits-test:1","latency":{"p50":{"max_ratio":1.2}}}"#)
        _ = try await promote(try await version("p50=100"))
        let second = try await version("p50=\(p50)")
        _ = try await promote(second)
        #expect(try await (holder() == second.number) == isPromoted)
    }

    @Test func `a report of another policy's dataset does not count`() async throws {
        try await protect(Self.accuracyPolicy)
        let first = try await version("accuracy=0.95")
        _ = try await promote(first, dryRun: true)
        _ = try await test.publish(["test.npz": "other data"], to: "digits-test", kind: .dataset)
        try await protect(#"{"version":1,"dataset":"digits-test:2","metrics":{"accuracy":{"min":0.9}}}"#)
        _ = try await promote(first)
        #expect(test.host.runCount == 2)
    }

    @Test func `a protected alias cannot be moved in another way`() async throws {
        try await protect(#"{"version":1}"#)
        let first = try await version("a")
        await #expect(throws: AssayError.self) {
            try await test.registry.aliases.move(
                production, in: digits, to: first.number, expecting: .anything, by: .local)
        }
        await #expect(throws: AssayError.self) {
            try await test.publish(["model.onnx": "b"], to: "digits", tag: .alias(production))
        }
        #expect(try await holder() == nil)
        _ = try await promote(first)
        await #expect(throws: AssayError.self) {
            try await test.registry.aliases.move(production, in: digits, to: nil, expecting: .anything, by: .local)
        }
        #expect(try await holder() == first.number)
    }

    @Test func `an alias that was there before its policy has to pass it`() async throws {
        let unsigned = try await version("a", signed: false)
        _ = try await test.registry.aliases.move(
            production, in: digits, to: unsigned.number, expecting: .anything, by: .local)
        try await protect(#"{"version":1}"#)
        guard case .refused = try await promote(unsigned) else {
            Issue.record("an unsigned version passed because it was there")
            return
        }
        let signed = try await version("b")
        _ = try await promote(signed)
        try await protect(#"{"version":1,"size":{"max_bytes":0}}"#)
        guard case .refused = try await promote(signed) else {
            Issue.record("a stricter policy was not asked")
            return
        }
    }

    @Test func `a version whose bytes are gone is refused`() async throws {
        try await protect(#"{"version":1}"#)
        let first = try await version("a")
        let digest = Digest.sha256(of: Array("a".utf8))
        let path = "\(test.folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try FileManager.default.removeItem(atPath: path)
        guard case .refused(let decision, _, _) = try await promote(first) else {
            Issue.record("an incomplete version was promoted")
            return
        }
        #expect(decision.outcomes.contains { $0.requirement == "content" && $0.status == .failed })
    }

    @Test func `a policy's data cannot move under it`() async throws {
        await #expect(throws: AssayError.self) {
            try await protect(#"{"version":1,"dataset":"digits-test:latest","metrics":{"accuracy":{"min":0.9}}}"#)
        }
        _ = try await version("a")
        await #expect(throws: AssayError.self) {
            try await protect(#"{"version":1,"dataset":"digits:1","metrics":{"accuracy":{"min":0.9}}}"#)
        }
    }

    @Test func `a model is no data to be trained on`() async throws {
        let model = try await version("a")
        await #expect(throws: AssayError.self) {
            try await test.publish(
                ["model.onnx": "b"], to: "other",
                lineage: [LineageDeclaration(relation: .trainedOn, source: model.reference)])
        }
    }

    @Test func `an alias without a policy has nothing to be promoted by`() async throws {
        let first = try await version("a")
        do {
            _ = try await promote(first)
            Issue.record("it was promoted")
        } catch let error as AssayError {
            #expect(error.code == .policyNotFound)
        }
    }
}

extension TestRegistry {
    /// Runs the queue until these verifications are finished.
    func finish(_ ids: [VerificationID]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Ends by the cancellation below.
                try? await registry.verify.run()
            }
            for id in ids {
                while try await !registry.verify.verification(id).isFinished { await Task.yield() }
            }
            group.cancelAll()
        }
    }
}
