package import AssayDomain
import GRDB

extension SQLiteIndex {
    /// Throws `request-invalid` for a text of too many words.
    package func search(_ text: String, kind: Repository.Kind?, limit: Int) async throws -> [Version] {
        guard let terms = try SearchText.terms(of: text) else { return [] }
        let rows = try await readOnce { [detailsCache] database in
            try database.search(terms, kind: kind, limit: IndexLimits.rows(limit), detailsCache)
        }
        return try rows.map { try $0.version(cache: detailsCache) }
    }
}

/// What is searched and how a search is asked.
enum SearchText {
    /// The words of a text as quoted terms that must all match, so that nothing a person types is query syntax.
    ///
    /// Nil if there is no word. Throws `request-invalid`.
    static func terms(of text: String) throws(AssayError) -> String? {
        let words = text.split { $0.isWhitespace || $0 == "\0" }
            .filter { $0.contains { $0.isLetter || $0.isNumber } }
        guard words.count <= IndexLimits.searchWordsMax else {
            throw AssayError(
                .requestInvalid, "the search has \(words.count) words",
                remedy: "search for at most \(IndexLimits.searchWordsMax)")
        }
        guard !words.isEmpty else { return nil }
        return words.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: " ")
    }

    static func words(of metadata: VersionMetadata) -> String {
        let texts = [
            metadata.description, metadata.framework, metadata.license, metadata.runId, metadata.gitCommit,
        ]
        let metrics = (metadata.metrics ?? [:]).keys.sorted()
        return (texts.compactMap(\.self) + metrics + [words(of: metadata.hyperparameters ?? [:])])
            .joined(separator: "\n")
    }

    static func words(of labels: [String: String]) -> String {
        labels.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "\n")
    }
}

extension Database {
    func insertSearch(_ repository: RepositoryName, metadata: VersionMetadata, of versionID: Int64) throws {
        try run(
            "INSERT INTO search (rowid, repository, metadata, annotations) VALUES (?, ?, ?, '')",
            [versionID, repository.text, SearchText.words(of: metadata)])
    }

    func updateSearch(annotations: String, of versionID: Int64) throws {
        try run("UPDATE search SET annotations = ? WHERE rowid = ?", [annotations, versionID])
    }

    fileprivate func search(
        _ terms: String, kind: Repository.Kind?, limit: Int, _ cache: VersionDetailsCache
    ) throws -> [VersionRow] {
        try all(
            """
            SELECT d.id, d.repository, d.kind, d.number, d.digest, d.created_at, d.content_bytes, d.aliases,
                d.annotations, d.metadata, d.model, d.not_promoted, d.withdrawn
            FROM search AS s JOIN version_details AS d ON d.id = s.rowid
            WHERE s.search MATCH :terms AND (:kind IS NULL OR d.kind = :kind)
            ORDER BY s.rank, s.rowid DESC LIMIT :limit
            """, ["terms": terms, "kind": kind?.rawValue, "limit": limit]
        ) { try VersionRow($0, cache: cache) }
    }
}
