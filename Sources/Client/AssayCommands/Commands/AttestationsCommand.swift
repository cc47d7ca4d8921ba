import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayDomain

/// `assay attestations REF`
struct AttestationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attestations",
        abstract: "List, show and check the signatures and signed statements about a version.",
        discussion: """
            Each is checked here, with the keys of --trust or else those that the registry names. RESULT is what it \
            says, STATUS whether that may be believed. With --verify the exit status is 6 if any of them is not valid, \
            or none is there; sigstore bundles that are no model signatures, by signers whom nobody here knows, are \
            passed over.

            Example:
              assay attestations team/fraud:3
              assay attestations team/fraud:3 --show verdict
              assay attestations team/fraud:3 --verify --trust root.json
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(
        help: ArgumentHelp(
            "Print what one says, named by its digest or type; with --json the envelope around it.",
            valueName: "digest|type"))
    var show: String?

    @Flag(help: "End with exit status 6 unless all are valid.")
    var verify = false

    @Option(
        help: ArgumentHelp("A trust root, or a key that may have signed; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let named = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let (show, verify, isJSON, console) = (show, verify, options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            let root = if let named { named } else { TrustRoot(keys: try await client.keys().items) }
            let list = try await GatheredEvidence.fetch(
                about: version, root: root, isNamed: named != nil, client: client)
            if let show { return try Self.show(show, among: list, of: version, isJSON: isJSON, on: console) }
            let checked = list.map(\.evidence)
            // Machines know keys by their ids, people by their names.
            let names = console.width == nil ? [:] : Self.names(of: root)
            try isJSON
                ? console.print(json: ListResponse(items: checked)) : console.print(Self.table(checked, names))
            guard verify else { return }
            // A bundle of another kind whose signer nobody here knows counts for nothing, and is no fault of the rest.
            let others = list.filter { $0.isForeign && $0.evidence.status == .untrusted }.map(\.evidence)
            for other in others {
                console.note("\(other.manifestDigest.short) is not checked: its signer is not known")
            }
            let counted = list.filter { !($0.isForeign && $0.evidence.status == .untrusted) }.map(\.evidence)
            guard let fault = counted.first(where: { $0.status != .valid }) else {
                guard !counted.isEmpty else {
                    throw AssayError(.unsigned, "\(version.reference) has no signature and no statement")
                }
                return
            }
            let error = AssayError(
                fault.status == .untrusted ? .untrustedKey : .signatureInvalid,
                "\(fault.manifestDigest.short) (\(PredicateType.short(fault.predicateType))) does not count",
                reason: fault.fault, remedy: "see all of them without --verify")
            if isJSON { throw AlreadyReported(status: ExitStatus.of(error.code.kind)) }
            throw error
        }
    }

    private static func show(
        _ name: String, among list: [GatheredEvidence], of version: Version, isJSON: Bool, on console: Console
    ) throws {
        let type = PredicateType.resolve(name)
        let found = list.last { item in
            item.evidence.predicateType == type
                || [item.evidence.manifestDigest, item.evidence.envelopeDigest].contains {
                    $0.description == name || name.utf8.count >= 8 && $0.hex.hasPrefix(name)
                }
        }
        guard let found else {
            throw AssayError(
                .attestationNotFound, "\(version.reference) has no attestation \(Printable.quote(name, limit: 80))",
                remedy: "see them with: assay attestations \(version.reference)")
        }
        // A signature file is shown as a whole; an envelope only to programs, to people what it holds.
        let isWhole = isJSON || found.evidence.predicateType == PredicateType.modelSignature
        let text = isWhole ? found.bytes : try DSSEEnvelope(parsing: found.bytes).payload
        try console.print(document: String(decoding: text, as: UTF8.self))
        if found.evidence.status != .valid {
            console.note(
                "it does not count: \(Printable.escape(found.evidence.fault ?? found.evidence.status.rawValue))")
        }
    }

    /// The names of keys by their ids.
    private static func names(of root: TrustRoot) -> [String: String] {
        Dictionary(root.keys.map { ($0.id, $0.name) }) { first, _ in first }
    }

    private static func table(_ list: [CheckedEvidence], _ names: [String: String]) -> Table {
        var table = Table("ATTESTATION", "TYPE", "RESULT", "STATUS", "BY", "AS", "AT")
        for item in list {
            table.add(
                item.manifestDigest.short, PredicateType.short(item.predicateType), item.result?.rawValue ?? "-",
                item.status.rawValue,
                item.signer.map { ([String($0.prefix(12))] + (names[$0].map { [$0] } ?? [])).joined(separator: " ") }
                    ?? "-", item.role?.rawValue ?? "-",
                item.createdAt?.description ?? "-")
        }
        return table
    }
}
