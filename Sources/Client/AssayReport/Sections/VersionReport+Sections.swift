import AssayDomain

extension VersionReport {
    /// Everything that there is to show, in the order in which it is read.
    package var sections: [ReportSection] {
        var sections = [verdictSection]
        if let failure = report?.content.failure { sections.append(Self.section(of: failure)) }
        if let report = report?.content, let measured = report.measurements {
            sections.append(metrics(measured))
            if let paired = Self.paired(measured) { sections.append(paired) }
            sections.append(Self.latency(measured.latency, settings: report.settings, measured))
            sections.append(Self.throughput(measured, settings: report.settings))
            if let comparison = measured.comparison {
                sections.append(Self.comparison(comparison, settings: report.settings))
            }
            if let agreement = measured.agreement { sections.append(Self.agreement(agreement)) }
            if let confusion = Self.confusion(measured) { sections.append(confusion) }
            sections += Self.others(measured)
        }
        if !measured.isEmpty { sections.append(figuresSection) }
        if let report = report?.content { sections.append(context(of: report)) }
        sections.append(evidenceSection)
        return sections.filter { !$0.isEmpty }
    }

    // MARK: Verdict

    private var verdictSection: ReportSection {
        var section = ReportSection("verdict", "Verdict")
        guard let verdict = verdict?.content else {
            section.note = "No policy has decided on this version yet. Ask for it with: assay promote \(name) ALIAS"
            return section
        }
        section.note =
            "\(verdict.word.capitalizedFirst) for the alias \(verdict.alias) at \(verdict.timeVerified), "
            + "by the policy \(verdict.policy.uri)."
        let hasConfidence = verdict.outcomes.contains { $0.confidence != nil }
        let hasWaiver = verdict.outcomes.contains { $0.waiver != nil }
        var table = ReportTable(
            "What the policy demands and what was found",
            headings: ["Requirement", "Demanded", "Measured"] + (hasConfidence ? ["Confidence"] : []) + ["Status"]
                + (hasWaiver ? ["Waived"] : []))
        for outcome in verdict.outcomes {
            table.add(
                [.head(outcome.requirement), .text(outcome.demanded), .text(outcome.measured)]
                    + (hasConfidence ? [.text(outcome.confidence ?? "")] : []) + [.status(outcome.status)]
                    + (hasWaiver ? [.text(outcome.waiver ?? "")] : []))
        }
        section.tables = [table]
        return section
    }

    private static func section(of failure: VerificationReport.Failure) -> ReportSection {
        var section = ReportSection("failure", "Why it could not be measured")
        var table = ReportTable("The failure", headings: ["Kind", "Message", "Status"])
        table.add([.head(failure.kind), .text(failure.message), .status(.failed)])
        section.tables = [table]
        return section
    }

    // MARK: Evidence

    private var evidenceSection: ReportSection {
        var section = ReportSection("evidence", "Evidence")
        let faults = evidence.filter { $0.status != .valid }.count
        section.note =
            faults == 0
            ? "Every signature and statement about this version was checked, and all of them count."
            : "Every signature and statement about this version was checked; \(faults) of \(evidence.count) "
                + "do not count."
        var table = ReportTable(
            "Signatures and statements about the version",
            headings: ["Statement", "Attestation", "Signed by key", "Trusted as", "Recorded", "Status"])
        for item in evidence {
            let shown = [report?.evidence, verdict?.evidence] + measured.map(\.evidence)
            let used = shown.contains { $0?.manifestDigest == item.manifestDigest }
            table.add([
                .head(PredicateType.short(item.predicateType) + (used ? " (shown here)" : "")),
                .text(item.manifestDigest.short), .text(background.name(ofKey: item.signer)),
                .text(item.role?.rawValue ?? "-"), .text(item.createdAt?.description ?? "-"),
                item.status == .valid
                    ? .status(.passed, "valid")
                    : .status(.failed, item.fault.map { "\(item.status.rawValue): \($0)" } ?? item.status.rawValue),
            ])
        }
        section.tables = [table]
        return section
    }
}
