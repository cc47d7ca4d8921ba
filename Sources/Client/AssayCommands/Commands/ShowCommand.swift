import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayDomain
import AssayReport

/// `assay show REF`
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a version: its files, metadata, model summary and evidence.",
        discussion: """
            Example:
              assay show team/fraud:production
            """)

    /// Everything that is known of a version, as one document.
    struct Document: Encodable, Sendable {
        struct File: Encodable, Sendable {
            let path: String
            let digest: Digest
            let size: Int64
        }

        let version: Version
        let files: [File]
        /// What the version's config says of the model, signed by nobody.
        let claims: [String: String]
        /// What the files are by their content, and what they say of themselves; absent if the server cannot tell.
        let inspections: [FileInspection]?
        let attestations: [AttestationResponse]
        /// Figures that others measured and signed, each checked here with the keys that the registry names.
        let measured: [VersionReport.Signed<MeasuredFigures>]
    }

    @Argument(
        help: "A version: NAME:3, NAME:production or NAME@sha256:…, or a digest: sha256:….", completion: .reference)
    var reference: String

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let text = reference
        let digest = ContentFinder.digest(in: text)
        let named = digest == nil ? try Reference(parsing: text) : nil
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let found = try await Self.only(digest, client, isJSON, console)
            guard let reference = named ?? found else { return }
            let document = try await Self.document(of: reference, client: client)
            if isJSON { return try console.print(json: document) }
            try console.print(Self.parts(of: document))
        }
    }

    /// The version that has content of a digest; nil where it is in several, which are listed then.
    private static func only(
        _ digest: Digest?, _ client: AssayClient, _ isJSON: Bool, _ console: Console
    ) async throws -> Reference? {
        guard let digest else { return nil }
        let list = try await ContentFinder(client: client).places(of: digest, limit: Pages.itemsMax)
        var versions: [Reference] = []
        for place in list.items {
            guard let number = place.version else { continue }
            let version = Reference(place.repository, number)
            if !versions.contains(version) { versions.append(version) }
        }
        guard let first = versions.first else {
            throw AssayError(
                .versionNotFound, "no version here has content of the digest \(digest)",
                remedy: "push it, or ask the registry that it came from")
        }
        guard versions.count > 1 else { return first }
        if isJSON {
            try console.print(json: list)
        } else {
            for place in list.items { try console.print(ContentFinder.line(of: place)) }
        }
        console.note("it is in \(versions.count) versions; show one: assay show \(first)")
        return nil
    }

    private static func document(of reference: Reference, client: AssayClient) async throws -> Document {
        let version = try await client.version(reference)
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        // A version is shown as well as it can be, also where its config is damaged.
        let config = try? await PullPlan.config(of: manifest, in: version.repository, client: client)
        let attestations = try await client.attestations(about: version).items
        let files = try ModelPack.files(of: manifest)
        return Document(
            version: version,
            files: files.map { Document.File(path: $0.path, digest: $0.digest, size: $0.size) },
            claims: Dictionary(PlainForm.claims(in: config ?? []).map { ($0.name, $0.value) }) { first, _ in first },
            inspections: try await Self.inspections(of: version, files.map(\.path), client: client),
            attestations: attestations,
            measured: try await figures(of: version, among: attestations, client: client))
    }

    /// What others measured; nothing is fetched where no attestation says that it is that.
    private static func figures(
        of version: Version, among attestations: [AttestationResponse], client: AssayClient
    ) async throws -> [VersionReport.Signed<MeasuredFigures>] {
        guard attestations.contains(where: { $0.predicateType == PredicateType.figures }) else { return [] }
        let root = TrustRoot(keys: try await client.keys().items)
        return ReportCollection.figures(
            among: try await GatheredEvidence.fetch(about: version, root: root, isNamed: false, client: client))
    }

    /// Nil from a server that is older than the question.
    static func inspections(
        of version: Version, _ paths: [String], client: AssayClient
    ) async throws -> [FileInspection]? {
        do {
            return try await client.inspections(of: version, paths: paths)
        } catch let error as AssayError where error.code.kind == .notFound {
            return nil
        }
    }

    static func parts(of document: Document) -> [OutputPart] {
        let version = document.version
        var fields: [(name: String, value: String)] = [
            ("version", "\(version.reference)"), ("kind", version.kind.rawValue),
            ("digest", "\(version.manifestDigest)"), ("created", "\(version.createdAt)"),
            ("size", Figure.bytes(version.contentBytes)),
        ]
        if let withdrawn = version.withdrawn { fields.append(("state", withdrawn.text)) }
        if !version.aliases.isEmpty { fields.append(("aliases", version.aliasesText)) }
        fields +=
            metadata(version.metadata)
            + version.annotations.sorted { $0.key < $1.key }
            .map { ("annotation \($0.key)", $0.value) }
        fields += document.claims.sorted { $0.key < $1.key }.map { ("claimed \($0.key)", $0.value) }
        if let model = version.model { fields += summary(model) }
        fields += models(document, read: version.model?.path)
        var parts: [OutputPart] = [.fields(fields)]
        var files = Table("FILE", "SIZE", "DIGEST")
        for file in document.files { files.add(file.path, Figure.bytes(file.size), file.digest.description) }
        parts += ["", .table(files)] + inspected(document)
        if !document.measured.isEmpty {
            var measured = Table("MEASURED ELSEWHERE", "VALUE", "ON", "BY", "AS", "STATUS")
            for row in document.measured.flatMap(\.rows) { measured.add(row: row) }
            parts += ["", .table(measured)]
        }
        guard !document.attestations.isEmpty else { return parts }
        var evidence = Table("EVIDENCE", "CREATED", "DIGEST")
        for item in document.attestations {
            evidence.add(item.predicateType ?? item.artifactType, item.createdAt.description, item.manifestDigest.short)
        }
        return parts + ["", .table(evidence)]
    }

    /// The models of a version beside the one that is summarised, and why one could not be read.
    private static func models(_ document: Document, read: String?) -> [(String, String)] {
        document.files.map(\.path).filter { path in
            ONNXFileName.isModel(path) && !(read.map { path.isExactly($0) } ?? false)
        }
        .map { path in
            let found = document.inspections?.first { $0.path.isExactly(path) }
            let reason =
                found.map { $0.notInspected } ?? "not read as an ONNX graph, or above the limits of reading one"
            let name = read == nil ? "model" : "further model"
            return (name, path + (reason.map { ": not read: \($0)" } ?? ""))
        }
    }

    /// What is said of files besides the graph that is summarised.
    private static func inspected(_ document: Document) -> [OutputPart] {
        var lines: [OutputPart] = []
        for file in document.inspections ?? [] where file.format != FileInspection.Format.onnx {
            let said = file.lines.dropFirst()
            let width = said.map(\.name.count).max() ?? 0
            lines += ["", "\(Printable.escape(file.path, limit: 1_000)): \(Printable.escape(file.format))"]
            for (name, text) in said {
                let gap = String(repeating: " ", count: width - name.count + 2)
                lines.append("  \(Printable.escape(name))\(gap)\(Printable.escape(text, limit: 1_000))")
            }
        }
        return lines
    }

    private static func metadata(_ metadata: VersionMetadata) -> [(String, String)] {
        let texts: [(String, String?)] = [
            ("description", metadata.description), ("framework", metadata.framework), ("license", metadata.license),
            ("run", metadata.runId), ("git commit", metadata.gitCommit),
        ]
        let metrics = (metadata.metrics ?? [:]).sorted { $0.key < $1.key }
            .map { ("claimed \($0.key)", Figure.metric($0.value)) }
        let parameters = (metadata.hyperparameters ?? [:]).sorted { $0.key < $1.key }
            .map { ("parameter \($0.key)", $0.value) }
        return texts.compactMap { name, text in text.map { (name, $0) } } + metrics + parameters
    }

    private static func summary(_ model: ModelSummary) -> [(String, String)] {
        func text(_ tensor: ModelSummary.Tensor) -> String { "\(tensor.name) \(tensor.typeText)" }
        let opsets = model.opsets.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return [
            ("model", model.path), ("inputs", model.inputs.map(text).joined(separator: ", ")),
            ("outputs", model.outputs.map(text).joined(separator: ", ")),
            ("opsets", opsets.joined(separator: ", ")), ("parameters", "\(model.parameterCount)"),
            ("precision", model.precision.joined(separator: ", ")),
        ]
    }
}
