import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay policy history REPO ALIAS`
struct PolicyHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show which policies an alias had, newest first, by the audit log.",
        discussion: """
            Example:
              assay policy history team/fraud production
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @Option(help: "The most rows.")
    var limit = 100

    @OptionGroup var options: ServerOptions

    /// A change, as `--json` prints it.
    private struct Change: Encodable, Sendable {
        /// The entry of the audit log.
        let index: Int64
        /// Nil where the policy was taken away.
        let policyDigest: String?
        let at: Timestamp
        let actor: String
    }

    mutating func run() async throws {
        let reference = try Arguments.alias(repository, alias)
        let (alias, limit, isJSON, console) = (alias, limit, options.json, options.console)
        guard limit > 0 else { throw AssayError(.usage, "--limit is not above 0", remedy: "give 1 or more") }
        try await options.withClient { client in
            // A repository that does not exist has no policies, but the name may be a slip.
            _ = try await client.repository(reference.repository)
            var changes: [Change] = []
            var after: String?
            var walk = PageWalk()
            repeat {
                let page = try await client.auditEntries(
                    kind: .policy, repository: reference.repository, after: after, limit: Pages.itemsMax)
                changes += page.items.filter { $0.entry.text(.alias) == alias }.map { item in
                    Change(
                        index: item.index, policyDigest: item.entry.text(.policy), at: item.entry.at,
                        actor: item.entry.actor)
                }
                after = try walk.step(to: page.next)
            } while after != nil && changes.count <= limit
            let shown = Array(changes.prefix(limit))
            if isJSON { return try console.print(json: ["items": shown]) }
            var table = Table("ENTRY", "AT", "BY", "POLICY")
            for change in shown {
                table.add("\(change.index)", change.at.description, change.actor, change.policyDigest ?? "removed")
            }
            try console.print(table)
            if changes.count > limit { console.note("there are more; add --limit N to see them") }
        }
    }
}
