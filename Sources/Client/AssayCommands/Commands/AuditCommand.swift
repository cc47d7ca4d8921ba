import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain
import TransparencyLog

/// `assay audit list|show|verify|proof|checkpoint|export|check`
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Read and check the append-only log of everything that was changed.",
        discussion: """
            Example:
              assay audit checkpoint -o kept.txt
              assay audit verify --checkpoint kept.txt --trust root.json
            """,
        subcommands: [
            AuditListCommand.self, AuditShowCommand.self, AuditVerifyCommand.self, AuditProofCommand.self,
            AuditCheckpointCommand.self, AuditKeyCommand.self, AuditExportCommand.self, AuditCheckCommand.self,
        ])
}

/// `assay audit list`
struct AuditListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the entries of the log, newest first.",
        discussion: """
            Example:
              assay audit list --repository team/fraud --kind alias \\
                --since 2026-11-01 --cause promotion
            """)

    @Option(help: "Only entries of this repository.", completion: .repository)
    var repository: String?

    @Option(
        help: "Only version, manifest, attestation, alias, policy, key or delete.",
        completion: .values(of: AuditEntry.Kind.self))
    var kind: String?

    @Option(help: ArgumentHelp("Only from this time on: 2026-11-25 or 2026-11-25T08:00:00Z.", valueName: "date"))
    var since: String?

    @Option(help: ArgumentHelp("Only before this time.", valueName: "date"))
    var until: String?

    @Option(
        help: "Only moves of aliases for this reason: set, promotion, rollback, removal.",
        completion: .values(of: AliasMove.Cause.self))
    var cause: String?

    @Option(help: "Only what this one did.")
    var actor: String?

    @Option(help: "The most rows.")
    var limit = 100

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let repository = try repository.map { try RepositoryName(parsing: $0) }
        let (since, until) = (try Arguments.time(since, option: "since"), try Arguments.time(until, option: "until"))
        if let since, let until, until <= since {
            throw AssayError(.usage, "--until is not after --since", remedy: "change one of them")
        }
        let (cause, actor) = (try Self.known(cause), actor)
        let kind = try kind.map { text in
            guard let kind = AuditEntry.Kind(rawValue: text) else {
                throw AssayError(
                    .usage, "\(Printable.quote(text)) is no kind of entry",
                    remedy: "use \(AuditEntry.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return kind
        }
        let (limit, isJSON, console) = (limit, options.json, options.console)
        try await options.withClient { client in
            let list = try await Pages.collect(limit: limit) { after, limit in
                try await client.auditEntries(
                    kind: kind, repository: repository, since: since, until: until, cause: cause, actor: actor,
                    after: after, limit: limit)
            }
            if isJSON { return try console.print(json: list) }
            var table = Table("ENTRY", "AT", "BY", "KIND", "WHAT")
            for item in list.items {
                table.add(
                    "\(item.index)", item.entry.at.description, item.entry.actor, item.entry.kind.rawValue,
                    item.entry.sentence)
            }
            try console.print(table)
            console.noteIfCut(list)
        }
    }

    /// Throws `usage` for a reason that no move has: it would find nothing, and that would be believed.
    private static func known(_ cause: String?) throws(AssayError) -> String? {
        guard let cause else { return nil }
        guard AliasMove.Cause(rawValue: cause) != nil else {
            throw AssayError(
                .usage, "\(Printable.quote(cause)) is no reason of a move",
                remedy: "use \(AliasMove.Cause.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return cause
    }
}

extension AuditEntry {
    /// What happened, in a few words.
    var sentence: String {
        let repository = text(.repository) ?? ""
        let digest = short(.digest)
        switch kind {
        case .version: return "\(repository):\(number(.number) ?? 0) \(digest)"
        case .manifest: return "\(repository) \(digest)"
        case .attestation:
            return "\(repository) \(text(.predicateType) ?? text(.artifactType) ?? "") on \(short(.subject))"
        case .alias:
            let move = "\(number(.from).map(String.init) ?? "-") -> \(number(.to).map(String.init) ?? "-")"
            return "\(repository):\(text(.alias) ?? "") \(move) by \(text(.cause) ?? "")"
        case .policy:
            let change = text(.policy) == nil ? "policy removed" : "policy set"
            return "\(repository):\(text(.alias) ?? "") \(change)"
        case .key: return "\(text(.action) ?? "") \(text(.key)?.prefix(12) ?? "") \(text(.role) ?? "")"
        case .withdrawal: return "\(text(.action) ?? "") \(repository) \(digest)"
        case .delete:
            let number = number(.number).map { ":\($0)" } ?? ""
            return "\(text(.target) ?? "") \(repository)\(number) \(digest)"
        }
    }

    /// The beginning of a digest's hex digits, as tables show it.
    private func short(_ field: Field) -> Substring {
        (text(field) ?? "").drop { $0 != ":" }.dropFirst().prefix(12)
    }
}

/// `assay audit show INDEX`
struct AuditShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one entry, after its proof was checked.",
        discussion: """
            Example:
              assay audit show 41
            """)

    @Argument(help: "The entry's place in the log, counted from 0.")
    var index: Int64

    @Option(
        help: ArgumentHelp("The log's public key, or a trust root with it; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let (index, trust, isJSON, console) = (index, trust, options.json, options.console)
        try await options.withClient { client in
            let logTrust = try await LogTrust.make(trust, client: client)
            let proof = try LogProof(parsing: try await client.logProof(of: index))
            try AnswerCheck.demand(proof.index == index, asked: "entry \(index)", answered: "entry \(proof.index)")
            let (entry, opened) = try logTrust.prove(proof)
            let checkpoint = opened.checkpoint
            if isJSON { return try console.print(json: AuditEntryResponse(index: index, entry: entry)) }
            try console.print("entry \(index) of \(checkpoint.size) in \(Printable.escape(checkpoint.origin)): proven")
            try console.print(json: entry)
            if logTrust.isOfRegistry { console.note(LogTrust.note) }
        }
    }
}

/// `assay audit verify`
struct AuditVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute the whole log, and compare every entry with the registry's index.",
        discussion: """
            With a checkpoint that was kept outside of the registry, a log that was cut or rewritten since is found \
            too. Ends with exit status 6 if anything is wrong.

            Example:
              assay audit verify --checkpoint kept.txt --trust root.json
            """)

    @Option(
        help: ArgumentHelp("A checkpoint that was kept outside of the registry.", valueName: "file"),
        completion: .file())
    var checkpoint: String?

    @Option(
        help: ArgumentHelp("The log's public key, or a trust root with it; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let kept = try checkpoint.map { try InputFile.read($0, bytesMax: LogProof.bytesMax) }
        let (trust, isJSON, console) = (trust, options.json, options.console)
        try await options.withClient { client in
            let logTrust = try await LogTrust.make(trust, client: client)
            let check = AuditCheck(client: client, trust: logTrust, kept: kept, display: ProgressDisplay(console))
            let result = try await check.run()
            if isJSON {
                try console.print(json: result)
                guard result.faults.isEmpty else {
                    throw AlreadyReported(status: ExitStatus.of(ErrorCode.logInconsistent.kind))
                }
                return
            }
            if let first = result.faults.first {
                var table = Table("ENTRY", "FAULT")
                for fault in result.faults { table.add(fault.index.map { "\($0)" } ?? "-", fault.fault) }
                try console.print(table)
                let entry = result.faults.compactMap(\.index).min().map { "entry \($0)" } ?? "the log"
                throw AssayError(
                    .logInconsistent, "\(entry) is not as it was logged", reason: first.fault,
                    remedy: "compare the store with a backup; who could write to it?")
            }
            try console.print(
                "\(result.entryCount) entries of \(Printable.escape(result.origin)) are as they were logged",
                result.keptEntryCount.map { "they continue the checkpoint of \($0) entries that was kept" }
                    ?? "no checkpoint was given that was kept elsewhere; keep one with: assay audit checkpoint -o FILE")
            for fault in result.timeFaults { try console.print("entry \(fault.index ?? 0): \(fault.fault)") }
            for holder in result.unbound {
                console.note(
                    "\(holder.alias) points to \(holder.version), whose manifest is \(holder.reason); sign it: "
                        + "assay sign \(holder.alias.repository):\(holder.version) --key KEY")
            }
            if logTrust.isOfRegistry { console.note(LogTrust.note) }
        }
    }
}

/// `assay audit proof INDEX`
struct AuditProofCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proof",
        abstract: "Print a proof that an entry is in the log, to be checked without the log.",
        discussion: """
            The form is that of C2SP tlog-proof, with the entry in it.

            Example:
              assay audit proof 41 -o promotion.tlog-proof
            """)

    @Argument(help: "The entry's place in the log, counted from 0.")
    var index: Int64

    @Option(
        name: .shortAndLong, help: ArgumentHelp("A new file to write it to.", valueName: "file"), completion: .file())
    var output: String?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let (index, output, console) = (index, output, options.console)
        try await options.withClient { client in
            let proof = try await client.logProof(of: index)
            let told = try LogProof(parsing: proof).index
            try AnswerCheck.demand(told == index, asked: "entry \(index)", answered: "entry \(told)")
            try console.put(String(decoding: proof, as: UTF8.self), in: output)
        }
    }
}

/// `assay audit checkpoint`
struct AuditCheckpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint",
        abstract: "Print the log's signed checkpoint; keep it where the registry cannot reach it.",
        discussion: """
            Example:
              assay audit checkpoint -o kept.txt
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("A new file to write it to.", valueName: "file"), completion: .file())
    var output: String?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let (output, console) = (output, options.console)
        try await options.withClient { client in
            let checkpoint = try await client.logCheckpoint()
            try console.put(String(decoding: checkpoint, as: UTF8.self), in: output)
        }
    }
}

extension Console {
    /// Writes a text as it is to a new file, or to the results where none is named.
    func put(_ text: String, in path: String?) throws {
        guard let path else { return try self.print(text: text) }
        try NewFile(creating: path, isSecret: false).write(text)
        try self.print("written to \(Printable.escape(path))")
    }
}
