package import AssayDomain
package import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func withdraw(_ request: WithdrawalRequest) async throws -> Version {
        let row = try await write { [detailsCache] database in
            let withdrawal = request.withdrawal
            guard let repositoryID = try database.repositoryRow(withdrawal.repository)?.id,
                let version = try database.versionRow(withdrawal.version, in: repositoryID)
            else { throw SQLiteIndex.versionNotFound(Reference(withdrawal.repository, .digest(withdrawal.version))) }
            let at = try database.logTime(withdrawal.at)
            try database.store(request.attachment, in: repositoryID, by: request.actor, at: at)
            try database.insertWithdrawal(request, in: repositoryID, at: at)
            return try database.requireVersion(id: version.id, detailsCache)
        }
        return try row.version(cache: detailsCache)
    }
}

extension Database {
    /// That content of a repository must not be used any more; nil if it may.
    func withdrawn(_ subject: Digest, in repositoryID: Int64) throws -> Version.Withdrawn? {
        try first(HotStatement.withdrawalInForce.rawValue, [repositoryID, subject.description]) { row in
            Version.Withdrawn(at: try row.time(0), actor: try row.text(1), reason: try row.text(2))
        }
    }

    fileprivate func insertWithdrawal(
        _ request: WithdrawalRequest, in repositoryID: Int64, at: Timestamp
    ) throws {
        let logIndex = try nextLogIndex(at: at)
        try run(
            """
            INSERT INTO withdrawals
                (log_index, repository_id, subject_digest, action, reason, statement_digest, at, actor)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                logIndex, repositoryID, request.withdrawal.version.description, request.withdrawal.action.rawValue,
                request.withdrawal.reason, request.statement.description, at.milliseconds, request.actor,
            ])
        try log(.withdrawal, at: logIndex)
    }
}
