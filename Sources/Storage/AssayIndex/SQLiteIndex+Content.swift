package import AssayDomain
package import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func contentUses(of digest: Digest, after: String?, limit: Int) async throws -> Page<ContentUse> {
        let (repository, manifest) = try Self.position(after)
        let limit = IndexLimits.rows(limit)
        let rows = try await readOnce { database in
            try database.all(
                HotStatement.contentUses.rawValue,
                ["digest": digest.description, "repository": repository, "manifest": manifest, "limit": limit + 1]
            ) { row in (try ContentUse(row), try row.integer(8), try row.integer(9)) }
        }
        // A manifest that names it twice is one place to look at; at the end of a page it may come once more.
        var seen: Set<ContentUse> = []
        let kept = rows.prefix(limit)
        return Page(
            items: kept.map(\.0).filter { seen.insert($0).inserted },
            next: rows.count > limit ? kept.last.map { "\($0.1).\($0.2)" } : nil)
    }

    package func manifestUses(of digest: Digest, limit: Int) async throws -> [ContentUse] {
        try await readOnce { database in
            try database.all(
                HotStatement.manifestUses.rawValue,
                ["digest": digest.description, "limit": IndexLimits.rows(limit)]
            ) { try ContentUse($0) }
        }
    }

    package func allAliases(
        after: (RepositoryName, AliasName)?, limit: Int
    ) async throws -> Page<Alias> {
        let limit = IndexLimits.rows(limit)
        let rows = try await readOnce { database in
            try database.all(
                HotStatement.allAliases.rawValue,
                ["repository": after?.0.text ?? "", "alias": after?.1.text ?? "", "limit": limit + 1]
            ) { row in
                var alias = try database.alias(of: row, in: try row.repositoryName(6))
                alias.manifestDigest = try row.digest(7)
                return alias
            }
        }
        return Page(rows, limit: limit) { "\($0.repository):\($0.name)" }
    }

    package func policy(
        _ digest: Digest, of alias: AliasName, in repository: RepositoryName
    ) async throws -> PolicyRecord? {
        try await readOnce { database in
            try database.first(
                HotStatement.earlierPolicy.rawValue,
                ["repository": repository.text, "alias": alias.text, "digest": digest.description]
            ) { row in
                PolicyRecord(
                    repository: repository, alias: try row.alias(0), digest: try row.digest(1),
                    json: try row.bytes(2), setAt: try row.time(3), actor: try row.text(4))
            }
        }
    }

    /// The place of a cursor. Throws `request-invalid` for what is none.
    private static func position(_ cursor: String?) throws(AssayError) -> (repository: Int64, manifest: Int64) {
        guard let cursor else { return (0, 0) }
        let parts = cursor.split(separator: ".", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 2, let repository = parts[0], let manifest = parts[1], repository >= 0, manifest >= 0
        else {
            throw AssayError(
                .requestInvalid, "after is \(Printable.quote(cursor, limit: 40))",
                remedy: "use what the page before gave as next")
        }
        return (repository, manifest)
    }
}

extension ContentUse {
    fileprivate init(_ row: Row) throws {
        func names(_ index: Int) throws -> [AliasName] {
            try ((row[index] as String?) ?? "").split(separator: " ").map { try AliasName(parsing: $0) }.sorted {
                $0.text.utf8.lexicographicallyPrecedes($1.text.utf8)
            }
        }
        self.init(
            repository: try row.repositoryName(0), manifestDigest: try row.digest(1),
            version: try row.numberIfPresent(2), subject: try row.digestIfPresent(3),
            subjectVersion: try row.numberIfPresent(4), isConfig: try row.text(5) == "config", aliases: try names(6),
            everAliases: try names(7))
    }
}
