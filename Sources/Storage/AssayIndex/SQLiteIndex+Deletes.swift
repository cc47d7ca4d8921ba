package import AssayDomain
import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func deleteManifest(
        _ digest: Digest, in repository: RepositoryName, actor: String, at: Timestamp
    ) async throws {
        try await write { database in
            try DeleteTransaction(
                digest: digest, repository: repository, actor: actor, at: database.logTime(at), database: database
            ).run()
        }
    }

    package func deleteBlob(
        _ digest: Digest, in repository: RepositoryName, actor: String, at: Timestamp
    ) async throws {
        try await write { database in
            guard let link = try database.blobLink(digest, in: repository) else {
                throw AssayError(.blobNotFound, "\(repository) has no blob \(digest)")
            }
            if let manifest = try database.manifest(naming: digest, in: link.repositoryID) {
                throw AssayError(
                    .inUse, "blob \(digest) of \(repository) is not deleted", reason: "manifest \(manifest) names it",
                    remedy: "delete the manifest first")
            }
            try database.unlinkBlob(link.blobID, from: link.repositoryID)
            try database.insertDeletion(
                NewDeletion(target: "blob", digest: digest, at: try database.logTime(at), actor: actor),
                in: link.repositoryID)
        }
    }
}

/// One deletion before it has its place in the log.
struct NewDeletion {
    let target: String
    let digest: Digest
    var number: VersionNumber?
    /// Log indexes of the facts that went with it.
    var ends: [Int64] = []
    let at: Timestamp
    let actor: String
}

/// The steps of one delete of a manifest, inside its write transaction.
private struct DeleteTransaction {
    let digest: Digest
    let repository: RepositoryName
    let actor: String
    let at: Timestamp
    let database: Database

    func run() throws {
        let repositoryID = try database.requireRepository(repository)
        guard let manifestID = try database.manifestID(digest, in: repositoryID) else {
            throw SQLiteIndex.manifestNotFound(digest, in: repository)
        }
        let version = try database.versionRow(digest, in: repositoryID)
        if let use = try database.use(ofVersion: version?.id, manifest: manifestID, in: repository) {
            throw inUse(use, version?.number)
        }
        let ends = try endEntries(ofVersion: version?.id, manifest: manifestID)
        if let version { try removeVersion(version.id, version.number, in: repositoryID) }
        // Without its report a verification says nothing; a policy that needs it has it measured anew.
        try database.deleteVerification(ofReport: manifestID)
        try database.deleteAttestation(manifestID)
        try database.deleteReferences(of: manifestID)
        try database.deleteManifest(manifestID)
        try database.insertDeletion(
            NewDeletion(
                target: "manifest", digest: digest, number: version?.number, ends: ends, at: at, actor: actor),
            in: repositoryID)
    }

    /// Keeps the entries of the rows that go, so that the log stays explained.
    private func endEntries(ofVersion versionID: Int64?, manifest manifestID: Int64) throws -> [Int64] {
        let manifest = try database.logIndex(ofManifest: manifestID)
        try database.endEntry(.manifest, at: manifest)
        guard let versionID else { return [manifest] }
        let version = try database.logIndex(ofVersion: versionID)
        guard version != manifest else { return [manifest] }
        try database.endEntry(.laterVersion, at: version)
        return [manifest, version]
    }

    private func removeVersion(_ id: Int64, _ number: VersionNumber, in repositoryID: Int64) throws {
        for alias in try database.aliases(of: id) {
            try database.insertMove(
                NewAliasMove(alias: alias, from: number, to: nil, cause: .removal, at: at, actor: actor),
                in: repositoryID)
        }
        try database.deleteTags(of: id)
        try database.deleteAnnotations(of: number, in: repositoryID)
        try database.deleteSearch(of: id)
        try database.deleteVerifications(of: id)
        try database.run("DELETE FROM unsealed WHERE version_id = ?", [id])
        try database.deleteEdges(from: id)
        try database.deleteNode(of: id)
        try database.deleteVersion(id)
        try database.uncountVersion(in: repositoryID)
    }

    private func inUse(_ use: ManifestUse, _ number: VersionNumber?) -> AssayError {
        let name = number.map { "\(Reference(repository, $0))" } ?? "manifest \(digest) of \(repository)"
        return AssayError(.inUse, "\(name) is not deleted", reason: use.reason, remedy: use.remedy)
    }
}

// MARK: Versions

extension Database {
    /// Whether the number was given to a version that is gone.
    func wasDeleted(_ number: VersionNumber, in repositoryID: Int64) throws -> Bool {
        try exists(HotStatement.deletedNumber.rawValue, [repositoryID, number.value])
    }

    fileprivate func insertDeletion(_ deletion: NewDeletion, in repositoryID: Int64) throws {
        let logIndex = try nextLogIndex(at: deletion.at)
        let ends = deletion.ends.map(String.init).joined(separator: ",")
        try run(
            """
            INSERT INTO deletions (log_index, repository_id, target, digest, number, ends, at, actor)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                logIndex, repositoryID, deletion.target, deletion.digest.description, deletion.number?.value,
                ends.isEmpty ? nil : ends, deletion.at.milliseconds, deletion.actor,
            ])
        try log(.deletion, at: logIndex)
    }

    fileprivate func logIndex(ofManifest id: Int64) throws -> Int64 {
        try loggedIndex("SELECT log_index FROM manifests WHERE id = ?", id)
    }

    fileprivate func logIndex(ofVersion id: Int64) throws -> Int64 {
        try loggedIndex("SELECT log_index FROM versions WHERE id = ?", id)
    }

    private func loggedIndex(_ sql: String, _ id: Int64) throws -> Int64 {
        guard let index = try first(sql, [id], { try $0.integer(0) }) else { throw IndexFault.unreadable("a manifest") }
        return index
    }

    fileprivate func aliases(of versionID: Int64) throws -> [AliasName] {
        try all("SELECT name FROM tags WHERE version_id = ? AND is_alias = 1 ORDER BY name", [versionID]) {
            try $0.alias(0)
        }
    }

    fileprivate func deleteTags(of versionID: Int64) throws {
        try run("DELETE FROM tags WHERE version_id = ?", [versionID])
    }

    fileprivate func deleteAnnotations(of number: VersionNumber, in repositoryID: Int64) throws {
        try run(
            "DELETE FROM version_annotations WHERE repository_id = ? AND number = ?", [repositoryID, number.value])
    }

    fileprivate func deleteSearch(of versionID: Int64) throws {
        try run("DELETE FROM search WHERE rowid = ?", [versionID])
    }

    fileprivate func deleteVerifications(of versionID: Int64) throws {
        try run("DELETE FROM verifications WHERE subject_id = ?", [versionID])
    }

    /// Removes what a version was said to come from; that nothing comes from it was checked.
    fileprivate func deleteEdges(from versionID: Int64) throws {
        try run(
            "DELETE FROM lineage_edges WHERE from_id = (SELECT id FROM lineage_nodes WHERE version_id = ?)",
            [versionID])
    }

    fileprivate func deleteNode(of versionID: Int64) throws {
        try run("DELETE FROM lineage_nodes WHERE version_id = ?", [versionID])
        try run("DELETE FROM external_sources WHERE version_id = ?", [versionID])
    }

    fileprivate func deleteVersion(_ id: Int64) throws { try run(HotStatement.deleteVersion.rawValue, [id]) }

    fileprivate func uncountVersion(in repositoryID: Int64) throws {
        try run("UPDATE repositories SET version_count = version_count - 1 WHERE id = ?", [repositoryID])
    }
}

// MARK: Manifests and blobs

extension Database {
    fileprivate func deleteVerification(ofReport manifestID: Int64) throws {
        try run(HotStatement.deleteVerificationOfReport.rawValue, ["manifest": manifestID])
    }

    fileprivate func deleteAttestation(_ manifestID: Int64) throws {
        try run("DELETE FROM attestations WHERE manifest_id = ?", [manifestID])
    }

    fileprivate func deleteReferences(of manifestID: Int64) throws {
        try run("DELETE FROM manifest_references WHERE manifest_id = ?", [manifestID])
    }

    fileprivate func deleteManifest(_ id: Int64) throws { try run(HotStatement.deleteManifest.rawValue, [id]) }

    fileprivate func blobLink(
        _ digest: Digest, in repository: RepositoryName
    ) throws -> (repositoryID: Int64, blobID: Int64)? {
        try first(HotStatement.blobLink.rawValue, [repository.text, digest.description]) { row in
            (try row.integer(0), try row.integer(1))
        }
    }

    /// A manifest of the repository that names the blob.
    fileprivate func manifest(naming blob: Digest, in repositoryID: Int64) throws -> Digest? {
        try first(HotStatement.manifestWithBlob.rawValue, [repositoryID, blob.description]) { try $0.digest(0) }
    }

    fileprivate func unlinkBlob(_ blobID: Int64, from repositoryID: Int64) throws {
        try run("DELETE FROM repository_blobs WHERE repository_id = ? AND blob_id = ?", [repositoryID, blobID])
    }
}
