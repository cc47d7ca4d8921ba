import AssayDomain
import Testing

/// A statement counts for what it says.
struct StatementWordTests {
    private typealias Line = (predicate: String, result: StatementWord.Result)

    private static let testResults: [Line] = [
        (#"{"result":"PASSED"}"#, .passed), (#"{"result":"PASSED","failedTests":[]}"#, .passed),
        (#"{"result":"FAILED"}"#, .failed), (#"{"result":"WARNED"}"#, .warned),
        (#"{"result":"PASSED","failedTests":["a"]}"#, .failed), (#"{"result":"passed"}"#, .malformed),
        (#"{"Result":"PASSED"}"#, .malformed), (#"{"result":true}"#, .malformed), ("{}", .malformed),
        ("[]", .malformed), ("null", .malformed), (#"{"result":"FAILED","Result":"PASSED"}"#, .failed),
    ]

    private static let verdicts: [Line] = [
        (#"{"verificationResult":"PASSED","resourceUri":"digits:1","assay_alias":"staging"}"#, .passed),
        (#"{"verificationResult":"FAILED","resourceUri":"digits:1","assay_alias":"staging"}"#, .failed),
        (#"{"verificationResult":"PASS","resourceUri":"digits:1","assay_alias":"staging"}"#, .malformed),
        (#"{"verificationResult":"PASSED"}"#, .malformed),
        (
            #"{"verificationResult":"PASSED","resourceUri":"urn:assay:version:d:1","urn:assay:verdict:alias":"a"}"#,
            .passed
        ),
        (#"{"verificationResult":"PASSED","resourceUri":"digits:1","urn:assay:verdict:alias":5}"#, .malformed),
        // Two names of one field are two answers.
        (
            #"{"verificationResult":"PASSED","resourceUri":"d:1","assay_alias":"a","urn:assay:verdict:alias":"a"}"#,
            .malformed
        ),
    ]

    @Test(
        arguments: testResults.map { (PredicateType.testResult, $0) } + verdicts.map { (PredicateType.verdict, $0) } + [
            (PredicateType.provenance, (PolicyTests.provenance, .stated)),
            (PredicateType.provenance, ("{}", .malformed)),
            (PredicateType.bill, (#"{"bomFormat":"CycloneDX"}"#, .stated)), (PredicateType.bill, ("{}", .malformed)),
            (PredicateType.verificationReport, ("{}", .malformed)), (PredicateType.waiver, ("{}", .malformed)),
            (PredicateType.waiverWithoutPolicy, ("{}", .outdated)), ("https://example.org/x", ("{}", .stated)),
        ])
    func `each type has its own yes and no`(type: String, line: (String, StatementWord.Result)) throws {
        #expect(try PolicyTests.statement(type, line.0).word().result == line.1)
    }

    @Test func `a report is one if it has figures of this version`() throws {
        let report = try PolicyTests.report(1, accuracy: 0.9)
        let good = String(decoding: try JSON.encode(report), as: UTF8.self)
        #expect(try PolicyTests.statement(PredicateType.verificationReport, good).word().result == .measured)
        let other = String(decoding: try JSON.encode(try PolicyTests.report(2, accuracy: 0.9)), as: UTF8.self)
        #expect(try PolicyTests.statement(PredicateType.verificationReport, other).word().result == .malformed)
        let failed = try Self.failure()
        #expect(try PolicyTests.statement(PredicateType.verificationReport, failed).word().result == .failed)
    }

    private static func failure(on dataset: Int64 = 7) throws -> String {
        let report = VerificationReport(
            verification: VerificationID(bits: 1), subject: try PolicyTests.subject(1),
            dataset: try PolicyTests.subject(dataset), settings: VerificationSettings(), evaluator: "e 1",
            environment: nil, outcome: .failure(.init("invalid-model", "no")), startedAt: Timestamp(milliseconds: 0),
            finishedAt: Timestamp(milliseconds: 1))
        return String(decoding: try JSON.encode(report), as: UTF8.self)
    }

    private static let review = "https://example.org/review/v1"
    private static let approval = #"{"approved":true,"by":"é","metrics":{"mmlu":0.7,"n":3.0},"metrics.mmlu":0.1}"#
    private static let passed = #"{"result":"PASSED"}"#
    private static let refused = #"{"result":"FAILED"}"#

    private static func verdict(_ result: String, _ alias: String?, in repository: String = "digits") -> String {
        #"{"verificationResult":"\#(result)","resourceUri":"urn:assay:version:\#(repository):1""#
            + (alias.map { #","urn:assay:verdict:alias":"\#($0)""# } ?? "") + "}"
    }

    /// As verdicts were before their own fields were URIs.
    private static func former(_ result: String, _ alias: String?, in repository: String = "digits") -> String {
        #"{"verificationResult":"\#(result)","resourceUri":"\#(repository):1""#
            + (alias.map { #","assay_alias":"\#($0)""# } ?? "") + "}"
    }

    private typealias Case = (
        demand: String, said: [(type: String, predicate: String, signer: String)], status: RequirementOutcome.Status
    )

    private static let cases: [Case] = [
        (#"{"type":"test-result"}"#, [(PredicateType.testResult, passed, "a")], .passed),
        (#"{"type":"test-result"}"#, [(PredicateType.testResult, refused, "a")], .failed),
        (#"{"type":"test-result"}"#, [(PredicateType.testResult, #"{"result":"WARNED"}"#, "a")], .failed),
        (#"{"type":"test-result"}"#, [], .missing),
        // Of each signer the newest counts.
        (
            #"{"type":"test-result"}"#,
            [(PredicateType.testResult, passed, "a"), (PredicateType.testResult, refused, "a")], .failed
        ),
        (
            #"{"type":"test-result"}"#,
            [(PredicateType.testResult, refused, "a"), (PredicateType.testResult, passed, "a")], .passed
        ),
        (
            #"{"type":"test-result"}"#,
            [(PredicateType.testResult, passed, "a"), (PredicateType.testResult, refused, "b")], .passed
        ),
        (
            #"{"type":"test-result","keys":["b"]}"#,
            [(PredicateType.testResult, passed, "a"), (PredicateType.testResult, refused, "b")], .failed
        ),
        (
            #"{"type":"test-result"}"#,
            [(PredicateType.testResult, passed, "a"), (PredicateType.testResult, "{}", "a")],
            .failed
        ),
        // A verdict is of another alias, in this repository.
        (#"{"type":"verdict"}"#, [(PredicateType.verdict, verdict("PASSED", "staging"), "a")], .passed),
        (#"{"type":"verdict"}"#, [(PredicateType.verdict, verdict("PASSED", "production"), "a")], .missing),
        (#"{"type":"verdict"}"#, [(PredicateType.verdict, verdict("PASSED", nil), "a")], .missing),
        (#"{"type":"verdict"}"#, [(PredicateType.verdict, verdict("FAILED", "staging"), "a")], .failed),
        (#"{"type":"verdict"}"#, [(PredicateType.verdict, verdict("PASSED", "staging", in: "evil"), "a")], .missing),
        (
            #"{"type":"verdict"}"#,
            [
                (PredicateType.verdict, verdict("PASSED", "staging"), "a"),
                (PredicateType.verdict, verdict("FAILED", "production"), "a"),
            ], .passed
        ),
        (
            #"{"type":"verdict"}"#,
            [
                (PredicateType.verdict, verdict("PASSED", "staging"), "a"),
                (PredicateType.verdict, verdict("FAILED", "staging"), "a"),
            ], .failed
        ),
        (
            #"{"type":"verdict","where":{"assay_alias":"canary"}}"#,
            [(PredicateType.verdict, verdict("PASSED", "staging"), "a")], .failed
        ),
        (
            #"{"type":"verdict","where":{"assay_alias":"staging"}}"#,
            [
                (PredicateType.verdict, verdict("PASSED", "staging"), "a"),
                (PredicateType.verdict, verdict("PASSED", "canary"), "a"),
            ], .passed
        ),
        // Verdicts of both forms, asked by either name.
        (
            #"{"type":"verdict","where":{"urn:assay:verdict:alias":"staging"}}"#,
            [(PredicateType.verdict, verdict("PASSED", "staging"), "a")], .passed
        ),
        (
            #"{"type":"verdict","where":{"urn:assay:verdict:alias":"staging"}}"#,
            [(PredicateType.verdict, former("PASSED", "staging"), "a")], .passed
        ),
        (
            #"{"type":"verdict","where":{"assay_alias":"staging"}}"#,
            [(PredicateType.verdict, former("PASSED", "staging"), "a")], .passed
        ),
        (
            #"{"type":"verdict"}"#,
            [
                (PredicateType.verdict, former("PASSED", "staging"), "a"),
                (PredicateType.verdict, verdict("FAILED", "staging"), "a"),
            ], .failed
        ),
        (#"{"type":"verdict"}"#, [(PredicateType.verdict, former("PASSED", "staging", in: "evil"), "a")], .missing),
        // Fields of other types.
        (#"{"type":"TYPE","where":{"approved":true}}"#, [(review, approval, "a")], .passed),
        (#"{"type":"TYPE","where":{"approved":true}}"#, [(review, #"{"approved":false}"#, "a")], .failed),
        (#"{"type":"TYPE","where":{"approved":true}}"#, [(review, #"{"approved":"true"}"#, "a")], .failed),
        (#"{"type":"TYPE","where":{"approved":true}}"#, [(review, #"{"approved":1}"#, "a")], .failed),
        (#"{"type":"TYPE","where":{"approved":true}}"#, [(review, #"{"Approved":true}"#, "a")], .failed),
        (#"{"type":"TYPE","where":{"approved":true}}"#, [(review, #"{"approved":[true]}"#, "a")], .failed),
        (#"{"type":"TYPE","where":{"approved":true}}"#, [(review, "true", "a")], .failed),
        (
            #"{"type":"TYPE","where":{"approved":true}}"#,
            [(review, approval, "a"), (review, #"{"approved":false}"#, "a")], .failed
        ),
        (#"{"type":"TYPE","where":{"approved":true,"metrics.mmlu":{"min":0.6}}}"#, [(review, approval, "a")], .passed),
        (#"{"type":"TYPE","where":{"metrics.mmlu":{"min":0.71}}}"#, [(review, approval, "a")], .failed),
        (#"{"type":"TYPE","where":{"metrics.mmlu":{"max":0.2}}}"#, [(review, approval, "a")], .failed),
        (#"{"type":"TYPE","where":{"metrics.mmlu":{"min":0.6,"max":0.7}}}"#, [(review, approval, "a")], .passed),
        (#"{"type":"TYPE","where":{"metrics.n":3}}"#, [(review, approval, "a")], .passed),
        (#"{"type":"TYPE","where":{"by":"é"}}"#, [(review, approval, "a")], .passed),
        ("{\"type\":\"TYPE\",\"where\":{\"by\":\"e\u{301}\"}}", [(review, approval, "a")], .failed),
        (#"{"type":"TYPE","where":{"a":{"min":0}}}"#, [(review, #"{"a":1e400}"#, "a")], .failed),
        (#"{"type":"TYPE","where":{"a":{"min":0}}}"#, [(review, #"{"a":"1"}"#, "a")], .failed),
        (#"{"type":"TYPE","present":true}"#, [(review, "{}", "a")], .passed),
    ]

    @Test(arguments: cases.indices)
    func `a no is never a yes`(index: Int) throws {
        let (demand, said, status) = Self.cases[index]
        let json = demand.replacing("TYPE", with: Self.review)
        let policy = try PolicyTests.policy(#"{"version":1,"attestations":[\#(json)]}"#)
        try policy.checkDemands(allowsUnknownMetrics: false)
        var evidence = PolicyTests.evidence(nil)
        (evidence.alias, evidence.repository) = (
            try AliasName(parsing: "production"), try RepositoryName(parsing: "digits")
        )
        evidence.statements = try said.map { try PolicyTests.statement($0.type, $0.predicate, signer: $0.signer) }
        let outcome = try #require(policy.decide(evidence).outcomes.last)
        #expect(outcome.status == status, "\(json): \(outcome.measured)")
    }

    @Test func `a release key gives no verdict`() throws {
        let policy = try PolicyTests.policy(#"{"version":1,"attestations":[{"type":"verdict"}]}"#)
        var evidence = PolicyTests.evidence(nil)
        (evidence.alias, evidence.repository) = (
            try AliasName(parsing: "production"), try RepositoryName(parsing: "digits")
        )
        evidence.statements = [
            try PolicyTests.statement(PredicateType.verdict, Self.verdict("PASSED", "staging"), role: .release)
        ]
        #expect(policy.decide(evidence).outcomes.last?.status == .missing)
    }

    @Test func `evaluated-on is told by a measurement and by nothing else`() throws {
        let policy = try PolicyTests.policy(#"{"version":1,"lineage":["evaluated-on"]}"#)
        var evidence = PolicyTests.evidence(nil)
        evidence.relations[.evaluatedOn] = "k1"
        #expect(!policy.decide(evidence).isPassed, "provenance claims it")
        let failed = try PolicyTests.statement(PredicateType.verificationReport, try Self.failure())
        evidence.statements = [failed]
        #expect(!policy.decide(evidence).isPassed, "it failed")
        let measured = try PolicyTests.statement(
            PredicateType.verificationReport,
            String(decoding: try JSON.encode(try PolicyTests.report(1, accuracy: 0.1)), as: UTF8.self))
        evidence.statements = [failed, measured]
        #expect(policy.decide(evidence).isPassed)
        evidence.statements = [measured, failed]
        #expect(!policy.decide(evidence).isPassed, "the newest on these data failed")
        let elsewhere = try PolicyTests.statement(PredicateType.verificationReport, try Self.failure(on: 8))
        evidence.statements = [measured, elsewhere]
        #expect(policy.decide(evidence).isPassed, "that failed on other data")
        evidence.statements = [
            try PolicyTests.statement(
                PredicateType.verificationReport,
                String(decoding: try JSON.encode(try PolicyTests.report(1, accuracy: 0.1)), as: UTF8.self),
                role: .release)
        ]
        #expect(!policy.decide(evidence).isPassed, "no registry says it")
    }

    @Test(arguments: [
        #"{"type":"https://example.org/x"}"#, #"{"type":"https://example.org/x","present":false}"#,
        #"{"type":"https://example.org/x","role":"training"}"#, #"{"type":"https://example.org/x","where":{}}"#,
        #"{"type":"https://example.org/x","where":{"a":{}}}"#, #"{"type":"https://example.org/x","where":{"":1}}"#,
        #"{"type":"https://example.org/x","where":{"a..b":1}}"#,
        #"{"type":"https://example.org/x","where":{"a":null}}"#,
        #"{"type":"https://example.org/x","where":{"a":[1]}}"#, #"{"type":"https://example.org/x","where":[]}"#,
        #"{"type":"https://example.org/x","where":{"a":{"min":2,"max":1}}}"#,
        #"{"type":"https://example.org/x","where":{"a":{"mn":2}}}"#,
        #"{"type":"https://example.org/x","where":{"a":{"min":"2"}}}"#,
        #"{"type":"https://example.org/x","present":true,"where":{"a":1}}"#, #"{"type":"verdict","present":true}"#,
        #"{"type":"test-result","present":true}"#, #"{"type":"report","present":true}"#, #"{"type":"waiver"}"#,
        #"{"type":"signature"}"#, #"{"type":"provenence"}"#,
        #"{"type":"https://example.org/x","name":"A b","present":true}"#,
    ])
    func `a demand that whatever is said would meet is refused`(demand: String) {
        #expect(throws: AssayError.self) {
            try PolicyTests.policy(#"{"version":1,"attestations":[\#(demand)]}"#)
                .checkDemands(allowsUnknownMetrics: false)
        }
    }

    @Test func `a stored demand of before that says nothing is met by nothing`() throws {
        let policy = try PolicyTests.policy(#"{"version":1,"attestations":[{"type":"https://example.org/review/v1"}]}"#)
        var evidence = PolicyTests.evidence(nil)
        evidence.statements = [try PolicyTests.statement(Self.review, Self.approval)]
        #expect(policy.decide(evidence).outcomes.last?.status == .failed)
    }

    @Test(arguments: [
        #""metrics":{"accuracy":{"min":0.9,"max":0.1}}"#, #""metrics":{"accuracy":{"min":1e300}}"#,
        #""metrics":{"acuracy":{"min":0.9}}"#,
    ])
    func `a stored policy that could not be set any more is read`(json: String) throws {
        let policy = try Policy.parse(stored: Array(#"{"version":1,"dataset":"d:1",\#(json)}"#.utf8))
        #expect(!policy.decide(PolicyTests.evidence(try PolicyTests.report(1, accuracy: 0.5))).isPassed)
        #expect(throws: AssayError.self) {
            try PolicyTests.policy(#"{"version":1,"dataset":"d:1",\#(json)}"#).checkDemands(allowsUnknownMetrics: false)
        }
    }

    @Test func `a policy demands so many statements and no more`() throws {
        func check(_ count: Int) throws {
            let demand = #"{"type":"provenance"}"#
            let list = [String](repeating: demand, count: count).joined(separator: ",")
            try PolicyTests.policy(#"{"version":1,"attestations":[\#(list)]}"#).checkDemands(
                allowsUnknownMetrics: false)
        }
        try check(Policy.attestationsMax)
        #expect(throws: AssayError.self) { try check(Policy.attestationsMax + 1) }
    }
}
