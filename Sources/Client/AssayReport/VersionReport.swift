package import AssayDomain

/// What signed evidence says about a version, collected for one page.
package struct VersionReport: Sendable, Encodable {
    /// Something that evidence says, and that evidence.
    package struct Signed<Content: Sendable & Encodable>: Sendable, Encodable {
        package let content: Content
        package let evidence: CheckedEvidence

        package init(_ content: Content, by evidence: CheckedEvidence) {
            self.content = content
            self.evidence = evidence
        }
    }

    package let version: Version
    /// The verification report that the page shows; nil if only verdicts are there.
    package let report: Signed<VerificationReport>?
    /// The latest decision of a policy on the version.
    package let verdict: Signed<VerdictSummary>?
    /// All signatures and statements about the version, those that do not count included.
    package let evidence: [CheckedEvidence]
    /// Figures that others measured and signed.
    package let measured: [Signed<MeasuredFigures>]
    package var background = ReportBackground()

    package init(
        version: Version, report: Signed<VerificationReport>?, verdict: Signed<VerdictSummary>?,
        evidence: [CheckedEvidence], measured: [Signed<MeasuredFigures>] = []
    ) {
        self.measured = measured
        self.version = version
        self.report = report
        self.verdict = verdict
        self.evidence = evidence
    }

    package var name: String { "\(version.repository):\(version.number)" }
}

/// What a verdict says: a verification summary of a registry.
package struct VerdictSummary: Sendable, Codable {
    package struct PolicyName: Sendable, Codable {
        package let uri: String

        package init(uri: String) { self.uri = uri }
    }

    package let timeVerified: Timestamp
    package let policy: PolicyName
    /// `PASSED` or `FAILED`.
    package let verificationResult: String
    package let alias: String
    package let outcomes: [RequirementOutcome]

    private enum CodingKeys: String, CodingKey {
        case timeVerified, policy, verificationResult
        case alias = "urn:assay:verdict:alias"
        case outcomes = "urn:assay:verdict:outcomes"
    }

    package init(from decoder: any Decoder) throws {
        let standard = try decoder.container(keyedBy: CodingKeys.self)
        timeVerified = try standard.decode(Timestamp.self, forKey: .timeVerified)
        policy = try standard.decode(PolicyName.self, forKey: .policy)
        verificationResult = try standard.decode(String.self, forKey: .verificationResult)
        let own = try decoder.container(keyedBy: VerdictField.self)
        alias = try VerdictField.alias.required(String.self, in: own)
        outcomes = try VerdictField.outcomes.required([RequirementOutcome].self, in: own)
    }

    package init(
        timeVerified: Timestamp, policy: PolicyName, verificationResult: String, alias: String,
        outcomes: [RequirementOutcome]
    ) {
        self.timeVerified = timeVerified
        self.policy = policy
        self.verificationResult = verificationResult
        self.alias = alias
        self.outcomes = outcomes
    }

    /// Reads the predicate of a verdict. Throws `json-invalid`.
    package init(predicate: [UInt8]) throws { self = try JSON.decodeVerbatim(VerdictSummary.self, from: predicate) }

    package var isPassed: Bool { verificationResult == "PASSED" }
}
