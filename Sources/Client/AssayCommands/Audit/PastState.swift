import APIProtocol
import AssayClient
import AssayDomain

/// What repositories held at a time, by the entries of the audit log until then.
struct PastState: Sendable {
    /// A version that was there.
    struct Item: Encodable, Sendable {
        let version: Reference
        let manifestDigest: String
        let createdAt: Timestamp
        /// The aliases that pointed to it then.
        var aliases: [String]
        /// Whether it was withdrawn then; absent if not.
        var isWithdrawn: Bool?
    }

    private struct Key: Hashable {
        let repository: String
        let number: Int64
    }

    private var versions: [Key: (digest: String, at: Timestamp)] = [:]
    private var aliases: [String: [String: Int64]] = [:]
    /// Digests of what must not be used, by repository.
    private var withdrawn: [String: Set<String>] = [:]

    /// Reads the log, of one repository or of all, up to and with a time.
    static func read(
        at time: Timestamp, repository: RepositoryName?, client: AssayClient
    ) async throws -> PastState {
        var entries: [AuditEntry] = []
        var after: String?
        var walk = PageWalk()
        // The end is no part of what is asked for, and the time is.
        let until = Timestamp(milliseconds: time.milliseconds == .max ? .max : time.milliseconds + 1)
        repeat {
            let page = try await client.auditEntries(
                repository: repository, until: until, after: after, limit: Pages.itemsMax)
            entries += page.items.map(\.entry)
            after = try walk.step(to: page.next)
        } while after != nil
        var state = PastState()
        for entry in entries.reversed() { state.apply(entry) }
        return state
    }

    private mutating func apply(_ entry: AuditEntry) {
        guard let repository = entry.text(.repository) else { return }
        switch entry.kind {
        case .version:
            guard let number = entry.number(.number) else { return }
            versions[Key(repository: repository, number: number)] = (entry.text(.digest) ?? "", entry.at)
        case .alias:
            guard let alias = entry.text(.alias) else { return }
            aliases[repository, default: [:]][alias] = entry.number(.to)
        case .delete:
            guard let number = entry.number(.number) else { return }
            versions[Key(repository: repository, number: number)] = nil
            aliases[repository] = aliases[repository]?.filter { $0.value != number }
        case .withdrawal:
            guard let digest = entry.text(.digest) else { return }
            let isReinstated = entry.text(.action) == Withdrawal.Action.reinstate.rawValue
            if isReinstated {
                withdrawn[repository]?.remove(digest)
            } else {
                withdrawn[repository, default: []].insert(digest)
            }
        case .manifest, .attestation, .policy, .key: return
        }
    }

    /// How many versions each repository had.
    var repositories: [(name: String, versions: Int)] {
        var counts: [String: Int] = [:]
        for key in versions.keys { counts[key.repository, default: 0] += 1 }
        return counts.map { (name: $0.key, versions: $0.value) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// The versions of a repository, newest first.
    func items(of repository: RepositoryName) throws -> [Item] {
        try versions.filter { $0.key.repository == repository.text }.sorted { $0.key.number > $1.key.number }
            .map { key, version in
                Item(
                    version: try Reference(parsing: "\(repository):\(key.number)"), manifestDigest: version.digest,
                    createdAt: version.at,
                    aliases: (aliases[repository.text] ?? [:]).filter { $0.value == key.number }.map(\.key).sorted(),
                    isWithdrawn: withdrawn[repository.text]?.contains(version.digest) ?? false ? true : nil)
            }
    }
}
