package import AssayDomain

/// Reads the audit log: what happened, and what proves it.
package struct Audit: Sendable {
    /// An entry and its place in the log.
    package struct Item: Sendable {
        package let index: Int64
        package let entry: AuditEntry
    }

    package struct Query: Sendable {
        package var kind: AuditEntry.Kind?
        package var repository: RepositoryName?
        /// Only entries from this time on, and only those before that one.
        package var since: Timestamp?
        package var until: Timestamp?
        /// Only moves of aliases for this reason, and only what this one did.
        package var cause: String?
        package var actor: String?
        /// Only entries with a smaller index: the cursor of the page before.
        package var before: Int64?
        package var limit: Int

        package init(
            kind: AuditEntry.Kind? = nil, repository: RepositoryName? = nil, before: Int64? = nil, limit: Int
        ) {
            self.kind = kind
            self.repository = repository
            self.before = before
            self.limit = limit
        }
    }

    /// The most entries that one question looks through; a page may end there with few items, or none.
    private static let scanMax = 65_536
    /// How many are read at a time.
    private static let readMax = 1_024
    /// The most facts that are computed for one question.
    package static let factsMax = 16_384
    private static let faultsMax = 1_000

    /// Whether an entry is one of those that are asked for.
    private static func fits(_ entry: AuditEntry, _ query: Query) -> Bool {
        (query.kind.map { $0 == entry.kind } ?? true)
            && (query.repository.map { $0.text == entry.text(.repository) } ?? true)
            && (query.until.map { entry.at < $0 } ?? true) && (query.actor.map { $0 == entry.actor } ?? true)
            && (query.cause.map { $0 == entry.text(.cause) } ?? true)
    }

    let log: any AuditLog
    let index: any Index

    /// The signed checkpoint (C2SP tlog-checkpoint).
    package var checkpoint: [UInt8] { log.head.checkpoint }

    /// How many entries there are.
    package var size: Int64 { log.head.size }

    /// A tile by what stands behind `tile/` in its path. Throws `log-entry-not-found`.
    package func tile(_ path: String) async throws -> [UInt8] {
        guard let tile = try await log.tile(path) else {
            throw AssayError(.logEntryNotFound, "the audit log has no tile \(Printable.quote(path, limit: 60))")
        }
        return tile
    }

    /// A proof that the log has an entry (C2SP tlog-proof). Throws `log-entry-not-found`.
    package func proof(of index: Int64) async throws -> [UInt8] { try await log.proof(of: index) }

    /// Entries, newest first.
    package func entries(_ query: Query) async throws -> Page<Item> {
        let size = log.head.size
        var end = min(query.before ?? size, size)
        let floor = max(0, end - Int64(Self.scanMax))
        var items: [Item] = []
        while end > floor {
            let start = max(floor, end - Int64(Self.readMax))
            let entries = try await log.entries(from: start, limit: Int(end - start))
            for (offset, bytes) in entries.enumerated().reversed() {
                let entry = try AuditEntry(parsing: bytes)
                // No later entry of the log is of an earlier time.
                if let since = query.since, entry.at < since { return Page(items: items, next: nil) }
                guard Self.fits(entry, query) else { continue }
                let index = start + Int64(offset)
                items.append(Item(index: index, entry: entry))
                if items.count == query.limit { return Page(items: items, next: index > 0 ? String(index) : nil) }
            }
            end = start
        }
        return Page(items: items, next: end > 0 ? String(end) : nil)
    }

    /// The hashes, as leaves of the log, of the entries that the index's own rows give; 32 bytes each, and zeros where
    /// the index has no such fact.
    package func factHashes(from first: Int64, count: Int) async throws -> [UInt8] {
        let count = Int(min(Int64(count), max(0, log.head.size - first)))
        guard count > 0 else { return [] }
        return log.leafHashes(of: try await index.factEntries(from: first, count: count))
    }

    /// Why the log takes no entries if it does not, and what of the index its own history does not explain, in words.
    package func faults() async throws -> [String] {
        let damage = log.damage.map { ["the audit log takes no entries: \($0)"] } ?? []
        return damage + (try await index.auditFaults(limit: Self.faultsMax))
    }
}
