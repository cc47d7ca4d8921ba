import AssayDomain
import Testing

/// What a policy makes of how a version answers beside its teacher.
struct TeacherPolicyTests {
    private static let json = #"{"version":1,"dataset":"d:1","teacher":"digits:9","#

    private static func policy(_ demands: String) throws -> Policy { try PolicyTests.policy(json + demands + "}") }

    private static func figure(_ value: Double, _ lower: Double? = nil, _ upper: Double? = nil)
        -> VerificationReport.AgreementFigure
    {
        let bounds = lower.flatMap { lower in
            upper.map { [VerificationReport.DifferenceBound(confidence: 0.95, lower: lower, upper: $0)] }
        }
        return .init(value: value, samples: 500, bounds: bounds)
    }

    private static func agreement(of teacher: Int64 = 9) throws -> VerificationReport.Agreement {
        var found = VerificationReport.Agreement(
            samples: 500,
            figures: [
                "agreement": figure(0.972, 0.9566, 0.983), "js_mean": figure(0.016), "kl_p99": figure(0.63),
                "flips": figure(0.024, 0.01, 0.04), "inherited_errors": figure(0.7, 0.4, 0.9),
                "error_consistency": figure(0.61, 0.4, 0.8), "retained_accuracy": figure(0.98, 0.96, 1.0),
            ], counts: [:], metrics: ["accuracy": 0.978])
        found.teacher = try PolicyTests.subject(teacher)
        found.leftOut = ["agreement_teacher_wrong": "the teacher makes no error"]
        found.slices = ["region": ["north": figure(0.9), "south": figure(0.99)]]
        found.latency = try #require(
            try PolicyTests.report(
                1, accuracy: 1, ratio: .init(ratio: 0.4, lower: 0.38, upper: 0.45, sessions: [0.4])
            ).measurements?.comparison?.figures)
        return found
    }

    private static func evidence(
        _ change: (inout VerificationReport.Agreement) -> Void = { _ in }, teacher: Int64? = 9
    ) throws -> Evidence {
        var found = try agreement()
        change(&found)
        var evidence = try PolicyTests.evidence { $0.agreement = found }
        evidence.teacher = try teacher.map { .init(subject: try PolicyTests.subject($0), contentBytes: 1_000) }
        return evidence
    }

    @Test(arguments: [
        (#""agreement":{"min":0.97}"#, "passed"), (#""agreement":{"min":0.98}"#, "failed"),
        (#""agreement":{"min":0.95,"confidence":0.95}"#, "passed"),
        (#""agreement":{"min":0.97,"confidence":0.95}"#, "inconclusive"),
        (#""agreement":{"min":0.99,"confidence":0.9}"#, "failed"),
        (#""agreement":{"min":0.9,"confidence":0.99}"#, "inconclusive"),
        (#""divergence":{"js_mean":{"max":0.02}}"#, "passed"), (#""divergence":{"kl_p99":{"max":0.5}}"#, "failed"),
        (#""divergence":{"kl_max":{"max":9}}"#, "missing"), (#""flips":{"max":0.03}"#, "passed"),
        (#""flips":{"max":0.03,"confidence":0.95}"#, "inconclusive"),
        (#""inherited_errors":{"max":0.8}"#, "passed"), (#""inherited_errors":{"max":0.3,"confidence":0.9}"#, "failed"),
        (#""error_consistency":{"min":0.5,"max":0.7}"#, "passed"),
        (#""retained":{"accuracy":{"min":0.98}}"#, "passed"),
        (#""retained":{"accuracy":{"min":0.98,"confidence":0.95}}"#, "inconclusive"),
        (#""agreement":{"slices":{"region":{"min":0.95}}}"#, "failed"),
        (#""agreement":{"slices":{"region":{"min":0.85}}}"#, "passed"),
        (#""agreement":{"slices":{"colour":{"min":0.85}}}"#, "missing"),
        (#""agreement":{"teacher_wrong":{"min":0.5}}"#, "missing"),
        (#""cost":{"latency_p50":{"max_ratio":0.5}}"#, "passed"),
        (#""cost":{"latency_p50":{"max_ratio":0.4}}"#, "inconclusive"),
        (#""cost":{"latency_p50":{"max_ratio":0.3}}"#, "failed"), (#""cost":{"bytes":{"max_ratio":0.5}}"#, "passed"),
        (#""cost":{"bytes":{"max_ratio":0.49}}"#, "failed"),
    ])
    func `each figure is bounded, and what is not shown does not pass`(demands: String, status: String) throws {
        let policy = try Self.policy(demands)
        try policy.checkDemands(allowsUnknownMetrics: false)
        let outcome = try #require(policy.decide(try Self.evidence()).outcomes.last)
        #expect(outcome.status.rawValue == status, "\(outcome)")
        #expect(policy.requirements.last == outcome.requirement)
    }

    @Test func `another teacher, none and a failure are no agreement`() throws {
        let policy = try Self.policy(#""agreement":{"min":0.5}"#)
        func outcome(_ evidence: Evidence) -> RequirementOutcome? { policy.decide(evidence).outcomes.last }
        let gone = outcome(try Self.evidence(teacher: nil))
        #expect(gone?.status == .missing)
        #expect(gone?.measured.contains("is not here") == true)
        #expect(outcome(try Self.evidence(teacher: 8))?.status == .missing)
        #expect(outcome(try Self.evidence { $0.failure = "it cannot be loaded" })?.measured == "it cannot be loaded")
        #expect(outcome(PolicyTests.evidence(try PolicyTests.report(1, accuracy: 1)))?.status == .missing)
    }

    @Test func `a teacher is named by what provenance tells, and by no other relation`() throws {
        let policy = try PolicyTests.policy(
            #"{"version":1,"dataset":"d:1","teacher":{"lineage":"distilled-from"},"agreement":{"min":0.5}}"#)
        #expect(policy.teacher == .lineage(.distilledFrom))
        var evidence = try Self.evidence()
        #expect(policy.decide(evidence).outcomes.last?.status == .passed)
        (evidence.teacher, evidence.teacherFault) = (nil, "nobody tells it")
        #expect(policy.decide(evidence).outcomes.last?.measured == "nobody tells it")
        #expect(policy.decide(evidence).outcomes.last?.status == .missing)
    }

    @Test func `latency is measured until its bounds are decided`() throws {
        let settings = try Self.policy(#""cost":{"latency_p50":{"max_ratio":0.5},"bytes":{"max_ratio":1}}"#)
            .verificationSettings
        #expect(settings?.teacherMaxRatios == ["p50": 0.5])
        #expect(try Self.policy(#""agreement":{"min":0.5}"#).verificationSettings?.teacherMaxRatios == nil)
    }

    @Test(arguments: [
        #"{"version":1,"dataset":"d:1","agreement":{"min":0.9}}"#, #"{"version":1,"dataset":"d:1","teacher":"m:1"}"#,
        #"{"version":1,"dataset":"d:1","teacher":"m:production","agreement":{"min":0.9}}"#,
        #"{"version":1,"teacher":"m:1","agreement":{"min":0.9}}"#,
        #"{"version":1,"dataset":"d:1","teacher":{"lineage":"trained-on"},"agreement":{"min":0.9}}"#,
        #"{"version":1,"dataset":"d:1","teacher":{"relation":"distilled-from"},"agreement":{"min":0.9}}"#,
        #"{"version":1,"dataset":"d:1","teacher":{},"agreement":{"min":0.9}}"#,
        json + #""agreement":{}}"#, json + #""agreement":{"confidence":0.9}}"#, json + #""agreement":0.9}"#,
        json + #""agreement":{"min":0.9,"max":0.8}}"#, json + #""agreement":{"Min":0.9}}"#,
        json + #""agreement":{"min":0.9,"confidence":0.3}}"#, json + #""divergence":{"kl":{"max":1}}}"#,
        json + #""divergence":{"js_mean":{"max":1,"confidence":0.9}}}"#, json + #""divergence":{"js_mean":{}}}"#,
        json + #""divergence":{}}"#, json + #""retained":{}}"#, json + #""retained":{"accuracy":{}}}"#,
        json + #""cost":{"latency":{"max_ratio":1}}}"#, json + #""cost":{"latency_p50":{"max_ratio":0}}}"#,
        json + #""cost":{"latency_p50":{"max":1}}}"#, json + #""flips":{"max":null}}"#,
        json + #""agreement":{"slices":{"a":{}}}}"#,
    ])
    func `a demand that nothing or everything meets is refused`(json: String) {
        let error = #expect(throws: AssayError.self) {
            try PolicyTests.policy(json).checkDemands(allowsUnknownMetrics: false)
        }
        #expect(error?.code == .policyInvalid, "\(String(describing: error))")
    }
}
