package import AssayDomain
import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func deleteManifest(
        _ digest: Digest, in repository: RepositoryName, actor: String, at: Timestamp
    ) async throws {
        try await write { database in
            try DeleteTransaction(digest: digest, repository: repository, actor: actor, at: at, database: database)
                .run()
        }
    }

    package func deleteBlob(_ digest: Digest, in repository: RepositoryName) async throws {
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
        }
    }
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
        if let version { try removeVersion(version.id, version.number, in: repositoryID) }
        // Without its report a verification says nothing; a policy that needs it has it measured anew.
        try database.deleteVerification(ofReport: manifestID)
        try database.deleteAttestation(manifestID)
        try database.deleteReferences(of: manifestID)
        try database.deleteManifest(manifestID)
    }

    private func removeVersion(_ id: Int64, _ number: VersionNumber, in repositoryID: Int64) throws {
        try database.insertRemovals(ofAliasesOf: id, at: at, actor: actor)
        try database.deleteTags(of: id)
        try database.deleteAnnotations(of: number, in: repositoryID)
        try database.deleteSearch(of: id)
        try database.deleteVerifications(of: id)
        try database.deleteEdges(from: id)
        try database.deleteNode(of: id)
        try database.deleteVersion(id)
        try database.insertDeletedVersion(number, of: digest, in: repositoryID, at: at, actor: actor)
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

    fileprivate func insertDeletedVersion(
        _ number: VersionNumber, of digest: Digest, in repositoryID: Int64, at: Timestamp, actor: String
    ) throws {
        try run(
            "INSERT INTO deleted_versions (repository_id, number, digest, at, actor) VALUES (?, ?, ?, ?, ?)",
            [repositoryID, number.value, digest.description, at.milliseconds, actor])
    }

    /// Writes the end of every alias of a version into its history.
    fileprivate func insertRemovals(ofAliasesOf versionID: Int64, at: Timestamp, actor: String) throws {
        try run(
            """
            INSERT INTO alias_moves (repository_id, alias, from_number, to_number, cause, at, actor)
            SELECT t.repository_id, t.name, v.number, NULL, 'removal', ?, ?
            FROM tags AS t JOIN versions AS v ON v.id = t.version_id
            WHERE t.version_id = ? AND t.is_alias = 1
            ORDER BY t.name
            """, [at.milliseconds, actor, versionID])
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
