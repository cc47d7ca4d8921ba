import AssayDomain
import Testing

struct AnswerPolicyTests {
    private static func policy(_ keys: String) throws -> Policy {
        try PolicyTests.policy(#"{"version":1,"dataset":"d:1",\#(keys)}"#)
    }

    private static func found(_ difference: Double?, fault: String? = nil) -> VerificationReport.BatchInvariance {
        .init(
            batch: 1, otherBatches: [16], samples: 64, exact: difference == 0, maxDifference: difference, fault: fault)
    }

    @Test(arguments: [
        (0.0, 0.0, RequirementOutcome.Status.passed), (0, 1e-9, .failed), (1e-6, 1e-6, .passed), (1e-6, 2e-6, .failed),
    ])
    func `answers of other batches may differ by what is allowed`(
        max: Double, difference: Double, status: RequirementOutcome.Status
    ) throws {
        let evidence = try PolicyTests.evidence { $0.batchInvariant = Self.found(difference) }
        let outcome = try Self.policy(#""batch_invariant":{"max_difference":\#(max)}"#).decide(evidence).outcomes.last
        #expect(outcome?.requirement == "batch_invariant" && outcome?.status == status)
    }

    @Test func `what could not be compared, or was not, never passes`() throws {
        let policy = try Self.policy(#""batch_invariant":{"max_difference":1000}"#)
        let fault = try PolicyTests.evidence {
            $0.batchInvariant = Self.found(nil, fault: "in a batch of 16: it fails")
        }
        let outcome = try #require(policy.decide(fault).outcomes.last)
        #expect(outcome.status == .failed && outcome.measured.contains("in a batch of 16"))
        #expect(try policy.decide(PolicyTests.evidence { _ in }).outcomes.last?.status == .missing)
        let again = try Self.policy(#""deterministic":{"max_difference":0}"#)
        #expect(try again.decide(PolicyTests.evidence { _ in }).outcomes.last?.status == .missing)
        let repeated = try PolicyTests.evidence { $0.deterministic = .init(runs: 4, maxDifference: 0) }
        #expect(again.decide(repeated).outcomes.last?.status == .passed)
        let none = try PolicyTests.evidence { $0.deterministic = .init(runs: 0, maxDifference: 0) }
        #expect(again.decide(none).outcomes.last?.status == .failed)
    }

    @Test func `a metric that was left out is missing for the reason that the report has`() throws {
        let policy = try Self.policy(#""metrics":{"log_loss":{"max":0.5,"max_drop":0.1}}"#)
        let evidence = try PolicyTests.evidence { $0.leftOut = ["log_loss": "declare them with --scores logits"] }
        let outcomes = policy.decide(evidence).outcomes.filter { $0.requirement.hasPrefix("log_loss") }
        #expect(outcomes.count == 2)
        #expect(outcomes.allSatisfy { $0.status == .missing && $0.measured.contains("--scores logits") })
    }

    @Test func `output, scores and the batch hold for the measurements, and for further data`() throws {
        let policy = try Self.policy(
            #""output":"p","scores":"logits","latency":{"batch":8},"metrics":{"accuracy":{"min":0.9}},"#
                + #""datasets":{"hard":{"dataset":"h:1","scores":"probabilities","metrics":{"accuracy":{"min":0.5}}}}"#)
        let settings = try #require(policy.verificationSettings)
        #expect(settings.output == "p" && settings.scores == .logits && settings.batch == 8)
        let part = try #require(policy.parts.first?.policy.verificationSettings)
        #expect(part.output == "p" && part.scores == .probabilities && part.batch == 8)
    }

    @Test(arguments: [
        #""batch_invariant":{"max_difference":-1}"#, #""batch_invariant":{}"#, #""batch_invariant":true"#,
        #""scores":"softmax","metrics":{"accuracy":{"min":0.9}}"#, #""output":"","metrics":{"accuracy":{"min":0.9}}"#,
        #""output":"p""#, #""deterministic":{"max":0}"#,
    ])
    func `what nothing could be held to is refused`(keys: String) {
        #expect(throws: AssayError.self) { try Self.policy(keys) }
    }

    @Test func `the model of several is the one that is named, and of one that one`() throws {
        let files = try ["onnx/model.onnx", "onnx/MODEL_quantized.ONNX", "config.json"].map {
            VersionFile(path: $0, digest: try Digest(parsing: "sha256:" + String(repeating: "a", count: 64)), size: 1)
        }
        #expect(try ONNXFileName.find("onnx/MODEL_quantized.ONNX", among: files, of: "m:1").path.hasSuffix(".ONNX"))
        #expect(try ONNXFileName.find(nil, among: Array(files.dropFirst()), of: "m:1").path.hasSuffix(".ONNX"))
        for (name, given) in [(nil, files), ("config.json", files), ("other.onnx", files), (nil, [files[2]])] {
            let error = try #require(throws: VerificationReport.FailureError.self) {
                try ONNXFileName.find(name, among: given, of: "m:1")
            }
            #expect(error.failure.kind == "invalid-model" && error.failure.remedy != nil)
        }
    }
}
