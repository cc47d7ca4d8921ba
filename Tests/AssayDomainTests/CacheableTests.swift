import AssayDomain
import Testing

/// Whether answers may be kept, and under what.
struct CacheableTests {
    private typealias Measured = VerificationReport.Measurements

    private static func invariance(
        exact: Bool = true, samples: Int = 64, fault: String? = nil
    ) -> VerificationReport.BatchInvariance {
        .init(
            batch: 1, otherBatches: [16], samples: samples, exact: exact, maxDifference: exact ? 0 : 0.25, fault: fault)
    }

    private static func decision(_ change: (inout Measured) -> Void) throws -> RequirementOutcome {
        let policy = try PolicyTests.policy(#"{"version":1,"dataset":"d:1","cacheable":true}"#)
        return try #require(policy.decide(try PolicyTests.evidence(change)).outcomes.last)
    }

    @Test func `answers that are the same bits in every way may be kept`() throws {
        let outcome = try Self.decision {
            $0.deterministic = .init(runs: 4, maxDifference: 0)
            $0.batchInvariant = Self.invariance()
        }
        #expect(outcome.requirement == "cacheable")
        #expect(outcome.status == .passed)
        #expect(outcome.measured.contains("batches of 1, 16"))
    }

    @Test func `what differs, was not run again or cannot be compared may not be kept`() throws {
        let same = VerificationReport.Determinism(runs: 4, maxDifference: 0)
        let cases: [(VerificationReport.Determinism?, VerificationReport.BatchInvariance?, String)] = [
            (nil, Self.invariance(), "nothing was run again"),
            (.init(runs: 0, maxDifference: 0), Self.invariance(), "nothing was run again"),
            (.init(runs: 4, maxDifference: 1e-9), Self.invariance(), "differ when it is run again"),
            (same, nil, "recorded sets"), (same, Self.invariance(samples: 0), "recorded sets"),
            (same, Self.invariance(exact: false), "by at most 0.25"),
            (same, Self.invariance(exact: false, fault: "it fails"), "it fails"),
        ]
        for (deterministic, invariant, reason) in cases {
            let outcome = try Self.decision {
                $0.deterministic = deterministic
                $0.batchInvariant = invariant
                // What a report says of it decides nothing.
                $0.cacheable = .init(exact: true, reason: "trust me")
            }
            #expect(outcome.status == .failed)
            #expect(outcome.measured.contains(reason), "\(outcome.measured)")
        }
        let policy = try PolicyTests.policy(#"{"version":1,"dataset":"d:1","cacheable":true}"#)
        #expect(policy.decide(PolicyTests.evidence(nil)).outcomes.last?.status == .missing)
    }

    @Test(arguments: [#""cacheable":false"#, #""cacheable":"true""#, #""cacheable":1"#, #""cacheable":null"#])
    func `a demand that says nothing is refused`(json: String) {
        let error = #expect(throws: AssayError.self) {
            try PolicyTests.policy(#"{"version":1,"dataset":"d:1",\#(json)}"#).checkDemands(allowsUnknownMetrics: false)
        }
        #expect(error?.code == .policyInvalid)
    }

    @Test func `a demand needs data`() {
        #expect(throws: AssayError.self) { try PolicyTests.policy(#"{"version":1,"cacheable":true}"#) }
    }

    @Test func `a key is of the digest, the file, the runtime and the outputs, in any order`() throws {
        let digest = try PolicyTests.subject(1).digest
        func key(
            _ outputs: [String] = ["b", "a"], file: String = "m.onnx", runtime: String = "onnxruntime 1"
        ) throws -> CacheKey {
            try CacheKey(manifest: digest, file: file, runtime: runtime, provider: "cpu", outputs: outputs)
        }
        #expect(
            String(decoding: try key().document(), as: UTF8.self)
                == #"{"file":"m.onnx","manifest":"\#(digest)","outputs":["a","b"],"provider":"cpu","#
                + #""runtime":"onnxruntime 1"}"#)
        #expect(try key(["a", "b", "a"]) == key())
        for other in [try key(["a"]), try key(file: "n.onnx"), try key(runtime: "onnxruntime 2")] {
            #expect(try other.document() != key().document())
        }
        // One name in two forms of Unicode is two names.
        #expect(try key(["\u{E9}", "e\u{301}"]).outputs.count == 2)
        #expect(throws: AssayError.self) { try key([]) }
        #expect(throws: AssayError.self) { try key(runtime: "a\u{202E}b") }
    }
}
