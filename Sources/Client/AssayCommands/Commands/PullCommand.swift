import ArgumentParser
import AssayClient
import AssayDomain

/// `assay pull REF DIR`
struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Bring the files of a version into a folder.",
        discussion: """
            Afterwards the folder holds the files of the version: those that are there with the right bytes are kept, \
            so a pull that was cut goes on where it ended, and those that an earlier pull left there go. What else is \
            there stays and is named. With --into ROOT they lie in ROOT/DIGEST, and ROOT/current leads to them. With \
            --trust nothing is written unless one of the keys signed exactly these files; with --require-log nothing \
            is written unless the promotion of exactly this version is in the audit log.

            Example:
              assay pull team/fraud:production ./model --trust release.pub.pem
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Argument(help: "The folder; it is made if it is missing. Not with --into.", completion: .directory)
    var folder: String?

    @Option(
        help: ArgumentHelp(
            "Make a folder named by the version's digest in this one, and point its link 'current' to it.",
            valueName: "root"), completion: .directory)
    var into: String?

    @Option(help: ArgumentHelp("With --into: how many versions stay beside the current one; 2.", valueName: "n"))
    var keep: Int?

    @Option(
        help: ArgumentHelp(
            "Demand a signature by a key of this trust root, or by this key; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @Flag(help: "Demand that the version's promotion is in the audit log.")
    var requireLog = false

    @Flag(help: "Take a version all the same that is withdrawn, although a key is demanded.")
    var allowWithdrawn = false

    @OptionGroup var target: FolderOptions
    @OptionGroup var options: ServerOptions

    private static let keptVersions = 2

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        try checkPlace()
        let trusted = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let variables = CommandEnvironment.current.variables
        let memory = requireLog ? try CheckpointMemory(variables: variables) : nil
        let (named, into, kept, target) = (folder, into, keep ?? Self.keptVersions, target)
        let allowsWithdrawn = allowWithdrawn
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let display = ProgressDisplay(console)
            let versions = into.map { VersionFolders(path: $0, kept: kept, files: client.files, display: display) }
            let ticket = try await versions?.begin() ?? 0
            let plan = try await PullPlan.make(
                reference, trusted: trusted, allowsWithdrawn: allowsWithdrawn, client: client)
            let chosen = try target.chosen(of: plan.files)
            for warning in plan.warnings(as: reference) { console.note(warning) }
            let demand = memory.map { LogDemand(client: client, root: trusted, memory: $0) }
            let promotion = try await demand?.promotion(of: plan, as: reference)
            let puller = Puller(
                client: client, display: display, rules: target.rules, records: PullRecords(variables: variables))
            let digest = plan.version.manifestDigest
            let folder = versions?.folder(of: digest) ?? named ?? "."
            var moved: VersionFolders.Outcome?
            let outcome = try await puller.write(plan, chosen, into: folder) {
                moved = try await versions?.finish(digest, begun: ticket)
            }
            let isWhole = chosen.count == plan.files.count
            for line in FolderNotes.lines(
                of: outcome, in: folder, isSigned: plan.signature != nil && isWhole, isWhole: isWhole)
            {
                console.note(line)
            }
            let result = PullResult(
                version: plan.version, folder: folder, fileCount: chosen.count, receivedBytes: outcome.receivedBytes,
                keptBytes: chosen.map(\.size).saturatingSum() - outcome.receivedBytes, removedFiles: outcome.removed,
                deletedFiles: outcome.deleted, otherFiles: outcome.others, signer: plan.signer?.id,
                binding: plan.binding, promotion: promotion, versions: moved)
            if isJSON { return try console.print(json: result) }
            try Self.print(result, root: into, on: console)
        }
    }

    /// Throws `usage` unless one place is named.
    private func checkPlace() throws(AssayError) {
        switch (folder, into) {
        case (nil, nil):
            throw AssayError(
                .usage, "no folder is named", remedy: "assay pull \(reference) DIR, or --into ROOT")
        case (_?, _?):
            throw AssayError(
                .usage, "both a folder and --into are named", remedy: "name one: --into makes a folder by itself")
        default: break
        }
        guard folder?.isEmpty != true, into?.isEmpty != true else {
            throw AssayError(.usage, "an empty path names no folder", remedy: "assay pull \(reference) DIR")
        }
        guard keep == nil || into != nil else {
            throw AssayError(.usage, "--keep says what stays beside the current version", remedy: "add --into ROOT")
        }
        guard 0...VersionFolders.keptMax ~= keep ?? 0 else {
            throw AssayError(.usage, "--keep is no number from 0 to \(VersionFolders.keptMax)")
        }
        guard into == nil || target.patterns.isEmpty else {
            throw AssayError(
                .usage, "--into makes folders of whole versions", remedy: "leave --file out, or name a folder")
        }
    }

    private static func print(_ result: PullResult, root: String?, on console: Console) throws {
        try console.print(summary(of: result))
        if let signer = result.signer {
            try console.print("signature: valid, key \(signer.prefix(12))")
            if let binding = result.binding { try console.print("manifest: \(binding.text)") }
        } else {
            try console.print("signature: not checked; add --trust KEY.pub.pem to demand one")
        }
        if let promotion = result.promotion {
            try console.print("promotion: \(promotion.alias), entry \(promotion.index) of the audit log")
            if promotion.isKeyOfRegistry { console.note(LogTrust.note) }
        }
        guard let root, let versions = result.versions else { return }
        let link = Printable.escape("\(root)/\(VersionFolders.currentName)")
        if versions.isCurrent {
            try console.print("\(link) leads to it")
        } else {
            console.note("\(link) stays at \(versions.current): a pull that began later moved it")
        }
        for digest in versions.removedVersions {
            try console.print("removed: \(Printable.escape("\(root)/\(digest)"))")
        }
    }

    static func summary(of result: PullResult) -> String {
        let files = Figure.files(result.fileCount)
        return "\(result.version.reference)  \(result.version.manifestDigest)  \(files) in "
            + "\(Printable.escape(result.folder)); received \(Figure.bytes(result.receivedBytes)), "
            + "kept \(Figure.bytes(result.keptBytes))"
    }
}

/// `assay check DIR --trust KEY`
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a pulled folder against its signature, offline.",
        discussion: """
            Example:
              assay check ./model --trust release.pub.pem
            """)

    @Argument(help: "The folder.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp("A trust root, or a key that may have signed; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String]

    @Flag(help: "Print one JSON document, errors included.")
    var json = false

    mutating func run() async throws {
        let console = CommandEnvironment.current.console
        let result = try await FolderCheck.check(
            folder, trusted: TrustFiles.read(trust), display: ProgressDisplay(console))
        if json { return try console.print(json: result) }
        let files = "\(Figure.files(result.fileCount)) \(result.fileCount == 1 ? "is" : "are")"
        try console.print(
            "\(Printable.escape(folder)): \(files) as signed by key \(result.signer.prefix(12))")
    }
}
