import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay alias set|remove|list`
struct AliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Set, remove and list aliases that no policy protects.",
        discussion: """
            Example:
              assay alias set team/fraud candidate 3
            """,
        subcommands: [AliasSetCommand.self, AliasRemoveCommand.self, AliasListCommand.self])
}

/// `assay alias set REPO ALIAS NUMBER`
struct AliasSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Point an alias to a version; a protected one is moved by promote only.",
        discussion: """
            Example:
              assay alias set team/fraud candidate 3 --expected 2
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @Argument(help: "The number of the version.", completion: .number)
    var number: Int64

    @Option(help: "Move it only if it points to this version now; 0 if it must not exist.", completion: .number)
    var expected: Int64?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Arguments.alias(repository, alias)
        let version = try Arguments.number(number)
        let request = MoveAliasRequest(version: version, expected: expected)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let move = try await client.moveAlias(reference, request)
            if isJSON { return try console.print(json: move) }
            try console.print("\(reference) now points to \(reference.repository):\(version)")
        }
    }
}

/// `assay alias remove REPO ALIAS`
struct AliasRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove an alias; its history stays.",
        discussion: """
            Example:
              assay alias remove team/fraud candidate
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Arguments.alias(repository, alias)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let move = try await client.removeAlias(reference)
            if isJSON { return try console.print(json: move) }
            try console.print("\(reference) is removed")
        }
    }
}

/// `assay alias list REPO`
struct AliasListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the aliases of a repository.",
        discussion: """
            Example:
              assay alias list team/fraud
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let repository = try RepositoryName(parsing: repository)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let list = try await client.aliases(in: repository)
            if isJSON { return try console.print(json: list) }
            var table = Table("ALIAS", "VERSION", "MOVED", "PROTECTED")
            for alias in list.items {
                table.add(
                    alias.name.text, "\(alias.version)", alias.movedAt.description,
                    alias.policyDigest == nil
                        ? "no" : alias.standing == .promoted ? "yes" : "yes, \(Alias.notPromotedText)")
            }
            try console.print(table)
            console.noteIfCut(list)
        }
    }
}

/// `assay history REPO ALIAS`
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show where an alias has pointed, newest first.",
        discussion: """
            Example:
              assay history team/fraud production
              assay history team/fraud production --at 2026-11-25
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @Option(
        help: ArgumentHelp(
            "Only the move by which it stood then: 2026-11-25 or 2026-11-25T08:00:00Z.", valueName: "date"))
    var at: String?

    @Option(help: "The most rows.")
    var limit = 100

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Arguments.alias(repository, alias)
        let time = try Arguments.time(at, option: "at")
        let limit = limit
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let list: ListResponse<AliasMove>
            if let time {
                list = ListResponse(items: [try await Self.standing(of: reference, at: time, client: client)])
            } else {
                list = try await Pages.collect(limit: limit) { after, limit in
                    try await client.aliasMoves(of: reference, after: after, limit: limit)
                }
            }
            if isJSON { return try console.print(json: list) }
            var table = Table("MOVE", "FROM", "TO", "CAUSE", "AT", "BY", "VERDICT", "WAIVED", "REASON")
            for move in list.items {
                table.add(
                    "\(move.sequence)", move.from.map { "\($0)" } ?? "-", move.to.map { "\($0)" } ?? "-",
                    move.cause.rawValue, move.at.description, move.actor, move.verdictDigest?.short ?? "-",
                    move.waived?.joined(separator: ", ") ?? "-", move.reason ?? "-")
            }
            try console.print(table)
            console.noteIfCut(list)
        }
    }

    /// The move that was the last one at a time. Throws `alias-not-found` where there was none, or it was a removal.
    static func standing(
        of alias: Reference, at time: Timestamp, client: AssayClient
    ) async throws -> AliasMove {
        var after: String?
        var walk = PageWalk()
        repeat {
            let page = try await client.aliasMoves(of: alias, after: after, limit: Pages.itemsMax)
            if let move = page.items.first(where: { $0.at <= time }) {
                if move.to == nil { break }
                return move
            }
            after = page.items.isEmpty ? nil : try walk.step(to: page.next)
        } while after != nil
        throw AssayError(
            .aliasNotFound, "\(alias) pointed nowhere at \(time)",
            remedy: "see when it did: assay history \(alias.repository) \(alias.selector)")
    }
}
