import AssayCrypto
import AssayDomain
import Foundation
import GRDB

/// The tables whose rows are facts of the audit log: each row gives the entry of its `log_index`.
///
/// The same statement gives the entry when the fact is written and when it is checked, so the two cannot differ.
enum LoggedFact: CaseIterable {
    /// A manifest, with the version that it became at once.
    case manifest
    /// A version of a manifest that had been there before.
    case laterVersion
    case aliasMove
    case policyChange
    case keyChange
    case deletion
    case withdrawal
    /// A fact whose row was deleted.
    case ended

    /// The table whose rows come in the order of the log, and its column that counts them; nil where there is none.
    var order: (table: String, column: String)? {
        switch self {
        case .manifest: ("manifests", "id")
        case .aliasMove: ("alias_moves", "sequence")
        case .policyChange: ("policy_changes", "sequence")
        case .keyChange: ("key_changes", "sequence")
        case .deletion: ("deletions", "id")
        case .withdrawal: ("withdrawals", "sequence")
        case .laterVersion, .ended: nil
        }
    }

    /// Rows of a range of log indexes, in order; the last column is the one of `order`.
    var statement: HotStatement {
        switch self {
        case .manifest: .loggedManifests
        case .laterVersion: .loggedLaterVersions
        case .aliasMove: .loggedAliasMoves
        case .policyChange: .loggedPolicyChanges
        case .keyChange: .loggedKeyChanges
        case .deletion: .loggedDeletions
        case .withdrawal: .loggedWithdrawals
        case .ended: .endedEntries
        }
    }

    /// The entry of a row; nil if the row contradicts itself.
    func entry(_ row: Row) throws -> [UInt8]? {
        switch self {
        case .manifest: try Self.manifest(row)?.encoded()
        case .laterVersion: try Self.version(row, repository: 1, number: 3, metadata: 6, at: 7, actor: 8).encoded()
        case .aliasMove: try Self.aliasMove(row).encoded()
        case .policyChange: try Self.policyChange(row).encoded()
        case .keyChange: try Self.keyChange(row).encoded()
        case .deletion: try Self.deletion(row).encoded()
        case .withdrawal: try Self.withdrawal(row).encoded()
        case .ended: try row.bytes(1)
        }
    }

    private static func manifest(_ row: Row) throws -> AuditEntry? {
        if !row.hasNull(atIndex: 10), try row.integer(ManifestColumn.versionLogIndex) == row.integer(0) {
            // Made in one transaction, so both say the same of when and by whom.
            guard try row.integer(8) == row.integer(12), try row.text(9) == row.text(13) else { return nil }
            return try version(row, repository: 1, number: 10, metadata: 11, at: 12, actor: 13)
        }
        if !row.hasNull(atIndex: 14) {
            return AuditEntry(
                .attestation, at: try row.time(8), actor: try row.text(9),
                [
                    .repository: .text(try row.text(1)), .digest: .text(try row.text(3)),
                    .subject: row.auditText(6), .artifactType: row.auditText(14), .predicateType: row.auditText(15),
                    .envelope: row.auditText(16),
                ])
        }
        return AuditEntry(
            .manifest, at: try row.time(8), actor: try row.text(9),
            [
                .repository: .text(try row.text(1)), .digest: .text(try row.text(3)),
                .mediaType: .text(try row.text(4)), .artifactType: row.auditText(5), .subject: row.auditText(6),
            ])
    }

    /// The digest and media type stand in the columns 3 and 4 of manifests and 4 and 5 of later versions.
    private static func version(
        _ row: Row, repository: Int, number: Int, metadata: Int, at: Int, actor: Int
    ) throws -> AuditEntry {
        let digest = number == 3 ? 4 : 3
        return AuditEntry(
            .version, at: try row.time(at), actor: try row.text(actor),
            [
                .repository: .text(try row.text(repository)), .repositoryKind: .text(try row.text(repository + 1)),
                .number: .number(try row.integer(number)), .digest: .text(try row.text(digest)),
                .mediaType: .text(try row.text(digest + 1)),
                .metadata: .text(Digest.sha256(of: try row.text(metadata).utf8).description),
            ])
    }

    private static func aliasMove(_ row: Row) throws -> AuditEntry {
        AuditEntry(
            .alias, at: try row.time(7), actor: try row.text(8),
            [
                .repository: .text(try row.text(1)), .alias: .text(try row.text(2)), .from: row.auditNumber(3),
                .to: row.auditNumber(4), .digest: row.auditText(5), .cause: .text(try row.text(6)),
                .policy: row.auditText(9), .verdict: row.auditText(10), .reason: row.auditText(11),
            ])
    }

    private static func policyChange(_ row: Row) throws -> AuditEntry {
        AuditEntry(
            .policy, at: try row.time(4), actor: try row.text(5),
            [.repository: .text(try row.text(1)), .alias: .text(try row.text(2)), .policy: row.auditText(3)])
    }

    private static func keyChange(_ row: Row) throws -> AuditEntry {
        AuditEntry(
            .key, at: try row.time(9), actor: try row.text(10),
            [
                .action: .text(try row.text(1)), .key: .text(try row.text(2)), .name: .text(try row.text(3)),
                .role: .text(try row.text(4)), .repositories: row.auditText(5),
                .validFrom: try row.auditTime(6), .validUntil: try row.auditTime(7), .revokedAt: try row.auditTime(8),
            ])
    }

    private static func withdrawal(_ row: Row) throws -> AuditEntry {
        AuditEntry(
            .withdrawal, at: try row.time(6), actor: try row.text(7),
            [
                .repository: .text(try row.text(1)), .digest: .text(try row.text(2)), .action: .text(try row.text(3)),
                .reason: .text(try row.text(4)), .envelope: .text(try row.text(5)),
            ])
    }

    private static func deletion(_ row: Row) throws -> AuditEntry {
        AuditEntry(
            .delete, at: try row.time(6), actor: try row.text(7),
            [
                .repository: .text(try row.text(1)), .target: .text(try row.text(2)), .digest: .text(try row.text(3)),
                .number: row.auditNumber(4), .ends: row.auditText(5),
            ])
    }
}

/// Columns of `HotStatement.loggedManifests` that are not of the entry, but must fit it.
enum ManifestColumn {
    static let versionLogIndex = 17
    static let repositoryID = 18
    static let size = 19
    static let annotations = 20
    static let contentBytes = 21
    static let attestationRepositoryID = 22
    static let attestationSubject = 23
    static let envelopeSize = 24
    static let id = 25
}

extension Row {
    fileprivate func auditText(_ column: Int) -> AuditEntry.Value? { (self[column] as String?).map { .text($0) } }

    fileprivate func auditNumber(_ column: Int) -> AuditEntry.Value? { (self[column] as Int64?).map { .number($0) } }

    fileprivate func auditTime(_ column: Int) throws -> AuditEntry.Value? {
        timeIfPresent(column).map { .text($0.description) }
    }
}

// MARK: Writing

extension Database {
    /// When something happens that is to be logged: by the clock, but not before the entry of the log that came last.
    func logTime(_ clock: Timestamp) throws -> Timestamp { max(clock, try lastLogTime()) }

    func lastLogTime() throws -> Timestamp {
        guard let last = try first("SELECT at FROM log_clock", [], { try $0.time(0) }) else {
            throw IndexFault.unreadable("the time of the audit log")
        }
        return last
    }

    /// The index of the next entry, whose row is of a time that `logTime` gave.
    func nextLogIndex(at: Timestamp) throws -> Int64 {
        guard try lastLogTime() <= at else { throw IndexFault.unreadable("the time of an entry of the audit log") }
        try run("UPDATE log_clock SET at = ?", [at.milliseconds])
        return try nextLogIndex()
    }

    /// The index of the next entry: as many as there ever were. Of a time that nobody chooses any more: the row is
    /// older than the log.
    func nextLogIndex() throws -> Int64 {
        try first("SELECT seq FROM sqlite_sequence WHERE name = 'log_tail'") { try $0.integer(0) } ?? 0
    }

    /// Adds the entry of a row that was just written under the next log index.
    func log(_ fact: LoggedFact, at index: Int64) throws {
        try run("INSERT INTO log_tail (entry) VALUES (?)", [Data(try entry(of: fact, at: index))])
        guard lastInsertedRowID == index + 1 else { throw IndexFault.unreadable("the end of the audit log") }
    }

    /// Keeps the entry of a row that is about to be deleted.
    func endEntry(_ fact: LoggedFact, at index: Int64) throws {
        try run(
            "INSERT INTO ended_entries (log_index, entry) VALUES (?, ?)", [index, Data(try entry(of: fact, at: index))])
    }

    private func entry(of fact: LoggedFact, at index: Int64) throws -> [UInt8] {
        let entry = try first(fact.statement.rawValue, [index, index]) { try fact.entry($0) }
        guard let entry = entry.flatMap(\.self) else { throw IndexFault.unreadable("a fact of the audit log") }
        return entry
    }

    // MARK: The end of the log

    func logHead() throws -> (size: Int64, checkpoint: [UInt8])? {
        try first("SELECT size, checkpoint FROM log_head") { row in (try row.integer(0), try row.bytes(1)) }
    }

    func setLogHead(size: Int64, checkpoint: [UInt8]) throws {
        try run(
            """
            INSERT INTO log_head (id, size, checkpoint) VALUES (1, ?, ?)
            ON CONFLICT (id) DO UPDATE SET size = excluded.size, checkpoint = excluded.checkpoint
            """, [size, Data(checkpoint)])
    }

    /// Entries behind the first `size`.
    func logTail(behind size: Int64) throws -> [(index: Int64, entry: [UInt8])] {
        try all("SELECT id - 1, entry FROM log_tail WHERE id > ? ORDER BY id", [size]) { row in
            (try row.integer(0), try row.bytes(1))
        }
    }

    func trimLogTail(to size: Int64) throws { try run("DELETE FROM log_tail WHERE id <= ?", [size]) }
}
