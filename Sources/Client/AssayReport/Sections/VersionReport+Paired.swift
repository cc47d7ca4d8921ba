import AssayDomain

extension VersionReport {
    /// What the intervals of differences hold with.
    private static let pairedConfidence = 0.95

    /// Metrics beside the baseline's, sample by sample; nil if there was none. `id` tells two of a page apart.
    static func paired(
        _ measured: VerificationReport.Measurements, subject: String = "this version", id: String = ""
    ) -> ReportSection? {
        guard let reference = measured.comparison?.baseline else { return nil }
        let baseline = "\(reference.repository):\(reference.number)"
        var section = ReportSection("paired\(id)", "Metrics beside \(baseline)")
        guard let paired = measured.paired, !paired.metrics.isEmpty else {
            guard let failure = measured.pairedFailure else { return nil }
            section.note = "They were not compared sample by sample: \(failure)"
            return section
        }
        section.note =
            "Both on the same \(Quantity.grouped(measured.sampleCount)) samples, drawn anew "
            + "\(Quantity.grouped(paired.resamples)) times. Each end of an interval holds with "
            + "\(Quantity.percent(pairedConfidence)) by itself.\(mcnemar(paired.mcnemar, subject))"
        let rows = paired.metrics.sorted { $0.key < $1.key }.map {
            DifferenceChart.Row(name: $0.key, metric: $0.value, bound: $0.value.bound(confidence: pairedConfidence))
        }
        section.charts = DifferenceChart.charts(of: rows, subject: subject, baseline: baseline, id: id)
        var table = ReportTable(
            "Metrics of both, and their difference",
            headings: ["Metric", subject.capitalizedFirst, baseline, "Difference", "Interval", "That is"])
        for row in rows {
            table.add([
                .head(row.name), .number(measured.metrics[row.name].map(Quantity.metric) ?? "-"),
                .number(Quantity.metric(row.metric.baseline)), .number(Quantity.difference(row.metric.difference)),
                .number(
                    row.bound.map { "\(Quantity.difference($0.lower)) to \(Quantity.difference($0.upper))" } ?? "-"),
                .text(row.isBetter.map { $0 ? "better" : "worse" } ?? "not decided"),
            ])
        }
        section.tables = [table]
        return section
    }

    private static func mcnemar(_ test: VerificationReport.McNemar?, _ subject: String) -> String {
        guard let test else { return "" }
        return " Only \(subject) is right on \(Quantity.samples(test.n01)), only the baseline on "
            + "\(Quantity.samples(test.n10)) (exact McNemar test, one-sided: p \(Quantity.metric(test.pWorse)) for "
            + "worse, \(Quantity.metric(test.pBetter)) for better)."
    }
}
