import ArgumentParser
import AssayClient
import AssayDomain

/// `assay pull REF DIR`
struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Bring the files of a version into a folder.",
        discussion: """
            Files that are there with the right bytes are kept, so a pull that was cut goes on where it ended. With \
            --trust nothing is written unless one of the keys signed exactly these files; with --require-log nothing \
            is written unless the promotion of exactly this version is in the audit log. Files that are there and no \
            part of the version stay, and are named.

            Example:
              assay pull team/fraud:production ./model --trust release.pub.pem
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….")
    var reference: String

    @Argument(help: "The folder; it is made if it is missing.")
    var folder: String

    @Option(
        help: ArgumentHelp(
            "Demand a signature by a key of this trust root, or by this key; may be repeated.", valueName: "file"))
    var trust: [String] = []

    @Flag(help: "Demand that the version's promotion is in the audit log.")
    var requireLog = false

    @Flag(help: "Replace files that have other content.")
    var force = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let trusted = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let memory = requireLog ? try CheckpointMemory(variables: CommandEnvironment.current.variables) : nil
        let (folder, force, isJSON, console) = (folder, force, options.json, options.console)
        try await options.withClient { client in
            let plan = try await PullPlan.make(reference, trusted: trusted, client: client)
            if let warning = plan.version.notPromotedWarning(as: reference) { console.note(warning) }
            let demand = memory.map { LogDemand(client: client, root: trusted, memory: $0) }
            let promotion = try await demand?.promotion(of: plan, as: reference)
            let puller = Puller(client: client, display: ProgressDisplay(console), isReplacing: force)
            let result = try await puller.pull(plan, promotion: promotion, into: folder)
            let stray = try await StrayFiles.notice(
                in: folder, besides: plan.files, isSigned: plan.signature != nil, access: client.files)
            if let stray { console.note(stray) }
            if isJSON { return try console.print(json: result) }
            try console.print(Self.summary(of: result, in: folder))
            if let signer = result.signer {
                try console.print("signature: valid, key \(signer.prefix(12))")
                if let binding = result.binding { try console.print("manifest: \(binding.text)") }
            } else {
                try console.print("signature: not checked; add --trust KEY.pub.pem to demand one")
            }
            if let promotion {
                try console.print("promotion: \(promotion.alias), entry \(promotion.index) of the audit log")
                if promotion.isKeyOfRegistry { console.note(LogTrust.note) }
            }
        }
    }

    static func summary(of result: PullResult, in folder: String) -> String {
        let files = Figure.files(result.fileCount)
        return "\(result.version.reference)  \(result.version.manifestDigest)  \(files) in "
            + "\(Printable.escape(folder)); received \(Figure.bytes(result.receivedBytes)), "
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

    @Argument(help: "The folder.")
    var folder: String

    @Option(help: ArgumentHelp("A trust root, or a key that may have signed; may be repeated.", valueName: "file"))
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
