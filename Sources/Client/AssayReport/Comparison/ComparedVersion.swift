package import AssayDomain

/// What is known of one of two versions that are compared.
package struct ComparedVersion: Sendable {
    /// What a version came from.
    package struct Source: Sendable, Hashable, Encodable {
        package let relation: LineageRelation
        /// `team/payments:4`, `run ID`, or what something elsewhere is called.
        package let name: String

        package init(relation: LineageRelation, name: String) {
            self.relation = relation
            self.name = name
        }
    }

    /// As it was asked for: `digits:3`, or `digits:production at 2026-10-01`.
    package let asked: String
    package let version: Version
    package let manifest: Manifest
    package let files: [VersionFile]
    /// What the files are by their content; nil if the server cannot tell.
    package let inspections: [FileInspection]?
    package let sources: [Source]
    /// Every signature and statement, those that do not count included.
    package let evidence: [CheckedEvidence]
    /// The reports with measurements that count, newest first.
    package let reports: [VerificationReport]
    /// The latest verdict that counts for each alias.
    package let verdicts: [VerdictSummary]
    /// Figures that others measured, newest first, by signatures that count.
    package let figures: [MeasuredFigures]
    /// Aliases that pointed to it once, and do not now.
    package let earlierAliases: [AliasName]

    package init(
        asked: String, version: Version, manifest: Manifest, files: [VersionFile], inspections: [FileInspection]?,
        sources: [Source], evidence: [CheckedEvidence], reports: [VerificationReport], verdicts: [VerdictSummary],
        figures: [MeasuredFigures], earlierAliases: [AliasName]
    ) {
        self.asked = asked
        self.version = version
        self.manifest = manifest
        self.files = files
        self.inspections = inspections
        self.sources = sources
        self.evidence = evidence
        self.reports = reports
        self.verdicts = verdicts
        self.figures = figures
        self.earlierAliases = earlierAliases
    }

    /// `NAME:3`
    var name: String { "\(version.reference)" }
}
