import AssayBundle
import AssayClient
import AssayDomain
import AssayReport

/// Picks what a report shows out of the checked evidence about a version.
enum ReportCollection {
    /// The newest verification report that counts, or the one of a verification; and the latest verdict that counts.
    ///
    /// Throws `attestation-not-found` where there is nothing to show, and `signature-invalid` or `untrusted-key` where
    /// the wanted report does not count.
    static func collect(
        of version: Version, from gathered: [GatheredEvidence], verification: VerificationID?
    ) throws -> VersionReport {
        let report = try report(of: version, among: gathered, verification: verification)
        let verdict = try newest(PredicateType.verdict, among: gathered).map { item in
            VersionReport.Signed(try VerdictSummary(predicate: predicate(of: item)), by: item.evidence)
        }
        let measured = figures(among: gathered)
        guard report != nil || verdict != nil || measured.contains(where: { $0.evidence.status == .valid }) else {
            throw absent(version, gathered)
        }
        return VersionReport(
            version: version, report: report, verdict: verdict, evidence: gathered.map(\.evidence), measured: measured)
    }

    /// What others measured and signed, oldest first, those that do not count included. What cannot be read is no
    /// figure; that it does not count is told among the evidence.
    static func figures(among gathered: [GatheredEvidence]) -> [VersionReport.Signed<MeasuredFigures>] {
        gathered.filter { $0.evidence.predicateType == PredicateType.figures }.compactMap { item in
            guard let bytes = try? predicate(of: item), let figures = try? MeasuredFigures.parse(bytes) else {
                return nil
            }
            return VersionReport.Signed(figures, by: item.evidence)
        }
    }

    private static func report(
        of version: Version, among gathered: [GatheredEvidence], verification: VerificationID?
    ) throws -> VersionReport.Signed<VerificationReport>? {
        guard let verification else {
            let reports = gathered.filter { $0.evidence.predicateType == PredicateType.verificationReport }
            // A policy's further datasets are measured with the fewest runs, beside the report that people look for.
            // One that cannot be read is kept: if it is the newest, that has to be told.
            let whole = reports.filter { (try? content(of: $0))?.settings.measuredRuns != VerificationSettings.runsMin }
            let item =
                newest(PredicateType.verificationReport, among: whole)
                ?? newest(PredicateType.verificationReport, among: reports)
            return try item.map { VersionReport.Signed(try content(of: $0), by: $0.evidence) }
        }
        for item in gathered where item.evidence.predicateType == PredicateType.verificationReport {
            // One that cannot be read is of no verification.
            guard let report = try? content(of: item), report.verification == verification else { continue }
            guard item.evidence.status == .valid else {
                throw AssayError(
                    item.evidence.status == .untrusted ? .untrustedKey : .signatureInvalid,
                    "the report of verification \(verification) does not count", reason: item.evidence.fault,
                    remedy: item.evidence.status == .untrusted
                        ? "name the trust root of the registry that measured it, as assay key export writes it"
                        : "measure again: assay verify \(version.reference) --dataset REF")
            }
            return VersionReport.Signed(report, by: item.evidence)
        }
        throw AssayError(
            .verificationNotFound, "\(version.reference) has no report of verification \(verification)",
            remedy: "leave --verification out for the newest report")
    }

    /// The newest report with measurements that counts; nil if there is none. What cannot be read is none.
    static func newestReport(
        among gathered: [GatheredEvidence], where fits: (VerificationReport.Measurements) -> Bool = { _ in true }
    ) -> VerificationReport? {
        let measured = gathered.filter { item in
            item.evidence.predicateType == PredicateType.verificationReport
                && (try? content(of: item))?.measurements.map(fits) ?? false
        }
        return newest(PredicateType.verificationReport, among: measured).flatMap { try? content(of: $0) }
    }

    /// The reports with measurements that count, newest first. What cannot be read is none.
    static func reports(among gathered: [GatheredEvidence]) -> [VerificationReport] {
        statements(PredicateType.verificationReport, among: gathered).compactMap { try? content(of: $0) }
            .filter { $0.measurements != nil }
    }

    /// The latest verdict that counts for each alias, in order of the aliases. What cannot be read is none.
    static func verdicts(among gathered: [GatheredEvidence]) -> [VerdictSummary] {
        var latest: [ExactText: VerdictSummary] = [:]
        for item in statements(PredicateType.verdict, among: gathered) {
            guard let verdict = try? VerdictSummary(predicate: predicate(of: item)) else { continue }
            let alias = ExactText(verdict.alias)
            if latest[alias] == nil { latest[alias] = verdict }
        }
        return latest.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The statements of a type that count, newest first.
    private static func statements(_ type: String, among gathered: [GatheredEvidence]) -> [GatheredEvidence] {
        gathered.filter { $0.evidence.predicateType == type && $0.evidence.status == .valid }
            .enumerated().sorted { (time(of: $0.element), $0.offset) > (time(of: $1.element), $1.offset) }
            .map(\.element)
    }

    /// The newest statement of a type that counts.
    private static func newest(_ type: String, among gathered: [GatheredEvidence]) -> GatheredEvidence? {
        gathered.filter { $0.evidence.predicateType == type && $0.evidence.status == .valid }
            .reduce(nil) { newest, item in
                newest.map { time(of: $0) > time(of: item) } ?? false ? newest : item
            }
    }

    private static func time(of item: GatheredEvidence) -> Timestamp {
        item.evidence.createdAt ?? Timestamp(milliseconds: 0)
    }

    private static func content(of item: GatheredEvidence) throws -> VerificationReport {
        let report = try JSON.decode(VerificationReport.self, from: predicate(of: item))
        guard report.format == VerificationReport.formatVersion else {
            throw AssayError(
                .formatVersionUnsupported, "the report has format \(report.format)",
                remedy: "use a newer release of assay")
        }
        return report
    }

    private static func predicate(of item: GatheredEvidence) throws -> [UInt8] {
        try DSSEEnvelope(parsing: item.bytes).unverifiedStatement().predicate
    }

    private static func absent(_ version: Version, _ gathered: [GatheredEvidence]) -> AssayError {
        let refused = gathered.first { PredicateType.ofRegistry.contains($0.evidence.predicateType) }
        let remedy =
            if version.kind == .dataset {
                "reports are of models; see which ones came from this data: assay lineage \(version.reference) "
                    + "--descendants"
            } else if refused?.evidence.status == .untrusted {
                "name the trust root of the registry that measured it, as assay key export writes it"
            } else {
                "measure it with: assay verify \(version.reference) --dataset REF"
            }
        return AssayError(
            .attestationNotFound, "\(version.reference) has no verification report and no verdict that counts",
            reason: refused.flatMap(\.evidence.fault), remedy: remedy)
    }
}
