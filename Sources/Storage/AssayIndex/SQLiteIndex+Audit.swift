import AssayCrypto
package import AssayDomain
import Foundation
import GRDB

extension SQLiteIndex {
    /// The entries that the rows of the index give for a range of log indexes; nil where no row gives one, or several
    /// do, or the content of a manifest is not what its digest says.
    package func factEntries(from first: Int64, count: Int) async throws -> [[UInt8]?] {
        try await read { database in
            var entries = [[UInt8]?](repeating: nil, count: count)
            var isTwice = Set<Int>()
            let last = first + Int64(count) - 1
            for fact in LoggedFact.allCases {
                try database.each(fact.statement.rawValue, [first, last]) { row in
                    let position = Int(try row.integer(0) - first)
                    if entries[position] != nil { isTwice.insert(position) }
                    guard try fact != .manifest || Self.isWhole(row) else { return }
                    entries[position] = try fact.entry(row)
                }
            }
            for position in isTwice { entries[position] = nil }
            return entries
        }
    }

    /// Whether a manifest's bytes hash to its digest.
    private static func isWhole(_ row: Row) throws -> Bool {
        let digest = try row.digest(3)
        return try row.withUnsafeData(atIndex: 7) { Digest.of($0 ?? .init(), algorithm: digest.algorithm) } == digest
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
            for check in AuditCheck.allCases where faults.count < limit {
                faults += try database.all(check.statement, [limit - faults.count]) { row in
                    "\(try row.text(0)): \(check.fault)"
                }
            }
            return faults + (try database.policyFaults(limit: limit - faults.count))
        }
    }
}

/// Statements that each give the rows which break a promise, as text in the first column.
///
/// They walk over whole tables: they are for audits alone.
private enum AuditCheck: CaseIterable {
    case unloggedManifest, unloggedVersion, unloggedMove, unloggedPolicyChange, unloggedKeyChange, unloggedDeletion
    case moveOrder, aliasTarget, lostAlias, numberTag, policy, lostPolicy, key, lostKey, attestation, deletedAlive

    var fault: String {
        switch self {
        case .unloggedManifest, .unloggedVersion, .unloggedMove, .unloggedPolicyChange, .unloggedKeyChange,
            .unloggedDeletion:
            "is in no entry of the audit log"
        case .moveOrder: "the order of its history is not that of the audit log"
        case .aliasTarget: "points elsewhere than its last move says"
        case .lostAlias: "is missing, or was removed without a move"
        case .numberTag: "the number is not the tag of its version"
        case .policy: "its policy is not the one that was set last"
        case .lostPolicy: "its policy is missing"
        case .key: "the key is not as its last change says"
        case .lostKey: "the key is missing"
        case .attestation: "is among the attestations and not of that form, or the other way round"
        case .deletedAlive: "was deleted and is there"
        }
    }

    var statement: String {
        switch self {
        case .unloggedManifest: Self.unlogged("manifests", "'manifest ' || digest")
        case .unloggedVersion: Self.unlogged("versions", "'version row ' || id")
        case .unloggedMove: Self.unlogged("alias_moves", "'move ' || sequence || ' of ' || alias")
        case .unloggedPolicyChange: Self.unlogged("policy_changes", "'policy change ' || sequence || ' of ' || alias")
        case .unloggedKeyChange: Self.unlogged("key_changes", "'key change ' || sequence")
        case .unloggedDeletion: Self.unlogged("deletions", "'deletion of ' || digest")
        case .moveOrder:
            """
            SELECT r.name || ':' || h.alias || ' move ' || h.sequence FROM (
                SELECT *, lag(log_index) OVER (ORDER BY sequence) AS before FROM alias_moves) AS h
            JOIN repositories AS r ON r.id = h.repository_id
            WHERE h.before >= h.log_index LIMIT ?
            """
        case .aliasTarget:
            """
            SELECT r.name || ':' || t.name FROM tags AS t JOIN repositories AS r ON r.id = t.repository_id
            JOIN versions AS v ON v.id = t.version_id JOIN manifests AS m ON m.id = v.manifest_id
            LEFT JOIN alias_moves AS h ON h.log_index = (
                SELECT max(log_index) FROM alias_moves WHERE repository_id = t.repository_id AND alias = t.name)
            WHERE t.is_alias = 1 AND (h.to_number IS NOT v.number OR h.to_digest IS NOT m.digest
                OR h.at IS NOT t.moved_at OR v.repository_id <> t.repository_id)
            LIMIT ?
            """
        case .lostAlias:
            """
            SELECT r.name || ':' || h.alias FROM (
                SELECT repository_id, alias, to_number, max(log_index) FROM alias_moves GROUP BY repository_id, alias
            ) AS h JOIN repositories AS r ON r.id = h.repository_id
            WHERE (h.to_number IS NOT NULL) <> EXISTS (
                SELECT 1 FROM tags WHERE repository_id = h.repository_id AND name = h.alias AND is_alias = 1)
            LIMIT ?
            """
        case .numberTag:
            """
            SELECT r.name || ':' || v.number FROM versions AS v JOIN repositories AS r ON r.id = v.repository_id
            LEFT JOIN tags AS t ON t.repository_id = v.repository_id AND t.name = CAST(v.number AS TEXT)
            WHERE t.version_id IS NOT v.id OR t.is_alias IS NOT 0
                OR (SELECT count(*) FROM tags WHERE version_id = v.id AND is_alias = 0) <> 1
            LIMIT ?
            """
        case .policy:
            """
            SELECT r.name || ':' || p.alias FROM alias_policies AS p JOIN repositories AS r ON r.id = p.repository_id
            LEFT JOIN policy_changes AS c ON c.log_index = (
                SELECT max(log_index) FROM policy_changes WHERE repository_id = p.repository_id AND alias = p.alias)
            WHERE c.policy_digest IS NOT p.policy_digest OR c.at IS NOT p.set_at OR c.actor IS NOT p.actor
            LIMIT ?
            """
        case .lostPolicy:
            """
            SELECT r.name || ':' || c.alias FROM (
                SELECT repository_id, alias, policy_digest, max(log_index) FROM policy_changes
                GROUP BY repository_id, alias) AS c
            JOIN repositories AS r ON r.id = c.repository_id
            WHERE (c.policy_digest IS NOT NULL) <> EXISTS (
                SELECT 1 FROM alias_policies WHERE repository_id = c.repository_id AND alias = c.alias)
            LIMIT ?
            """
        case .key:
            """
            SELECT k.id FROM trusted_keys AS k LEFT JOIN key_changes AS c ON c.log_index = (
                SELECT max(log_index) FROM key_changes WHERE key_id = k.id)
            WHERE c.name IS NOT k.name OR c.role IS NOT k.role OR c.repositories IS NOT k.repositories
                OR c.valid_from IS NOT k.valid_from OR c.valid_until IS NOT k.valid_until
                OR c.revoked_at IS NOT k.revoked_at
                OR k.added_at IS NOT (SELECT at FROM key_changes WHERE key_id = k.id ORDER BY log_index LIMIT 1)
            LIMIT ?
            """
        case .lostKey:
            """
            SELECT DISTINCT key_id FROM key_changes
            WHERE NOT EXISTS (SELECT 1 FROM trusted_keys WHERE id = key_id) LIMIT ?
            """
        case .attestation:
            """
            SELECT m.digest FROM attestations AS a JOIN manifests AS m ON m.id = a.manifest_id
            WHERE a.repository_id <> m.repository_id OR a.subject_digest IS NOT m.subject_digest
                OR NOT EXISTS (
                    SELECT 1 FROM manifest_references AS f
                    WHERE f.manifest_id = m.id AND f.role = 'layer' AND f.digest = a.envelope_digest
                        AND f.size = a.envelope_size)
            LIMIT ?
            """
        case .deletedAlive:
            """
            SELECT r.name || ':' || v.number FROM deletions AS d
            JOIN versions AS v ON v.repository_id = d.repository_id AND v.number = d.number
            JOIN repositories AS r ON r.id = v.repository_id
            LIMIT ?
            """
        }
    }

    private static func unlogged(_ table: String, _ name: String) -> String {
        "SELECT \(name) FROM \(table) WHERE log_index IS NULL LIMIT ?"
    }
}

extension Database {
    /// Policies whose text is not what their digest says.
    fileprivate func policyFaults(limit: Int) throws -> [String] {
        guard limit > 0 else { return [] }
        return try all("SELECT digest, json FROM policies") { row in
            let digest = try row.digest(0)
            return Digest.of(try row.bytes(1), algorithm: digest.algorithm) == digest
                ? nil : "policy \(digest): its text does not hash to its digest"
        }.compactMap(\.self).prefix(limit).map(\.self)
    }
}
