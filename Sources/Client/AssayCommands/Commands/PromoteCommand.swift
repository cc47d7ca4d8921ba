import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay promote REF ALIAS`
struct PromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Move a protected alias to a version if its policy allows it.",
        discussion: """
            What the policy demands and nobody measured yet is measured first. A refusal ends with exit status 7.

            Example:
              assay promote team/fraud:3 production --dry-run
            """)

    /// How often a promotion is asked for again after its measurements; each round brings evidence for good.
    private static let roundsMax = 10

    @Argument(help: "A version: NAME:3, NAME:candidate or NAME@sha256:….", completion: .reference)
    var reference: String

    @Argument(help: "The alias to move.", completion: .alias)
    var alias: String

    @Flag(help: "Decide and show the table, but move nothing.")
    var dryRun = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let request = PromoteRequest(
            reference: try Reference(parsing: reference), alias: try AliasName(parsing: alias),
            dryRun: dryRun ? true : nil)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let response = try await Self.decide(client, console, isJSON: isJSON) { try await client.promote(request) }
            try Self.show(response, in: request.reference.repository, on: console, isJSON: isJSON)
        }
    }

    /// Shows what a promotion or a rollback came to, and ends with the status of a refusal if it is one.
    static func show(
        _ response: PromotionResponse, in repository: RepositoryName, on console: Console, isJSON: Bool
    ) throws {
        if isJSON {
            try console.print(json: response)
        } else {
            if !response.outcomes.isEmpty { try Self.print(response.outcomes, on: console) }
            try console.print(summary(of: response, in: repository))
        }
        if response.state == .refused { throw AlreadyReported(status: ExitStatus.of(.refused)) }
    }

    /// Asks until there is a decision, measuring what is missing in between.
    static func decide(
        _ client: AssayClient, _ console: Console, isJSON: Bool, ask: () async throws -> PromotionResponse
    ) async throws -> PromotionResponse {
        let watch = VerificationWatch(client: client, display: ProgressDisplay(console))
        for _ in 0..<roundsMax {
            let response: PromotionResponse
            do {
                response = try await ask()
            } catch let error as AssayError where error.code == .promotionRefused && !isJSON {
                if let outcomes = (error.cause as? RemoteFailure)?.problem.outcomes {
                    try Self.print(outcomes, on: console)
                }
                throw error
            }
            guard response.state == .measuring else { return response }
            for id in response.verifications { _ = try await watch.finish(id) }
        }
        throw AssayError(
            .storeBusy, "it came to no decision",
            reason: "its measurements were asked for \(roundsMax) times", remedy: "look at assay verify, then try again"
        )
    }

    /// The requirements and what became of them, and who answers for those that were waived.
    static func print(_ outcomes: [RequirementOutcome], on console: Console) throws {
        let isConfident = outcomes.contains { $0.confidence != nil }
        var table = Table(
            headings: ["REQUIREMENT", "DEMANDED", "MEASURED"] + (isConfident ? ["CONFIDENCE"] : []) + ["STATUS"])
        for outcome in outcomes {
            table.add(
                row: [outcome.requirement, outcome.demanded, outcome.measured]
                    + (isConfident ? [outcome.confidence ?? ""] : []) + [outcome.status.rawValue])
        }
        try console.print(table)
        for outcome in outcomes {
            guard let waiver = outcome.waiver else { continue }
            try console.print("\(outcome.requirement) is waived by \(waiver)")
        }
    }

    static func summary(of response: PromotionResponse, in repository: RepositoryName) -> String {
        let version = "\(repository):\(response.version)"
        let alias = "\(repository):\(response.alias)"
        switch response.state {
        case .promoted: return "\(alias) now points to \(version)"
        case .unchanged: return "\(alias) points to \(version) already"
        case .wouldPass: return "\(version) would be promoted to \(response.alias); nothing was moved"
        case .refused: return "\(version) would be refused as \(response.alias); nothing was moved"
        case .measuring: return "\(version) is being measured"
        }
    }
}
