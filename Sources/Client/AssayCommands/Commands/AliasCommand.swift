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

    @Argument(help: "The repository.")
    var repository: String

    @Argument(help: "The alias.")
    var alias: String

    @Argument(help: "The number of the version.")
    var number: Int64

    @Option(help: "Move it only if it points to this version now; 0 if it must not exist.")
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

    @Argument(help: "The repository.")
    var repository: String

    @Argument(help: "The alias.")
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

    @Argument(help: "The repository.")
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
            """)

    @Argument(help: "The repository.")
    var repository: String

    @Argument(help: "The alias.")
    var alias: String

    @Option(help: "The most rows.")
    var limit = 100

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Arguments.alias(repository, alias)
        let limit = limit
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let list = try await Pages.collect(limit: limit) { after, limit in
                try await client.aliasMoves(of: reference, after: after, limit: limit)
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
}
