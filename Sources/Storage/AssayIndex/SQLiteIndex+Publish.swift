import AssayDomain
package import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func publish(_ publication: Publication) async throws -> PublicationOutcome {
        let (row, isNew) = try await write { [detailsCache] database in
            try PublishTransaction(publication, database).run(detailsCache)
        }
        return PublicationOutcome(version: try row?.version(cache: detailsCache), isNew: isNew)
    }
}

/// The steps of one publish, inside its write transaction.
private struct PublishTransaction {
    let publication: Publication
    let database: Database
    let repositoryID: Int64

    init(_ publication: Publication, _ database: Database) throws {
        self.publication = publication
        self.database = database
        repositoryID = try database.makeRepository(
            publication.repository, kind: publication.kind, at: publication.at)
    }

    func run(_ cache: VersionDetailsCache) throws -> (version: VersionRow?, isNew: Bool) {
        let manifest = try database.storeManifest(publication.manifest, in: repositoryID, at: publication.at)
        for attachment in publication.attachments {
            try database.store(attachment, in: repositoryID, at: publication.at)
        }
        switch publication.intent {
        case .content:
            return (nil, manifest.isNew)
        case .version(let tag):
            let version = try makeVersion(of: manifest.id, tag: tag)
            try addLineage(of: version.id)
            if case .alias(let alias) = tag { try moveAlias(alias, to: version) }
            return (try database.requireVersion(id: version.id, cache), version.isNew)
        }
    }

    private typealias Made = (id: Int64, number: VersionNumber, isNew: Bool)

    /// The version of the manifest, made under the number asked for or the next one if there is none.
    private func makeVersion(of manifestID: Int64, tag: Tag?) throws -> Made {
        if let found = try database.versionRow(publication.manifest.digest, in: repositoryID) {
            if case .number(let number) = tag, number != found.number { throw immutable(number) }
            return (found.id, found.number, false)
        }
        let number = try freeNumber(tag)
        try database.insertVersion(publication, number, manifestID: manifestID, in: repositoryID)
        let id = database.lastInsertedRowID
        try database.setTag(.number(number), to: id, in: repositoryID, at: publication.at)
        try database.countVersion(in: repositoryID)
        try database.insertSearch(publication.repository, metadata: publication.metadata, of: id)
        return (id, number, true)
    }

    private func freeNumber(_ tag: Tag?) throws -> VersionNumber {
        if case .number(let number) = tag {
            guard try database.versionRow(number, in: repositoryID) == nil else { throw immutable(number) }
            guard try !database.wasDeleted(number, in: repositoryID) else { throw deleted(number) }
            return number
        }
        guard let next = VersionNumber(try database.lastNumber(in: repositoryID) + 1) else {
            throw AssayError(
                .tagInvalid, "\(publication.repository) has a version with the largest number",
                remedy: "push under a number that is free")
        }
        return next
    }

    private func immutable(_ number: VersionNumber) -> AssayError {
        AssayError(
            .tagImmutable, "\(publication.repository):\(number) is not of this content",
            reason: "a version number never moves", remedy: "push without a number to get the next one")
    }

    private func deleted(_ number: VersionNumber) -> AssayError {
        AssayError(
            .tagImmutable, "\(publication.repository):\(number) was deleted", reason: "a version number is given once",
            remedy: "push without a number to get the next one")
    }

    /// Adds the edges that are declared, also those of content that is there already.
    private func addLineage(of versionID: Int64) throws {
        for declaration in publication.lineage {
            let source = try database.requireVersion(declaration.source)
            try addEdge(from: versionID, to: .version(source.id), declaration.relation, "\(declaration.source)")
        }
        if let run = publication.metadata.runId {
            try addEdge(from: versionID, to: .run(run), .producedBy, "run \(Printable.quote(run))")
        }
    }

    private func addEdge(
        from versionID: Int64, to source: LineageKey, _ relation: LineageRelation, _ name: String
    ) throws {
        let from = try database.makeNode(.version(versionID), at: publication.at)
        let to = try database.makeNode(source, at: publication.at)
        guard try !database.reaches(to, from) else {
            throw AssayError(
                .lineageCycle, "a version cannot come from itself", reason: "\(name) already comes from it",
                remedy: "declare what the version was made from")
        }
        try database.insertEdge(from: from, to: to, relation, at: publication.at)
    }

    private func moveAlias(_ alias: AliasName, to version: Made) throws {
        let current = try database.versionRow(alias, in: repositoryID)
        guard current?.id != version.id else { return }
        guard try database.policyDigest(of: alias, in: repositoryID) == nil else {
            throw SQLiteIndex.aliasProtected(alias, in: publication.repository)
        }
        try database.setTag(.alias(alias), to: version.id, in: repositoryID, at: publication.at)
        let move = NewAliasMove(
            alias: alias, from: current?.number, to: version.number, cause: .set, at: publication.at,
            actor: publication.actor)
        try database.insertMove(move, in: repositoryID)
    }
}

extension Database {
    fileprivate func insertVersion(
        _ publication: Publication, _ number: VersionNumber, manifestID: Int64, in repositoryID: Int64
    ) throws {
        try run(
            """
            INSERT INTO versions (repository_id, number, manifest_id, created_at, content_bytes, metadata, model)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                repositoryID, number.value, manifestID, publication.at.milliseconds,
                publication.manifest.contentBytes, try StoredJSON.text(publication.metadata),
                try publication.model.map(StoredJSON.text),
            ])
    }

    fileprivate func lastNumber(in repositoryID: Int64) throws -> Int64 {
        try first(HotStatement.lastNumber.rawValue, ["repository": repositoryID]) { try $0.integer(0) } ?? 0
    }

    fileprivate func countVersion(in repositoryID: Int64) throws {
        try run("UPDATE repositories SET version_count = version_count + 1 WHERE id = ?", [repositoryID])
    }

    func setTag(_ tag: Tag, to versionID: Int64, in repositoryID: Int64, at: Timestamp) throws {
        let isAlias = if case .alias = tag { true } else { false }
        try run(
            """
            INSERT INTO tags (repository_id, name, version_id, is_alias, moved_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (repository_id, name)
            DO UPDATE SET version_id = excluded.version_id, moved_at = excluded.moved_at WHERE is_alias = 1
            """, [repositoryID, tag.description, versionID, isAlias, at.milliseconds])
    }
}
