import AssayBundle
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import TestSupport
import Testing

/// A policy's teacher at the gate, over a real store: what is measured with it, and what is not decided without it.
struct TeacherGateTests {
    private let test: TestRegistry
    private let production: AliasName
    private let teacher: Version
    private let student: Version

    init() async throws {
        test = try await TestRegistry()
        production = try AliasName(parsing: "production")
        _ = try await test.publish(["test.npz": "data"], to: "data", kind: .dataset)
        teacher = try #require(
            try await test.publish(["model.onnx": "accuracy=0.9"], to: "big", signedBy: test.releaseKey).version)
        student = try #require(
            try await test.publish(["model.onnx": "accuracy=0.8"], to: "m", signedBy: test.releaseKey).version)
    }

    private func protect(_ teacher: String) async throws { try await protect(json: "\"\(teacher)\"") }

    private func protect(json teacher: String) async throws {
        let json = #"{"version":1,"dataset":"data:1","teacher":\#(teacher),"agreement":{"min":0.9}}"#
        _ = try await test.registry.aliases.setPolicy(
            try Policy.parse(Array(json.utf8)), of: production, in: student.repository, by: .local)
    }

    @Test func `the teacher is named by its digest in what is measured`() async throws {
        try await protect("big:1")
        guard
            case .measuring(let ids, _) = try await test.registry.promote(
                student, to: production, dryRun: false, by: .local)
        else {
            Issue.record("nothing was measured")
            return
        }
        let settings = try await test.registry.verify.verification(try #require(ids.first)).settings
        #expect(settings.teacher == .init(teacher))
        try await test.finish(ids)
        let outcome = try await test.registry.promote.check(student, for: production, policy: nil).decision.outcomes
            .last
        #expect(outcome?.requirement == "agreement")
        #expect(outcome?.status == .missing, "this evaluator compared nothing")
        // A report without the teacher is none of this policy's.
        #expect(
            try await test.registry.verify.verifications(of: student, limit: 9).allSatisfy {
                $0.settings.teacher != nil
            })
    }

    @Test func `a teacher is a model that is there, and is kept`() async throws {
        for name in ["data:1", "big:9", "none:1"] {
            let error = await #expect(throws: AssayError.self) { try await protect(name) }
            #expect(error?.code == .versionNotFound, "\(name)")
        }
        try await protect("big:1")
        let error = await #expect(throws: AssayError.self) {
            try await test.registry.delete.version(teacher.reference, by: .local)
        }
        #expect(error?.code == .inUse)
    }

    private func tell(_ source: Version, by key: PrivateKey) async throws {
        let predicate = try SignedEvidence(key: key).predicate(
            of: Provenance(
                builderID: "b", metadata: VersionMetadata(),
                sources: [
                    LineageSource(
                        relation: .distilledFrom, name: "\(source.reference)", digest: source.manifestDigest)
                ]))
        let envelope = try Statement(
            subjects: [.init(name: "m", digest: student.manifestDigest)], predicateType: PredicateType.provenance,
            predicate: predicate
        ).signed(by: key)
        _ = try await test.registry.attest(envelope: envelope, to: student.reference, by: .local)
    }

    @Test func `the teacher that trusted provenance tells is taken, if it tells one alone`() async throws {
        try await protect(json: #"{"lineage":"distilled-from"}"#)
        func line() async throws -> String? {
            try await test.registry.promote.check(student, for: production, policy: nil).decision.outcomes.last?
                .measured
        }
        #expect(try await line()?.contains("no provenance by a training or release key") == true)
        try await tell(teacher, by: try PrivateKey.generate())
        #expect(
            try await line()?.contains("no provenance by a training or release key") == true, "a stranger tells nothing"
        )
        let evaluation = try PrivateKey.generate()
        try await test.trust(evaluation.publicKey.pem, as: .evaluation)
        try await tell(teacher, by: evaluation)
        #expect(
            try await line()?.contains("no provenance by a training or release key") == true,
            "a key for figures tells no lineage")
        try await tell(teacher, by: test.releaseKey)
        guard
            case .measuring(let ids, _) = try await test.registry.promote(
                student, to: production, dryRun: false, by: .local)
        else {
            Issue.record("nothing was measured")
            return
        }
        let settings = try await test.registry.verify.verification(try #require(ids.first)).settings
        #expect(settings.teacher == .init(teacher))
        let training = try PrivateKey.generate()
        try await test.trust(training.publicKey.pem, as: .training)
        let other = try #require(
            try await test.publish(["model.onnx": "accuracy=0.7"], to: "big", signedBy: test.releaseKey).version)
        try await tell(other, by: training)
        #expect(try await line()?.contains("several versions") == true)
    }

    @Test func `a request cannot name a teacher by one number and another digest`() async throws {
        let data = try #require(try await test.index.version(Reference(parsing: "data:1")))
        var settings = VerificationSettings()
        settings.teacher = .init(
            repository: teacher.repository, number: try #require(VersionNumber(7)), digest: teacher.manifestDigest)
        let error = await #expect(throws: AssayError.self) {
            _ = try await test.registry.verify.start(
                subject: student, dataset: data, baseline: nil, settings: settings)
        }
        #expect(error?.code == .versionNotFound)
    }
}
