package import AssayDomain
package import AssayRegistry
import Foundation
import GRDB

extension SQLiteIndex {
    /// Setting the policy that protects the alias already changes nothing.
    package func setPolicy(_ record: PolicyRecord) async throws {
        try await write { database in
            let repositoryID = try database.requireRepository(record.repository)
            guard try database.policyDigest(of: record.alias, in: repositoryID) != record.digest else { return }
            try database.requireNoTwin(of: record.alias, in: repositoryID, record.repository)
            let at = try database.logTime(record.setAt)
            try database.insertPolicy(record, at: at)
            try database.protect(record, in: repositoryID, at: at)
            try database.insertPolicyChange(
                of: record.alias, in: repositoryID, to: record.digest, actor: record.actor, at: at)
        }
    }

    package func policy(of alias: AliasName, in repository: RepositoryName) async throws -> PolicyRecord? {
        try await readOnce { try $0.policy(of: alias, in: repository) }
    }

    package func policies(in repository: RepositoryName) async throws -> [PolicyRecord] {
        try await read { try $0.policies(in: $0.requireRepository(repository), named: repository) }
    }

    package func removePolicy(
        of alias: AliasName, in repository: RepositoryName, actor: String, at: Timestamp
    ) async throws {
        try await write { database in
            guard let repositoryID = try database.repositoryRow(repository)?.id,
                try database.policyDigest(of: alias, in: repositoryID) != nil
            else {
                throw AssayError(.policyNotFound, "no policy protects alias \(repository):\(alias)")
            }
            try database.unprotect(alias, in: repositoryID)
            try database.insertPolicyChange(
                of: alias, in: repositoryID, to: nil, actor: actor, at: database.logTime(at))
        }
    }
}

extension Database {
    func policy(of alias: AliasName, in repository: RepositoryName) throws -> PolicyRecord? {
        try first(HotStatement.policy.rawValue, [repository.text, alias.text]) { try policy(of: $0, in: repository) }
    }

    fileprivate func policies(in repositoryID: Int64, named repository: RepositoryName) throws -> [PolicyRecord] {
        try all(HotStatement.policies.rawValue, [repositoryID, IndexLimits.pageMax]) {
            try policy(of: $0, in: repository)
        }
    }

    fileprivate func insertPolicy(_ record: PolicyRecord, at: Timestamp) throws {
        try run(
            "INSERT INTO policies (digest, json, created_at) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING",
            [record.digest.description, Data(record.json), at.milliseconds])
        try run(
            """
            INSERT INTO policy_datasets (dataset, policy_digest)
            SELECT dataset, policy_digest FROM datasets_of_policies WHERE policy_digest = ?
            ON CONFLICT (dataset, policy_digest) DO NOTHING
            """, [record.digest.description])
    }

    fileprivate func protect(_ record: PolicyRecord, in repositoryID: Int64, at: Timestamp) throws {
        try run(
            """
            INSERT INTO alias_policies (repository_id, alias, policy_digest, set_at, actor) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (repository_id, alias) DO UPDATE
            SET policy_digest = excluded.policy_digest, set_at = excluded.set_at, actor = excluded.actor
            """,
            [
                repositoryID, record.alias.text, record.digest.description, at.milliseconds, record.actor,
            ])
    }

    fileprivate func unprotect(_ alias: AliasName, in repositoryID: Int64) throws {
        try run("DELETE FROM alias_policies WHERE repository_id = ? AND alias = ?", [repositoryID, alias.text])
    }

    fileprivate func insertPolicyChange(
        of alias: AliasName, in repositoryID: Int64, to policy: Digest?, actor: String, at: Timestamp
    ) throws {
        let logIndex = try nextLogIndex(at: at)
        try run(
            """
            INSERT INTO policy_changes (repository_id, alias, policy_digest, at, actor, log_index)
            VALUES (?, ?, ?, ?, ?, ?)
            """, [repositoryID, alias.text, policy?.description, at.milliseconds, actor, logIndex])
        try log(.policyChange, at: logIndex)
    }

    private func policy(of row: Row, in repository: RepositoryName) throws -> PolicyRecord {
        PolicyRecord(
            repository: repository, alias: try row.alias(0), digest: try row.digest(1),
            json: try row.bytes(2), setAt: try row.time(3), actor: try row.text(4))
    }
}
