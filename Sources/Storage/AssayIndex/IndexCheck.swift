import AssayCrypto
import AssayDomain
import GRDB

/// Statements that each give the rows which break a promise, as text in the first column.
///
/// They walk over whole tables: they are for audits alone. What they do not look at is listed in
/// docs/formats/audit-log.md.
enum IndexCheck: CaseIterable {
    case manifestOutside, versionOutside, moveOutside, policyChangeOutside, keyChangeOutside, deletionOutside
    case withdrawalOutside, withdrawalUnsigned
    case endedUnsaid, endedMissing, logEnd, logClock, danglingRow
    case aliasTarget, lostAlias, numberTag, lostNumber, versionCount, deletedAlive
    case policy, lostPolicy, policyText, policyDataset, key, lostKey, report

    var fault: String {
        switch self {
        case .manifestOutside, .versionOutside, .moveOutside, .policyChangeOutside, .keyChangeOutside,
            .deletionOutside, .withdrawalOutside:
            "is in no entry of the audit log"
        case .withdrawalUnsigned: "its statement is not among the attestations of the version"
        case .endedUnsaid: "is said to have been deleted, and no deletion says so"
        case .endedMissing: "was deleted, and its entry was not kept"
        case .logEnd: "the last entries or the last checkpoint of the audit log do not fit each other"
        case .logClock: "the time of the last entry of the audit log was set back"
        case .danglingRow: "speaks of a row that is not there"
        case .aliasTarget: "points elsewhere than its last move says"
        case .lostAlias: "is missing, or was removed without a move"
        case .numberTag: "the tag is not the number of its version"
        case .lostNumber: "the version has no tag of its number"
        case .versionCount: "does not have as many versions as it says"
        case .deletedAlive: "was deleted and is there"
        case .policy: "its policy is not the one that was set last"
        case .lostPolicy: "its policy is missing"
        case .policyText: "no change brought the policy, or brought it at another time"
        case .policyDataset: "its datasets are not those of its text"
        case .key: "the key is not as its last change says"
        case .lostKey: "the key is missing"
        case .report: "its report is not among the attestations of what was measured"
        }
    }

    var statement: String {
        switch self {
        case .manifestOutside: Self.outside("manifests", "'manifest ' || digest")
        case .versionOutside: Self.outside("versions", "'version row ' || id")
        case .moveOutside: Self.outside("alias_moves", "'move ' || sequence || ' of ' || alias")
        case .policyChangeOutside: Self.outside("policy_changes", "'policy change ' || sequence || ' of ' || alias")
        case .keyChangeOutside: Self.outside("key_changes", "'key change ' || sequence")
        case .deletionOutside: Self.outside("deletions", "'deletion of ' || digest")
        case .withdrawalOutside: Self.outside("withdrawals", "'withdrawal ' || sequence")
        case .withdrawalUnsigned:
            """
            SELECT 'withdrawal ' || w.sequence FROM withdrawals AS w
            WHERE NOT EXISTS (
                SELECT 1 FROM attestations AS a WHERE a.repository_id = w.repository_id
                    AND a.subject_digest = w.subject_digest AND a.envelope_digest = w.statement_digest)
            LIMIT ?
            """
        case .endedUnsaid:
            """
            SELECT 'entry ' || log_index FROM ended_entries
            WHERE log_index NOT IN (\(Self.ends)) LIMIT ?
            """
        case .endedMissing:
            """
            SELECT 'entry ' || value FROM (\(Self.ends)) WHERE value NOT IN (SELECT log_index FROM ended_entries)
            LIMIT ?
            """
        case .logEnd: Self.logEndStatement
        case .logClock: Self.logClockStatement
        case .danglingRow:
            """
            SELECT "table" || coalesce(' row ' || rowid, '') FROM pragma_foreign_key_check LIMIT ?
            """
        case .aliasTarget: Self.aliasTargetStatement
        case .lostAlias:
            """
            SELECT r.name || ':' || h.alias FROM (
                SELECT repository_id, alias, to_number, max(log_index) FROM alias_moves GROUP BY repository_id, alias
            ) AS h LEFT JOIN repositories AS r ON r.id = h.repository_id
            WHERE (h.to_number IS NOT NULL) <> EXISTS (
                SELECT 1 FROM tags WHERE repository_id = h.repository_id AND name = h.alias AND is_alias = 1)
            LIMIT ?
            """
        case .numberTag:
            """
            SELECT (SELECT name FROM repositories WHERE id = t.repository_id) || ':' || t.name
            FROM tags AS t LEFT JOIN versions AS v ON v.id = t.version_id
            WHERE t.is_alias IS NOT 1 AND (t.is_alias IS NOT 0 OR v.repository_id IS NOT t.repository_id
                OR CAST(v.number AS TEXT) IS NOT t.name OR v.created_at IS NOT t.moved_at)
            LIMIT ?
            """
        case .lostNumber: Self.lostNumberStatement
        case .versionCount:
            """
            SELECT name FROM repositories AS r
            WHERE version_count <> (SELECT count(*) FROM versions WHERE repository_id = r.id) LIMIT ?
            """
        case .deletedAlive:
            """
            SELECT r.name || ':' || v.number FROM deletions AS d
            JOIN versions AS v ON v.repository_id = d.repository_id AND v.number = d.number
            LEFT JOIN repositories AS r ON r.id = v.repository_id
            LIMIT ?
            """
        case .policy:
            """
            SELECT r.name || ':' || p.alias FROM alias_policies AS p
            LEFT JOIN repositories AS r ON r.id = p.repository_id
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
            LEFT JOIN repositories AS r ON r.id = c.repository_id
            WHERE (c.policy_digest IS NOT NULL) <> EXISTS (
                SELECT 1 FROM alias_policies WHERE repository_id = c.repository_id AND alias = c.alias)
            LIMIT ?
            """
        case .policyText:
            """
            SELECT 'policy ' || p.digest FROM policies AS p LEFT JOIN (
                SELECT policy_digest, at, min(log_index) FROM policy_changes GROUP BY policy_digest
            ) AS c ON c.policy_digest = p.digest
            WHERE c.at IS NOT p.created_at LIMIT ?
            """
        case .policyDataset:
            """
            SELECT 'policy ' || policy_digest FROM (
                SELECT policy_digest, dataset FROM datasets_of_policies
                EXCEPT SELECT policy_digest, dataset FROM policy_datasets)
            UNION
            SELECT 'policy ' || policy_digest FROM (
                SELECT policy_digest, dataset FROM policy_datasets
                EXCEPT SELECT policy_digest, dataset FROM datasets_of_policies)
            LIMIT ?
            """
        case .key:
            """
            SELECT 'key ' || k.id FROM trusted_keys AS k LEFT JOIN key_changes AS c ON c.log_index = (
                SELECT max(log_index) FROM key_changes WHERE key_id = k.id)
            WHERE c.name IS NOT k.name OR c.role IS NOT k.role OR c.repositories IS NOT k.repositories
                OR c.valid_from IS NOT k.valid_from OR c.valid_until IS NOT k.valid_until
                OR c.revoked_at IS NOT k.revoked_at
                OR k.added_at IS NOT (SELECT at FROM key_changes WHERE key_id = k.id ORDER BY log_index LIMIT 1)
            LIMIT ?
            """
        case .lostKey:
            """
            SELECT DISTINCT 'key ' || key_id FROM key_changes
            WHERE NOT EXISTS (SELECT 1 FROM trusted_keys WHERE id = key_id) LIMIT ?
            """
        case .report:
            """
            SELECT 'verification ' || f.id FROM verifications AS f
            LEFT JOIN versions AS v ON v.id = f.subject_id LEFT JOIN manifests AS m ON m.id = v.manifest_id
            WHERE f.envelope_digest IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM attestations AS a WHERE a.repository_id = m.repository_id
                    AND a.subject_digest = m.digest AND a.envelope_digest = f.envelope_digest)
            LIMIT ?
            """
        }
    }

    /// Rows that are nowhere in the log, or behind its end.
    private static func outside(_ table: String, _ name: String) -> String {
        """
        SELECT \(name) FROM \(table)
        WHERE log_index IS NULL OR log_index < 0 OR log_index >= coalesce((SELECT size FROM log_head), 0) LIMIT ?
        """
    }

    /// The log indexes that the deletions say they ended.
    private static let ends = """
        SELECT e.value FROM deletions AS d, json_each(
            CASE WHEN json_valid('[' || d.ends || ']') THEN '[' || d.ends || ']' ELSE '[]' END) AS e
        """

    private static let logEndStatement = """
        SELECT 'log_tail' FROM (
            SELECT coalesce((SELECT size FROM log_head), 0) AS size,
                coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'log_tail'), 0) AS given)
        WHERE given <> size OR (SELECT count(*) FROM log_head) > 1
            OR (SELECT count(*) FROM sqlite_sequence WHERE name = 'log_tail') > 1
            OR EXISTS (
                SELECT 1 FROM (SELECT count(*) AS count, min(id) AS low, max(id) AS high FROM log_tail)
                WHERE count > 0 AND (high <> size OR high - low + 1 <> count))
        LIMIT ?
        """

    private static let logClockStatement = """
        SELECT 'log_clock' WHERE coalesce((SELECT min(at) FROM log_clock), 0) < (
            SELECT coalesce(max(at), 0) FROM (
                SELECT max(created_at) AS at FROM manifests UNION ALL SELECT max(created_at) FROM versions
                UNION ALL SELECT max(at) FROM alias_moves UNION ALL SELECT max(at) FROM policy_changes
                UNION ALL SELECT max(at) FROM key_changes UNION ALL SELECT max(at) FROM deletions
                UNION ALL SELECT max(at) FROM withdrawals))
        LIMIT ?
        """

    private static let aliasTargetStatement = """
        SELECT r.name || ':' || t.name FROM tags AS t LEFT JOIN repositories AS r ON r.id = t.repository_id
        LEFT JOIN versions AS v ON v.id = t.version_id LEFT JOIN manifests AS m ON m.id = v.manifest_id
        LEFT JOIN alias_moves AS h ON h.log_index = (
            SELECT max(log_index) FROM alias_moves WHERE repository_id = t.repository_id AND alias = t.name)
        WHERE t.is_alias = 1 AND (h.to_number IS NULL OR h.to_number IS NOT v.number OR h.to_digest IS NOT m.digest
            OR h.at IS NOT t.moved_at OR v.repository_id IS NOT t.repository_id)
        LIMIT ?
        """

    /// Every tag that is no alias is the number of its version, so if there are as many, no version is without one.
    private static let lostNumberStatement = """
        SELECT (SELECT name FROM repositories WHERE id = v.repository_id) || ':' || v.number FROM versions AS v
        WHERE (SELECT count(*) FROM tags WHERE is_alias IS NOT 1) <> (SELECT count(*) FROM versions)
            AND NOT EXISTS (
                SELECT 1 FROM tags
                WHERE repository_id = v.repository_id AND name = CAST(v.number AS TEXT) AND is_alias = 0)
        LIMIT ?
        """
}

/// Checks that SQL alone cannot make.
extension Database {
    /// Policies whose text is not what their digest says.
    func policyFaults() throws -> [String] {
        try all("SELECT digest, json FROM policies") { row in
            let name = try row.text(0)
            // A text that is no digest is not the policy's.
            guard let digest = try? row.digest(0),
                Digest.of(try row.bytes(1), algorithm: digest.algorithm) == digest
            else { return "policy \(name): its text does not hash to its digest" }
            return nil
        }.compactMap(\.self)
    }

    /// Keys whose text is not what their id says.
    func keyFaults() throws -> [String] {
        try all("SELECT id, pem FROM trusted_keys") { row in
            let id = try row.text(0)
            return Digest.sha256(of: try row.text(1).utf8).hex == id
                ? nil : "key \(id): its text does not hash to its id"
        }.compactMap(\.self)
    }

    /// Tables, indexes, views and triggers that are not those of the migrations: a view or a trigger of somebody else
    /// would make good rows read badly.
    func schemaFaults() throws -> [String] {
        let expected = try DatabaseQueue()
        defer { try? expected.close() }  // It is in memory, and nothing of it is kept.
        let made = try expected.writeWithoutTransaction { database in
            try Schema.migrate(database)
            return try database.schemaObjects()
        }
        return try schemaObjects().symmetricDifference(made).map {
            "\($0[0]) \($0[1]): is not as the schema has it"
        }.sorted()
    }

    private func schemaObjects() throws -> Set<[String]> {
        Set(
            try all("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema") { row in
                try (0..<4).map { try row.text($0) }
            })
    }
}
