package import AssayDomain
import GRDB

extension SQLiteIndex {
    /// The entries that the rows of the index give for a range of log indexes; nil where no row gives one, or several
    /// do, or a row contradicts itself, its own content, or the order of its table.
    package func factEntries(from first: Int64, count: Int) async throws -> [[UInt8]?] {
        try await read { database in
            var facts = FactEntries(from: first, count: count)
            for fact in LoggedFact.allCases { try facts.add(fact, from: database) }
            return facts.entries
        }
    }

    package func logIndexes(of version: VersionNumber, in repository: RepositoryName) async throws -> [Int64] {
        try await readOnce { database in
            try database.all(
                HotStatement.logIndexesOfVersion.rawValue,
                ["repository": repository.text, "number": version.value]
            ) { try $0.integer(0) }
        }.sorted()
    }

    /// What the index says that its own history, and so the log, does not: faults in words, at most `limit`.
    package func auditFaults(limit: Int) async throws -> [String] {
        try await read { database in
            var faults: [String] = []
            for check in IndexCheck.allCases where faults.count < limit {
                faults += try database.all(check.statement, [limit - faults.count]) { row in
                    "\(row[0] as String? ?? "a row"): \(check.fault)"
                }
            }
            faults += try database.policyFaults() + database.keyFaults() + database.schemaFaults()
            return Array(faults.prefix(limit))
        }
    }
}

/// The entries of a range of log indexes, as the rows of one table after the other give them.
private struct FactEntries {
    private let first: Int64
    private let last: Int64
    /// Whether some row says that it is at a place.
    private var isTaken: [Bool]
    private(set) var entries: [[UInt8]?]

    init(from first: Int64, count: Int) {
        self.first = first
        last = first + Int64(count) - 1
        isTaken = [Bool](repeating: false, count: count)
        entries = [[UInt8]?](repeating: nil, count: count)
    }

    mutating func add(_ fact: LoggedFact, from database: Database) throws {
        var order = try database.lastOrder(of: fact, through: first - 1)
        var manifests: ManifestAudit?
        if fact == .manifest {
            let through = try database.lastOrder(of: fact, through: last)
            manifests = try ManifestAudit(after: order ?? .min, through: through ?? .min, in: database)
        }
        try database.each(fact.statement.rawValue, [first, last]) { row in
            let position = Int(try row.integer(0) - first)
            defer { isTaken[position] = true }
            var isSound = try manifests?.isSound(row) ?? true
            if fact.order != nil {
                let own = try row.integer(row.count - 1)
                isSound = isSound && order.map { $0 < own } ?? true
                order = own
            }
            // A row that cannot be read gives no entry.
            entries[position] = isSound && !isTaken[position] ? (try? fact.entry(row)) ?? nil : nil
        }
    }
}

extension Database {
    /// What the last row up to a log index has in the column that counts the rows of its table.
    fileprivate func lastOrder(of fact: LoggedFact, through logIndex: Int64) throws -> Int64? {
        guard let order = fact.order else { return nil }
        return try first(
            """
            SELECT \(order.column) FROM \(order.table) WHERE log_index <= ? ORDER BY log_index DESC LIMIT 1
            """, [logIndex]
        ) { try $0.integer(0) }
    }
}
