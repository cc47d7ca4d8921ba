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

            Example:
              assay verify team/fraud:3 --dataset team/payments-test:1 --baseline team/fraud:production
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….")
    var reference: String

    @Option(help: ArgumentHelp("The held-out data.", valueName: "ref"))
    var dataset: String

    @Option(help: ArgumentHelp("Compare metrics and latency with this version's in the same run.", valueName: "ref"))
    var baseline: String?

    @Option(help: "Threads of the executor.")
    var threads: Int?

    @Option(help: "Samples per run when latency is measured.")
    var batch: Int?

    @Option(help: "Measured runs.")
    var runs: Int?

    @Option(help: ArgumentHelp("The deadline of the whole run.", valueName: "seconds"))
    var deadline: Int?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let request = try request()
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let queued = try await client.verify(request)
            let watch = VerificationWatch(client: client, display: ProgressDisplay(console))
            let verification = try await watch.finish(queued.id)
            let report = try await client.report(of: verification.id)
            if isJSON {
                try console.print(json: report)
                if report.failure != nil {
                    throw AlreadyReported(status: ExitStatus.of(ErrorCode.verificationFailed.kind))
                }
            } else {
                for line in ReportText.lines(of: report) { try console.print(line) }
                if let failure = report.failure { throw Self.error(failure, of: report.subject) }
            }
        }
    }

    private func request() throws -> VerifyRequest {
        var request = VerifyRequest(
            reference: try Reference(parsing: reference), dataset: try Reference(parsing: dataset),
            baseline: try baseline.map { try Reference(parsing: $0) })
        request.threads = threads
        request.batch = batch
        request.measuredRuns = runs
        request.deadlineSeconds = deadline
        try request.settings.check()
        return request
    }

    private static func error(
        _ failure: VerificationReport.Failure, of subject: VerificationReport.Subject
    ) -> AssayError {
        AssayError(
            .verificationFailed, "\(subject.repository):\(subject.number) could not be measured",
            reason: "\(failure.kind): \(failure.message)")
    }
}

/// A report as people read it.
enum ReportText {
    static func lines(of report: VerificationReport) -> [String] {
        var lines = [
            "\(report.subject.repository):\(report.subject.number) on "
                + "\(report.dataset.repository):\(report.dataset.number)  (verification \(report.verification))"
        ]
        guard let measured = report.measurements else { return lines }
        var table = Table("MEASURED", "VALUE")
        table.add("samples", "\(measured.sampleCount)")
        for (name, value) in measured.metrics.sorted(by: { $0.key < $1.key }) { table.add(name, Figure.metric(value)) }
        add(measured.latency, label: "latency", to: &table)
        if let comparison = measured.comparison {
            add(
                comparison.latency, label: "\(comparison.baseline.repository):\(comparison.baseline.number)", to: &table
            )
        }
        table.add("throughput", "\(Figure.fixed(measured.latency.throughput, 0)) samples/s")
        table.add("load", Figure.duration(measured.loadMicroseconds))
        table.add("first run", Figure.duration(measured.firstRunMicroseconds))
        table.add("peak memory", Figure.bytes(measured.peakMemoryBytes))
        lines += table.lines + MetricTables.lines(of: measured)
        if let environment = report.environment { lines.append(context(report.settings, environment)) }
        return lines
    }

    private static func add(_ latency: VerificationReport.Latency, label: String, to table: inout Table) {
        table.add("\(label) p50", Figure.duration(latency.p50Microseconds))
        table.add("\(label) p90", Figure.duration(latency.p90Microseconds))
        table.add("\(label) p99", Figure.duration(latency.p99Microseconds))
    }

    /// What the figures hold for: a latency without it means nothing.
    private static func context(
        _ settings: VerificationSettings, _ environment: VerificationReport.Environment
    ) -> String {
        Printable.escape(
            "\(settings.threads) thread(s), batch \(settings.batch), \(settings.measuredRuns) runs, "
                + "\(environment.runtime), \(environment.cpu), \(environment.cores) cores", limit: 400)
    }
}
