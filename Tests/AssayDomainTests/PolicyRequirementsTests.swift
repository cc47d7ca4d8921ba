import AssayDomain
import Testing

/// Every requirement has a name of its own, so that a waiver waives one.
struct PolicyRequirementsTests {
    private static let rich = """
        {"version":1,"dataset":"d:1","size":{"max_bytes":1},"memory":{"max_bytes":1},"cage":"full",
        "lineage":["trained-on","evaluated-on"],"waivers":{"role":"release"},
        "attestations":[{"type":"provenance","role":"training"},{"type":"provenance","role":"release"},
        {"type":"test-result"},{"type":"https://example.org/x","where":{"a":1},"name":"mmlu"},
        {"type":"https://example.org/x","present":true}],
        "metrics":{"accuracy":{"min":0.9,"max":0.99,"max_drop":0.1,"per_slice":{"a":{"min":0.5},"b":{"min":0.5}}},
        "mae":{"max_drop":1},"roc_auc":{"max_drop":0.1,"confidence":0.9}},
        "latency":{"p50":{"max_milliseconds":1,"max_ratio":1},"tail":{"max_ratio":1},"max":{"max_milliseconds":1},
        "throughput":{"min":1}},
        "datasets":{"far":{"dataset":"e:1","metrics":{"accuracy":{"min":0.5,"max_drop":0.1}}}}}
        """

    @Test func `the names are those that a decision shows, measured or not`() throws {
        let policy = try PolicyTests.policy(Self.rich)
        try policy.checkDemands(allowsUnknownMetrics: false)
        #expect(Set(policy.requirements).count == policy.requirements.count)
        var evidence = PolicyTests.evidence(nil)
        let shown = policy.decide(evidence).outcomes.map(\.requirement)
        #expect(Set(shown).count == shown.count, "two lines share a name")
        let always: Set = ["signature", "content", "manifest"]
        #expect(Set(policy.requirements).subtracting(always) == Set(shown).subtracting(always))
        for (holder, report) in [
            (nil, try PolicyTests.report(1, accuracy: 0.95)), (try PolicyTests.subject(9), nil),
            (try PolicyTests.subject(9), try PolicyTests.report(1, accuracy: 0.95)),
        ] {
            (evidence.holder, evidence.report) = (holder, report)
            let names = policy.decide(evidence).outcomes.map(\.requirement)
            #expect(Set(names) == Set(shown) && names.count == shown.count, "\(names)")
        }
    }

    @Test func `two demands of one type are two requirements, and a waiver of one is of one`() throws {
        let policy = try PolicyTests.policy(
            """
            {"version":1,"waivers":{"role":"release"},"attestations":[{"type":"test-result","role":"training"},
            {"type":"test-result","role":"release"}]}
            """)
        #expect(policy.requirements.suffix(2) == ["attestation.test-result.1", "attestation.test-result.2"])
        var evidence = PolicyTests.evidence(nil)
        evidence.waivers = [
            try PolicyTests.waiver("attestation.test-result.1"), try PolicyTests.waiver("attestation.test-result"),
        ]
        #expect(policy.decide(evidence).outcomes.map(\.status) == [.passed, .passed, .waived, .missing])
    }

    @Test func `a waiver of the value is none of its drop`() throws {
        let policy = try PolicyTests.policy(
            """
            {"version":1,"dataset":"d:1","waivers":{"role":"release"},
            "metrics":{"accuracy":{"min":0.9,"max_drop":0.1,"per_slice":{"a":{"min":0.5}}}},
            "latency":{"p50":{"max_milliseconds":1,"max_ratio":1.1}}}
            """)
        var evidence = PolicyTests.evidence(nil)
        evidence.holder = try PolicyTests.subject(9)
        evidence.waivers = [try PolicyTests.waiver("accuracy"), try PolicyTests.waiver("latency.p50")]
        #expect(
            policy.decide(evidence).outcomes.filter { !$0.isMet }.map(\.requirement)
                == ["accuracy.drop", "accuracy.slice.a", "latency.p50.ratio"])
    }

    @Test(arguments: [
        #""metrics":{"size":{"min":1}},"size":{"max_bytes":1}"#, #""metrics":{"signature":{"min":1}}"#,
        #""metrics":{"content":{"min":1}}"#, #""metrics":{"manifest":{"min":1}}"#,
        #""metrics":{"memory":{"min":1}},"memory":{"max_bytes":1}"#, #""metrics":{"cage":{"min":1}},"cage":"full""#,
        #""metrics":{"drop":{"min":1},"a":{"min":1}},"datasets":{"a":{"dataset":"d:1","metrics":{"drop":{"min":1}}}},"#
            + #""attestations":[{"type":"https://x.org/a","present":true,"name":"x"},"#
            + #"{"type":"https://x.org/b","present":true,"name":"x"}]"#,
        #""metrics":{"p":{"max_drop":1}},"datasets":{"p":{"dataset":"d:1","metrics":{"drop":{"min":1}}}}"#,
        #""latency":{"p50":{"max_ratio":1}},"datasets":{"latency":{"dataset":"d:1","metrics":{"p50":{"max_drop":1},"#
            + #""x":{"min":1}}}},"lineage":["trained-on","trained-on"]"#,
        #""latency":{"p50":{"max_milliseconds":1}},"#
            + #""datasets":{"latency":{"dataset":"d:1","metrics":{"p50":{"min":1}}}}"#,
    ])
    func `two demands that would have one name are refused`(json: String) throws {
        let policy = try PolicyTests.policy(#"{"version":1,"dataset":"d:1",\#(json)}"#)
        let error = #expect(throws: AssayError.self) { try policy.checkDemands(allowsUnknownMetrics: true) }
        #expect(error?.message.contains("have the name") ?? false)
    }

    private func waiver(_ requirement: String) throws -> Waiver { try PolicyTests.waiver(requirement).waiver }

    @Test(arguments: [
        ("accuracy.drop", true), ("far.accuracy", true), ("attestation.mmlu", true), ("accuracy.slice.b", true),
        ("acuracy", false), ("accuracy.slice.c", false), ("attestation.provenance", false), ("far", false),
        ("*", false),
        ("Accuracy", false), ("manifest", false), ("signature", false), ("", false),
    ])
    func `a waiver is of a requirement that the policy has`(requirement: String, isGood: Bool) throws {
        let policy = try PolicyTests.policy(Self.rich)
        let waiver = try waiver(requirement)
        let isTaken = (try? waiver.check()) != nil && (try? waiver.check(against: policy)) != nil
        #expect(isTaken == isGood)
    }

    @Test func `where nobody may waive nothing is waived`() throws {
        let policy = try PolicyTests.policy(#"{"version":1,"size":{"max_bytes":1}}"#)
        #expect(throws: AssayError.self) { try waiver("size").check(against: policy) }
    }

    @Test func `a waiver has its own keys and no others`() throws {
        let text = String(decoding: try JSON.encode(try waiver("accuracy")), as: UTF8.self)
        #expect(try Waiver.parse(Array(text.utf8)) == waiver("accuracy"))
        for changed in [
            text.replacing("expires_at", with: "expiresAt"), text.replacing("{", with: #"{"expiresAt":"x","#),
            text.replacing("\"policy\"", with: "\"Policy\""),
            text.replacing(#""reason":"the canary is well","#, with: ""),
            text.replacing(#""the canary is well""#, with: "null"), "{}", "[]",
        ] {
            #expect(throws: AssayError.self, "\(changed)") { try Waiver.parse(Array(changed.utf8)) }
        }
    }
}
