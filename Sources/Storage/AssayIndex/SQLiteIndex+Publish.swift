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
    /// When it happens: not before the entry of the log that came last.
    let at: Timestamp

    init(_ publication: Publication, _ database: Database) throws {
        self.publication = publication
        self.database = database
        at = try database.logTime(publication.at)
        repositoryID = try database.makeRepository(
            publication.repository, kind: publication.kind, at: at)
    }

    func run(_ cache: VersionDetailsCache) throws -> (version: VersionRow?, isNew: Bool) {
        let manifest = try database.storeManifest(
            publication.manifest, in: repositoryID, by: publication.actor, at: at)
        guard case .version(let tag) = publication.intent else {
            if let logIndex = manifest.newLogIndex { try database.log(.manifest, at: logIndex) }
            try attach()
            if let subject = publication.manifest.subject,
                let version = try database.versionRow(subject.digest, in: repositoryID)
            {
                try addOrigins(of: version.id)
            }
            return (nil, manifest.newLogIndex != nil)
        }
        let version = try makeVersion(of: manifest, tag: tag)
        try attach()
        try addLineage(of: version.id)
        try addOrigins(of: version.id)
        if version.isNew { try database.adopt(version.id, of: publication.manifest.digest, at: at) }
        if case .alias(let alias) = tag { try moveAlias(alias, to: version) }
        return (try database.requireVersion(id: version.id, cache), version.isNew)
    }

    private func attach() throws {
        for attachment in publication.attachments {
            try database.store(attachment, in: repositoryID, by: publication.actor, at: at)
        }
    }

    private typealias Made = (id: Int64, number: VersionNumber, isNew: Bool)

    /// The version of the manifest, made under the number asked for or the next one if there is none.
    private func makeVersion(of manifest: StoredManifestRow, tag: Tag?) throws -> Made {
        if let found = try database.versionRow(publication.manifest.digest, in: repositoryID) {
            if case .number(let number) = tag, number != found.number { throw immutable(number) }
            return (found.id, found.number, false)
        }
        let number = try freeNumber(tag)
        // One fact if both are new; the manifest's own place in the log is taken already if it was there before.
        let logIndex = try manifest.newLogIndex ?? database.nextLogIndex(at: at)
        try database.insertVersion(
            publication, number, manifestID: manifest.id, in: repositoryID, at: at, logIndex: logIndex)
        let id = database.lastInsertedRowID
        try database.log(manifest.newLogIndex == nil ? .laterVersion : .manifest, at: logIndex)
        try database.setTag(.number(number), to: id, in: repositoryID, at: at)
        try database.countVersion(in: repositoryID)
        try database.insertSearch(publication.repository, metadata: publication.metadata, of: id)
        return (id, number, true)
    }

    private func freeNumber(_ tag: Tag?) throws -> VersionNumber {
        if case .number(let number) = tag {
            guard try database.versionRow(number, in: repositoryID) == nil else { throw immutable(number) }
            guard try !database.wasDeleted(number, in: repositoryID) else { throw deleted(number) }
            try checkRoom(behind: number)
            return number
        }
        guard let next = VersionNumber(try database.lastNumber(in: repositoryID) + 1) else {
            throw AssayError(
                .tagInvalid, "\(publication.repository) has a version with the largest number",
                remedy: "push under a number that is free")
        }
        return next
    }

    /// The numbers behind a large one are for those that are counted up to: who asks for one must leave them their
    /// room.
    private func checkRoom(behind number: VersionNumber) throws {
        guard number.value > VersionNumber.askedMax else { return }
        let last = try database.lastNumber(in: repositoryID)
        guard number.value - last > VersionNumber.stepMax else { return }
        throw AssayError(
            .tagInvalid, "\(publication.repository) cannot have version \(number) yet",
            reason: "the last one is \(last), and a number over \(VersionNumber.askedMax) is at most "
                + "\(VersionNumber.stepMax) behind it: else none would be left",
            remedy: "push without a number to get \(last + 1), or under a smaller one")
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

    private func addOrigins(of versionID: Int64) throws {
        for origin in publication.origins { try database.addOrigin(origin, of: versionID, at: at) }
    }

    /// Adds the edges that are declared, also those of content that is there already.
    private func addLineage(of versionID: Int64) throws {
        for declaration in publication.lineage {
            let source = try database.requireVersion(declaration.source)
            guard
                try database.addEdge(
                    from: versionID, to: .version(source.id), declaration.relation, at: at)
            else {
                throw AssayError(
                    .lineageCycle, "a version cannot come from itself",
                    reason: "\(declaration.source) already comes from it",
                    remedy: "declare what the version was made from")
            }
        }
        if let run = publication.metadata.runId {
            _ = try database.addEdge(from: versionID, to: .run(run), .producedBy, at: at)
        }
    }

    private func moveAlias(_ alias: AliasName, to version: Made) throws {
        let current = try database.versionRow(alias, in: repositoryID)
        guard current?.id != version.id else { return }
        guard try database.policyDigest(of: alias, in: repositoryID) == nil else {
            throw SQLiteIndex.aliasProtected(alias, in: publication.repository)
        }
        try database.requireNoTwin(of: alias, in: repositoryID, publication.repository)
        try database.setTag(.alias(alias), to: version.id, in: repositoryID, at: at)
        let move = NewAliasMove(
            alias: alias, from: current?.number, to: (version.number, publication.manifest.digest), cause: .set,
            at: at, actor: publication.actor)
        try database.insertMove(move, in: repositoryID)
    }
}

extension VersionNumber {
    /// The largest number that may be asked for whatever the last one is: a date and time to the second has room.
    fileprivate static let askedMax: Int64 = 99_999_999_999_999
    /// How far behind the last number a larger one may be.
    fileprivate static let stepMax: Int64 = 1_000_000
}

extension Database {
    fileprivate func insertVersion(
        _ publication: Publication, _ number: VersionNumber, manifestID: Int64, in repositoryID: Int64, at: Timestamp,
        logIndex: Int64
    ) throws {
        try run(
            """
            INSERT INTO versions
                (repository_id, number, manifest_id, created_at, content_bytes, metadata, model, actor, log_index)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                repositoryID, number.value, manifestID, at.milliseconds,
                publication.manifest.contentBytes, try StoredJSON.text(publication.metadata),
                try publication.model.map(StoredJSON.text), publication.actor, logIndex,
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
