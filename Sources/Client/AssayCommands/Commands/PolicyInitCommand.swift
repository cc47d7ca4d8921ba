import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain
import AssayReport

/// `assay policy init REF`
struct PolicyInitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write the start of a policy from what was measured of a version.",
        discussion: """
            Every line has a comment that says what it demands and what was measured. Nothing is set by it.

            Example:
              assay policy init team/fraud:3 -o policy.yaml
            """)

    @Argument(help: "A version: NAME:3, NAME:candidate or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(help: ArgumentHelp("Start from this verification, not from the newest one.", valueName: "id"))
    var verification: String?

    @Option(
        name: .shortAndLong, help: ArgumentHelp("A new file to write it to.", valueName: "file"), completion: .file())
    var output: String?

    @OptionGroup var options: ServerOptions

    /// What `--json` prints.
    private struct Document: Encodable {
        let version: Reference
        let verification: VerificationID
        /// As YAML.
        let policy: String
    }

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let verification = try verification.map { try VerificationID(parsing: $0) }
        let (output, isJSON, console) = (output, options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            let root = TrustRoot(keys: try await client.keys().items)
            let gathered = try await GatheredEvidence.fetch(about: version, root: root, isNamed: false, client: client)
            let found = try ReportCollection.collect(of: version, from: gathered, verification: verification)
            guard let report = found.report?.content else {
                throw AssayError(
                    .verificationFailed, "\(version.reference) has no report to start from",
                    remedy: "measure it with: assay verify \(version.reference) --dataset REF")
            }
            let edges = try await client.lineage(of: version.reference, direction: .ancestors, depth: 1).edges
            let draft = PolicyDraft(
                version: version, report: report,
                relations: edges.map(\.relation).filter { $0 != .evaluatedOn })
            let text = try draft.text()
            guard isJSON else { return try console.put(text, in: output) }
            if let output { try NewFile(creating: output, isSecret: false).write(text) }
            try console.print(
                json: Document(version: version.reference, verification: report.verification, policy: text))
        }
    }
}
