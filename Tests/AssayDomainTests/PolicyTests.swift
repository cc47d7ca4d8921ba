import AssayDomain
import Testing

struct PolicyTests {
    static func policy(_ json: String) throws -> Policy { try Policy.parse(Array(json.utf8)) }

    static func subject(_ number: Int64) throws -> VerificationReport.Subject {
        VerificationReport.Subject(
            repository: try RepositoryName(parsing: "digits"), number: try #require(VersionNumber(number)),
            digest: Digest(algorithm: .sha256, bytes: [UInt8](repeating: UInt8(number), count: 32)))
    }

    static func report(
        _ number: Int64, accuracy: Double, p50: Double = 100, ratio: VerificationReport.Ratio? = nil,
        cage: VerificationReport.Cage? = nil
    ) throws -> VerificationReport {
        let latency = VerificationReport.Latency(
            p50: p50, p90: p50 * 2, p95: p50 * 2.5, p99: p50 * 3, mean: p50, tail: p50 * 2.8, max: p50 * 4,
            throughput: 1e6 / p50, runs: 600, quantiles: nil)
        let comparison = try ratio.map {
            VerificationReport.Comparison(
                baseline: try subject(9),
                figures: .init(
                    latency: latency, candidate: latency, ratios: ["p50": $0], confidence: 0.95, pairsPerSession: 30))
        }
        return VerificationReport(
            verification: VerificationID(bits: 1), subject: try subject(number), dataset: try subject(7),
            settings: VerificationSettings(), evaluator: "e 1", environment: nil, cage: cage,
            outcome: .success(
                .init(
                    metrics: ["accuracy": accuracy], confusionMatrix: nil, classes: nil, sampleCount: 10,
                    latency: latency, comparison: comparison, loadMicroseconds: 1, firstRunMicroseconds: 1,
                    peakMemoryBytes: 1000)),
            startedAt: Timestamp(milliseconds: 0), finishedAt: Timestamp(milliseconds: 1))
    }

    static let provenance = #"{"buildDefinition":{"buildType":"b"},"runDetails":{"builder":{"id":"i"}}}"#

    /// A statement about version 1.
    static func statement(
        _ type: String, _ predicate: String, signer: String = "k2", role: TrustedKey.Role = .registry
    ) throws -> Evidence.Statement {
        .init(
            predicateType: type, signer: signer, role: role, predicate: Array(predicate.utf8),
            subject: try subject(1).digest)
    }

    static func evidence(_ report: VerificationReport?) -> Evidence {
        var evidence = Evidence(
            signers: ["k1"], signatureFault: nil, contentBytes: 500, relations: [.trainedOn: "k1"], report: report)
        evidence.binding = .plain(form: 2)
        return evidence
    }

    /// Evidence with a report whose measurements were changed.
    static func evidence(_ change: (inout VerificationReport.Measurements) -> Void) throws -> Evidence {
        let plain = try report(1, accuracy: 0.9, ratio: .init(ratio: 1, lower: 0.9, upper: 1.1, sessions: [1]))
        var measurements = try #require(plain.measurements)
        change(&measurements)
        return evidence(
            VerificationReport(
                verification: plain.verification, subject: plain.subject, dataset: plain.dataset,
                settings: plain.settings, evaluator: plain.evaluator, environment: nil,
                outcome: .success(measurements), startedAt: plain.startedAt, finishedAt: plain.finishedAt))
    }

    @Test(arguments: [
        (0.95, true), (0.9, true), (0.8999, false), (0, false),
    ])
    func `a minimum is met from the bound on`(accuracy: Double, isMet: Bool) throws {
        let policy = try Self.policy(#"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0.9}}}"#)
        let decision = policy.decide(Self.evidence(try Self.report(1, accuracy: accuracy)))
        #expect(decision.isPassed == isMet)
        #expect(decision.outcomes.map(\.requirement) == ["signature", "manifest", "accuracy"])
    }

    @Test func `a verdict says in words where nobody names the inputs`() throws {
        let policy = try Self.policy(#"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0.9}}}"#)
        func decision(namedBy: [String]?) throws -> PolicyDecision {
            var report = try Self.report(1, accuracy: 0.95)
            report = VerificationReport(
                verification: report.verification, subject: report.subject, dataset: report.dataset,
                settings: report.settings, evaluator: report.evaluator, environment: nil,
                outcome: .success(
                    try #require(
                        report.measurements.map { measured in
                            var measured = measured
                            measured.fed = [.init(input: "x", array: "x")]
                            measured.inputsNamedBy = namedBy
                            return measured
                        })), startedAt: report.startedAt, finishedAt: report.finishedAt)
            return policy.decide(Self.evidence(report))
        }
        let unnamed = try decision(namedBy: [])
        let line = try #require(unnamed.outcomes.first { $0.requirement == "inputs" })
        #expect(unnamed.isPassed && line.status == .passed)
        #expect(line.demanded.contains("neither the dataset nor the policy") && line.measured.contains("'x'"))
        for namers in [["dataset"], ["policy"], ["dataset", "policy"]] {
            #expect(try decision(namedBy: namers).outcomes.allSatisfy { $0.requirement != "inputs" })
        }
    }

    @Test func `a policy names the inputs of its data, and of its further data`() throws {
        let policy = try Self.policy(
            """
            {"version":1,"dataset":"d:1","inputs":["b","a"],"metrics":{"accuracy":{"min":0.9}},
            "datasets":{"old":{"dataset":"e:1","inputs":["c"],"metrics":{"accuracy":{"min":0.9}}}}}
            """)
        #expect(policy.verificationSettings?.inputs == ["a", "b"])
        #expect(policy.parts.map { $0.policy.verificationSettings?.inputs } == [["c"]])
    }

    @Test(arguments: [
        #"["label"]"#, #"["labels"]"#, #"["classes"]"#, #"["group_a"]"#, #"["weight"]"#, #"["sample_weights"]"#, "[]",
        #"["a","a"]"#, #"[""]"#, #"["a\u0000"]"#, #""a""#, "[1]",
    ])
    func `a policy cannot name as an input what is never fed`(inputs: String) throws {
        for place in [
            #""inputs":\#(inputs),"metrics":{"accuracy":{"min":0.9}}"#,
            #""metrics":{"accuracy":{"min":0.9}},"datasets":{"old":{"dataset":"e:1","inputs":\#(inputs),"#
                + #""metrics":{"accuracy":{"min":0.9}}}}"#,
        ] {
            let error = try #require(throws: AssayError.self) {
                try Self.policy(#"{"version":1,"dataset":"d:1",\#(place)}"#)
            }
            #expect(error.code == .policyInvalid)
        }
    }

    @Test func `inputs without anything that is measured demand nothing and are refused`() throws {
        #expect(throws: AssayError.self) { try Self.policy(#"{"version":1,"dataset":"d:1","inputs":["a"]}"#) }
    }

    @Test func `without evidence nothing passes`() throws {
        let policy = try Self.policy(
            """
            {"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0}},"latency":{"p50":{"max_milliseconds":1e6}},
            "memory":{"max_bytes":1000000},"lineage":["trained-on"],"size":{"max_bytes":1000000}}
            """)
        let none = Evidence(signers: [], signatureFault: Policy.noSignature, contentBytes: 1, relations: [:])
        let outcomes = policy.decide(none).outcomes
        #expect(
            outcomes.filter { $0.status == .missing }.map(\.requirement)
                == ["signature", "manifest", "lineage.trained-on", "accuracy", "latency.p50", "memory"])
    }

    @Test(arguments: [
        (#"{"type":"provenance"}"#, RequirementOutcome.Status.passed),
        (#"{"type":"https://slsa.dev/provenance/v1","role":"training"}"#, .passed),
        (#"{"type":"provenance","role":"release"}"#, .failed), (#"{"type":"provenance","keys":["k2"]}"#, .passed),
        (#"{"type":"provenance","keys":["k3"]}"#, .failed),
        (#"{"type":"https://example.org/x","present":true}"#, .missing),
    ])
    func `a statement is demanded by type, role and key`(demand: String, status: RequirementOutcome.Status) throws {
        let policy = try Self.policy(#"{"version":1,"attestations":[\#(demand)]}"#)
        var evidence = Self.evidence(nil)
        evidence.statements = [
            try Self.statement(PredicateType.provenance, Self.provenance, signer: "k2", role: .training)
        ]
        let decision = policy.decide(evidence)
        #expect(decision.outcomes.map(\.status) == [.passed, .passed, status])
        #expect(decision.isPassed == (status == .passed))
    }

    @Test(arguments: [
        #"{"type":""}"#, #"{"type":"provenance","keys":[]}"#, #"{"type":"provenance","role":"log"}"#, #"{}"#,
        #"{"type":"provenance","signer":"k"}"#,
    ])
    func `a demand that nobody could meet, or that is misspelt, is refused`(demand: String) {
        #expect(throws: AssayError.self) { try Self.policy(#"{"version":1,"attestations":[\#(demand)]}"#) }
    }

    @Test func `a policy that demands nothing still demands a signature`() throws {
        let policy = try Self.policy(#"{"version":1}"#)
        #expect(policy.decide(Self.evidence(nil)).isPassed)
        var unsigned = Self.evidence(nil)
        unsigned.signers = []
        #expect(!policy.decide(unsigned).isPassed)
    }

    @Test func `only named keys count where the policy names them`() throws {
        let policy = try Self.policy(#"{"version":1,"signature":{"keys":["k2"]}}"#)
        #expect(!policy.decide(Self.evidence(nil)).isPassed)
        var both = Self.evidence(nil)
        both.signers = ["k1", "k2"]
        #expect(policy.decide(both).isPassed)
    }

    @Test(arguments: [(0.95, true), (0.9401, true), (0.9399, false)])
    func `a drop is measured against the holder`(accuracy: Double, isMet: Bool) throws {
        let policy = try Self.policy(#"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"max_drop":0.01}}}"#)
        var evidence = Self.evidence(try Self.report(1, accuracy: accuracy))
        evidence.holder = try Self.subject(9)
        #expect(!policy.decide(evidence).isPassed, "the holder's report is missing")
        evidence.holderReport = try Self.report(9, accuracy: 0.95)
        #expect(policy.decide(evidence).isPassed == isMet)
    }

    @Test(arguments: [
        (0.9, 1.2, RequirementOutcome.Status.passed), (1.201, 1.5, .failed), (1.19, 1.21, .inconclusive),
        (1.2, 1.3, .inconclusive),
    ])
    func `a latency ratio is decided by its whole interval`(
        lower: Double, upper: Double, status: RequirementOutcome.Status
    ) throws {
        let policy = try Self.policy(#"{"version":1,"dataset":"d:1","latency":{"p50":{"max_ratio":1.2}}}"#)
        var evidence = Self.evidence(try Self.report(1, accuracy: 1))
        #expect(policy.decide(evidence).isPassed, "the first holder has nothing to be compared with")
        evidence.holder = try Self.subject(9)
        #expect(policy.decide(evidence).outcomes.last?.status == .missing)
        evidence.report = try Self.report(
            1, accuracy: 1, ratio: .init(ratio: 1.1, lower: lower, upper: upper, sessions: [1.1]))
        let decision = policy.decide(evidence)
        #expect(decision.outcomes.last?.status == status)
        #expect(decision.isPassed == (status == .passed))
        evidence.holder = try Self.subject(8)
        #expect(policy.decide(evidence).outcomes.last?.status == .missing, "the baseline is another version")
    }

    @Test func `a ratio of too few sessions decides nothing`() throws {
        let policy = try Self.policy(#"{"version":1,"dataset":"d:1","latency":{"p50":{"max_ratio":1.2}}}"#)
        var evidence = Self.evidence(
            try Self.report(1, accuracy: 1, ratio: .init(ratio: 1, lower: nil, upper: nil, sessions: [1, 1, 1])))
        evidence.holder = try Self.subject(9)
        #expect(policy.decide(evidence).outcomes.last?.status == .inconclusive)
    }

    @Test func `the bounds of ratios are part of what a verification is asked to do`() throws {
        let policy = try Self.policy(
            """
            {"version":1,"dataset":"d:1","latency":{"confidence":0.99,"p50":{"max_ratio":1.05},
            "tail":{"max_ratio":1.2},"p95":{"max_milliseconds":1},"sweep":{"batches":[1,8]}}}
            """)
        let settings = try #require(policy.verificationSettings)
        #expect(settings.maxRatios == ["p50": 1.05, "tail": 1.2])
        #expect(settings.confidence == 0.99)
        #expect(settings.sweepBatches == [1, 8])
    }

    @Test(arguments: [(9_999.0, true), (10_001, false)])
    func `throughput has a minimum`(bound: Double, isMet: Bool) throws {
        let policy = try Self.policy(
            #"{"version":1,"dataset":"d:1","latency":{"throughput":{"min":\#(bound)}}}"#)
        #expect(policy.decide(Self.evidence(try Self.report(1, accuracy: 1, p50: 100))).isPassed == isMet)
    }

    @Test(arguments: [("max", 0.4), ("load", 0.001), ("first_run", 0.001)])
    func `the slowest run, loading and the first run have a maximum`(name: String, measured: Double) throws {
        for (bound, status) in [(measured, RequirementOutcome.Status.passed), (measured * 0.99, .failed)] {
            let policy = try Self.policy(
                #"{"version":1,"dataset":"d:1","latency":{"\#(name)":{"max_milliseconds":\#(bound)}}}"#)
            #expect(policy.verificationSettings != nil && !policy.needsBaseline)
            let outcomes = policy.decide(Self.evidence(try Self.report(1, accuracy: 1, p50: 100))).outcomes
            #expect(outcomes.map(\.requirement) == ["signature", "manifest", "latency.\(name)"])
            #expect(outcomes.last?.status == status)
            #expect(policy.decide(Self.evidence(nil)).outcomes.last?.status == .missing)
        }
    }

    @Test func `latencies of another batch than was asked for do not count`() throws {
        let policy = try Self.policy(
            """
            {"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0.5}},"latency":{"p50":{"max_milliseconds":9},
            "max":{"max_milliseconds":9},"load":{"max_milliseconds":9},"throughput":{"min":1}}}
            """)
        let report = try Self.report(1, accuracy: 1)
        #expect(policy.decide(Self.evidence(report)).isPassed)
        var measurements = try #require(report.measurements)
        measurements.fixedBatch = 8
        let fixed = VerificationReport(
            verification: report.verification, subject: report.subject, dataset: report.dataset,
            settings: report.settings, evaluator: report.evaluator, environment: nil, outcome: .success(measurements),
            startedAt: report.startedAt, finishedAt: report.finishedAt)
        let failed = policy.decide(Self.evidence(fixed)).outcomes.filter { $0.status == .failed }
        #expect(failed.map(\.requirement) == ["latency.p50", "latency.max", "throughput"])
        #expect(failed.allSatisfy { $0.measured == "it runs 8 sample(s) at a time" })
        #expect(!SelectionCriteria().accepts(fixed) && SelectionCriteria().accepts(report))
    }

    private static let cages: [(VerificationReport.Cage?, RequirementOutcome.Status)] = [
        (.init(layers: ["seccomp", "session"], absent: []), .passed),
        (.init(layers: ["session"], absent: ["seccomp"]), .failed), (.init(layers: [], absent: []), .failed),
        (nil, .missing),
    ]

    @Test(arguments: cages)
    func `a full cage is one without an absent layer`(
        cage: VerificationReport.Cage?, status: RequirementOutcome.Status
    ) throws {
        let policy = try Self.policy(#"{"version":1,"dataset":"d:1","cage":"full"}"#)
        #expect(policy.verificationSettings != nil, "a cage is told by a measurement")
        let outcome = try #require(
            policy.decide(Self.evidence(try Self.report(1, accuracy: 1, cage: cage))).outcomes.last)
        #expect(outcome.requirement == "cage")
        #expect(outcome.status == status)
    }

    @Test func `a cage around a failed evaluation is not enough`() throws {
        let failed = VerificationReport(
            verification: VerificationID(bits: 1), subject: try Self.subject(1), dataset: try Self.subject(7),
            settings: VerificationSettings(), evaluator: "e 1", environment: nil,
            cage: .init(layers: ["seccomp"], absent: []), outcome: .failure(.init("time-limit", "did not end")),
            startedAt: Timestamp(milliseconds: 0), finishedAt: Timestamp(milliseconds: 1))
        let policy = try Self.policy(#"{"version":1,"dataset":"d:1","cage":"full"}"#)
        #expect(!policy.decide(Self.evidence(failed)).isPassed)
    }

    @Test func `each further dataset has requirements of its own`() throws {
        let policy = try Self.policy(
            """
            {"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0.9}},"datasets":{
            "edge-cases":{"dataset":"e:1","metrics":{"accuracy":{"min":0.5}}},
            "drift":{"dataset":"f:2","metrics":{"accuracy":{"min":0.7,"max_drop":0.1}}}}}
            """)
        #expect(policy.parts.map(\.name) == ["drift", "edge-cases"])
        #expect(policy.parts.first?.policy.verificationSettings?.measuredRuns == 10)
        var evidence = Self.evidence(try Self.report(1, accuracy: 0.95))
        #expect(
            policy.decide(evidence).outcomes.map { "\($0.requirement) \($0.status)" } == [
                "signature passed", "manifest passed", "accuracy passed", "drift.accuracy missing",
                "drift.accuracy.drop missing",
                "edge-cases.accuracy missing",
            ])
        for (name, accuracy) in [("drift", 0.6), ("edge-cases", 0.55)] {
            var reports = Evidence.Reports()
            reports.report = try Self.report(1, accuracy: accuracy)
            evidence.parts[name] = reports
        }
        #expect(
            policy.decide(evidence).outcomes.map { "\($0.requirement) \($0.status)" } == [
                "signature passed", "manifest passed", "accuracy passed", "drift.accuracy failed",
                "drift.accuracy.drop passed",
                "edge-cases.accuracy passed",
            ])
        evidence.waivers = [try Self.waiver("drift.accuracy")]
        #expect(!policy.decide(evidence).isPassed, "nobody may waive")
    }

    @Test func `the cage and the labels hold for further datasets too`() throws {
        let policy = try Self.policy(
            """
            {"version":1,"dataset":"d:1","cage":"full","labels":["site=edge"],"datasets":{
            "far":{"dataset":"e:1","metrics":{"accuracy":{"min":0.5}}}}}
            """)
        #expect(policy.parts.first?.policy.verificationSettings?.labels?.map(\.description) == ["site=edge"])
        let full = VerificationReport.Cage(layers: ["seccomp"], absent: [])
        var evidence = Self.evidence(try Self.report(1, accuracy: 1, cage: full))
        var reports = Evidence.Reports()
        reports.report = try Self.report(1, accuracy: 1, cage: .init(layers: [], absent: ["seccomp"]))
        evidence.parts["far"] = reports
        #expect(
            policy.decide(evidence).outcomes.map { "\($0.requirement) \($0.status)" } == [
                "signature passed", "manifest passed", "cage passed", "far.accuracy passed", "far.cage failed",
            ])
    }

    @Test(arguments: [
        ("invalid-model", true), ("time-limit", true), ("worker-crashed", true), ("internal", false),
        ("runtime-missing", false), ("storage-full", false), ("blob-not-found", false),
    ])
    func `only what says something of model or data decides`(kind: String, isConclusive: Bool) {
        #expect(VerificationReport.Failure(kind: kind, message: "").isConclusive == isConclusive)
    }

    static func waiver(_ requirement: String, signer: String = "k2", role: TrustedKey.Role = .release) throws
        -> Evidence.SignedWaiver
    {
        .init(
            waiver: Waiver(
                scope: .init(
                    repository: try RepositoryName(parsing: "digits"), version: try subject(1).digest,
                    alias: try AliasName(parsing: "production"), policy: try subject(2).digest),
                requirement: requirement, reason: "the canary is well", expiresAt: Timestamp(milliseconds: 1_000)),
            signer: signer, role: role)
    }

    @Test(arguments: [
        (#""waivers":{"role":"release"}"#, "accuracy", true), (#""waivers":{"role":"training"}"#, "accuracy", false),
        (#""waivers":{"keys":["k2"]}"#, "accuracy", true), (#""waivers":{"keys":["k3"]}"#, "accuracy", false),
        (#""waivers":{"role":"release","keys":["k3"]}"#, "accuracy", false),
        (#""waivers":{"role":"release"}"#, "size", false), (#""profile":"lax""#, "accuracy", false),
    ])
    func `a requirement is waived by whom the policy allows and by nobody else`(
        rule: String, requirement: String, isPassed: Bool
    ) throws {
        let policy = try Self.policy(
            #"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0.9}},\#(rule)}"#)
        var evidence = Self.evidence(try Self.report(1, accuracy: 0.5))
        evidence.waivers = [try Self.waiver(requirement)]
        let decision = policy.decide(evidence)
        #expect(decision.isPassed == isPassed)
        let outcome = try #require(decision.outcomes.last)
        #expect(outcome.status == (isPassed ? .waived : .failed))
        #expect(outcome.waiver?.contains("the canary is well") ?? false == isPassed)
        #expect(outcome.measured == "0.5000", "what was measured stays to be seen")
    }

    @Test func `a signature cannot be waived`() throws {
        let policy = try Self.policy(#"{"version":1,"waivers":{"role":"release"}}"#)
        var evidence = Self.evidence(nil)
        (evidence.signers, evidence.signatureFault) = ([], Policy.noSignature)
        evidence.waivers = [try Self.waiver("signature")]
        #expect(!policy.decide(evidence).isPassed)
        #expect(throws: AssayError.self) { try Self.waiver("signature").waiver.check() }
    }

    @Test func `what is met is not shown as waived`() throws {
        let policy = try Self.policy(
            #"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0.9}},"waivers":{"role":"release"}}"#)
        var evidence = Self.evidence(try Self.report(1, accuracy: 0.95))
        evidence.waivers = [try Self.waiver("accuracy")]
        #expect(policy.decide(evidence).outcomes.last?.status == .passed)
    }

    @Test func `a failed verification says why`() throws {
        let policy = try Self.policy(#"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0.9}}}"#)
        let failed = VerificationReport(
            verification: VerificationID(bits: 1), subject: try Self.subject(1), dataset: try Self.subject(7),
            settings: VerificationSettings(), evaluator: "e 1", environment: nil,
            outcome: .failure(.init("time-limit", "did not end")), startedAt: Timestamp(milliseconds: 0),
            finishedAt: Timestamp(milliseconds: 1))
        let outcome = try #require(policy.decide(Self.evidence(failed)).outcomes.last)
        #expect(outcome.status == .failed)
        #expect(outcome.measured.contains("time-limit"))
    }

    @Test(arguments: [
        "{}", #"{"version":2}"#, #"{"version":1,"metrics":{"accuracy":{"min":0.9}}}"#,
        #"{"version":1,"dataset":"d:1","metrics":{"accuracy":{}}}"#,
        #"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"minimum":0.9}}}"#,
        #"{"version":1,"dataset":"d:1","cage":"half"}"#, #"{"version":1,"cage":"full"}"#,
        #"{"version":1,"metric":{"accuracy":{"min":0.9}}}"#, #"{"version":1,"dataset":"nothing"}"#,
        #"{"version":1,"dataset":"d:1","latency":{"p75":{"max_milliseconds":1}}}"#,
        #"{"version":1,"dataset":"d:1","latency":{"p99":{"max_milliseconds":1},"runs":599}}"#,
        #"{"version":1,"dataset":"d:1","latency":{"p50":{"max_ratio":1.1},"confidence":1}}"#,
        #"{"version":1,"dataset":"d:1","latency":{"p50":{"max_ratio":1.1},"sweep":{"batches":[0]}}}"#,
        #"{"version":1,"dataset":"d:1","latency":{"throughput":{"min":0}}}"#,
        #"{"version":1,"latency":{"load":{"max_milliseconds":1}}}"#,
        #"{"version":1,"dataset":"d:1","latency":{"load":{"max_milliseconds":0}}}"#,
        #"{"version":1,"dataset":"d:1","latency":{"max":{"max_ratio":1.1}}}"#,
        #"{"version":1,"dataset":"d:1","latency":{"first_run":{"max_milliseconds":1,"max_ratio":1.1}}}"#,
        #"{"version":1,"dataset":"d:1","latency":{"p50":{"max_milliseconds":-1}}}"#,
        #"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"max_drop":-0.1}}}"#,
        #"{"version":1,"datasets":{"A":{"dataset":"d:1","metrics":{"accuracy":{"min":1}}}}}"#,
        #"{"version":1,"datasets":{"a":{"dataset":"d:1","metrics":{}}}}"#,
        #"{"version":1,"datasets":{"a":{"dataset":"d:production","metrics":{"accuracy":{"min":1}}}}}"#,
        #"{"version":1,"datasets":{"a":{"dataset":"d:1","metrics":{"accuracy":{"max_drop":-1}}}}}"#,
        #"{"version":1,"waivers":{}}"#, #"{"version":1,"waivers":{"keys":[]}}"#, #"{"version":1,"profile":""}"#,
        #"{"version":1,"waivers":{"role":"log"}}"#, #"{"version":1,"waivers":{"role":"release","keys":[]}}"#,
        #"{"version":1,"signature":{"keys":[]}}"#, #"{"version":1,"size":{"max_bytes":-1}}"#,
        #"{"version":1,"lineage":["made-up"]}"#, #"{"version":1,"version":1}"#,
    ])
    func `a policy that could mean less than it says is refused`(json: String) {
        #expect(throws: AssayError.self) { try Self.policy(json) }
    }

    @Test func `the same policy has the same canonical form`() throws {
        let one = try Self.policy(#"{"version":1,"dataset":"d:1","metrics":{"a":{"min":1},"b":{"max":2}}}"#)
        let two = try Self.policy(#"{ "metrics":{"b":{"max":2},"a":{"min":1}}, "dataset":"d:1", "version":1 }"#)
        #expect(try JSON.encode(one) == JSON.encode(two))
    }

    @Test(arguments: [
        (1536, "1.5 KiB"), (12, "12 B"), (1 << 30, "1.0 GiB"),
    ])
    func `sizes are written with a binary unit`(bytes: Int64, text: String) {
        #expect(Figure.bytes(bytes) == text)
    }

    @Test(arguments: [(0.95, "0.9500"), (-0.00004, "0.0000"), (-1.5, "-1.5000"), (0.99996, "1.0000")])
    func `figures are rounded half away from zero`(value: Double, text: String) {
        #expect(Figure.metric(value) == text)
    }
}
