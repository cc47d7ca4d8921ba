import AssayDomain

extension VersionReport.Signed<MeasuredFigures> {
    /// One row per figure: name, value, data, signer, what the signer is trusted as, and whether it counts.
    package var rows: [[String]] {
        content.metrics.sorted { $0.key < $1.key }.map { name, value in
            [
                name, value.text,
                "\(Printable.escape(content.dataset.name, limit: 80)) (\(content.dataset.digest.short))",
                evidence.signer.map { String($0.prefix(12)) } ?? "-", evidence.role?.rawValue ?? "-",
                evidence.status.rawValue,
            ]
        }
    }
}

extension VersionReport {
    /// What others measured: their word, apart from what the registry measured itself.
    var figuresSection: ReportSection {
        var section = ReportSection("measured-elsewhere", "Measured elsewhere")
        section.note =
            "Figures that others measured and signed, oldest first. Of those by keys that a policy allows the newest "
            + "of a name counts; no demand on what the registry measures is met by them."
        var table = ReportTable(
            "Figures that others measured",
            headings: ["Figure", "Value", "On", "Signed by key", "Trusted as", "Recorded", "Status"])
        for item in measured {
            for row in item.rows {
                table.add([
                    .head(row[0]), .number(row[1]), .text(row[2]), .text(row[3]), .text(row[4]),
                    .text(item.evidence.createdAt?.description ?? "-"),
                    item.evidence.status == .valid ? .status(.passed, "valid") : .status(.failed, row[5]),
                ])
            }
        }
        section.tables = [table]
        return section
    }
}
