import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay verify REF --dataset REF`
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Measure a version on a dataset and print the signed report.",
        discussion: """
            Ends with exit status 7 if the model could not be measured.

            With --replay the measurement of a report is repeated, on the same bytes with the same settings, and \
            compared: exit status 6 if a metric differs more than it may.

            Example:
              assay verify team/fraud:3 --dataset team/payments-test:1 \\
                --baseline team/fraud:production
              assay verify --replay report.json
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String?

    @Option(help: ArgumentHelp("The held-out data.", valueName: "ref"), completion: .dataset)
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            "Repeat what this report measured and compare: the id of a verification, or a file with the report or its "
                + "envelope; - is the standard input.", valueName: "report"), completion: .file())
    var replay: String?

    @Option(
        help: ArgumentHelp(
            "How far metrics may lie apart, relative to their value, where runtime, processor instructions or "
                + "evaluator are not those of the replayed report (1e-5 if not given).", valueName: "share"))
    var tolerance: Double?

    @Option(
        help: ArgumentHelp("Compare metrics and latency with this version's in the same run.", valueName: "ref"),
        completion: .reference)
    var baseline: String?

    @Option(
        help: ArgumentHelp(
            "Compare the answers with this version's on the same samples; labels are not needed for that.",
            valueName: "ref"), completion: .reference)
    var teacher: String?

    @Option(
        help: ArgumentHelp(
            "Compare with the teacher until it is decided whether this figure stays within this ratio (repeatable).",
            valueName: "p50=0.5"))
    var teacherMaxRatio: [String] = []

    @Option(help: "Threads of the executor.")
    var threads: Int?

    @Option(help: "Samples per run, of latency and of accuracy.")
    var batch: Int?

    @Option(help: "Measured runs.")
    var runs: Int?

    @Option(help: ArgumentHelp("The deadline of the whole run.", valueName: "seconds"))
    var deadline: Int?

    @Option(help: ArgumentHelp("What the worker that measures must have, such as site=edge.", valueName: "key=value"))
    var requireLabel: [String] = []

    @Option(
        help: ArgumentHelp(
            "Compare with the baseline until it is decided whether this figure stays within this ratio (repeatable). "
                + "With --replay: how much slower than in the report it may be.",
            valueName: "p50=1.05"))
    var maxRatio: [String] = []

    @Option(help: "How sure that decision must be (0.5 to 0.999, 0.95 if not given).")
    var confidence: Double?

    @Option(help: ArgumentHelp("Measure these batch sizes as well.", valueName: "1,8,32"))
    var sweepBatches: String?

    @Option(help: ArgumentHelp("Measure these numbers of threads as well.", valueName: "1,2"))
    var sweepThreads: String?

    @Option(
        name: .customLong("input"),
        help: ArgumentHelp(
            "An array of the dataset that may go into the model (repeatable); nothing else is fed then.",
            valueName: "name"))
    var inputs: [String] = []

    @Option(
        help: ArgumentHelp(
            "The model's file, by its path in the version, where it has several .onnx files.", valueName: "path"))
    var file: String?

    @Option(
        help: ArgumentHelp("The output that is judged, where a model has several that could be.", valueName: "name"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "What the scores of a classifier are: probabilities or logits. Without it they are probabilities where "
                + "every row is a distribution, and log loss is left out elsewhere.", valueName: "kind"),
        completion: .values(of: ScoreKind.self))
    var scores: String?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        if let replay { return try await repeatMeasurement(of: replay) }
        let request = try request()
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let queued = try await client.verify(request)
            let watch = VerificationWatch(client: client, display: ProgressDisplay(console))
            let verification = try await watch.finish(queued)
            let report = try await client.report(of: verification)
            if isJSON {
                try console.print(json: report)
                if report.failure != nil {
                    throw AlreadyReported(status: ExitStatus.of(ErrorCode.verificationFailed.kind))
                }
            } else {
                try console.print(ReportText.lines(of: report))
                if let failure = report.failure { throw Self.error(failure, of: report.subject) }
            }
        }
    }

    private func request() throws -> VerifyRequest {
        guard let reference, let dataset else {
            throw AssayError(
                .usage, reference == nil ? "no version is named" : "no dataset is named",
                remedy: "assay verify NAME:3 --dataset REF, or --replay REPORT")
        }
        guard tolerance == nil else {
            throw AssayError(.usage, "--tolerance compares with a report", remedy: "name it with --replay")
        }
        var request = VerifyRequest(
            reference: try Reference(parsing: reference), dataset: try Reference(parsing: dataset),
            baseline: try baseline.map { try Reference(parsing: $0) })
        request.threads = threads
        request.batch = batch
        request.measuredRuns = runs
        request.deadlineSeconds = deadline
        request.labels = try WorkerLabel.list(parsing: requireLabel)
        if !maxRatio.isEmpty {
            guard baseline != nil else {
                throw AssayError(
                    .usage, "--max-ratio needs something to compare with", remedy: "name it with --baseline")
            }
            request.maxRatios = try Self.ratios(maxRatio)
        }
        request.teacher = try teacher.map { try Reference(parsing: $0) }
        if !teacherMaxRatio.isEmpty {
            guard teacher != nil else {
                throw AssayError(
                    .usage, "--teacher-max-ratio needs a teacher to compare with", remedy: "name it with --teacher")
            }
            request.teacherMaxRatios = try Self.ratios(teacherMaxRatio)
        }
        request.confidence = confidence
        request.sweepBatches = try sweepBatches.map { try Self.numbers($0, option: "--sweep-batches") }
        request.sweepThreads = try sweepThreads.map { try Self.numbers($0, option: "--sweep-threads") }
        if !inputs.isEmpty { request.inputs = inputs }
        request.file = file
        request.output = output
        request.scores = try scores.map { text throws(AssayError) in
            guard let kind = ScoreKind(rawValue: text) else {
                throw AssayError(
                    .usage, "--scores \(Printable.quote(text)) is not known", remedy: "use probabilities or logits")
            }
            return kind
        }
        try request.settings.check()
        return request
    }

    // MARK: Replay

    private func repeatMeasurement(of text: String) async throws {
        let others: [Any?] = [
            reference, dataset, baseline, threads, batch, runs, deadline, confidence, sweepBatches, sweepThreads,
            requireLabel.first, inputs.first, file, output, scores, teacher,
            teacherMaxRatio.first,
        ]
        guard others.allSatisfy({ $0 == nil }) else {
            throw AssayError(
                .usage, "a replay takes version, dataset and settings from the report",
                remedy: "leave out everything but --replay, --tolerance and --max-ratio")
        }
        let tolerance = tolerance ?? ReplayComparison.toleranceDefault
        guard tolerance.isFinite, tolerance >= 0, tolerance < 1 else {
            throw AssayError(.usage, "--tolerance is \(tolerance)", remedy: "use a share from 0 to 1, such as 1e-5")
        }
        var bounds = VerificationSettings()
        bounds.maxRatios = try Self.ratios(maxRatio)
        try bounds.check()
        let replay = Replay(
            source: try ReplaySource(parsing: text), tolerance: tolerance, maxRatios: bounds.maxRatios ?? [:])
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let document = try await replay.run(client, display: ProgressDisplay(console))
            try isJSON ? console.print(json: document) : Replay.print(document, on: console)
            guard let error = Replay.error(of: document) else { return }
            if isJSON { throw AlreadyReported(status: ExitStatus.of(error.code.kind)) }
            throw error
        }
    }

    /// `p50=1.05 tail=1.2` by name.
    private static func ratios(_ texts: [String]) throws(AssayError) -> [String: Double] {
        var ratios: [String: Double] = [:]
        for text in texts {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let ratio = Double(parts[1]),
                ratios.updateValue(ratio, forKey: String(parts[0])) == nil
            else {
                throw AssayError(
                    .usage, "--max-ratio \(Printable.quote(text)) cannot be read", remedy: "write it as p50=1.05")
            }
        }
        return ratios
    }

    private static func numbers(_ text: String, option: String) throws(AssayError) -> [Int] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == parts.count else {
            throw AssayError(
                .usage, "\(option) \(Printable.quote(text)) cannot be read", remedy: "write it as 1,8,32")
        }
        return numbers
    }

    private static func error(
        _ failure: VerificationReport.Failure, of subject: VerificationReport.Subject
    ) -> AssayError {
        AssayError(
            .verificationFailed, "\(subject.repository):\(subject.number) could not be measured",
            reason: "\(failure.kind): \(failure.message)", remedy: failure.nextStep)
    }
}

/// A report as people read it.
enum ReportText {
    static func lines(of report: VerificationReport) -> [OutputPart] {
        var lines: [OutputPart] = [
            .line(
                "\(report.subject.repository):\(report.subject.number) on "
                    + "\(report.dataset.repository):\(report.dataset.number)  (verification \(report.verification))")
        ]
        guard let measured = report.measurements else { return lines }
        var table = Table("MEASURED", "VALUE")
        table.add("samples", "\(measured.sampleCount)")
        for (name, value) in measured.metrics.sorted(by: { $0.key < $1.key }) { table.add(name, Figure.metric(value)) }
        for (name, reason) in (measured.leftOut ?? [:]).sorted(by: { $0.key < $1.key })
        where !name.hasPrefix("top_") {
            table.add(name, "left out: \(Printable.escape(reason, limit: 400))")
        }
        add(measured.latency, label: "latency", to: &table)
        if let comparison = measured.comparison {
            let baseline = "\(comparison.baseline.repository):\(comparison.baseline.number)"
            add(comparison.figures.latency, label: baseline, to: &table)
            add(comparison.figures, against: baseline, bounds: report.settings.maxRatios ?? [:], to: &table)
        }
        for point in measured.sweep ?? [] {
            table.add(
                "\(point.threads) thread(s), batch \(point.batch)",
                "p50 \(Figure.duration(point.latency.p50Microseconds)), "
                    + "\(Figure.fixed(point.latency.throughput, 0)) samples/s")
        }
        table.add("throughput", "\(Figure.fixed(measured.latency.throughput, 0)) samples/s")
        table.add("load", Figure.duration(measured.loadMicroseconds))
        table.add("first run", Figure.duration(measured.firstRunMicroseconds))
        table.add("peak memory", Figure.bytes(measured.peakMemoryBytes))
        lines += [.table(table)] + MetricTables.lines(of: measured)
        if let worker = report.worker, worker.name != .local { lines.append("measured by the worker \(worker.name)") }
        if let environment = report.environment { lines.append(.line(context(report, environment))) }
        if let cage = report.cage, !cage.isFull {
            let absent = cage.absent.joined(separator: ", ")
            lines.append(.line(Printable.escape("measured in a cage without \(absent)", limit: 400)))
        }
        return lines
    }

    private static func add(_ latency: VerificationReport.Latency, label: String, to table: inout Table) {
        table.add("\(label) p50", Figure.duration(latency.p50Microseconds))
        table.add("\(label) p90", Figure.duration(latency.p90Microseconds))
        if let p95 = latency.p95Microseconds { table.add("\(label) p95", Figure.duration(p95)) }
        if let p99 = latency.p99Microseconds { table.add("\(label) p99", Figure.duration(p99)) }
        if let max = latency.maxMicroseconds { table.add("\(label) max", Figure.duration(max)) }
    }

    private static func add(
        _ figures: VerificationReport.ComparisonFigures, against baseline: String, bounds: [String: Double],
        to table: inout Table
    ) {
        for name in VerificationReport.Latency.statistics {
            guard let ratio = figures.ratios?[name] else { continue }
            var text = Figure.ratio(ratio.ratio)
            if let lower = ratio.lower, let upper = ratio.upper, let confidence = figures.confidence {
                text += " (\(Figure.interval(lower...upper, confidence)))"
            }
            if let bound = bounds[name] {
                text += ", \(ratio.isWithin(bound).map { $0 ? "within" : "ABOVE" } ?? "undecided against") \(bound)x"
            }
            table.add("\(name) / \(baseline)", text)
        }
    }

    /// What the figures hold for: a latency without it means nothing.
    private static func context(
        _ report: VerificationReport, _ environment: VerificationReport.Environment
    ) -> String {
        let fixed = report.measurements?.fixedBatch
        let batch = fixed.map { "batch \($0), which is fixed (\(report.settings.batch) asked for)" }
        return Printable.escape(
            "\(report.settings.threads) thread(s), \(batch ?? "batch \(report.settings.batch)"), "
                + "\(environment.runtime), \(environment.cpu), \(environment.cores) cores"
                + (environment.cpuSet.map { ", kept on CPU \($0)" } ?? ""), limit: 400)
    }
}
