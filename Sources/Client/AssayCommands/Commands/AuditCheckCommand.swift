import ArgumentParser
import AssayClient
import AssayDomain
import TransparencyLog

/// `assay audit check FILE`
struct AuditCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check an auditor's dossier offline: log, moves, verdicts, documents and page.",
        discussion: """
            Needs nothing but the file and a trust root. With a checkpoint that was kept before, a log that was \
            rewritten since is found too. Ends with exit status 6 if anything is wrong.

            Example:
              assay audit check q4.tar --trust root.json --checkpoint kept.txt
            """)

    @Argument(help: "The dossier.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "A trust root (assay key export), or a key that may have signed; may be repeated.", valueName: "file"))
    var trust: [String] = []

    @Option(help: ArgumentHelp("A checkpoint that was kept outside of the registry.", valueName: "file"))
    var checkpoint: String?

    @Flag(help: "Print one JSON document, errors included.")
    var json = false

    mutating func run() async throws {
        guard !trust.isEmpty else {
            throw AssayError(
                .usage, "nothing says whose word counts",
                remedy: "add --trust root.json (assay key export -o root.json)")
        }
        let (path, json, console) = (file, json, CommandEnvironment.current.console)
        let root = try TrustFiles.read(trust)
        let kept = try checkpoint.map { try InputFile.read($0, bytesMax: LogProof.bytesMax) }
        let stop = StopFlag()
        let result = try await FileAccess.withAccess { files in
            try await withTaskCancellationHandler {
                try await files.run {
                    let file = try DossierFile(reading: try LocalFile(named: path), stop: stop)
                    return try DossierCheck.check(file, root: root, kept: kept)
                }
            } onCancel: {
                stop.set()
            }
        }
        if json { return try console.print(json: result) }
        try Self.print(result, path, on: console)
    }

    private static func print(_ result: DossierCheck, _ path: String, on console: Console) throws {
        let scope = result.scope
        try console.print(
            "\(path): \(scope.reference) from \(scope.from) to \(scope.to), every byte as it was written",
            "log: \(result.entryCount) entries of \(result.origin); \(result.moveCount) moves in the window, "
                + "\(result.refusalCount) refusals")
        var holders = Table("VERSION", "SINCE", "UNTIL", "BY", "ACTOR", "ENTRY")
        for holder in result.holders {
            holders.add(
                holder.version.map(String.init) ?? "none", holder.since.description,
                holder.until?.description ?? "end of the window", holder.cause, holder.actor, "\(holder.entry)")
        }
        if !holders.isEmpty { try console.print(holders) }
        var rows = Table("FIELD", "ASKED BY", "STATUS", "SIGNED BY", "MISSING FOR")
        for row in result.recordKeeping {
            rows.add(
                row.id, row.rule, row.status.rawValue, row.by.joined(separator: ", "),
                row.missingIn.map(String.init).joined(separator: ", "))
        }
        try console.print(rows)
        for entry in result.unproven {
            console.note("the move of entry \(entry) cannot be judged any more: what proved it was deleted")
        }
        if !result.isClosed {
            console.note(
                "the log had no entry after \(scope.to) yet: only a later checkpoint shows that none was held back")
        }
        if result.continuesKept == nil {
            console.note(
                "no checkpoint was given that was kept elsewhere; keep one with: assay audit checkpoint -o FILE")
        }
    }
}
