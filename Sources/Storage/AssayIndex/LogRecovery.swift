import AssayDomain
import AssayRegistry
import GRDB

/// Brings the audit log and the index together when a database is opened.
enum LogRecovery {
    /// Tells the log what the index holds of it. If there is no log yet, the facts that are older than it are written
    /// into it; later on a fact without an entry is one that nobody logged, and never gets one.
    static func run(_ writer: WriteQueue, _ log: any LogWriter) throws {
        let (head, tail) = try writer.readAtStart { database in
            (try database.logHead(), try database.logTail(behind: 0))
        }
        log.recover(
            head: head.map { LogHead(size: $0.size, checkpoint: $0.checkpoint) },
            tailStart: tail.first?.index ?? head?.size ?? 0, tail: tail.map(\.entry))
        // A damaged log takes nothing, and then the index only reads.
        guard head == nil, log.isWritable else { return }
        try writer.writeAtStart { try $0.logOlderFacts() }
    }
}

extension Database {
    /// Gives every row without one its place in the log: in each table in the order in which the rows came.
    fileprivate func logOlderFacts() throws {
        let tables: [(LoggedFact, table: String, order: String)] = [
            (.keyChange, "key_changes", "sequence"), (.manifest, "manifests", "id"),
            (.policyChange, "policy_changes", "sequence"), (.aliasMove, "alias_moves", "sequence"),
            (.deletion, "deletions", "id"),
        ]
        for (fact, table, order) in tables {
            let rows = try all("SELECT \(order) FROM \(table) WHERE log_index IS NULL ORDER BY \(order)") {
                try $0.integer(0)
            }
            for row in rows {
                let index = try nextLogIndex()
                try run("UPDATE \(table) SET log_index = ? WHERE \(order) = ?", [index, row])
                if fact == .manifest { try placeVersion(ofManifest: row, at: index) }
                try log(fact, at: index)
            }
        }
    }

    /// A version of before the log shares the entry of its manifest, and so also its time.
    private func placeVersion(ofManifest id: Int64, at index: Int64) throws {
        try run("UPDATE versions SET log_index = ? WHERE manifest_id = ? AND log_index IS NULL", [index, id])
        try run(
            """
            UPDATE manifests SET created_at = coalesce(
                (SELECT created_at FROM versions WHERE manifest_id = manifests.id), created_at)
            WHERE id = ?
            """, [id])
    }
}
