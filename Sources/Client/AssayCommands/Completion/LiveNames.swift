import APIProtocol
import AssayClient
import AssayDomain
import Synchronization

/// The names that a registry has at the moment, for whoever types a command.
///
/// Whatever fails, and whatever takes too long, gives no names: nobody asked for an error.
enum LiveNames {
    enum Wanted: Sendable {
        case repositories
        /// Versions by number and by alias, of repositories of one kind or of all.
        case references(Repository.Kind?)
        case aliases
        case numbers
    }

    /// How long is waited for a registry, and then for what was begun there to end.
    private static let wait = Duration.milliseconds(500)
    private static let grace = Duration.milliseconds(200)
    private static let namesMax = 200

    private final class Found: Sendable {
        let names = Mutex<[String]>([])
    }

    /// What the word that is typed may become; at most `namesMax`.
    static func complete(_ wanted: Wanted, _ line: TypedLine) async -> [String] {
        let found = Found()
        await withinBounds {
            try await line.options().glance { client in
                let names = try await list(wanted, line, client)
                found.names.withLock { $0 = names }
            }
        }
        let names = found.names.withLock { $0 }
        return Array(names.lazy.filter { $0.hasPrefix(line.typed) && isHarmless($0) }.prefix(namesMax))
    }

    /// Whether a name is made of what names are made of: shells expand what they are given to complete by.
    private static func isHarmless(_ name: String) -> Bool {
        name.utf8.allSatisfy { $0.isAlphanumeric || "._-/:".utf8.contains($0) }
    }

    private static func withinBounds(_ work: @escaping @Sendable () async throws -> Void) async {
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        // Nobody awaits it: what does not end when it is cancelled ends with the process, which is about to exit.
        let task = Task {
            try? await work()
            ended.finish()
        }
        // Cancelled below, or ended by then.
        let alarm = Task {
            try await Task.sleep(for: wait)
            task.cancel()
            try await Task.sleep(for: grace)
            ended.finish()
        }
        for await _ in ends {}
        alarm.cancel()
    }

    private static func list(_ wanted: Wanted, _ line: TypedLine, _ client: AssayClient) async throws -> [String] {
        switch wanted {
        case .repositories:
            return try await repositories(nil, line.typed, client).map(\.text)
        case .references(let kind):
            return try await references(kind, line.typed, client)
        case .aliases:
            guard let repository = line.repository else {
                return Set(try await client.allAliases(limit: Pages.itemsMax).items.map(\.name.text)).sorted()
            }
            return try await client.aliases(in: repository).items.map(\.name.text)
        case .numbers:
            guard let repository = line.repository else { return [] }
            return try await client.versions(in: repository, limit: namesMax).items.map { "\($0.number)" }
        }
    }

    private static func repositories(
        _ kind: Repository.Kind?, _ prefix: String, _ client: AssayClient
    ) async throws -> [RepositoryName] {
        let prefix = prefix.isEmpty ? nil : prefix
        return try await client.repositories(kind: kind, prefix: prefix, limit: namesMax).items.map(\.name)
    }

    /// Names of repositories, and of the versions of the one that is named already, or that is the only one.
    private static func references(
        _ kind: Repository.Kind?, _ typed: String, _ client: AssayClient
    ) async throws -> [String] {
        if let colon = typed.firstIndex(of: ":") {
            return try await references(to: RepositoryName(parsing: typed[..<colon]), client)
        }
        let names = try await repositories(kind, typed, client)
        guard let named = names.count == 1 ? names.first : names.first(where: { $0.text == typed }) else {
            return names.map(\.text)
        }
        return names.filter { $0 != named }.map(\.text) + (try await references(to: named, client))
    }

    private static func references(to repository: RepositoryName, _ client: AssayClient) async throws -> [String] {
        async let aliases = client.aliases(in: repository)
        async let versions = client.versions(in: repository, limit: namesMax)
        return try await aliases.items.map { "\(repository):\($0.name)" }
            + versions.items.map { "\(repository):\($0.number)" }
    }
}
