import AssayDomain

extension VersionReport {
    /// How far the version answers as its teacher does.
    static func agreement(_ agreement: VerificationReport.Agreement, id: String = "") -> ReportSection {
        var section = ReportSection("agreement\(id)", "Agreement with the teacher")
        let name = agreement.teacher.map { "\($0.repository):\($0.number) (\($0.digest.short))" } ?? "a teacher"
        if let failure = agreement.failure {
            section.note = "Not compared with \(name): \(failure)"
            return section
        }
        section.note = "Beside \(name) on the same \(agreement.samples) samples."
        var table = ReportTable(
            "How far the two answer the same", headings: ["Figure", "Value", "At 95 % confidence", "Samples"])
        for row in agreement.rows(confidence: 0.95) {
            table.add([.head(row[0]), .number(row[1]), .text(row[2]), .number(row[3])])
        }
        section.tables = [table]
        return section
    }
}
