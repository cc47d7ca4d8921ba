import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay aliases`
struct AliasesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aliases",
        abstract: "List the aliases of all repositories: what each points to, since when, and how it stands.",
        discussion: """
            Example:
              assay aliases --protected --json
            """)

    @Flag(help: "Only aliases that a policy protects.")
    var protected = false

    @Option(help: "Only aliases of this name.", completion: .alias)
    var name: String?

    @Option(help: "The most rows.")
    var limit = 1_000

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let name = try name.map { try AliasName(parsing: $0) }
        let (isProtected, limit, isJSON, console) = (protected, limit, options.json, options.console)
        guard limit > 0 else { throw AssayError(.usage, "--limit is not above 0", remedy: "give 1 or more") }
        try await options.withClient { client in
            var items: [Alias] = []
            var after: String?
            var walk = PageWalk()
            repeat {
                let page = try await client.allAliases(after: after, limit: Pages.itemsMax)
                items += page.items.filter { alias in
                    (name.map { $0 == alias.name } ?? true) && (!isProtected || alias.policyDigest != nil)
                }
                after = page.items.isEmpty ? nil : try walk.step(to: page.next)
            } while after != nil && items.count <= limit
            let list = ListResponse(items: Array(items.prefix(limit)), next: items.count > limit ? after ?? "" : nil)
            if isJSON { return try console.print(json: list) }
            var table = Table("ALIAS", "VERSION", "DIGEST", "SINCE", "POLICY", "STATE")
            for alias in list.items {
                table.add(
                    "\(alias.repository):\(alias.name)", "\(alias.version)", alias.manifestDigest?.short ?? "-",
                    alias.movedAt.description, alias.policyDigest?.short ?? "-", Self.state(of: alias))
            }
            try console.print(table)
            console.noteIfCut(list)
        }
    }

    /// In words how the holder of an alias stands.
    private static func state(of alias: Alias) -> String {
        alias.isWithdrawn == nil ? standing(of: alias) : "\(standing(of: alias)); withdrawn"
    }

    private static func standing(of alias: Alias) -> String {
        switch alias.standing {
        case nil: "not protected"
        case .promoted: "promoted"
        case .undecided: "\(Alias.notPromotedText): no policy decided"
        case .otherPolicy: "\(Alias.notPromotedText): another policy decided"
        case .unbound: "\(Alias.notPromotedText): manifest unbound"
        }
    }
}
