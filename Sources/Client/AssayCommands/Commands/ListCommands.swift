import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayDomain

/// Brings lists together from their pages.
enum Pages {
    /// The most items that a server gives at once.
    static let itemsMax = 1_000

    /// Asks page by page until there are `limit` items or no more; `next` of the result is set if there are.
    static func collect<Item>(
        limit: Int, _ page: (_ after: String?, _ limit: Int) async throws -> ListResponse<Item>
    ) async throws -> ListResponse<Item> {
        guard limit > 0 else { throw AssayError(.usage, "--limit is not above 0", remedy: "give 1 or more") }
        var items: [Item] = []
        var after: String?
        var walk = PageWalk()
        repeat {
            let answer = try await page(after, min(itemsMax, limit - items.count))
            items += answer.items.prefix(limit - items.count)
            // A server that gives nothing and says that there is more has come to its end.
            after = answer.items.isEmpty ? nil : try walk.step(to: answer.next)
        } while after != nil && items.count < limit
        return ListResponse(items: items, next: after)
    }
}

extension Console {
    /// Tells that a list was cut, so that nobody takes a part for the whole.
    func noteIfCut<Item>(_ list: ListResponse<Item>) {
        if list.next != nil { note("there are more; add --limit N to see them") }
    }
}

extension Table {
    /// Versions, one a row.
    init(versions: [Version]) {
        self.init("VERSION", "ALIASES", "SIZE", "CREATED", "DIGEST")
        for version in versions {
            add(
                version.markedReference, version.aliasesText,
                Figure.bytes(version.contentBytes), version.createdAt.description,
                "\(version.manifestDigest.short)")
        }
    }
}

/// `assay list [REPO]`
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List repositories, or the versions of one.",
        discussion: """
            Example:
              assay list team/fraud --framework xgboost --json
            """)

    @Argument(help: "The repository whose versions to list.", completion: .repository)
    var repository: String?

    @Option(help: "Only repositories of this kind: model or dataset.", completion: .values(of: Repository.Kind.self))
    var kind: String?

    @Option(help: "Only repositories whose name starts so.")
    var prefix: String?

    @Option(help: "Only versions of this framework.")
    var framework: String?

    @Option(help: "Only versions of this training run.")
    var runId: String?

    @Option(help: ArgumentHelp("Only versions with this note.", valueName: "key=value"))
    var annotation: String?

    @Option(
        help: ArgumentHelp(
            "As it was then, with what was deleted since: 2026-11-25 or 2026-11-25T08:00:00Z.", valueName: "date"))
    var at: String?

    @Option(help: "The most rows.")
    var limit = 100

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        if let time = try Arguments.time(at, option: "at") {
            try await listPast(at: time)
        } else if let repository {
            try await listVersions(of: RepositoryName(parsing: repository))
        } else {
            try await listRepositories()
        }
    }

    /// What `--at` prints of repositories as JSON.
    private struct PastRepository: Encodable {
        let name: String
        let versionCount: Int
    }

    private func listPast(at time: Timestamp) async throws {
        guard kind == nil, prefix == nil, framework == nil, runId == nil, annotation == nil else {
            throw AssayError(
                .usage, "--at shows all there was", reason: "what filters look at is not in the audit log",
                remedy: "leave the filters out")
        }
        let repository = try repository.map { try RepositoryName(parsing: $0) }
        let (limit, isJSON, console) = (limit, options.json, options.console)
        guard limit > 0 else { throw AssayError(.usage, "--limit is not above 0", remedy: "give 1 or more") }
        try await options.withClient { client in
            let state = try await PastState.read(at: time, repository: repository, client: client)
            guard let repository else {
                let all = state.repositories
                let items = all.prefix(limit).map { PastRepository(name: $0.name, versionCount: $0.versions) }
                if isJSON { return try console.print(json: ["items": Array(items)]) }
                var table = Table("REPOSITORY", "VERSIONS")
                for item in items { table.add(item.name, "\(item.versionCount)") }
                try console.print(table)
                if all.count > limit { console.note("there are more; add --limit N to see them") }
                return
            }
            // A repository that does not exist had no versions, but the name may be a slip.
            _ = try await client.repository(repository)
            let all = try state.items(of: repository)
            let items = Array(all.prefix(limit))
            if isJSON { return try console.print(json: ["items": items]) }
            var table = Table("VERSION", "ALIASES", "CREATED", "DIGEST")
            for item in items {
                table.add(
                    "\(item.version)" + (item.isWithdrawn == nil ? "" : " (withdrawn)"),
                    item.aliases.isEmpty ? "-" : item.aliases.joined(separator: ", "),
                    item.createdAt.description, String(item.manifestDigest.drop { $0 != ":" }.dropFirst().prefix(12)))
            }
            try console.print(table)
            if all.count > limit { console.note("there are more; add --limit N to see them") }
        }
    }

    private func listRepositories() async throws {
        guard framework == nil, runId == nil, annotation == nil else {
            throw AssayError(
                .usage, "--framework, --run-id and --annotation choose among versions", remedy: "name a repository too")
        }
        let (kind, prefix, limit) = (try Arguments.kind(kind), prefix, limit)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let list = try await Pages.collect(limit: limit) { after, limit in
                try await client.repositories(kind: kind, prefix: prefix, after: after, limit: limit)
            }
            if isJSON { return try console.print(json: list) }
            var table = Table("REPOSITORY", "KIND", "VERSIONS", "CREATED")
            for repository in list.items {
                table.add(
                    repository.name.text, repository.kind.rawValue, "\(repository.versionCount)",
                    repository.createdAt.description)
            }
            try console.print(table)
            console.noteIfCut(list)
        }
    }

    private func listVersions(of repository: RepositoryName) async throws {
        guard kind == nil, prefix == nil else {
            throw AssayError(.usage, "--kind and --prefix choose among repositories, not among versions")
        }
        if let annotation { _ = try Arguments.pair(annotation, option: "annotation") }
        let (annotation, framework, runID, limit) = (annotation, framework, runId, limit)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            // A repository that does not exist has no versions, but the name may be a slip.
            _ = try await client.repository(repository)
            let list = try await Pages.collect(limit: limit) { after, limit in
                try await client.versions(
                    in: repository, framework: framework, runID: runID, annotation: annotation, after: after,
                    limit: limit)
            }
            if isJSON { return try console.print(json: list) }
            try console.print(Table(versions: list.items))
            console.noteIfCut(list)
        }
    }
}

/// `assay search WORDS…`
struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find versions by words of their name or description.",
        discussion: """
            Example:
              assay search fraud gradient --kind model
            """)

    @Argument(help: "Words.")
    var words: [String]

    @Option(help: "Only of this kind: model or dataset.", completion: .values(of: Repository.Kind.self))
    var kind: String?

    @Option(help: "The most rows.")
    var limit = 50

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let (query, kind, limit) = (words.joined(separator: " "), try Arguments.kind(kind), limit)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let list = try await client.search(query, kind: kind, limit: min(Pages.itemsMax, max(1, limit)))
            if isJSON { return try console.print(json: list) }
            try console.print(Table(versions: list.items))
            console.noteIfCut(list)
        }
    }
}
