import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// `assay sign REF --key KEY`
struct SignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign a version: its files and its manifest, by their digests; nothing is downloaded.",
        discussion: """
            The signature over the files is one of OpenSSF Model Signing v1.0; a statement binds the manifest to just \
            these files, so that nothing else can be in it. Both are attached beside those that are there, unless \
            this key signed just that before. A version of which some client could make other files is not signed.

            Example:
              assay sign team/fraud:3 --key release.pem
              assay sign team/fraud:3 --signature model.sig
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(
        name: [.customLong("signature"), .customLong("envelope")],
        help: ArgumentHelp("Attach this signature, made elsewhere over exactly its files.", valueName: "model.sig"),
        completion: .file())
    var signature: String?

    @OptionGroup var signing: SigningOptions
    @OptionGroup var options: ServerOptions

    /// What `--json` prints.
    private struct Outcome: Encodable {
        let version: Reference
        let digest: Digest
        let signer: String
        let attestation: AttestationResponse
        /// Of the statement that binds the manifest.
        let binding: AttestationResponse
        let fileCount: Int
        /// From the list of stored digests to the signature; 0 where it was there before.
        let signingMilliseconds: Double
    }

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        if let signature {
            guard try signing.resolve() == nil else {
                throw AssayError(.usage, "--signature is signed already", remedy: "leave the key out")
            }
            return try await BroughtEvidence.read(signature).attach(to: reference, options)
        }
        let signer = try signing.requiredSigner()
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
            let signing = Signing(signer: signer, client: client)
            let files = try await signing.files(of: manifest, in: version.repository)
            let exact = Reference(version.repository, .digest(version.manifestDigest))
            let earlier = try await signing.earlierSignature(over: files, of: exact)
            let attached: AttestationResponse
            let time: Double
            if let earlier {
                (attached, time) = (earlier, 0)
                console.note("this key signed these files before: \(earlier.manifestDigest.short)")
            } else {
                let clock = ContinuousClock()
                let start = clock.now
                let signature = try await signing.sign(files, name: version.repository.text)
                time = (clock.now - start) / .milliseconds(1)
                attached = try await client.attest(
                    AttestRequest(reference: exact, signature: String(decoding: signature, as: UTF8.self)))
            }
            let binding = try await signing.attach(
                try BindingPredicate.statement(binding: manifest, name: version.repository.text), to: exact)
            if let fault = try await signing.uncounted(in: version.repository) { console.note(fault) }
            if isJSON {
                return try console.print(
                    json: Outcome(
                        version: version.reference, digest: version.manifestDigest, signer: signer.publicKey.id,
                        attestation: attached, binding: binding, fileCount: files.count, signingMilliseconds: time))
            }
            try console.print(
                "\(version.reference)  \(version.manifestDigest)  \(Figure.files(files.count)) and manifest signed by "
                    + "key \(signer.publicKey.id.prefix(12))")
        }
    }
}

/// `assay attest REF --type TYPE --predicate FILE --key KEY`
struct AttestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attest",
        abstract: "Sign a statement about a version, or attach one that was signed elsewhere.",
        discussion: """
            The predicate is any JSON document; its type is a URI, or provenance, test-result, verdict or report. Slsa \
            provenance adds to the lineage of the version.

            Example:
              assay attest team/fraud:3 --type https://example.org/review/v1 \\
                --predicate review.json --key alice.pem
              assay attest team/fraud:3 --envelope provenance.intoto.json
              assay attest team/llm:3 --metrics results.yaml \\
                --dataset team/mmlu:1 --key eval.pem
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(help: "The type of the predicate: a URI, or a short name.")
    var type: String?

    @Option(help: ArgumentHelp("The predicate, a JSON document.", valueName: "file"), completion: .file())
    var predicate: String?

    @Option(
        help: ArgumentHelp("A DSSE envelope, or a sigstore bundle, signed elsewhere.", valueName: "file"),
        completion: .file())
    var envelope: String?

    @Option(
        help: ArgumentHelp(
            "Sign these figures, measured elsewhere: JSON or YAML, NAME: NUMBER or NAME: {value, n, low, high, unit}.",
            valueName: "file"), completion: .file())
    var metrics: String?

    @Option(
        help: ArgumentHelp("The dataset version that the figures were measured on.", valueName: "ref"),
        completion: .dataset)
    var dataset: String?

    @OptionGroup var signing: SigningOptions
    @OptionGroup var options: ServerOptions

    private static let predicateBytesMax = 8 << 20

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let source = try source()
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            let reference = Reference(version.repository, .digest(version.manifestDigest))
            let attached: AttestationResponse
            switch source {
            case .brought(let evidence): attached = try await client.attest(evidence.request(for: reference))
            case .predicate(let bytes, let type, let signer):
                let statement = Statement(
                    subjects: [.init(name: version.repository.text, digest: version.manifestDigest)],
                    predicateType: type, predicate: bytes)
                attached = try await Signing(signer: signer, client: client).attach(statement, to: reference)
            case .figures(let values, let dataset, let signer):
                let statement = try await Self.statement(of: values, on: dataset, about: version, client)
                let signing = Signing(signer: signer, client: client)
                attached = try await signing.attach(statement, to: reference)
                let roles: [TrustedKey.Role] = [.evaluation, .training, .release]
                if let fault = try await signing.uncounted(in: version.repository, as: roles) { console.note(fault) }
            }
            if isJSON { return try console.print(json: attached) }
            try console.print(
                "\(version.reference)  \(PredicateType.short(attached.predicateType ?? "")) attached as "
                    + "\(attached.manifestDigest)")
        }
    }

    private enum Source {
        case brought(BroughtEvidence)
        case predicate([UInt8], type: String, any MessageSigner)
        case figures([String: MeasuredFigures.Value], on: Reference, any MessageSigner)
    }

    /// Figures as a statement: with the digest of what they were measured on. Throws `dataset-unsupported` for a
    /// version that is no dataset.
    private static func statement(
        of values: [String: MeasuredFigures.Value], on reference: Reference, about version: Version,
        _ client: AssayClient
    ) async throws -> Statement {
        let dataset = try await client.version(reference)
        guard dataset.kind == .dataset else {
            throw AssayError(
                .datasetUnsupported, "\(dataset.reference) is a \(dataset.kind.rawValue), not a dataset",
                reason: "figures hold for the data that they were measured on",
                remedy: "name the version of that: push it with assay push --kind dataset")
        }
        let figures = MeasuredFigures(
            dataset: .init(digest: dataset.manifestDigest, name: "\(dataset.reference)"), metrics: values,
            statedAt: .now)
        return Statement(
            subjects: [.init(name: version.repository.text, digest: version.manifestDigest)],
            predicateType: PredicateType.figures, predicate: try JSON.encode(figures))
    }

    /// A registry reads provenance, so a file that is none is found here: it is not signed. Throws `request-invalid`.
    private static func check(_ predicate: [UInt8], of type: String, _ file: String) throws(AssayError) {
        guard type == PredicateType.provenance else { return }
        do {
            _ = try ProvenancePredicate.decode(predicate)
        } catch {
            throw AssayError(
                .requestInvalid, "\(Printable.quote(file)) holds no provenance (\(type))",
                reason: error.reason ?? error.message, remedy: "see docs/formats/attestations.md for its fields",
                cause: error)
        }
    }

    private func source() throws -> Source {
        if metrics != nil || dataset != nil { return try figuresSource() }
        switch (envelope, predicate, type) {
        case (let envelope?, nil, nil):
            guard try signing.resolve() == nil else {
                throw AssayError(.usage, "--envelope is signed already", remedy: "leave the key out")
            }
            return .brought(try BroughtEvidence.read(envelope))
        case (nil, let predicate?, let type?):
            let bytes = try InputFile.read(predicate, bytesMax: Self.predicateBytesMax)
            try StrictJSON.check(bytes)
            let resolved = try PredicateType.parse(type)
            try Self.check(bytes, of: resolved, predicate)
            return .predicate(bytes, type: resolved, try signing.requiredSigner())
        default:
            throw AssayError(
                .usage,
                "either --envelope, or --predicate with --type and a key, or --metrics with --dataset and a key, says "
                    + "what to attach", remedy: "see: assay attest --help")
        }
    }

    private func figuresSource() throws -> Source {
        guard envelope == nil, predicate == nil, type == nil else {
            throw AssayError(
                .usage, "--metrics and --dataset are a statement of their own", remedy: "leave the other options out")
        }
        guard let metrics, let dataset else {
            throw AssayError(
                .usage, "figures need the data that they were measured on",
                remedy: "give both: --metrics FILE --dataset REF")
        }
        return .figures(
            try FiguresFile.read(metrics), on: try Reference(parsing: dataset), try signing.requiredSigner())
    }
}

/// `assay bom REF`
struct BOMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bom",
        abstract: "Print the bill of materials of a version (CycloneDX 1.6, JSON).",
        discussion: """
            Example:
              assay bom team/fraud:3 > fraud-3.cdx.json
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Flag(help: "Attach it to the version, with what else can be derived: proofs of the audit log.")
    var attach = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let (attach, console) = (attach, options.console)
        try await options.withClient { client in
            if attach {
                let made = try await client.seal(reference).made
                console.note(made == 0 ? "nothing was missing" : "\(made) documents were attached")
            }
            // It is JSON whether or not --json asks for it.
            try console.print(document: String(decoding: try await client.bill(of: reference), as: UTF8.self))
        }
    }
}
