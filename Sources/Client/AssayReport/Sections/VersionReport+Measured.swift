import AssayDomain

extension VersionReport {
    func metrics(_ measured: VerificationReport.Measurements) -> ReportSection {
        var section = ReportSection("metrics", "Metrics")
        section.note = "Over \(Quantity.grouped(measured.sampleCount)) samples of the dataset."
        var table = ReportTable("Metrics of the model on the dataset", headings: ["Metric", "Value"])
        for name in metricNames(of: measured) {
            table.add([.head(name), .number(measured.metrics[name].map(Quantity.metric) ?? "-")])
        }
        section.tables = [table]
        return section
    }

    static func latency(
        _ latency: VerificationReport.Latency, settings: VerificationSettings,
        _ measured: VerificationReport.Measurements
    ) -> ReportSection {
        var section = ReportSection("latency", "Latency")
        section.note =
            "\(Quantity.grouped(latency.runs)) runs, each of "
            + "\(Quantity.samples(measured.batch(asked: settings))), with "
            + "\(Quantity.threads(settings.threads)). "
            + "Loading took \(Figure.duration(measured.loadMicroseconds)), "
            + "the first run \(Figure.duration(measured.firstRunMicroseconds)), and the process had "
            + "\(Figure.bytes(measured.peakMemoryBytes)) at its peak."
        if let chart = LatencyChart(
            id: "latency-chart", title: "Distribution of latency", series: [("this version", latency)]
        ).chart {
            section.charts = [chart]
        }
        var table = ReportTable("Latency of one run", headings: ["Figure", "Time"])
        for (name, value) in figures(of: latency) { table.add([.head(name), .number(Figure.duration(value))]) }
        section.tables = [table]
        return section
    }

    /// The figures of latency that there are, in the order of their size.
    private static func figures(of latency: VerificationReport.Latency) -> [(String, Double)] {
        let figures: [(String, Double?)] = [
            ("fastest", latency.quantilesMicroseconds?.first), ("p50 (median)", latency.p50Microseconds),
            ("mean", latency.meanMicroseconds), ("p90", latency.p90Microseconds), ("p95", latency.p95Microseconds),
            ("p99", latency.p99Microseconds), ("mean of the slowest tenth", latency.tailMicroseconds),
            ("slowest", latency.maxMicroseconds),
        ]
        return figures.compactMap { name, value in value.map { (name, $0) } }
    }

    static func throughput(
        _ measured: VerificationReport.Measurements, settings: VerificationSettings
    ) -> ReportSection {
        var section = ReportSection("throughput", "Throughput by batch and threads")
        let sweep = measured.sweep ?? []
        if sweep.isEmpty {
            section.note = "Only one point was measured. More with: assay verify … --sweep-batches 1,8,32"
        }
        let own = VerificationReport.SweepPoint(
            threads: settings.threads, batch: measured.batch(asked: settings), latency: measured.latency)
        let isSwept = sweep.contains { $0.threads == own.threads && $0.batch == own.batch }
        let points = (isSwept ? sweep : sweep + [own]).sorted { ($0.threads, $0.batch) < ($1.threads, $1.batch) }
        section.charts = ThroughputChart(points: points).chart.map { [$0] } ?? []
        var table = ReportTable(
            "Throughput and latency at each batch size and number of threads",
            headings: ["Threads", "Batch", "Samples per second", "p50 of a run", "p90 of a run"])
        for point in points {
            table.add([
                .head("\(point.threads)"), .number("\(point.batch)"),
                .number(Quantity.rate(point.latency.throughput)),
                .number(Figure.duration(point.latency.p50Microseconds)),
                .number(Figure.duration(point.latency.p90Microseconds)),
            ])
        }
        section.tables = [table]
        return section
    }

    static func comparison(
        _ comparison: VerificationReport.Comparison, settings: VerificationSettings, subject: String = "this version",
        id: String = ""
    ) -> ReportSection {
        let baseline = "\(comparison.baseline.repository):\(comparison.baseline.number)"
        let figures = comparison.figures
        var section = ReportSection("comparison\(id)", "Latency beside \(baseline)")
        let confidence = figures.confidence.map { " Intervals hold with \(Quantity.percent($0))." } ?? ""
        section.note =
            "Runs of both took turns in pairs of fresh sessions. A ratio above 1 means that \(subject) is slower."
            + confidence
        let bounds = settings.maxRatios ?? [:]
        let forest = RatioChart(
            ratios: figures.ratios ?? [:], bounds: bounds, subject: subject, baseline: baseline,
            id: "comparison-chart\(id)"
        ).chart
        let both = figures.candidate.flatMap { candidate in
            LatencyChart(
                id: "comparison-latency-chart\(id)", title: "Distribution of latency beside the baseline",
                series: [(subject, candidate), (baseline, figures.latency)]
            ).chart
        }
        section.charts = [forest, both].compactMap { $0 }
        var table = ReportTable(
            "Latency of both, and their ratio",
            headings: ["Figure", subject.capitalizedFirst, baseline, "Ratio", "Interval", "Bound", "Pairs of sessions"])
        for name in VerificationReport.Latency.statistics {
            let ratio = figures.ratios?[name]
            guard ratio != nil || figures.latency.microseconds(of: name) != nil else { continue }
            func time(_ latency: VerificationReport.Latency?) -> String {
                latency?.microseconds(of: name).map(Figure.duration) ?? "-"
            }
            table.add([
                .head(name), .number(time(figures.candidate)), .number(time(figures.latency)),
                .number(ratio.map { Figure.ratio($0.ratio) } ?? "-"), .number(interval(ratio)),
                .number(bounds[name].map { "at most \(Figure.ratio($0))" } ?? "-"),
                .number(ratio.map { "\($0.sessions.count)" } ?? "-"),
            ])
        }
        section.tables = [table]
        return section
    }

    private static func interval(_ ratio: VerificationReport.Ratio?) -> String {
        guard let lower = ratio?.lower, let upper = ratio?.upper else { return "-" }
        return "\(Figure.ratio(lower)) to \(Figure.ratio(upper))"
    }

    // MARK: Confusions

    /// How many of the most frequent confusions are listed.
    private static let confusionsMax = 10

    static func confusion(_ measured: VerificationReport.Measurements) -> ReportSection? {
        guard let counts = measured.confusionMatrix, let classes = measured.classes, counts.count == classes.count,
            counts.allSatisfy({ $0.count == classes.count })
        else { return nil }
        var section = ReportSection("confusion", "Confusion matrix")
        section.grid = ConfusionGrid(counts: counts, classes: classes)
        let wrong = counts.indices.flatMap { row in
            counts[row].indices.compactMap { column in
                row != column && counts[row][column] > 0
                    ? (row: row, column: column, count: counts[row][column]) : nil
            }
        }.sorted { ($0.count, $1.row, $1.column) > ($1.count, $0.row, $0.column) }
        let sum = wrong.reduce(0) { $0 &+ $1.count }
        section.note =
            "\(Quantity.grouped(sum)) of \(Quantity.grouped(measured.sampleCount)) samples were taken for another "
            + "class."
            + (section.grid == nil ? " With \(classes.count) classes the matrix is not drawn." : "")
        guard !wrong.isEmpty else { return section }
        var table = ReportTable(
            "The most frequent confusions", headings: ["Expected", "Predicted", "Samples", "Of the expected class"])
        for confusion in wrong.prefix(confusionsMax) {
            let all = counts[confusion.row].reduce(0) { $0 &+ $1 }
            table.add([
                .head(classes[confusion.row]), .text(classes[confusion.column]),
                .number(Quantity.grouped(confusion.count)),
                .number(Quantity.percent(Double(confusion.count) / Double(all))),
            ])
        }
        section.tables = [table]
        return section
    }
}
