package import AssayDomain
package import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func repository(_ name: RepositoryName) async throws -> Repository? {
        try await readOnce { try $0.repository(name) }
    }

    package func repositories(_ query: RepositoryQuery) async throws -> Page<Repository> {
        let limit = IndexLimits.rows(query.limit)
        let rows = try await readOnce { database in
            if let kind = query.kind {
                try database.repositories(kind, prefix: query.prefix ?? "", after: query.after ?? "", limit: limit + 1)
            } else {
                try database.repositories(prefix: query.prefix ?? "", after: query.after ?? "", limit: limit + 1)
            }
        }
        return Page(rows, limit: limit, cursor: \.name.text)
    }

    package func createRepository(
        _ name: RepositoryName, kind: Repository.Kind, at: Timestamp
    ) async throws -> Repository {
        try await write { database in
            try database.makeRepository(name, kind: kind, at: at)
            guard let repository = try database.repository(name) else { throw IndexFault.unreadable("a repository") }
            return repository
        }
    }
}

extension Database {
    /// The row id of a repository, made as a `kind` (or a model) if there is none.
    ///
    /// The first version fixes the kind, for good: deleting all versions does not set it free. So does a policy, which
    /// was set for that kind. Until then the repository may have come to be by the push of a blob, which does not say
    /// of what kind it is. Throws `kind-conflict`.
    @discardableResult
    func makeRepository(_ name: RepositoryName, kind: Repository.Kind?, at: Timestamp) throws -> Int64 {
        if let found = try repositoryRow(name) {
            if let kind, kind != found.kind, try !changeKind(ofUnused: found.id, to: kind) {
                throw AssayError(
                    .kindConflict, "repository \(name) holds \(found.kind.rawValue)s",
                    reason: "it has a version or a policy, or had a version: that fixes the kind for good",
                    remedy: "use another repository, or push it as a \(found.kind.rawValue)")
            }
            return found.id
        }
        try insertRepository(name, kind: kind ?? .model, at: at)
        return lastInsertedRowID
    }

    /// The row id of a repository. Throws `repository-not-found`.
    func requireRepository(_ name: RepositoryName) throws -> Int64 {
        guard let found = try repositoryRow(name) else {
            throw AssayError(
                .repositoryNotFound, "there is no repository \(name)",
                remedy: "check the name, or push a first version to it")
        }
        return found.id
    }

    func repositoryRow(_ name: RepositoryName) throws -> (id: Int64, kind: Repository.Kind)? {
        try first(HotStatement.repositoryRow.rawValue, [name.text]) { row in (try row.integer(0), try row.word(1)) }
    }

    fileprivate func repository(_ name: RepositoryName) throws -> Repository? {
        try first(HotStatement.repository.rawValue, [name.text], repository(of:))
    }

    fileprivate func repositories(prefix: String, after: String, limit: Int) throws -> [Repository] {
        try all(
            HotStatement.repositories.rawValue, ["prefix": prefix, "after": after, "limit": limit], repository(of:))
    }

    fileprivate func repositories(
        _ kind: Repository.Kind, prefix: String, after: String, limit: Int
    ) throws -> [Repository] {
        try all(
            HotStatement.repositoriesOfKind.rawValue,
            ["kind": kind.rawValue, "prefix": prefix, "after": after, "limit": limit], repository(of:))
    }

    /// False if the repository has or had versions, or has policies.
    private func changeKind(ofUnused id: Int64, to kind: Repository.Kind) throws -> Bool {
        try run(
            """
            UPDATE repositories SET kind = ?
            WHERE id = ? AND NOT EXISTS (SELECT 1 FROM versions WHERE repository_id = repositories.id)
                AND NOT EXISTS (SELECT 1 FROM deletions WHERE repository_id = repositories.id AND number IS NOT NULL)
                AND NOT EXISTS (SELECT 1 FROM alias_policies WHERE repository_id = repositories.id)
            """,
            [kind.rawValue, id])
        return changesCount == 1
    }

    private func insertRepository(_ name: RepositoryName, kind: Repository.Kind, at: Timestamp) throws {
        try run(
            "INSERT INTO repositories (name, kind, created_at) VALUES (?, ?, ?)",
            [name.text, kind.rawValue, at.milliseconds])
    }

    private func repository(of row: Row) throws -> Repository {
        Repository(
            name: try row.repositoryName(0), kind: try row.word(1), createdAt: try row.time(2),
            versionCount: try row.integer(3))
    }
}
