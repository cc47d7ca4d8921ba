import ArgumentParser
import AssayClient
import AssayDomain

/// `assay push REPO PATH…`
struct PushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Make files a new version of a repository.",
        discussion: """
            A folder stands for the files in it, each by its path from there, without those that its .assayignore \
            names, private keys, stores and what git keeps for itself. Files that the registry has already are \
            not sent again, and equal content is the version that exists.

            Example:
              assay push team/fraud model.onnx --key release.pem --metric auc=0.93 \\
                --trained-on team/payments:4
            """)

    @Argument(help: "The repository, such as team/fraud.", completion: .repository)
    var repository: String

    @Argument(help: "Files and folders.", completion: .file())
    var paths: [String]

    @Option(
        help: ArgumentHelp(
            "Leave out what this pattern of a .gitignore fits; may be repeated. Comes after .assayignore.",
            valueName: "pattern"))
    var exclude: [String] = []

    @Flag(help: "Follow links that end in plain files of the folder itself.")
    var followLinks = false

    @Option(
        help: ArgumentHelp(
            "Follow links that end in plain files of this folder too, such as a cache that the folder is part of; may "
                + "be repeated.", valueName: "folder"), completion: .directory)
    var linksWithin: [String] = []

    @Option(
        help: "model or dataset; what the repository holds already if not given.",
        completion: .values(of: Repository.Kind.self))
    var kind: String?

    @Option(help: "What the version is.")
    var description: String?

    @Option(help: "What it was trained with.")
    var framework: String?

    @Option(help: "Its licence as an SPDX expression.")
    var license: String?

    @Option(name: .customLong("metric"), help: ArgumentHelp("What training measured.", valueName: "name=value"))
    var metrics: [String] = []

    @Option(name: .customLong("param"), help: ArgumentHelp("A hyperparameter.", valueName: "name=value"))
    var parameters: [String] = []

    @Option(help: "The training run's id.")
    var runId: String?

    @Option(help: "The commit of the training code.")
    var gitCommit: String?

    @Option(help: ArgumentHelp("Take parameters, metrics, commit and times from this MLflow run.", valueName: "id"))
    var mlflowRun: String?

    @Option(
        help: ArgumentHelp(
            "The MLflow tracking server. [environment: \(MLflowTracking.uriVariable)]", valueName: "url"))
    var mlflowTrackingUri: String?

    @Option(
        help: ArgumentHelp(
            "Who ran the training, as signed provenance names it; the MLflow server, or \(Provenance.pushBuilderID).",
            valueName: "uri"))
    var builder: String?

    @Option(help: ArgumentHelp("A YAML file with all of these.", valueName: "file"), completion: .file())
    var metadata: String?

    @Option(
        name: .customLong("trained-on"), help: ArgumentHelp("A dataset version.", valueName: "ref"),
        completion: .dataset)
    var trainedOn: [String] = []

    @Option(
        name: .customLong("derived-from"), help: ArgumentHelp("A parent version.", valueName: "ref"),
        completion: .reference)
    var derivedFrom: [String] = []

    @Option(
        name: .customLong("as"), help: "How it was derived: derived, fine-tuned, quantized or distilled.",
        completion: .list(["derived", "fine-tuned", "quantized", "distilled"]))
    var derivation: String?

    @Option(help: ArgumentHelp("Point this alias to the version.", valueName: "alias"), completion: .alias)
    var tag: String?

    @Flag(help: "Read every file again, also those that have not changed since they were last pushed.")
    var rehash = false

    @OptionGroup var signing: SigningOptions
    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let repository = try RepositoryName(parsing: repository)
        let secrets = [signing.key, signing.passphraseFile, options.tokenFile].compactMap(\.self)
        let scan = try FileScan.scan(
            paths, rules: PushRules(excluded: IgnorePatterns(lines: exclude), secrets: secrets),
            links: LinkRules(isFollowing: followLinks, within: linksWithin))
        let variables = CommandEnvironment.current.variables
        var given = try plan(repository, scan.files, try await trackedRun(variables))
        let console = options.console
        for note in Self.notes(on: scan) + MissingData.warnings(about: scan.files) { console.note(note) }
        if scan.signatures.count == 1 {
            given.brought = scan.signatures.first
        } else {
            for other in scan.signatures {
                console.note("left out: \(Printable.escape(other.localPath)), one of several signatures")
            }
        }
        let plan = given
        let journal = UploadJournal(folder: try UploadJournal.folder(in: variables))
        let digests = DigestCache(folder: try DigestCache.folder(in: variables))
        let rehashes = rehash
        let isJSON = options.json
        try await options.withClient { client in
            let publisher = Publisher(
                client: client, journal: journal, digests: digests, rehashes: rehashes,
                display: ProgressDisplay(console))
            let result = try await publisher.push(plan)
            if isJSON { return try console.print(json: result) }
            try console.print(Self.summary(of: result))
            for note in Self.notes(on: result, plan) { console.note(note) }
        }
    }

    /// The run of --mlflow-run, and the address of the server that knows it.
    private func trackedRun(_ variables: [String: String]) async throws -> (run: MLflowRun, server: String)? {
        guard let mlflowRun else { return nil }
        guard let uri = mlflowTrackingUri ?? variables[MLflowTracking.uriVariable] else {
            throw AssayError(
                .usage, "no MLflow tracking server is named",
                remedy: "set \(MLflowTracking.uriVariable), or add --mlflow-tracking-uri URL")
        }
        let tracking = try MLflowTracking(uri: uri, variables: variables)
        return (try await tracking.run(mlflowRun), tracking.uri)
    }

    /// Options win over the file, and the file over the run.
    private func plan(
        _ repository: RepositoryName, _ files: [ScannedFile], _ tracked: (run: MLflowRun, server: String)?
    ) throws -> PushPlan {
        var given = tracked.map { PushMetadata(run: $0.run) } ?? PushMetadata()
        if let metadata { try given.read(file: metadata) }
        if let description { given.metadata.description = description }
        if let framework { given.metadata.framework = framework }
        if let license { given.metadata.license = license }
        if let runId { given.metadata.runId = runId }
        if let gitCommit { given.metadata.gitCommit = gitCommit }
        if let pairs = try Arguments.pairs(parameters, option: "param") { given.add(hyperparameters: pairs) }
        if let numbers = try numbers() { given.add(metrics: numbers) }
        given.lineage += try trainedOn.map {
            LineageDeclaration(relation: .trainedOn, source: try Reference(parsing: $0))
        }
        if derivation != nil, derivedFrom.isEmpty {
            throw AssayError(.usage, "--as says how, but no --derived-from says from what")
        }
        try given.add(parents: derivedFrom.map { try Reference(parsing: $0) }, as: derivation ?? "derived")
        try given.metadata.check()
        return PushPlan(
            repository: repository, kind: try Arguments.kind(kind), files: files,
            key: try signing.resolve(), builderID: builder ?? tracked?.server ?? Provenance.pushBuilderID,
            tag: try tag.map { try Tag(parsing: $0).description },
            metadata: given.metadata, lineage: given.lineage, run: tracked.map { TrainingRun($0.run) } ?? TrainingRun())
    }

    private func numbers() throws -> [String: Double]? {
        try Arguments.pairs(metrics, option: "metric")?.mapValues { text in
            // Without a base: `0x10` is a slip more often than a number.
            guard text.utf8.allSatisfy({ $0.isDecimalDigit || "+-.eE".utf8.contains($0) }),
                let value = Double(text), value.isFinite
            else {
                throw AssayError(
                    .usage, "--metric has \(Printable.quote(text)), which is no finite number",
                    remedy: "write it as accuracy=0.97")
            }
            return value
        }
    }

    /// The most files that are named one by one where they are left out.
    private static let namesMax = 20

    /// What of the folders stays behind, and what goes along that few people want to.
    static func notes(on scan: FileScan) -> [String] {
        var notes = scan.leftOut.prefix(namesMax).map { path, why in
            "left out: \(Printable.escape(path))" + (why.reason.map { ", \($0)" } ?? "")
        }
        if scan.leftOut.count > namesMax { notes.append("left out: \(scan.leftOut.count - namesMax) more") }
        let litter = scan.files.filter { file in
            file.path.pathComponents.contains { FileScan.litter.contains(String($0)) }
        }
        if let first = litter.first {
            notes.append(
                "\(Figure.files(litter.count)) of what tools leave behind in the version, such as "
                    + "\(Printable.quote(first.path)): --exclude leaves them out")
        }
        return notes
    }

    /// What a push did besides, and did not do, where the content was there before.
    static func notes(on result: PushResult, _ plan: PushPlan) -> [String] {
        let version = result.version
        var notes: [String] = []
        if let tag = plan.tag, !result.isNew { notes.append("\(version.repository):\(tag) points to it") }
        if !result.isNew, plan.metadata != VersionMetadata(), plan.metadata != version.metadata {
            notes.append("its metadata stays as it was first pushed; see: assay annotate")
        }
        if !result.isNew, !plan.lineage.isEmpty { notes.append("its declared sources were added to its lineage") }
        if !result.isNew, plan.key != nil { notes.append("it carries the signature of this key") }
        return notes
    }

    /// `digits:1  sha256:…  3 files, 120.4 KiB; sent 120.4 KiB, saved 0 B`
    static func summary(of result: PushResult) -> String {
        let version = result.version
        guard result.isNew else { return "\(version.reference) already holds this content" }
        let files = Figure.files(result.fileCount)
        return "\(version.reference)  \(version.manifestDigest)  \(files), \(Figure.bytes(version.contentBytes)); "
            + "sent \(Figure.bytes(result.sentBytes)), saved \(Figure.bytes(result.savedBytes))"
    }
}
