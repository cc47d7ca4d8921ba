import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay select REPO`
struct SelectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "select",
        abstract: "Find the best version of a repository by its signed reports.",
        discussion: """
            Only the newest report of a version counts, by a registry key that is trusted now. Of the versions that \
            satisfy everything, the one with the lowest p99 is the best, unless --by says otherwise. Ends with exit \
            status 7 if none does.

            Example:
              assay select team/fraud --max-p99-ms 5 --min accuracy=0.97
            """)

    @Argument(help: "The repository, such as team/fraud.", completion: .repository)
    var repository: String

    @Option(help: ArgumentHelp("The most that the p50 latency may be.", valueName: "ms"))
    var maxP50Ms: Double?

    @Option(help: ArgumentHelp("The most that the p99 latency may be.", valueName: "ms"))
    var maxP99Ms: Double?

    @Option(name: .customLong("min"), help: ArgumentHelp("The least of a metric.", valueName: "name=value"))
    var minimums: [String] = []

    @Option(name: .customLong("max"), help: ArgumentHelp("The most of a metric.", valueName: "name=value"))
    var maximums: [String] = []

    @Option(help: ArgumentHelp("The most that the files may have, such as 20MiB.", valueName: "bytes"))
    var maxBytes: String?

    @Option(
        help: ArgumentHelp("What it was measured on; needed if there are several.", valueName: "ref"),
        completion: .dataset)
    var on: String?

    @Option(
        help: ArgumentHelp("What decides: p99 or another figure of latency, size, or a metric.", valueName: "figure"))
    var by = "p99"

    @Option(help: "Only reports with so many threads of the executor.")
    var threads: Int?

    @Option(help: "Only reports with so many samples per run.")
    var batch: Int?

    @Option(
        help: ArgumentHelp("Only reports of workers with this label, such as site=edge.", valueName: "key=value"))
    var requireLabel: [String] = []

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let repository = try RepositoryName(parsing: repository)
        let dataset = try on.map { try Reference(parsing: $0) }
        let criteria = try criteria()
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let response = try await client.selection(in: repository, on: dataset, criteria)
            if isJSON {
                try console.print(json: response)
                if response.selected == nil { throw AlreadyReported(status: ExitStatus.of(.refused)) }
                return
            }
            if response.isTruncated { console.note("older versions of \(repository) were not looked at") }
            guard let version = response.selected else {
                try console.print(Self.table(of: response.candidates))
                throw AssayError(
                    .selectionEmpty, "no version of \(repository) satisfies what was asked for",
                    remedy: "ask for less, or measure more versions: assay verify \(repository):N --dataset REF")
            }
            let processors = Set(response.candidates.compactMap(\.cpu)).sorted()
            if processors.count > 1 {
                console.note(
                    "latencies of different machines were compared: \(processors.joined(separator: "; ")); "
                        + "--require-label keeps to those of one kind")
            }
            try console.print(Self.summary(of: version, response))
        }
    }

    private func criteria() throws(AssayError) -> SelectionCriteria {
        var criteria = SelectionCriteria()
        criteria.min = try Self.bounds(minimums, option: "min")
        criteria.max = try Self.bounds(maximums, option: "max")
        criteria.maxP50Milliseconds = maxP50Ms
        criteria.maxP99Milliseconds = maxP99Ms
        if let maxBytes {
            criteria.maxBytes = Int64(try SettingText.bytes(maxBytes, option: "--max-bytes", in: 0...Int.max))
        }
        criteria.order = SelectionCriteria.Order(by)
        if let threads { criteria.threads = threads }
        if let batch { criteria.batch = batch }
        criteria.labels = try WorkerLabel.list(parsing: requireLabel)
        try criteria.check()
        return criteria
    }

    private static func bounds(_ texts: [String], option: String) throws(AssayError) -> [String: Double] {
        var bounds: [String: Double] = [:]
        for (name, text) in try Arguments.pairs(texts, option: option) ?? [:] {
            guard let value = Double(text), !name.contains(",") else {
                throw AssayError(.usage, "--\(option) \(Printable.quote("\(name)=\(text)")) is not NAME=NUMBER")
            }
            bounds[name] = value
        }
        return bounds
    }

    /// `digits:3  sha256:…  p99 45.2 µs, accuracy 0.9780, 12.3 KiB`
    static func summary(of version: Version, _ response: SelectionResponse) -> String {
        let candidate = response.candidates.first { $0.number == version.number }
        let metrics = (candidate?.metrics ?? [:]).sorted { $0.key < $1.key }.map { name, value in
            "\(Printable.escape(name, limit: 40)) \(Figure.metric(value))"
        }
        let latency = candidate?.p99Microseconds.map { ["p99 \(Figure.duration($0))"] } ?? []
        let figures = latency + metrics + [Figure.bytes(version.contentBytes)]
        return "\(version.reference)  \(version.manifestDigest)  \(figures.joined(separator: ", "))"
    }

    /// Why no version fits: what each fails, newest first.
    static func table(of candidates: [SelectionCandidate]) -> Table {
        var table = Table("VERSION", "REQUIREMENT", "DEMANDED", "MEASURED", "STATUS")
        for candidate in candidates {
            for outcome in candidate.outcomes where outcome.status != .passed {
                table.add(
                    "\(candidate.number)", outcome.requirement, outcome.demanded, outcome.measured,
                    outcome.status.rawValue)
            }
        }
        return table
    }
}
