/// What a statement says, read from its predicate: believed only for that, and not for being there.
package struct StatementWord: Sendable, Hashable {
    package enum Result: String, Sendable, Codable {
        /// A yes.
        case passed
        /// A no.
        case failed
        /// Neither: some of the tests warned.
        case warned
        /// There are figures.
        case measured
        /// It tells something that is neither yes nor no; what, its fields say.
        case stated
        /// It is of a form that counts no longer.
        case outdated
        /// It is not what its type promises, and so says nothing.
        case malformed
    }

    package let result: Result
    /// What the same signer's next statement of this type must be about as well to take its place; nil if whatever it
    /// is about it does.
    package let topic: String?
    /// The repository, and the alias, that a verdict decided on.
    package let repository: RepositoryName?
    package let alias: AliasName?

    private init(_ result: Result, topic: String? = nil, repository: RepositoryName? = nil, alias: AliasName? = nil) {
        self.result = result
        self.topic = topic
        self.repository = repository
        self.alias = alias
    }

    /// Reads a predicate (JSON) of a type; `subject` is the version that the statement is about.
    package static func of(_ predicate: [UInt8], type: String, subject: Digest) -> StatementWord {
        switch type {
        case PredicateType.testResult: testResult(predicate)
        case PredicateType.verdict: verdict(predicate)
        case PredicateType.verificationReport: report(predicate, of: subject)
        case PredicateType.provenance: provenance(predicate)
        case PredicateType.bill: bill(predicate)
        case PredicateType.figures: figures(predicate)
        case PredicateType.waiver: StatementWord((try? Waiver.parse(predicate)) == nil ? .malformed : .stated)
        case PredicateType.withdrawal: StatementWord((try? Withdrawal.parse(predicate)) == nil ? .malformed : .stated)
        case PredicateType.waiverWithoutPolicy: StatementWord(.outdated)
        default: StatementWord(.stated)
        }
    }

    /// Source: in-toto/attestation, spec/predicates/test-result.md: `result` is PASSED, WARNED or FAILED.
    private static func testResult(_ predicate: [UInt8]) -> StatementWord {
        struct Body: Decodable {
            let result: String
            let failedTests: [String]?
        }
        guard let body = read(Body.self, predicate) else { return StatementWord(.malformed) }
        switch body.result {
        // One that passed although tests failed contradicts itself.
        case "PASSED": return StatementWord((body.failedTests ?? []).isEmpty ? .passed : .failed)
        case "WARNED": return StatementWord(.warned)
        case "FAILED": return StatementWord(.failed)
        default: return StatementWord(.malformed)
        }
    }

    /// Source: SLSA v1.0, verification summary: `verificationResult` is PASSED or FAILED. A verdict of ours says for
    /// which alias it was given.
    private static func verdict(_ predicate: [UInt8]) -> StatementWord {
        struct Body: Decodable {
            let verificationResult: String
            let resourceUri: String
            let alias: String?

            private enum CodingKeys: String, CodingKey { case verificationResult, resourceUri }

            init(from decoder: any Decoder) throws {
                let standard = try decoder.container(keyedBy: CodingKeys.self)
                verificationResult = try standard.decode(String.self, forKey: .verificationResult)
                resourceUri = try standard.decode(String.self, forKey: .resourceUri)
                alias = try VerdictField.alias.value(String.self, in: decoder.container(keyedBy: VerdictField.self))
            }
        }
        guard let body = read(Body.self, predicate), ["PASSED", "FAILED"].contains(body.verificationResult) else {
            return StatementWord(.malformed)
        }
        return StatementWord(
            body.verificationResult == "PASSED" ? .passed : .failed, topic: body.alias,
            repository: VerdictField.version(ofResource: body.resourceUri)?.repository,
            alias: body.alias.flatMap { try? AliasName(parsing: $0) })
    }

    /// Which of a signer's statements of figures counts is asked for each figure: see `Policy.figureOutcomes`.
    private static func figures(_ predicate: [UInt8]) -> StatementWord {
        guard let figures = try? MeasuredFigures.parse(predicate) else { return StatementWord(.malformed) }
        return StatementWord(.measured, topic: figures.dataset.digest.description)
    }

    private static func report(_ predicate: [UInt8], of subject: Digest) -> StatementWord {
        guard let report = try? JSON.decode(VerificationReport.self, from: predicate),
            report.format == VerificationReport.formatVersion, report.subject.digest == subject
        else { return StatementWord(.malformed) }
        let isMeasured = report.measurements != nil && report.failure == nil
        return StatementWord(isMeasured ? .measured : .failed, topic: report.dataset.digest.description)
    }

    /// Source: SLSA v1.0, provenance: who built it, and how, must be there.
    private static func provenance(_ predicate: [UInt8]) -> StatementWord {
        struct Body: Decodable {
            struct Definition: Decodable { let buildType: String }
            struct Details: Decodable {
                struct Builder: Decodable { let id: String }
                let builder: Builder
            }
            let buildDefinition: Definition
            let runDetails: Details
        }
        let body = read(Body.self, predicate)
        let isTold = body.map { !$0.buildDefinition.buildType.isEmpty && !$0.runDetails.builder.id.isEmpty } ?? false
        return StatementWord(isTold ? .stated : .malformed)
    }

    private static func bill(_ predicate: [UInt8]) -> StatementWord {
        struct Body: Decodable { let bomFormat: String }
        return StatementWord(read(Body.self, predicate)?.bomFormat == "CycloneDX" ? .stated : .malformed)
    }

    /// Nil for what cannot be read: it says nothing.
    private static func read<Body: Decodable>(_ type: Body.Type, _ predicate: [UInt8]) -> Body? {
        try? JSON.decodeVerbatim(type, from: predicate)
    }
}
