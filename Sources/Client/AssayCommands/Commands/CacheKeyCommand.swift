import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// `assay cache-key REF`
struct CacheKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache-key",
        abstract: "Print what answers of a model may be kept under: a key by digest, runtime and outputs.",
        discussion: """
            Append a colon and the SHA-256 of the inputs, as docs/formats/caching.md says. The runtime is that of the \
            newest report that counts, or the one that is named. Whether a kept answer is the one that the model would \
            give is told on standard error; with --require the exit status is 7 unless that was measured.

            Example:
              assay cache-key team/fraud:production
              assay cache-key team/fraud:3 --output probabilities \\
                --runtime 'onnxruntime 1.22.0' --require
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(
        name: .customLong("output"),
        help: ArgumentHelp(
            "An output that is asked for (repeatable); all of the model's if not given.", valueName: "name"))
    var outputs: [String] = []

    @Option(help: ArgumentHelp("The model's file, where a version has several.", valueName: "path"))
    var file: String?

    @Option(help: ArgumentHelp("Name and version of the runtime that answers.", valueName: "text"))
    var runtime: String?

    @Option(help: ArgumentHelp("The runtime's execution provider.", valueName: "name"))
    var provider = CacheKey.providerDefault

    @Flag(help: "End with exit status 7 unless it was measured that answers may be kept.")
    var require = false

    @Option(
        help: ArgumentHelp("A trust root, or a key that may have signed; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    /// What --json prints.
    struct Document: Encodable, Sendable {
        let prefix: String
        let version: Reference
        let key: CacheKey
        /// Nil where no report says it.
        let cacheable: VerificationReport.Cacheable?
        /// The verification that it was measured in.
        let verification: VerificationID?
    }

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let named = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let wish = Wish(outputs: outputs, file: file, runtime: runtime, provider: provider)
        let (require, isJSON, console) = (require, options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            let root = if let named { named } else { TrustRoot(keys: try await client.keys().items) }
            let gathered = try await GatheredEvidence.fetch(
                about: version, root: root, isNamed: named != nil, client: client)
            let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
            let document = try wish.document(
                of: version, files: try ModelPack.files(of: manifest),
                by: ReportCollection.newestReport(among: gathered))
            try isJSON ? console.print(json: document) : console.print(document.prefix)
            if !isJSON { console.note(Self.note(on: document)) }
            guard require, document.cacheable?.exact != true else { return }
            if isJSON { throw AlreadyReported(status: ExitStatus.of(ErrorCode.notCacheable.kind)) }
            throw AssayError(
                .notCacheable, "answers of \(version.reference) may not be kept",
                reason: document.cacheable?.reason ?? "no report says that they may",
                remedy:
                    "measure it with: assay verify \(version.reference) --dataset REF, or make the batch part of the "
                    + "key and keep nothing by this one")
        }
    }

    private static func note(on document: Document) -> String {
        guard let cacheable = document.cacheable else {
            return "nobody measured whether answers may be kept: assay verify \(document.version) --dataset REF"
        }
        return text(of: cacheable)
    }

    /// Whether answers may be kept, and why, in a line.
    static func text(of cacheable: VerificationReport.Cacheable) -> String {
        let reason = Printable.escape(cacheable.reason, limit: 400)
        return cacheable.exact ? "answers may be kept: \(reason)" : "answers may not be kept: \(reason)"
    }
}

/// What a key is asked to be of.
private struct Wish: Sendable {
    let outputs: [String]
    let file: String?
    let runtime: String?
    let provider: String

    func document(
        of version: Version, files: [VersionFile], by report: VerificationReport?
    ) throws(AssayError) -> CacheKeyCommand.Document {
        let path = try model(of: version, among: files, by: report)
        guard let runtime = runtime ?? report?.environment?.runtime else {
            throw AssayError(
                .attestationNotFound, "no report that counts says what runs \(version.reference)",
                reason: "answers depend on the runtime",
                remedy: "name it with --runtime 'onnxruntime 1.22.0', or measure with: assay verify "
                    + "\(version.reference) --dataset REF")
        }
        let key = try CacheKey(
            manifest: version.manifestDigest, file: path, runtime: runtime, provider: provider,
            outputs: try asked(of: version, path))
        let measured = report.flatMap { Self.isOf($0, key, version) ? $0 : nil }
        let bytes: [UInt8]
        do {
            bytes = try key.document()
        } catch {
            throw AssayError(.internalError, "the key cannot be written", cause: error)
        }
        return CacheKeyCommand.Document(
            prefix: CacheKey.scheme + Digest.sha256(of: bytes).hex, version: version.reference, key: key,
            cacheable: measured?.measurements?.cacheability(threads: measured?.settings.threads ?? 1),
            verification: measured?.verification)
    }

    /// The path of the model. Throws `request-invalid` for one that is not there, and where nobody says which it is.
    private func model(
        of version: Version, among files: [VersionFile], by report: VerificationReport?
    ) throws(AssayError) -> String {
        if let file {
            if files.contains(where: { $0.path.isExactly(file) }) { return file }
            throw AssayError(
                .requestInvalid, "\(version.reference) has no file \(Printable.quote(file, limit: 200))",
                remedy: "name one of: assay show \(version.reference)")
        }
        do {
            return try ONNXFileName.find(report?.settings.file, among: files, of: "\(version.reference)").path
        } catch {
            throw AssayError(
                .requestInvalid, error.failure.message,
                remedy: "name the file, and its outputs: --file PATH --output NAME")
        }
    }

    /// Whether a report measured what the key is of: this model, by this runtime and provider.
    private static func isOf(_ report: VerificationReport, _ key: CacheKey, _ version: Version) -> Bool {
        let path = report.settings.file ?? version.model?.path ?? key.file
        return path.isExactly(key.file) && key.runtime == report.environment?.runtime
            && key.provider == CacheKey.providerDefault
    }

    /// The outputs that are asked for. Throws `request-invalid` for one that the model is known not to have.
    private func asked(of version: Version, _ path: String) throws(AssayError) -> [String] {
        let known = version.model.flatMap { $0.path.isExactly(path) ? $0.outputs.map(\.name) : nil }
        guard let known else { return outputs }
        for name in outputs where !known.contains(where: { $0.isExactly(name) }) {
            throw AssayError(
                .requestInvalid, "the model has no output \(Printable.quote(name, limit: 80))",
                reason: "it has \(Printable.escape(known.joined(separator: ", "), limit: 400))",
                remedy: Suggestion.nearest(to: name, among: known).map { "did you mean '\(Printable.escape($0))'?" }
                    ?? "name one of these, or leave --output out for all of them")
        }
        return outputs.isEmpty ? known : outputs
    }
}
