import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayDomain

/// `assay waive REF ALIAS --requirement R --reason TEXT --expires TIME --key KEY`
struct WaiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waive",
        abstract: "Sign that a version may hold an alias although it misses a requirement.",
        discussion: """
            It counts for this version, repository and alias, under the policy that the alias has now, if that says \
            that this key, or a key of its role, may waive. The verdict and the history of the alias show it. \
            Signature, manifest and content cannot be waived. A requirement that the policy does not have is refused.

            Example:
              assay waive team/fraud:3 production --requirement latency.p50.ratio \\
                --expires 2026-12-31 --reason "new preprocessing" --key lead.pem
            """)

    @Argument(help: "A version: NAME:3, NAME:candidate or NAME@sha256:….", completion: .reference)
    var reference: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @Option(help: ArgumentHelp("The requirement, as the table of a promotion names it.", valueName: "name"))
    var requirement: String

    @Option(help: "Why.")
    var reason: String

    @Option(help: ArgumentHelp("When it ends, in UTC.", valueName: "time"))
    var expires: String

    @OptionGroup var signing: SigningOptions
    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        guard let expiry = try Arguments.time(expires, option: "expires"), expiry > .now else {
            throw AssayError(.usage, "--expires lies in the past", remedy: "name a time to come")
        }
        let alias = try AliasName(parsing: alias)
        let (requirement, reason) = (requirement, reason)
        try Waiver.check(requirement: requirement, reason: reason)
        let signer = try signing.requiredSigner()
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            // By the name that was asked for: a server that answers with another version gets no waiver for it.
            let record = try await client.policy(of: Reference(reference.repository, alias))
            let waiver = Waiver(
                scope: .init(
                    repository: reference.repository, version: version.manifestDigest, alias: alias,
                    policy: record.digest), requirement: requirement, reason: reason, expiresAt: expiry)
            try waiver.check(against: record.policy)
            let statement = Statement(
                subjects: [.init(name: reference.repository.text, digest: version.manifestDigest)],
                predicateType: PredicateType.waiver, predicate: try JSON.encode(waiver))
            let attached = try await Signing(signer: signer, client: client)
                .attach(statement, to: Reference(reference.repository, .digest(version.manifestDigest)))
            if isJSON { return try console.print(json: attached) }
            try console.print(
                "\(version.reference)  \(Printable.escape(waiver.requirement)) waived for \(waiver.alias) until "
                    + "\(waiver.expiresAt), attached as \(attached.manifestDigest)")
            if let fault = try await Self.fault(of: waiver, on: version, client) { console.note(fault) }
        }
    }

    /// Why a waiver that was attached changes nothing now; nil if it counts.
    private static func fault(
        of waiver: Waiver, on version: Version, _ client: AssayClient
    ) async throws -> String? {
        let outcomes = try await client.checkPolicy(nil, of: waiver.alias, on: version.reference).outcomes
        let name = Printable.escape(waiver.requirement)
        guard let outcome = outcomes.first(where: { $0.requirement == waiver.requirement }) else {
            return "it is not needed now: nothing misses \(name)"
        }
        switch outcome.status {
        case .waived: return nil
        case .passed: return "it is not needed now: \(name) is met"
        case .failed, .inconclusive, .missing:
            return "it does not count: the policy of \(waiver.alias) does not let this key waive"
        }
    }
}
