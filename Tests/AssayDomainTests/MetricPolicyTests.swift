import AssayDomain
import Testing

struct MetricPolicyTests {
    private static func policy(_ metrics: String) throws -> Policy {
        try PolicyTests.policy(#"{"version":1,"dataset":"d:1","metrics":\#(metrics)}"#)
    }

    private static func evidence(
        _ change: (inout VerificationReport.Measurements) -> Void
    ) throws -> Evidence {
        var evidence = try PolicyTests.evidence(change)
        evidence.holder = try PolicyTests.subject(9)
        return evidence
    }

    private static func paired(
        _ name: String, difference: Double, _ bounds: [(Double, Double, Double)],
        mcnemar: VerificationReport.McNemar? = nil
    ) throws -> Evidence {
        try evidence {
            $0.paired = .init(
                resamples: 2000,
                metrics: [
                    name: .init(
                        baseline: 0.9, difference: difference,
                        bounds: bounds.map { .init(confidence: $0.0, lower: $0.1, upper: $0.2) })
                ], mcnemar: mcnemar)
        }
    }

    private static func status(_ metrics: String, _ evidence: Evidence) throws -> RequirementOutcome.Status? {
        try policy(metrics).decide(evidence).outcomes.last?.status
    }

    // MARK: Drops with a confidence

    @Test(arguments: [
        (0.95, -0.004, 0.01, RequirementOutcome.Status.passed), (0.95, -0.006, 0.01, .inconclusive),
        (0.95, -0.02, -0.0051, .failed), (0.95, -0.02, -0.005, .inconclusive),
        // The next higher confidence that was measured decides.
        (0.93, -0.004, 0.01, .passed), (0.96, -0.004, 0.01, .inconclusive),
    ])
    func `a drop passes only if its upper bound is within the limit`(
        confidence: Double, lower: Double, upper: Double, status: RequirementOutcome.Status
    ) throws {
        let evidence = try Self.paired(
            "accuracy", difference: 0, [(0.9, lower / 2, upper / 2), (0.95, lower, upper)])
        let metrics = #"{"accuracy":{"max_drop":0.005,"confidence":\#(confidence)}}"#
        #expect(try Self.status(metrics, evidence) == status)
        #expect(try Self.policy(metrics).decide(evidence).isPassed == (status == .passed))
    }

    @Test func `an error drops when it grows`() throws {
        let evidence = try Self.paired("mae", difference: -1, [(0.95, -2, -0.5)])
        #expect(try Self.status(#"{"mae":{"max_drop":0,"confidence":0.95}}"#, evidence) == .missing)
        let measured = try Self.evidence {
            $0 = .init(
                metrics: ["mae": 2], confusionMatrix: nil, classes: nil, sampleCount: 10, latency: $0.latency,
                comparison: $0.comparison, loadMicroseconds: 1, firstRunMicroseconds: 1, peakMemoryBytes: 1)
            $0.paired = .init(
                resamples: 2000,
                metrics: [
                    "mae": .init(
                        baseline: 3, difference: -1, bounds: [.init(confidence: 0.95, lower: -2, upper: -0.5)])
                ], mcnemar: nil)
        }
        #expect(try Self.status(#"{"mae":{"max_drop":0,"confidence":0.95}}"#, measured) == .passed)
    }

    @Test(arguments: [
        (0.01, 0.99, RequirementOutcome.Status.failed), (0.99, 0.01, .passed), (0.5, 0.5, .inconclusive),
    ])
    func `that the accuracy does not drop at all is the exact test's question`(
        worse: Double, better: Double, status: RequirementOutcome.Status
    ) throws {
        let evidence = try Self.paired(
            "accuracy", difference: 0, [(0.95, -1, 1)],
            mcnemar: .init(n01: 1, n10: 1, pWorse: worse, pBetter: better))
        #expect(try Self.status(#"{"accuracy":{"max_drop":0,"confidence":0.95}}"#, evidence) == status)
    }

    @Test func `without a comparison with the holder nothing is shown`() throws {
        let metrics = #"{"accuracy":{"max_drop":0.5,"confidence":0.95}}"#
        var evidence = try Self.paired("accuracy", difference: 0, [(0.95, 0, 0)])
        #expect(try Self.status(metrics, evidence) == .passed)
        evidence.holder = try PolicyTests.subject(8)
        #expect(try Self.status(metrics, evidence) == .missing)
        evidence.holder = nil
        #expect(try Self.status(metrics, evidence) == .passed)
        let failed = try Self.evidence { $0.pairedFailure = "the baseline model: why" }
        let outcome = try #require(try Self.policy(metrics).decide(failed).outcomes.last)
        #expect(outcome.status == .missing && outcome.measured == "the baseline model: why")
        let unbounded = try Self.paired("accuracy", difference: 0, [(0.9, 0, 0)])
        #expect(try Self.status(metrics, unbounded) == .inconclusive)
    }

    @Test func `the settings tell which comparison is needed`() throws {
        let plain = try Self.policy(#"{"accuracy":{"max_drop":0.1}}"#)
        #expect(plain.needsMetricBaseline && !plain.needsPairedMetrics)
        let sure = try Self.policy(#"{"accuracy":{"max_drop":0.1,"confidence":0.9}}"#)
        #expect(!sure.needsMetricBaseline && sure.needsPairedMetrics)
    }

    // MARK: Slices

    private static func slices(_ slices: [String: (Int, Double?)]) throws -> Evidence {
        try evidence {
            $0.slices = [
                "sales_region": slices.mapValues { samples, value in
                    .init(samples: samples, metrics: value.map { ["accuracy": $0] } ?? [:])
                }
            ]
        }
    }

    @Test(
        arguments: [
            (["a": (40, 0.95), "b": (30, 0.9)], RequirementOutcome.Status.passed, "b: 0.9000 of 30"),
            (["a": (40, 0.95), "b": (30, 0.89)], .failed, "b: 0.8900"),
            (["a": (40, 0.95), "b": (29, 0.99)], .inconclusive, "b: 0.9900 of 29"),
            (["a": (40, 0.8), "b": (29, 0.99), "c": (50, 0.7)], .failed, "c: 0.7000"),
            (["a": (40, nil)], .missing, "a: not defined"),
        ] as [([String: (Int, Double?)], RequirementOutcome.Status, String)])
    func `every slice must meet the bound, and the worst is named`(
        slices: [String: (Int, Double?)], status: RequirementOutcome.Status, words: String
    ) throws {
        let policy = try Self.policy(#"{"accuracy":{"per_slice":{"sales_region":{"min":0.9,"min_samples":30}}}}"#)
        let decision = policy.decide(try Self.slices(slices))
        let outcome = try #require(decision.outcomes.last)
        #expect(outcome.requirement == "accuracy.slice.sales_region")
        #expect(outcome.status == status)
        #expect(outcome.measured.contains(words), "\(outcome.measured)")
        #expect(decision.isPassed == (status == .passed))
    }

    @Test func `a group that the dataset does not have is missing`() throws {
        let metrics = #"{"accuracy":{"per_slice":{"other":{"min":0}}}}"#
        #expect(try Self.status(metrics, try Self.slices(["a": (1, 1)])) == .missing)
    }

    @Test func `a report with slices and a comparison keeps its names in JSON`() throws {
        var measurements = try #require(try Self.slices(["north_east": (3, 0.5)]).report?.measurements)
        measurements.perClass = [.init(class: "0", samples: 3, precision: 0, recall: 0, f1: 0)]
        measurements.paired = try Self.paired(
            "macro_f1", difference: 0, [(0.95, 0, 0)], mcnemar: .init(n01: 1, n10: 2, pWorse: 0.5, pBetter: 0.75)
        ).report?.measurements?.paired
        let json = try JSON.encode(measurements)
        let text = String(decoding: json, as: UTF8.self)
        for part in [
            #""sales_region":{"north_east":{"metrics":{"accuracy":0.5},"samples":3}}"#,
            #""mcnemar":{"n01":1,"n10":2,"p_better":0.75,"p_worse":0.5}"#, #""macro_f1":{"baseline":0.9"#,
            #""per_class":[{"class":"0","f1":0,"precision":0,"recall":0,"samples":3}]"#,
        ] { #expect(text.contains(part), "\(text)") }
        #expect(try JSON.decode(VerificationReport.Measurements.self, from: json) == measurements)
    }

    @Test(arguments: [
        #"{"accuracy":{"confidence":0.9}}"#, #"{"accuracy":{"min":0.9,"confidence":0.9}}"#,
        #"{"accuracy":{"max_drop":0.1,"confidence":0.49}}"#, #"{"accuracy":{"max_drop":0.1,"confidence":1}}"#,
        #"{"accuracy":{"per_slice":{}}}"#, #"{"accuracy":{"per_slice":{"g":{}}}}"#,
        #"{"accuracy":{"per_slice":{"g":{"min_samples":3}}}}"#,
        #"{"accuracy":{"per_slice":{"g":{"min":1,"min_samples":0}}}}"#,
        #"{"accuracy":{"per_slice":{"g":{"min":1,"most":0}}}}"#, #"{"accuracy":{"max_drop":-0.1}}"#,
        #"{"accuracy":{"per_slice":{"g":{"min":1e999}}}}"#,
    ])
    func `a bound that demands nothing, or nothing that can be, is refused`(metrics: String) {
        #expect(throws: AssayError.self) { try Self.policy(metrics) }
    }

    @Test func `every metric has a direction`() {
        #expect(Metric.direction(of: "rmse") == .lowerIsBetter)
        #expect(Metric.direction(of: "top_3") == .higherIsBetter)
        #expect(Metric.directions.count == 20)
    }
}
