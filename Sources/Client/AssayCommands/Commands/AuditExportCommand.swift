import ArgumentParser
import AssayClient
import AssayDomain
import TransparencyLog

/// `assay audit export --alias NAME:ALIAS --from DATE --to DATE -o FILE`
struct AuditExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write all that was decided on an alias in a window into one file that is checked offline.",
        discussion: """
            The dossier holds who held the alias and how long, verdicts and refusals, policies, evidence, waivers, \
            lineage, the part of the audit log that proves it, a page for people, and a table of what is missing. \
            Files of models are not in it. The same log gives the same bytes.

            Example:
              assay audit export --alias team/fraud:production \\
                --from 2026-10-01 --to 2026-11-01 -o october.tar
            """)

    @Option(help: ArgumentHelp("The alias, as NAME:ALIAS.", valueName: "ref"), completion: .reference)
    var alias: String

    @Option(help: ArgumentHelp("The begin: 2026-10-01 or 2026-10-01T08:00:00Z.", valueName: "date"))
    var from: String

    @Option(help: ArgumentHelp("The end, which is included: a day means its first moment.", valueName: "date"))
    var to: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
    var output: String

    @Option(
        help: ArgumentHelp("The log's public key, or a trust root with it; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @Option(
        help: ArgumentHelp("A checkpoint that was kept, which the dossier is to continue.", valueName: "file"),
        completion: .file())
    var checkpoint: String?

    @Flag(help: "Replace the file if it exists.")
    var force = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let scope = try Self.scope(alias, from: from, to: to)
        let kept = try checkpoint.map { try InputFile.read($0, bytesMax: LogProof.bytesMax) }
        let (output, trust, force) = (output, trust, force)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            // A repository that does not exist has no aliases, but the name may be a slip.
            _ = try await client.repository(scope.repository)
            let logTrust = try await LogTrust.make(trust, for: scope.repository, client: client)
            let export = DossierExport(client: client, trust: logTrust, scope: scope, kept: kept)
            let result = try await export.run(to: output, isReplacing: force)
            for entry in result.missing {
                console.note(
                    "entry \(entry) names a document that the registry does not show; the dossier will be refused")
            }
            if isJSON { return try console.print(json: result) }
            try console.print(
                "\(scope.reference) from \(scope.from) to \(scope.to)  \(result.versionCount) versions, "
                    + "\(result.entryCount) entries, \(result.documentCount) documents  written to "
                    + Printable.escape(output))
            if logTrust.isOfRegistry { console.note(LogTrust.note) }
        }
    }

    /// Throws `usage` for a window that is none, or that is not over.
    private static func scope(_ alias: String, from: String, to: String) throws -> DossierScope {
        let reference = try Reference(parsing: alias)
        guard case .tag(.alias(let name)) = reference.selector else {
            throw AssayError(
                .usage, "\(Printable.quote(alias)) names a version and no alias",
                remedy: "name an alias: --alias \(reference.repository):production")
        }
        guard let from = try Arguments.time(from, option: "from"), let to = try Arguments.time(to, option: "to") else {
            throw AssayError(.usage, "the window has no begin or no end", remedy: "add --from DATE and --to DATE")
        }
        guard from <= to else {
            throw AssayError(.usage, "--to is before --from", remedy: "change one of them")
        }
        guard to <= .now else {
            throw AssayError(
                .usage, "--to lies ahead: a dossier proves only what was", remedy: "name a time that is over, in UTC")
        }
        return DossierScope(repository: reference.repository, alias: name, from: from, to: to)
    }
}
