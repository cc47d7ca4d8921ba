import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay rollback REPO ALIAS`
struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Move a protected alias back to a version that held it.",
        discussion: """
            The version held the alias by a promotion, and is still signed and complete. The policy's bounds hold for \
            it, but it is not compared with the present holder. A refusal ends with exit status 7.

            Example:
              assay rollback team/fraud production \\
                --reason "wrong prices since the last release"
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @Option(
        help: ArgumentHelp(
            "The version's number; the one before the present holder if not given.", valueName: "number"),
        completion: .number)
    var to: Int64?

    @Option(help: ArgumentHelp("Why; it is signed and logged.", valueName: "text"))
    var reason: String

    @Flag(help: "Ask for nothing but its signatures; the policy names in rollback.emergency who may.")
    var emergency = false

    @Flag(help: "Decide and show the table, but move nothing.")
    var dryRun = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Arguments.alias(repository, alias)
        let request = RollbackRequest(
            repository: reference.repository, alias: try AliasName(parsing: alias),
            to: try to.map(Arguments.number), reason: reason, emergency: emergency ? true : nil,
            dryRun: dryRun ? true : nil)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let response = try await PromoteCommand.decide(client, console, isJSON: isJSON) {
                try await client.rollBack(request)
            }
            try PromoteCommand.show(response, in: request.repository, on: console, isJSON: isJSON)
        }
    }
}
