import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// Holders that no policy decided on, tries, and what is done behind the answer to a promotion.
struct HolderTests {
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

    private func version(_ script: String) async throws -> Version {
        try #require(
            try await test.publish(["model.onnx": script], to: "digits", signedBy: test.releaseKey).version)
    }

    private func put(_ version: Version) async throws {
        _ = try await test.registry.aliases.move(
            production, in: digits, to: version.number, expecting: .anything, by: .local)
    }

    private func promote(_ version: Version) async throws -> Promote.Outcome {
        for _ in 0..<9 {
            let outcome = try await test.registry.promote(version, to: production, dryRun: false, by: .local)
            guard case .measuring(let ids, _) = outcome else { return outcome }
            try await test.finish(ids)
        }
        throw AssayError(.internalError, "the promotion measures without end")
    }

    private func standing() async throws -> Alias.Standing? {
        try await test.registry.aliases.alias(production, in: digits).standing
    }

    @Test(arguments: [(#"{"version":1}"#, true), (#"{"version":1,"size":{"max_bytes":0}}"#, false)])
    func `a policy decides on the version that is there`(json: String, passes: Bool) async throws {
        let version = try await version("a")
        try await put(version)
        try await protect(json)
        #expect(try await standing() == .undecided)
        let decided = try await test.registry.promote.decideHolder(of: production, in: digits, by: .local)
        #expect(decided?.version.number == version.number)
        #expect(try await standing() == (passes ? .promoted : .undecided))
        #expect(try await test.registry.catalog.version(version.reference).notPromoted == (passes ? nil : [production]))
    }

    @Test func `a version that the policy did not put there is nothing to compare with`() async throws {
        let better = try await version("accuracy=0.99 p50=10")
        try await put(better)
        try await protect(
            #"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9,"max_drop":0.01}},"#
                + #""latency":{"p50":{"max_ratio":1.2}}}"#)
        guard
            case .promoted(let decision, better.number, _) = try await promote(
                try await version("accuracy=0.95 p50=100"))
        else {
            Issue.record("an undecided holder was a baseline")
            return
        }
        #expect(decision.outcomes.filter { $0.measured == "no current holder" }.count == 2)
        // The one that was promoted is.
        guard case .refused = try await promote(try await version("accuracy=0.91 p50=100")) else {
            Issue.record("a promoted holder was no baseline")
            return
        }
    }

    // MARK: Tries

    private static let accuracy =
        #"{"version":1,"dataset":"digits-test:1","metrics":{"accuracy":{"min":0.9}}"#

    private func measure(_ version: Version, isReplay: Bool = false) async throws -> VerificationReport {
        let policy = try Policy.parse(Array((Self.accuracy + "}").utf8))
        let data = try await test.registry.catalog.version(try Reference(parsing: "digits-test:1"))
        let started = try await test.registry.verify.start(
            subject: version, dataset: data, baseline: nil, settings: try #require(policy.verificationSettings),
            isReplay: isReplay)
        try await test.finish([started.id])
        return try await test.registry.verify.report(of: try await test.registry.verify.verification(started.id))
    }

    @Test func `tries are counted in reports and in the decision, and may be bounded and waived`() async throws {
        let version = try await version("accuracy=0.95")
        #expect(try await measure(version).tries == 1)
        #expect(try await measure(version).tries == 2)
        #expect(try await measure(version, isReplay: true).tries == nil)
        #expect(try await measure(version, isReplay: true).replay == true)
        try await protect(Self.accuracy + "}")
        let open = try await test.registry.promote.check(version, for: production, policy: nil).decision
        #expect(open.outcomes.first { $0.requirement == "tries" }?.measured == "2")
        #expect(open.isPassed)
        try await protect(Self.accuracy + #","tries":{"max":2}}"#)
        #expect(try await test.registry.promote.check(version, for: production, policy: nil).decision.isPassed)
        #expect(try await measure(version).tries == 3)
        let closed = try await test.registry.promote.check(version, for: production, policy: nil).decision
        #expect(closed.outcomes.filter { !$0.isMet }.map(\.requirement) == ["tries"])
    }

    @Test func `what says nothing of the model is no try, and its reports deleted it stays tried`() async throws {
        let broken = try await version("fail=internal")
        #expect(try await measure(broken).tries == nil)
        let failing = try await version("fail=nondeterministic")
        #expect(try await measure(failing).tries == 1)
        for item in try await test.registry.catalog.attestations(of: failing.reference)
        where [PredicateType.verificationReport, PredicateType.testResult].contains(item.predicateType) {
            try await test.index.deleteManifest(item.manifestDigest, in: digits, actor: "x", at: test.clock.now())
        }
        #expect(try await measure(failing).tries == 2)
    }

    @Test func `a replay's report promotes nothing`() async throws {
        let version = try await version("accuracy=0.95")
        _ = try await measure(version, isReplay: true)
        try await protect(Self.accuracy + "}")
        guard
            case .measuring(let ids, _) = try await test.registry.promote(
                version, to: production, dryRun: false, by: .local)
        else {
            Issue.record("a replay was taken for a measurement")
            return
        }
        try await test.finish(ids)
        #expect(test.host.runCount == 2)
    }

    @Test(arguments: ["0", "-1"])
    func `a bound of tries is from 1 on`(max: String) {
        #expect(throws: AssayError.self) {
            try Policy.parse(Array((Self.accuracy + #","tries":{"max":\#(max)}}"#).utf8))
        }
        #expect(throws: AssayError.self) { try Policy.parse(Array(#"{"version":1,"tries":{"max":1}}"#.utf8)) }
    }

    // MARK: Seals

    private func sealed(_ version: Version) async throws -> [Int] {
        var counts: [Int] = []
        for type in [MediaType.cycloneDX, MediaType.logProof] {
            counts.append(
                try await test.index.referrers(
                    of: version.manifestDigest, in: digits, artifactType: type, after: nil, limit: 9
                ).items.count)
        }
        return counts
    }

    @Test func `bill and proofs are made behind the answer, once, also by a process that comes later`() async throws {
        try await protect(#"{"version":1}"#)
        let version = try await version("a")
        _ = try await promote(version)
        #expect(try await sealed(version) == [0, 0])
        #expect(try await test.registry.sealing.sealBatch() == 1)
        #expect(try await sealed(version) == [1, 2])
        #expect(try await test.registry.sealing.sealBatch() == 0)
        #expect(try await test.registry.sealing(version.reference) == 0)
    }

    @Test func `a queue that is asked to stop seals what waits and ends`() async throws {
        try await protect(#"{"version":1}"#)
        let version = try await version("a")
        _ = try await promote(version)
        test.registry.sealing.stop()
        try await test.registry.sealing.run()
        #expect(try await sealed(version) == [1, 2])
    }

    @Test func `a version that cannot be sealed does not keep the others`() async throws {
        try await protect(#"{"version":1}"#)
        let version = try await version("a")
        _ = try await promote(version)
        try await test.registry.aliases.removePolicy(of: production, in: digits, by: .local)
        try await test.registry.delete.version(version.reference, by: .local)
        #expect(try await test.registry.sealing.sealBatch() == 0)
    }
}
