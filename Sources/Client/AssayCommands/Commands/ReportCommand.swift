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

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….")
    var reference: String

    @Option(help: ArgumentHelp("Write one self-contained page; - is the standard output.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Show the report of this verification, not the newest one.", valueName: "id"))
    var verification: String?

    @Option(help: ArgumentHelp("A trust root, or a key that may have signed; may be repeated.", valueName: "file"))
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
            let report = try ReportCollection.collect(of: version, from: gathered, verification: verification)
            if isJSON { return try console.print(json: report) }
            guard let html else { return try Self.print(report, on: console) }
            let page = try ReportPage(report).html()
            if html == "-" { return try console.print(text: page) }
            try Self.write(page, to: html)
            console.note("wrote \(Printable.quote(html))")
        }
    }

    /// Writes the page in place of what is there. Throws `file-not-found`, `file-inaccessible`, `storage-full`.
    private static func write(_ page: String, to path: String) throws {
        let slash = path.lastIndex(of: "/")
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        guard !name.isEmpty else {
            throw AssayError(
                .usage, "\(Printable.quote(path)) names no file", remedy: "name a file, or - for the output")
        }
        try FolderHandle.open(path: slash.map { String(path[...$0]) } ?? ".")
            .write(Array(page.utf8), as: name, replacing: true, flushed: true)
    }

    /// The sections of the page without its pictures.
    private static func print(_ report: VersionReport, on console: Console) throws {
        try console.print(report.name)
        for section in report.sections {
            try console.print("", Printable.escape(section.title).uppercased())
            if let note = section.note { try console.print(Printable.escape(note, limit: 1_000)) }
            for table in section.tables where !table.rows.isEmpty {
                var lines = Table(headings: table.headings.map { $0.uppercased() })
                for row in table.rows { lines.add(row: row.map(\.text)) }
                try console.print("")
                try console.print(lines)
            }
        }
    }
}
