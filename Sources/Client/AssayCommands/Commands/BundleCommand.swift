import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// `assay bundle export|import|verify`
struct BundleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle",
        abstract: "Carry a version with its evidence in one file.",
        discussion: """
            Example:
              assay bundle export team/fraud:3 -o fraud-3.tar
            """,
        subcommands: [BundleExportCommand.self, BundleImportCommand.self, BundleVerifyCommand.self])
}

/// `assay bundle export REF -o FILE`
struct BundleExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a version as a tar of an OCI image layout; the same version gives the same bytes.",
        discussion: """
            Example:
              assay bundle export team/fraud:3 -o fraud-3.tar
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….")
    var reference: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"))
    var output: String

    @Flag(help: "Replace the file if it exists.")
    var force = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let (output, force, isJSON, console) = (output, force, options.json, options.console)
        try await options.withClient { client in
            let export = BundleExport(client: client, display: ProgressDisplay(console))
            let version = try await export.export(reference, to: output, isReplacing: force)
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
            The keys that may have signed are those of --trust, or the release keys that the registry trusts.

            Example:
              assay bundle import fraud-3.tar --trust release.pub.pem
            """)

    @Argument(help: "The bundle.")
    var file: String

    @Option(
        name: .customLong("as"), help: ArgumentHelp("The repository; the bundle's own if not given.", valueName: "name")
    )
    var name: String?

    @Option(help: ArgumentHelp("A public key that may have signed; may be repeated.", valueName: "file"))
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let name = try name.map { try RepositoryName(parsing: $0) }
        let named = trust.isEmpty ? nil : try Arguments.publicKeys(trust)
        let journal = UploadJournal(folder: UploadJournal.folder(in: CommandEnvironment.current.variables))
        let (file, isJSON, console) = (file, options.json, options.console)
        try await options.withClient { client in
            let trusted = if let named { named } else { try await Self.releaseKeys(of: client) }
            let publisher = Publisher(
                client: client, journal: journal, digests: DigestCache(folder: nil), rehashes: false,
                display: ProgressDisplay(console))
            let response = try await BundleImport.run(file, as: name, trusted: trusted, publisher: publisher)
            if isJSON { return try console.print(json: response) }
            let version = response.version
            try console.print(
                response.isNew
                    ? "\(version.reference)  \(version.manifestDigest)  imported"
                    : "\(version.reference) already holds this content")
        }
    }

    private static func releaseKeys(of client: AssayClient) async throws -> [PublicKey] {
        try await client.keys().items.filter { $0.role == .release && $0.revokedAt == nil }
            .map { try PublicKey(pem: $0.pem) }
    }
}

/// `assay bundle verify FILE`
struct BundleVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a bundle offline.",
        discussion: """
            Example:
              assay bundle verify fraud-3.tar --trust release.pub.pem
            """)

    @Argument(help: "The bundle.")
    var file: String

    @Option(help: ArgumentHelp("Demand a signature by this public key; may be repeated.", valueName: "file"))
    var trust: [String] = []

    @Flag(help: "Print one JSON document, errors included.")
    var json = false

    /// What was found to be right.
    private struct Outcome: Encodable {
        let file: String
        let version: Reference
        let digest: Digest
        /// Nil if nobody said which keys count.
        let signer: String?
    }

    mutating func run() async throws {
        let (file, json, console) = (file, json, CommandEnvironment.current.console)
        let trusted = try Arguments.publicKeys(trust)
        let contents = try await FileAccess.withAccess { access in
            try await BundleImport.verify(file, trusted: trusted.isEmpty ? nil : trusted, files: access)
        }
        let version = Reference(contents.repository, contents.number)
        if json {
            return try console.print(
                json: Outcome(
                    file: file, version: version, digest: contents.manifest.digest, signer: contents.signer?.id))
        }
        try console.print(
            "\(Printable.escape(file)): \(version)  \(contents.manifest.digest)",
            contents.signer.map { "signature: valid, key \($0.id.prefix(12))" }
                ?? "signature: not checked; add --trust KEY.pub.pem to demand one")
    }
}
