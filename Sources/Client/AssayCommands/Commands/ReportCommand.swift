import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain
import AssayReport

/// `assay report REF`
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show what signed evidence says about a version, as tables or as a page with pictures.",
        discussion: """
            The newest verification report and the latest verdict, each checked here with the keys of --trust or else \
            those that the registry names. The page is one file and holds no script.

            Example:
              assay report team/fraud:3
              assay report team/fraud:3 --html report.html
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(
        help: ArgumentHelp("Write one self-contained page; - is the standard output.", valueName: "file"),
        completion: .file())
    var html: String?

    @Option(help: ArgumentHelp("Show the report of this verification, not the newest one.", valueName: "id"))
    var verification: String?

    @Option(
        help: ArgumentHelp("A trust root, or a key that may have signed; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        guard html == nil || !options.json else {
            throw AssayError(.usage, "both a page and JSON are asked for", remedy: "leave out --html or --json")
        }
        let reference = try Reference(parsing: reference)
        let verification = try verification.map { try VerificationID(parsing: $0) }
        let named = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let (html, isJSON, console) = (html, options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            let root = if let named { named } else { TrustRoot(keys: try await client.keys().items) }
            let gathered = try await GatheredEvidence.fetch(
                about: version, root: root, isNamed: named != nil, client: client)
            var report = try ReportCollection.collect(of: version, from: gathered, verification: verification)
            report.background = try await ReportBackground.fetch(of: version, root: root, client: client)
            if isJSON { return try console.print(json: report) }
            if let html { return try console.write(page: ReportPage(report), to: html) }
            try console.print(report.name)
            for fact in report.facts {
                try console.print("  \(fact.name): \(Printable.escape(fact.text, limit: 1_000))")
            }
            try console.print(report.sections)
        }
    }
}
