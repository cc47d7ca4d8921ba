import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayDomain

/// `assay bundle export|import|verify|extract`
struct BundleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle",
        abstract: "Carry a version with its evidence in one file.",
        discussion: """
            Example:
              assay bundle export team/fraud:3 -o fraud-3.tar
            """,
        subcommands: [
            BundleExportCommand.self, BundleImportCommand.self, BundleVerifyCommand.self, BundleExtractCommand.self,
        ])
}

/// `assay bundle export REF -o FILE`
struct BundleExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a version as a tar of an OCI image layout; the same version gives the same bytes.",
        discussion: """
            The bundle carries the version's files, signatures and statements, its bill of materials, and proofs of \
            the audit log, so that it can be checked without the registry.

            Example:
              assay bundle export team/fraud:3 -o fraud-3.tar
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
    var output: String

    @Flag(help: "Carry the aliases that point to the version, too.")
    var aliases = false

    @Flag(help: "Replace the file if it exists.")
    var force = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let (output, force, aliases, isJSON, console) = (output, force, aliases, options.json, options.console)
        try await options.withClient { client in
            let export = BundleExport(client: client, display: ProgressDisplay(console))
            let version = try await export.export(
                reference, to: output, isReplacing: force, withAliases: aliases, note: console.note)
            if isJSON { return try console.print(json: version) }
            try console.print("\(version.reference)  \(version.manifestDigest)  written to \(Printable.escape(output))")
        }
    }
}

/// `assay bundle import FILE`
struct BundleImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring the version of a bundle into a registry, after all of it was checked.",
        discussion: """
            Who may have signed is said by --trust, or else by the registry's own trust root. Archives that other \
            tools wrote (skopeo copy … oci-archive:FILE) are taken too, with --as, if a signature is in them.

            Example:
              assay bundle import fraud-3.tar --trust root.json
            """)

    @Argument(help: "The bundle.", completion: .file())
    var file: String

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The repository; the bundle's own if not given.", valueName: "name"), completion: .repository
    )
    var name: String?

    @Flag(help: "Move the aliases that the bundle carries, where no policy protects them.")
    var aliases = false

    @Option(
        help: ArgumentHelp("A trust root, or a key that may have signed; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let name = try name.map { try RepositoryName(parsing: $0) }
        let named = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let journal = UploadJournal(folder: try UploadJournal.folder(in: CommandEnvironment.current.variables))
        let (file, aliases, isJSON, console) = (file, aliases, options.json, options.console)
        try await options.withClient { client in
            let root = if let named { named } else { TrustRoot(keys: try await client.keys().items) }
            let publisher = Publisher(
                client: client, journal: journal, digests: DigestCache(folder: nil), rehashes: false,
                display: ProgressDisplay(console))
            let importing = BundleImport(
                publisher: publisher, root: root, demandsLog: named?.namesLog ?? false, withAliases: aliases,
                note: console.note)
            let result = try await importing.run(file, as: name)
            if isJSON { return try console.print(json: result) }
            let version = result.version
            try console.print(
                result.isNew
                    ? "\(version.reference)  \(version.manifestDigest)  imported"
                    : "\(version.reference) already holds this content")
            for alias in result.aliases { try console.print("\(version.repository):\(alias) points to it") }
        }
    }
}

extension TrustRoot {
    /// Whether it names a log, so that what a bundle says of itself can be demanded to be proven: also where the key
    /// does not count, for that is a no and not nothing.
    var namesLog: Bool { keys.contains { $0.role == .log } }
}

/// `assay bundle verify FILE`
struct BundleVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a bundle offline: every byte, signature and verdict, and that its promotion was logged.",
        discussion: """
            Without --trust only the bytes are checked. With a trust root that names a log, the bundle must be the \
            version that the log has under its name.

            Example:
              assay bundle verify fraud-3.tar --trust root.json --promoted production
            """)

    @Argument(help: "The bundle.", completion: .file())
    var file: String

    @Option(
        help: ArgumentHelp(
            "A trust root (assay key export), or a key that may have signed; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @Option(help: ArgumentHelp("Demand proof of a promotion to this alias.", valueName: "alias"), completion: .alias)
    var promoted: String?

    @Flag(help: "Take a version all the same that a trusted registry withdrew.")
    var allowWithdrawn = false

    @Flag(help: "Print one JSON document, errors included.")
    var json = false

    /// What was found to be right.
    private struct Outcome: Encodable {
        let file: String
        let version: Reference?
        let digest: Digest
        let fileCount: Int
        /// Nil if nobody said which keys count.
        let proof: BundleProof?
    }

    mutating func run() async throws {
        let (file, json, console) = (file, json, CommandEnvironment.current.console)
        let root = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let alias = try promoted.map { try AliasName(parsing: $0) }
        guard alias == nil || root != nil else {
            throw AssayError(
                .usage, "--promoted demands a proof, and nothing says whose", remedy: "add --trust root.json")
        }
        let allowsWithdrawn = allowWithdrawn
        let outcome = try await FileAccess.withAccess { files in
            let bundle = try await OpenBundle.open(file, files: files)
            let contents = bundle.contents
            let proof = try await files.run {
                try root.map { root in
                    // An archive of another tool names no repository; then keys count wherever they may speak.
                    try BundleProof.check(
                        bundle, repository: contents.label?.repository, root: root, demandsLog: root.namesLog,
                        demand: alias.map { .promotion($0) } ?? .signature)
                }
            }
            if !allowsWithdrawn { try proof?.requireInUse("the version in \(Printable.escape(file))") }
            return Outcome(
                file: file, version: contents.label.map { Reference($0.repository, $0.number) },
                digest: contents.manifest.digest, fileCount: contents.files.count, proof: proof)
        }
        if json { return try console.print(json: outcome) }
        try Self.print(outcome, on: console)
    }

    private static func print(_ outcome: Outcome, on console: Console) throws {
        let name = outcome.version.map { "\($0)  " } ?? ""
        let files = Figure.files(outcome.fileCount)
        try console.print("\(Printable.escape(outcome.file)): \(name)\(outcome.digest)  \(files), every byte as named")
        guard let proof = outcome.proof else {
            return try console.print("signature: not checked; add --trust root.json to demand one")
        }
        if let withdrawn = proof.withdrawn { console.note("warning: it is \(withdrawn.text)") }
        try console.print("signature: valid, key \(proof.signer.prefix(12))")
        try console.print("manifest: \(proof.binding.text)")
        for item in proof.evidence where item.predicateType != PredicateType.modelSignature {
            let type = Printable.escape(PredicateType.short(item.predicateType))
            let about = item.alias.map { "\(type) on \($0)" } ?? type
            let by = item.signer.map { "key \($0.prefix(12))" } ?? "by nobody who is trusted"
            // What it says first: whether that may be believed is another matter.
            try console.print("\(about): \(item.result?.rawValue ?? "-"); \(item.status.rawValue), \(by)")
        }
        if let origin = proof.origin { try console.print("version: proven by the log \(Printable.escape(origin))") }
        for promotion in proof.promotions {
            try console.print(
                "promotion: \(Printable.escape(promotion.alias)) at \(promotion.at), entry \(promotion.index), verdict "
                    + "\(promotion.verdictDigest.dropFirst(7).prefix(12))")
        }
        let source = proof.timeSource == .log ? "as the log proves" : "by the clock of this machine"
        try console.print("keys as of: \(proof.time), \(source)")
    }
}
