import AssayDomain
import Foundation
import GRDB

/// The migrations of the database and the check that a file is one that they know.
///
/// The scripts of `schema/sql` are built into the binary. Each ends with its number in `PRAGMA user_version`, which
/// SQLite keeps in the same transaction as the tables.
enum Schema {
    /// Says that a file is an index: the letters `ASAY`.
    static let applicationID: Int64 = 0x4153_4159

    /// In order; the script at position n makes schema version n + 1.
    static let migrations = [
        PackageResources.V0001_initial_sql, PackageResources.V0002_deletes_sql, PackageResources.V0003_audit_log_sql,
        PackageResources.V0004_jobs_sql, PackageResources.V0005_policy_datasets_sql,
        PackageResources.V0006_decisions_sql, PackageResources.V0007_rollbacks_sql,
        PackageResources.V0008_evaluation_keys_sql, PackageResources.V0009_content_sql,
        PackageResources.V0010_withdrawals_sql,
    ]

    static var currentVersion: Int64 { Int64(migrations.count) }

    /// Throws `store-version-unsupported` if the file is of a newer schema or no index at all.
    ///
    /// It reads through a connection of its own that cannot write, because opening for writes already changes a file.
    static func checkVersion(ofFileAt path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        let database = try DatabaseQueue(path: path, configuration: Connections.reader)
        try database.unsafeRead(checkVersion)
        try database.close()
    }

    /// Runs the scripts that the database has not seen, all in one transaction.
    static func migrate(_ database: Database) throws {
        try checkVersion(database)
        let first = try version(of: database)
        guard first < currentVersion else { return }
        try database.inTransaction(.immediate) {
            for (position, script) in migrations.enumerated() where position >= first {
                try database.execute(sql: String(decoding: script, as: UTF8.self))
                let reached = try version(of: database)
                precondition(reached == position + 1, "a migration sets user_version to its number")
            }
            return .commit
        }
    }

    private static func checkVersion(_ database: Database) throws {
        let found = try version(of: database)
        let application = try Int64.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let isNew = try found == 0 && Bool.fetchOne(database, sql: "SELECT count(*) = 0 FROM sqlite_schema") ?? false
        guard isNew || application == applicationID else {
            throw AssayError(
                .storeVersionUnsupported, "the index is a database of something else",
                remedy: "name the folder of a store")
        }
        guard 0...currentVersion ~= found else {
            throw AssayError(
                .storeVersionUnsupported, "the index has schema version \(found)",
                reason: "this build knows versions up to \(currentVersion)", remedy: "use a newer build")
        }
    }

    private static func version(of database: Database) throws -> Int64 {
        try Int64.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    }
}
