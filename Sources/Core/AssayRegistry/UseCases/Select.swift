package import AssayDomain

/// Finds the best version of a repository by signed reports.
package struct Select: Sendable {
    /// How many versions are looked at, the newest first.
    package static let versionsMax = 1_000
    /// How many of a version's verifications are looked through for one that counts.
    private static let verificationsMax = 100

    package struct Outcome: Sendable {
        /// The best of those that fit; nil if none does.
        package let best: Version?
        /// Every version that was looked at, newest first.
        package let candidates: [SelectionCandidate]
        /// What the reports that count were measured on; nil if there is none.
        package let dataset: VerificationReport.Subject?
        /// Whether there are versions that were not looked at.
        package let isTruncated: Bool
    }

    let index: any Index
    let verify: Verify

    /// What is known of one version on one dataset.
    private enum Finding {
        case report(VerificationReport)
        /// Why the newest report does not count.
        case fault(String)
    }

    /// Looks at every version with the newest report of it that was made as is asked for.
    ///
    /// A report counts if the trust root vouches for its signature now and it is of the evaluator build that runs now;
    /// one that does not count is not replaced by an older one. Throws `repository-not-found`, `dataset-unsupported`,
    /// and `request-invalid` for bad criteria, and where reports are of several datasets and none was named: figures of
    /// different data cannot be compared.
    package func callAsFunction(
        _ repository: RepositoryName, on dataset: Version?, _ criteria: SelectionCriteria
    ) async throws -> Outcome {
        try criteria.check()
        if let dataset { try Verify.requireDataset(dataset) }
        let (versions, isTruncated) = try await versions(of: repository)
        var finished: [(version: Version, verifications: [Verification])] = []
        for version in versions {
            finished.append((version, try await self.finished(of: version, on: dataset, criteria)))
        }
        let data = try Self.dataset(of: finished.flatMap(\.verifications), in: repository)
        var findings: [(version: Version, finding: Finding?)] = []
        for (version, verifications) in finished {
            findings.append((version, try await finding(among: verifications.filter { $0.dataset == data }, criteria)))
        }
        return conclude(findings, criteria, dataset: data, isTruncated: isTruncated)
    }

    private func versions(of repository: RepositoryName) async throws -> ([Version], isTruncated: Bool) {
        let page = try await index.versions(VersionQuery(repository: repository, limit: Self.versionsMax))
        return (page.items, page.next != nil)
    }

    /// The verifications with a report as is asked for, newest first.
    private func finished(
        of version: Version, on dataset: Version?, _ criteria: SelectionCriteria
    ) async throws -> [Verification] {
        try await verify.verifications(of: version, limit: Self.verificationsMax).filter {
            $0.envelopeDigest != nil && criteria.accepts($0.settings, by: $0.worker)
                && (dataset.map(\.manifestDigest) ?? $0.dataset.digest) == $0.dataset.digest
        }
    }

    /// What the first report that says something says.
    private func finding(among verifications: [Verification], _ criteria: SelectionCriteria) async throws -> Finding? {
        for verification in verifications {
            if let finding = try await finding(of: verification, criteria) { return finding }
        }
        return nil
    }

    /// Nil for a failure that says something of the machine and nothing of the model.
    private func finding(of verification: Verification, _ criteria: SelectionCriteria) async throws -> Finding? {
        do {
            let report = try await verify.report(of: verification)
            guard report.failure?.isConclusive ?? true else { return nil }
            guard report.evaluator == verify.evaluatorBuild else { return .fault("by another evaluator build") }
            // The index is believed nothing that the signed report does not say.
            guard criteria.accepts(report) else { return .fault("of another machine, or another batch") }
            return .report(report)
        } catch let error as AssayError where error.code.kind != .storage {
            return .fault("\(error.code): \(error.message)")
        }
    }

    /// What the versions were measured on: of several the one that something was measured on, and not only tried.
    private static func dataset(
        of verifications: [Verification], in repository: RepositoryName
    ) throws(AssayError) -> VerificationReport.Subject? {
        let all = Set(verifications.map(\.dataset))
        let measured = Set(verifications.filter { $0.state == .measured }.map(\.dataset))
        let datasets = measured.isEmpty ? all : measured
        guard datasets.count > 1 else { return datasets.first }
        let names = datasets.map { "\($0.repository):\($0.number)" }.sorted().joined(separator: ", ")
        throw AssayError(
            .requestInvalid, "the versions of \(repository) were measured on several datasets: \(names)",
            reason: "figures of different data cannot be compared",
            remedy: "name one, such as: assay select \(repository) --on \(names.prefix { $0 != "," })")
    }

    private func conclude(
        _ findings: [(version: Version, finding: Finding?)], _ criteria: SelectionCriteria,
        dataset: VerificationReport.Subject?, isTruncated: Bool
    ) -> Outcome {
        var candidates: [SelectionCandidate] = []
        var best: (rank: Rank, version: Version)?
        for (version, finding) in findings {
            let candidate = Self.candidate(version, finding, criteria)
            candidates.append(candidate)
            guard candidate.isFitting, case .report(let report) = finding,
                let rank = Rank(report, version, criteria)
            else { continue }
            if best.map({ rank.isBetter(than: $0.rank) }) ?? true { best = (rank, version) }
        }
        return Outcome(best: best?.version, candidates: candidates, dataset: dataset, isTruncated: isTruncated)
    }

    private static func candidate(
        _ version: Version, _ finding: Finding?, _ criteria: SelectionCriteria
    ) -> SelectionCandidate {
        let (report, outcomes): (VerificationReport?, [RequirementOutcome]) =
            switch finding {
            case .report(let report):
                (report, criteria.outcomes(of: report, contentBytes: version.contentBytes))
            case .fault(let reason): (nil, [missingReport(reason, .failed, criteria)])
            case nil: (nil, [missingReport("none", .missing, criteria)])
            }
        return SelectionCandidate(
            number: version.number, digest: version.manifestDigest, contentBytes: version.contentBytes,
            report: report, outcomes: (version.withdrawn.map { [RequirementOutcome(of: $0)] } ?? []) + outcomes)
    }

    private static func missingReport(
        _ reason: String, _ status: RequirementOutcome.Status, _ criteria: SelectionCriteria
    ) -> RequirementOutcome {
        let settings = ["signed", "\(criteria.threads) thread(s)", "batch \(criteria.batch)"]
        return RequirementOutcome(
            requirement: "report", demanded: (settings + criteria.labels.map(\.description)).joined(separator: ", "),
            measured: reason, status: status)
    }

    /// Equal figures are told apart by p99, then size, then age: the newest wins.
    private struct Rank {
        let figures: [Double]

        init?(_ report: VerificationReport, _ version: Version, _ criteria: SelectionCriteria) {
            guard let figure = criteria.figure(of: report, contentBytes: version.contentBytes),
                let latency = report.measurements?.latency
            else { return nil }
            figures = [
                figure, latency.p99Microseconds ?? .infinity, Double(version.contentBytes),
                -Double(version.number.value),
            ]
        }

        func isBetter(than other: Rank) -> Bool { figures.lexicographicallyPrecedes(other.figures) }
    }
}
