package import AssayDomain
package import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func version(_ reference: Reference) async throws -> Version? {
        let row = try await readOnce { [detailsCache] database in
            switch reference.selector {
            case .tag(let tag): try database.version(tag, in: reference.repository, detailsCache)
            case .digest(let digest): try database.version(digest, in: reference.repository, detailsCache)
            }
        }
        return try row?.version(cache: detailsCache)
    }

    package func versions(_ query: VersionQuery) async throws -> Page<Version> {
        let limit = IndexLimits.rows(query.limit)
        let rows = try await read { [detailsCache] database in
            try database.versions(
                query, in: database.requireRepository(query.repository), limit: limit + 1, detailsCache)
        }
        let versions = try rows.map { try $0.version(cache: detailsCache) }
        return Page(versions, limit: limit, cursor: \.number.description)
    }

    /// Throws `body-too-large` if the version would have too many annotations.
    package func annotate(
        _ repository: RepositoryName, _ number: VersionNumber, changes: [String: String?]
    ) async throws -> Version {
        let row = try await write { [detailsCache] database in
            let repositoryID = try database.requireVersionRepository(repository, number)
            let id = try database.requireVersion(number, in: repositoryID, named: repository).id
            for (key, value) in changes {
                if let value {
                    try database.setAnnotation(key, value, of: number, in: repositoryID)
                } else {
                    try database.removeAnnotation(key, of: number, in: repositoryID)
                }
            }
            let row = try database.requireVersion(id: id, detailsCache)
            let labels = try row.labels()
            guard labels.count <= VersionMetadata.entriesMax else {
                throw AssayError(
                    .bodyTooLarge, "the version would have \(labels.count) annotations",
                    reason: "at most \(VersionMetadata.entriesMax) fit", remedy: "remove some first")
            }
            try database.updateSearch(annotations: SearchText.words(of: labels), of: id)
            return row
        }
        return try row.version(cache: detailsCache)
    }
}

extension Database {
    /// The row of a version. Throws `version-not-found`.
    func requireVersion(
        _ number: VersionNumber, in repositoryID: Int64, named repository: RepositoryName
    ) throws -> (id: Int64, number: VersionNumber) {
        guard let found = try versionRow(number, in: repositoryID) else {
            throw SQLiteIndex.versionNotFound(Reference(repository, number))
        }
        return found
    }

    /// The row id of a version's repository. Throws `version-not-found`, because the caller speaks of a version.
    func requireVersionRepository(_ repository: RepositoryName, _ number: VersionNumber) throws -> Int64 {
        guard let found = try repositoryRow(repository) else {
            throw SQLiteIndex.versionNotFound(Reference(repository, number))
        }
        return found.id
    }

    /// The row of what a reference names. Throws `version-not-found`.
    func requireVersion(_ reference: Reference) throws -> (id: Int64, number: VersionNumber) {
        guard let repository = try repositoryRow(reference.repository),
            let found = try versionRow(reference.selector, in: repository.id)
        else { throw SQLiteIndex.versionNotFound(reference) }
        return found
    }

    /// A version that this transaction has found or made.
    func requireVersion(id: Int64, _ cache: VersionDetailsCache) throws -> VersionRow {
        let row = try first(HotStatement.versionByID.rawValue, [id]) { try VersionRow($0, cache: cache) }
        guard let row else { throw IndexFault.unreadable("a version") }
        return row
    }

    func versionRow(
        _ selector: VersionSelector, in repositoryID: Int64
    ) throws -> (id: Int64, number: VersionNumber)? {
        switch selector {
        case .tag(.number(let number)): try versionRow(number, in: repositoryID)
        case .tag(.alias(let alias)): try versionRow(alias, in: repositoryID)
        case .digest(let digest): try versionRow(digest, in: repositoryID)
        }
    }

    func versionRow(_ number: VersionNumber, in repositoryID: Int64) throws -> (id: Int64, number: VersionNumber)? {
        try first(HotStatement.versionRowByNumber.rawValue, [repositoryID, number.value], idAndNumber)
    }

    func versionRow(_ alias: AliasName, in repositoryID: Int64) throws -> (id: Int64, number: VersionNumber)? {
        try first(HotStatement.versionRowByTag.rawValue, [repositoryID, alias.text], idAndNumber)
    }

    func versionRow(_ digest: Digest, in repositoryID: Int64) throws -> (id: Int64, number: VersionNumber)? {
        try first(HotStatement.versionRowByDigest.rawValue, [repositoryID, digest.description], idAndNumber)
    }

    private func idAndNumber(_ row: Row) throws -> (id: Int64, number: VersionNumber) {
        (try row.integer(0), try row.number(1))
    }

    func version(
        _ tag: Tag, in repository: RepositoryName, _ cache: VersionDetailsCache
    ) throws -> VersionRow? {
        try first(HotStatement.versionByTag.rawValue, [repository.text, tag.description]) {
            try VersionRow($0, cache: cache)
        }
    }

    fileprivate func version(
        _ digest: Digest, in repository: RepositoryName, _ cache: VersionDetailsCache
    ) throws -> VersionRow? {
        try first(HotStatement.versionByDigest.rawValue, [repository.text, digest.description]) {
            try VersionRow($0, cache: cache)
        }
    }

    /// Walks along the index of the narrowest filter; the others are checked row by row.
    fileprivate func versions(
        _ query: VersionQuery, in repositoryID: Int64, limit: Int, _ cache: VersionDetailsCache
    ) throws -> [VersionRow] {
        let below = query.below?.value ?? VersionNumber.valueMax + 1
        var arguments: StatementArguments = ["repository": repositoryID, "below": below, "limit": limit]
        let statement: HotStatement
        if let annotation = query.annotation {
            statement = .versionsAnnotated
            arguments += [
                "key": annotation.key, "value": annotation.value, "framework": query.framework, "run": query.runId,
            ]
        } else if let run = query.runId {
            statement = .versionsOfRun
            arguments += ["run": run, "framework": query.framework]
        } else if let framework = query.framework {
            statement = .versionsOfFramework
            arguments += ["framework": framework]
        } else {
            statement = .versions
        }
        return try all(statement.rawValue, arguments) { try VersionRow($0, cache: cache) }
    }

    fileprivate func setAnnotation(
        _ key: String, _ value: String, of number: VersionNumber, in repositoryID: Int64
    ) throws {
        try run(
            """
            INSERT INTO version_annotations (repository_id, number, key, value) VALUES (?, ?, ?, ?)
            ON CONFLICT (repository_id, number, key) DO UPDATE SET value = excluded.value
            """, [repositoryID, number.value, key, value])
    }

    fileprivate func removeAnnotation(_ key: String, of number: VersionNumber, in repositoryID: Int64) throws {
        try run(
            "DELETE FROM version_annotations WHERE repository_id = ? AND number = ? AND key = ?",
            [repositoryID, number.value, key])
    }
}

extension SQLiteIndex {
    static func versionNotFound(_ reference: Reference) -> AssayError {
        AssayError(
            .versionNotFound, "there is no version \(reference)", remedy: "list the versions of \(reference.repository)"
        )
    }
}
