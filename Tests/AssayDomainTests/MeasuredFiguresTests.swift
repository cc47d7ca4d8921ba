import AssayDomain
import Testing

/// Figures that were measured elsewhere: what is read as one, and what a policy makes of them.
struct MeasuredFiguresTests {
    private static let data = "sha256:" + String(repeating: "a", count: 64)
    private static let other = "sha256:" + String(repeating: "b", count: 64)

    private static func predicate(_ metrics: String, on dataset: String = data, at time: String = "00.000") -> String {
        #"{"dataset":{"digest":"\#(dataset)","name":"mmlu:1"},"metrics":{\#(metrics)},"#
            + #""stated_at":"2026-01-01T00:00:\#(time)Z"}"#
    }

    @Test(arguments: [
        #"{"mmlu":0.71}"#, #"{"acc,none":1,"recall@10":{"value":0.5,"n":100,"low":0.4,"high":0.6,"unit":"%"}}"#,
        #"{"loss":-1e-3,"mAP@.5":{"value":0}}"#,
    ])
    func `a map of names to numbers or their parts is read`(json: String) throws {
        #expect(try !MeasuredFigures.values(in: JSONValue(parsing: Array(json.utf8))).isEmpty)
    }

    @Test(arguments: [
        // No numbers, or none that every reader has alike.
        #"{"a":NaN}"#, #"{"a":Infinity}"#, #"{"a":"0.7"}"#, #"{"a":null}"#, #"{"a":true}"#, #"{"a":[0.7]}"#,
        #"{"a":1e400}"#, #"{"a":1e-400}"#, #"{"a":9007199254740993}"#, #"{"a":1e17}"#, #"{"a":"nan"}"#,
        // One name twice to somebody.
        #"{"a":0.1,"a":0.9}"#, #"{"a":0.1,"\u0061":0.9}"#, #"{"mmlu":0.1,"MMLU":0.9}"#,
        #"{"a":{"value":0.1,"value":0.9}}"#, #"{"a":{"value":0.1,"v\u0061lue":0.9}}"#,
        // Keys that are none.
        #"{"a":{"value":0.1,"Value":0.9}}"#, #"{"a":{"value":0.1,"stderr":0.1}}"#, #"{"a":{"n":3}}"#, #"{"a":{}}"#,
        #"{"a":{"value":0.1,"n":0}}"#, #"{"a":{"value":0.1,"n":1.5}}"#, #"{"a":{"value":0.1,"n":"3"}}"#,
        #"{"a":{"value":0.1,"low":0.2}}"#, #"{"a":{"value":0.1,"high":0.05}}"#, #"{"a":{"value":0.1,"unit":""}}"#,
        #"{"a":{"value":0.1,"unit":3}}"#, #"{"a":{"value":0.1,"unit":"\u202e%"}}"#, #"{"a":{"value":{"x":1}}}"#,
        // Names that print as something else.
        #"{"":0.1}"#, #"{"a b":0.1}"#, #"{"größe":0.1}"#, #"{"a\n":0.1}"#, #"{"a\u0000":0.1}"#, #"{"\"a":0.1}"#,
        // Other documents.
        "{}", "[]", "0.7", #"{"results":{"mmlu":{"acc":0.7}}}"#, #"{"a":0.1}{"a":0.2}"#, "",
    ])
    func `what two readers could understand in two ways is refused with a next step`(json: String) {
        let error = #expect(throws: AssayError.self) {
            _ = try MeasuredFigures.values(in: JSONValue(parsing: Array(json.utf8)))
        }
        #expect(error?.code == .jsonInvalid)
    }

    @Test func `too many figures are refused`() throws {
        let many = (0...MeasuredFigures.countMax).map { "\"m\($0)\":1" }.joined(separator: ",")
        #expect(throws: AssayError.self) {
            _ = try MeasuredFigures.values(in: JSONValue(parsing: Array("{\(many)}".utf8)))
        }
    }

    @Test(arguments: [
        #"{"metrics":{"a":{"value":1}},"stated_at":"2026-01-01T00:00:00.000Z"}"#,
        predicate(#""a":1"#), predicate(#""a":{"value":1},"A":{"value":2}"#), predicate(""),
        predicate(#""a":{"value":1}"#, on: "sha256:abc"), predicate(#""a":{"value":1}"#, at: "61.000"),
        predicate(#""a":{"value":1}"#).replacing("stated_at", with: "statedAt"),
        predicate(#""a":{"value":1}"#).replacing(#""name""#, with: #""Name""#),
    ])
    func `a predicate has exactly its keys`(json: String) {
        #expect(throws: AssayError.self) { _ = try MeasuredFigures.parse(Array(json.utf8)) }
        #expect(
            StatementWord.of(Array(json.utf8), type: PredicateType.figures, subject: .sha256Zero).result == .malformed)
    }

    @Test func `what is written is read again`() throws {
        let json = #"{"mmlu_pro":{"value":0.1,"n":7,"low":0.05,"high":1.0,"unit":"share"},"b":-2}"#
        let values = try MeasuredFigures.values(in: JSONValue(parsing: Array(json.utf8)))
        let figures = MeasuredFigures(
            dataset: .init(digest: try Digest(parsing: Self.data), name: "d:1"), metrics: values,
            statedAt: Timestamp(milliseconds: 5))
        #expect(try MeasuredFigures.parse(JSON.encode(figures)) == figures)
    }

    // MARK: Policies

    private static func policy(_ demand: String) throws -> Policy {
        try PolicyTests.policy(#"{"version":1,"measured":{"mmlu":{\#(demand)}}}"#)
    }

    private static func said(
        _ metrics: String, on dataset: String = data, by signer: String = "k2", as role: TrustedKey.Role = .evaluation,
        at time: Int64 = 0
    ) throws -> Evidence.Statement {
        .init(
            predicateType: PredicateType.figures, signer: signer, role: role,
            predicate: Array(predicate(metrics, on: dataset).utf8), subject: try PolicyTests.subject(1).digest,
            recordedAt: Timestamp(milliseconds: time))
    }

    private static func outcome(
        _ demand: String, _ statements: [Evidence.Statement], after days: Int64 = 0
    ) throws -> RequirementOutcome {
        var evidence = PolicyTests.evidence(nil)
        evidence.statements = statements
        evidence.time = Timestamp(milliseconds: days * 86_400_000)
        evidence.figureDatasets = [try Reference(parsing: "mmlu:1"): try Digest(parsing: data)]
        return try #require(try policy(demand).decide(evidence).outcomes.last)
    }

    private static let good = #""mmlu":{"value":0.7}"#
    private static let bad = #""mmlu":{"value":0.5}"#

    @Test(arguments: [
        (#""min":0.6"#, true), (#""min":0.7"#, true), (#""min":0.71"#, false), (#""max":0.7"#, true),
        (#""max":0.6"#, false), (#""min":0.6,"role":"evaluation""#, true), (#""min":0.6,"role":"training""#, false),
        (#""min":0.6,"keys":["k2"]"#, true), (#""min":0.6,"keys":["k3"]"#, false),
        (#""min":0.6,"dataset":"mmlu:1""#, true), (#""min":0.6,"dataset":"mmlu:2""#, false),
        (#""min":0.6,"unit":"%""#, false), (#""min":0.6,"max_age":"30d""#, true),
    ])
    func `a figure is bounded by value, role, key, data, unit and age`(demand: String, isMet: Bool) throws {
        let outcome = try Self.outcome(demand, [try Self.said(Self.good)])
        #expect((outcome.status == .passed) == isMet, "\(outcome)")
        #expect(outcome.requirement == "measured.mmlu")
    }

    @Test func `the newest statement of whom the policy allows counts, on the data that it names`() throws {
        let (good, bad) = (try Self.said(Self.good), try Self.said(Self.bad))
        #expect(try Self.outcome(#""min":0.6"#, [good, bad]).status == .failed)
        #expect(try Self.outcome(#""min":0.6"#, [bad, good]).status == .passed)
        let elsewhere = try Self.said(Self.bad, on: Self.other)
        #expect(try Self.outcome(#""min":0.6,"dataset":"mmlu:1""#, [good, elsewhere]).status == .passed)
        #expect(try Self.outcome(#""min":0.6"#, [good, elsewhere]).status == .failed)
        let trainer = try Self.said(Self.bad, by: "k3", as: .training)
        #expect(try Self.outcome(#""min":0.6,"role":"evaluation""#, [good, trainer]).status == .passed)
        #expect(try Self.outcome(#""min":0.6"#, [good, trainer]).status == .failed)
        let silent = try Self.said(#""gsm8k":{"value":0.1}"#)
        #expect(try Self.outcome(#""min":0.6"#, [good, silent]).status == .passed)
        let garbled = try Self.said(#""mmlu":"0.1""#)
        let outcome = try Self.outcome(#""min":0.6"#, [good, garbled])
        #expect(outcome.status == .failed)
        #expect(outcome.measured.contains("cannot be read"))
    }

    @Test func `age is counted by the log and not by what the statement says of itself`() throws {
        let day: Int64 = 86_400_000
        let old = try Self.said(Self.good, at: 1 * day)
        #expect(try Self.outcome(#""min":0.6,"max_age":"30d""#, [old], after: 31).status == .passed)
        let outcome = try Self.outcome(#""min":0.6,"max_age":"30d""#, [old], after: 32)
        #expect(outcome.status == .failed)
        #expect(outcome.measured.contains("too old"))
        var evidence = PolicyTests.evidence(nil)
        evidence.statements = [old]
        let policy = try Self.policy(#""min":0.6,"max_age":"30d""#)
        #expect(!policy.decide(evidence).isPassed, "nobody knows what time it is")
        #expect(
            policy.figuresEnd(evidence, after: Timestamp(milliseconds: 0)) == Timestamp(milliseconds: 31 * day + 1))
    }

    @Test func `why nothing counts is told`() throws {
        func told(_ demand: String, _ statements: [Evidence.Statement]) throws -> String {
            try Self.outcome(demand, statements).measured
        }
        #expect(try told(#""min":0.6"#, []) == "none by a trusted key")
        #expect(
            try told(#""min":0.6,"dataset":"mmlu:1""#, [try Self.said(Self.good, on: Self.other)])
                .contains("not on the demanded data"))
        #expect(try told(#""min":0.6,"dataset":"gone:1""#, [try Self.said(Self.good)]).contains("is not here"))
        #expect(try told(#""min":0.6,"keys":["k9"]"#, [try Self.said(Self.good)]).contains("none of the demanded"))
        #expect(try told(#""min":0.6"#, [try Self.said(#""mmlu2":{"value":1}"#)]).contains("did you mean 'mmlu2'?"))
        #expect(try told(#""min":0.6"#, [try Self.said(Self.good, as: .registry)]) == "none by a trusted key")
        var evidence = PolicyTests.evidence(nil)
        evidence.uncounted = [
            .init(predicate: try Self.said(Self.good).predicate, signer: "k7", reason: "was revoked as of then")
        ]
        let outcome = try #require(try Self.policy(#""min":0.6"#).decide(evidence).outcomes.last)
        #expect(outcome.status == .missing)
        #expect(outcome.measured == "told by key k7, which was revoked as of then")
    }

    @Test func `neither kind of figure stands for the other`() throws {
        var evidence = PolicyTests.evidence(try PolicyTests.report(1, accuracy: 0.5))
        evidence.statements = [try Self.said(#""accuracy":{"value":1}"#)]
        let own = try PolicyTests.policy(
            #"{"version":1,"dataset":"d:1","metrics":{"accuracy":{"min":0.9}},"measured":{"accuracy":{"min":0.9}}}"#)
        #expect(
            own.decide(evidence).outcomes.suffix(2).map { "\($0.requirement) \($0.status)" } == [
                "measured.accuracy passed", "accuracy failed",
            ])
        evidence.statements = []
        evidence.report = try PolicyTests.report(1, accuracy: 1)
        #expect(own.decide(evidence).outcomes.map(\.status).suffix(2) == [.missing, .passed])
    }

    @Test func `a key for figures tells nothing else unless it is named`() throws {
        var evidence = PolicyTests.evidence(nil)
        evidence.statements = [
            try PolicyTests.statement("https://e.org/review", #"{"ok":true}"#, signer: "k2", role: .evaluation)
        ]
        func isPassed(_ more: String) throws -> Bool {
            try PolicyTests.policy(
                #"{"version":1,"attestations":[{"type":"https://e.org/review","where":{"ok":true}\#(more)}]}"#
            ).decide(evidence).isPassed
        }
        #expect(try !isPassed(""))
        #expect(try isPassed(#","role":"evaluation""#))
        #expect(try isPassed(#","keys":["k2"]"#))
    }

    @Test(arguments: [
        #""mmlu":{}"#, #""mmlu":{"role":"evaluation"}"#, #""mmlu":{"min":0.6,"max":0.5}"#, #""mmlu":0.6"#,
        #""mmlu":{"min":0.6,"role":"registry"}"#, #""mmlu":{"min":0.6,"role":"log"}"#,
        #""mmlu":{"min":0.6,"role":"evaluator"}"#, #""mmlu":{"min":0.6,"keys":[]}"#, #""mmlu":{"min":0.6,"unit":""}"#,
        #""mmlu":{"min":0.6,"dataset":"d:production"}"#, #""mmlu":{"min":0.6,"max_age":"30"}"#,
        #""mmlu":{"min":0.6,"max_age":30}"#, #""mmlu":{"min":0.6,"max_age":"0d"}"#, #""mmlu":{"min":"0.6"}"#,
        #""mmlu":{"min":0.6,"max_age":"1 d"}"#, #""mmlu":{"min":0.6,"max_age":"999999999w"}"#,
        #""mmlu":{"min":0.6,"maxAge":"3d"}"#, #""mmlu":{"Min":0.6}"#, #""mmlu":{"min":1e300}"#, #""m m":{"min":1}"#,
        #""":{"min":1}"#, #""mmlu":{"min":0.6,"max_age":"030d"}"#,
    ])
    func `a demand that nothing or everything meets is refused`(json: String) {
        let error = #expect(throws: AssayError.self) {
            try PolicyTests.policy(#"{"version":1,"measured":{\#(json)}}"#).checkDemands(allowsUnknownMetrics: false)
        }
        #expect(error?.code == .policyInvalid, "\(String(describing: error))")
        #expect(error?.remedy != nil, "\(String(describing: error))")
    }

    @Test(arguments: [("1s", 1), ("90m", 5_400), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)])
    func `an age has a number and a unit`(text: String, seconds: Int64) {
        #expect(Age(parsing: text)?.seconds == seconds)
        #expect(Age(parsing: text)?.description == text)
    }
}

extension Digest {
    /// A digest of no bytes in particular.
    fileprivate static let sha256Zero = Digest(algorithm: .sha256, bytes: [UInt8](repeating: 0, count: 32))
}
