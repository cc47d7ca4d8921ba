import AssayDomain

/// What a report says of metrics beyond one figure each: against the baseline, by class, by slice.
enum MetricTables {
    /// Rows of a table that are shown; all of them are in the JSON.
    private static let rowsMax = 40
    /// The confidence whose bounds are shown.
    private static let confidence = 0.95
    /// The metrics of a slice that are shown, as far as there are such.
    private static let sliceMetrics = ["accuracy", "balanced_accuracy", "macro_f1", "mae", "rmse", "r2"]

    /// How far it answers as its teacher does.
    private static func lines(of agreement: VerificationReport.Agreement) -> [OutputPart] {
        let name = agreement.teacher.map { "\($0.repository):\($0.number)" } ?? "the teacher"
        if let failure = agreement.failure {
            return ["not compared with \(name): \(Printable.escape(failure, limit: 400))"]
        }
        var table = Table("AS \(name)", "VALUE", "95 %", "SAMPLES")
        for row in agreement.rows(confidence: confidence) { table.add(row: row) }
        return [.table(table)]
    }

    static func lines(of measured: VerificationReport.Measurements) -> [OutputPart] {
        var lines: [OutputPart] = []
        if let paired = measured.paired { lines += [""] + self.lines(of: paired) }
        if let agreement = measured.agreement { lines += [""] + self.lines(of: agreement) }
        if let failure = measured.pairedFailure {
            lines += ["", "not compared: \(Printable.escape(failure, limit: 400))"]
        }
        if let fed = measured.fed, let judged = measured.judged {
            lines += ["", .line(Self.data(fed: fed, namedBy: measured.inputsNamedBy ?? [], judged: judged))]
            lines += Self.lines(of: judged, isRegression: measured.metrics["mse"] != nil)
        }
        if let found = measured.batchInvariant { lines.append("in other batches: \(found.text)") }
        if let cacheable = measured.cacheable { lines.append(.line(CacheKeyCommand.text(of: cacheable))) }
        if let classes = measured.perClass, !classes.isEmpty { lines += [""] + self.lines(of: classes) }
        if let slices = measured.slices, !slices.isEmpty { lines += [""] + self.lines(of: slices) }
        return lines
    }

    /// What went in and what was judged, in a sentence.
    private static func data(
        fed: [VerificationReport.FedInput], namedBy: [String], judged: VerificationReport.Judged
    ) -> String {
        func list(_ names: [String]) -> String {
            names.prefix(5).map { Printable.quote($0, limit: 40) }.joined(separator: ", ")
                + (names.count > 5 ? " …" : "")
        }
        let by =
            namedBy.isEmpty
            ? "neither dataset nor policy names the inputs" : "named by \(namedBy.joined(separator: ", "))"
        let labels = judged.labels.map { Printable.quote($0, limit: 40) } ?? "what was recorded"
        return "fed \(list(fed.map(\.array))) (\(by)); judged \(list(judged.predictions)) by \(labels)"
    }

    /// What was taken for what, where that is not plain.
    private static func lines(of judged: VerificationReport.Judged, isRegression: Bool) -> [OutputPart] {
        var lines: [OutputPart] = []
        if isRegression { lines.append("measured as a regression, since the labels are floating point") }
        if let scores = judged.scores, let kind = judged.scoreKind {
            let source = judged.classesFrom.map { ", their classes by \(Printable.escape($0))" } ?? ""
            lines.append("scores \(Printable.quote(scores, limit: 40)) taken as \(kind.rawValue)\(source)")
        }
        if let count = judged.argmaxDiffers, count > 0 {
            lines.append("the best score is of another class than the model's own answer in \(count) samples")
        }
        return lines
    }

    private static func lines(of paired: VerificationReport.PairedFigures) -> [OutputPart] {
        var table = Table("METRIC", "BASELINE", "DIFFERENCE", "LOWER 95 %", "UPPER 95 %")
        for (name, metric) in paired.metrics.sorted(by: { $0.key < $1.key }) {
            let bound = metric.bounds.first { $0.confidence >= confidence }
            table.add(
                name, Figure.metric(metric.baseline), Figure.metric(metric.difference),
                bound.map { Figure.metric($0.lower) } ?? "-", bound.map { Figure.metric($0.upper) } ?? "-")
        }
        guard let test = paired.mcnemar else { return [.table(table)] }
        return [.table(table)] + [
            .line(
                "McNemar: \(test.n01) right only here, \(test.n10) only in the baseline; "
                    + "p \(Figure.metric(test.pWorse)) worse, \(Figure.metric(test.pBetter)) better")
        ]
    }

    private static func lines(of classes: [VerificationReport.ClassFigures]) -> [OutputPart] {
        var table = Table("CLASS", "SAMPLES", "PRECISION", "RECALL", "F1")
        for row in classes.prefix(rowsMax) {
            table.add(
                row.class, "\(row.samples)", Figure.metric(row.precision), Figure.metric(row.recall),
                Figure.metric(row.f1))
        }
        return [.table(table)] + rest(classes.count, of: "classes")
    }

    private static func lines(of slices: [String: [String: VerificationReport.SliceFigures]]) -> [OutputPart] {
        let rows = slices.sorted { $0.key < $1.key }.flatMap { group, values in
            values.sorted { $0.key < $1.key }.map { (name: "\(group)=\($0.key)", figures: $0.value) }
        }
        var table = Table("SLICE", "SAMPLES", "METRICS")
        for row in rows.prefix(rowsMax) {
            let metrics = sliceMetrics.compactMap { name in
                row.figures.metrics[name].map { "\(name) \(Figure.metric($0))" }
            }
            table.add(row.name, "\(row.figures.samples)", metrics.joined(separator: ", "))
        }
        return [.table(table)] + rest(rows.count, of: "slices")
    }

    private static func rest(_ count: Int, of what: String) -> [OutputPart] {
        count > rowsMax ? ["and \(count - rowsMax) more \(what); see --json"] : []
    }
}
