import ArgumentParser
import AssayBundle
import AssayClient
import AssayDomain

/// `assay bundle extract FILE DIR`
struct BundleExtractCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Write the files of a bundle into a folder, offline, as a pull would.",
        discussion: """
            Every byte of the bundle is checked before one is written; with --trust also what bundle verify checks. \
            The folder holds the version's files afterwards: what an earlier pull or bundle left there goes, and what \
            else is there stays and is named.

            Example:
              assay bundle extract fraud-3.tar ./model --trust root.json
            """)

    @Argument(help: "The bundle.", completion: .file())
    var file: String

    @Argument(help: "The folder; it is made if it is missing.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp(
            "Demand a signature by a key of this trust root, or by this key; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @Flag(help: "Take a version all the same that a trusted registry withdrew.")
    var allowWithdrawn = false

    @OptionGroup var target: FolderOptions

    @Flag(help: "Print one JSON document, errors included.")
    var json = false

    mutating func run() async throws {
        let environment = CommandEnvironment.current
        let console = environment.console
        let root = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let (file, folder, target, allowsWithdrawn) = (file, folder, target, allowWithdrawn)
        guard !folder.isEmpty else {
            throw AssayError(.usage, "an empty path names no folder", remedy: "assay bundle extract FILE DIR")
        }
        let result = try await FileAccess.withAccess { files in
            let extraction = try await BundleExtraction.open(
                file, root: root, allowsWithdrawn: allowsWithdrawn, files: files)
            let chosen = try target.chosen(of: extraction.bundle.contents.files)
            return try await extraction.write(
                chosen, into: folder, rules: target.rules, records: PullRecords(variables: environment.variables),
                display: ProgressDisplay(console))
        }
        for line in result.notes { console.note(line) }
        if json { return try console.print(json: result) }
        let name = result.version.map { "\($0)  " } ?? ""
        try console.print(
            "\(name)\(result.digest)  \(Figure.files(result.fileCount)) in \(Printable.escape(folder)); written "
                + "\(Figure.bytes(result.writtenBytes)), kept \(Figure.bytes(result.keptBytes))")
        try console.print(
            result.signer.map { "signature: valid, key \($0.prefix(12))" }
                ?? "signature: not checked; add --trust root.json to demand one")
    }
}
