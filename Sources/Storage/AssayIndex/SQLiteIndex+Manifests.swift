package import AssayDomain
package import AssayRegistry
import Foundation
import GRDB

extension SQLiteIndex {
    package func manifest(_ selector: VersionSelector, in repository: RepositoryName) async throws -> StoredManifest? {
        try await manifestCache.value(ManifestKey(repository: repository, selector: selector), commit: commit) {
            try await readOnce { database in
                switch selector {
                case .tag(let tag): try database.manifest(tag, in: repository)
                case .digest(let digest): try database.manifest(digest, in: repository)
                }
            }
        }
    }

    package func referrers(
        of subject: Digest, in repository: RepositoryName, artifactType: String?, after: Int64?, limit: Int
    ) async throws -> Page<Descriptor> {
        let limit = IndexLimits.rows(limit)
        let rows = try await readOnce { database in
            try database.referrers(of: subject, in: repository, artifactType, after: after ?? 0, limit: limit + 1)
        }
        let page = Page(rows, limit: min(limit, Self.fitting(rows))) { String($0.id) }
        return Page(items: page.items.map(\.descriptor), next: page.next)
    }

    /// How many referrers, at least one, make a list that is no larger than any client takes a manifest to be.
    private static func fitting(_ rows: [(id: Int64, descriptor: Descriptor, bytes: Int)]) -> Int {
        var bytes = 0
        let count = rows.prefix { row in
            bytes += row.bytes
            return bytes <= Manifest.bytesMaxDefault / 2
        }.count
        return max(count, 1)
    }

    package func tags(
        in repository: RepositoryName, after: String?, limit: Int
    ) async throws -> Page<String> {
        let limit = IndexLimits.rows(limit)
        let names = try await read { database in
            try database.tags(in: database.requireRepository(repository), after: after ?? "", limit: limit + 1)
        }
        return Page(names, limit: limit, cursor: \.self)
    }
}

/// How a manifest is asked for.
struct ManifestKey: Hashable, Sendable {
    let repository: RepositoryName
    let selector: VersionSelector
}

/// The row of a manifest that was to be stored.
struct StoredManifestRow {
    let id: Int64
    /// Its place in the audit log; nil if it was there before.
    let newLogIndex: Int64?
}

extension SQLiteIndex {
    static func manifestNotFound(_ digest: Digest, in repository: RepositoryName) -> AssayError {
        AssayError(.manifestNotFound, "\(repository) has no manifest \(digest)")
    }
}

extension Database {
    /// Stores a manifest with its references and, if it is one, its place among the attestations.
    ///
    /// A manifest that is there already stays as it is. A new one has a place in the audit log, into which the caller
    /// writes it once all that belongs to the fact is there. Throws `blob-unknown` and `size-invalid`.
    func storeManifest(_ manifest: Manifest, in repositoryID: Int64, by actor: String, at: Timestamp) throws
        -> StoredManifestRow
    {
        if let id = try manifestID(manifest.digest, in: repositoryID) {
            try checkType(manifest, of: id)
            return StoredManifestRow(id: id, newLogIndex: nil)
        }
        for blob in manifest.requiredBlobs { try checkBlob(blob, in: repositoryID) }
        let logIndex = try nextLogIndex(at: at)
        try insertManifest(manifest, in: repositoryID, by: actor, at: at, logIndex: logIndex)
        let id = lastInsertedRowID
        for (position, reference) in manifest.references.enumerated() {
            try insertReference(reference.role, reference.descriptor, of: id, position: position, in: repositoryID)
        }
        if let attestation = AttestationRecord(of: manifest, at: at), let subject = manifest.subject {
            try insertAttestation(attestation, id: id, of: subject.digest, in: repositoryID)
        }
        return StoredManifestRow(id: id, newLogIndex: logIndex)
    }

    /// Stores evidence that the registry made: its blobs, which the store holds, and the referrer that names them.
    func store(_ attachment: Attachment, in repositoryID: Int64, by actor: String, at: Timestamp) throws {
        for blob in attachment.blobs { try linkBlob(blob, to: repositoryID, at: at, leasedUntil: at) }
        let stored = try storeManifest(attachment.referrer, in: repositoryID, by: actor, at: at)
        if let logIndex = stored.newLogIndex { try log(.manifest, at: logIndex) }
    }

    /// The same bytes are of one type, whoever pushes them: the one under which they are served.
    private func checkType(_ manifest: Manifest, of id: Int64) throws {
        let stored = try first("SELECT media_type FROM manifests WHERE id = ?", [id]) { try $0.text(0) }
        guard let stored, stored != manifest.mediaType else { return }
        throw AssayError(
            .manifestInvalid, "manifest \(manifest.digest) is there as another type",
            reason: "it was pushed as \(Printable.quote(stored)), and now as \(Printable.quote(manifest.mediaType))",
            remedy: "delete it by its digest, then push it as what it is")
    }

    private func checkBlob(_ blob: Descriptor, in repositoryID: Int64) throws {
        guard let size = try linkedBlobSize(blob.digest, in: repositoryID) else {
            throw AssayError(
                .blobUnknown, "blob \(blob.digest) is not in the repository", remedy: "push the blob, then the manifest"
            )
        }
        guard size == blob.size else {
            throw AssayError(
                .sizeInvalid, "blob \(blob.digest) has \(size) bytes, not \(blob.size)",
                remedy: "state the size of the content in the manifest")
        }
    }

    fileprivate func manifest(_ tag: Tag, in repository: RepositoryName) throws -> StoredManifest? {
        try first(HotStatement.manifestByTag.rawValue, [repository.text, tag.description], storedManifest)
    }

    func manifest(_ digest: Digest, in repository: RepositoryName) throws -> StoredManifest? {
        try first(HotStatement.manifestByDigest.rawValue, [repository.text, digest.description], storedManifest)
    }

    private func storedManifest(_ row: Row) throws -> StoredManifest {
        StoredManifest(digest: try row.digest(0), mediaType: try row.text(1), bytes: try row.bytes(2))
    }

    fileprivate func referrers(
        of subject: Digest, in repository: RepositoryName, _ artifactType: String?, after: Int64, limit: Int
    ) throws -> [(id: Int64, descriptor: Descriptor, bytes: Int)] {
        try all(
            HotStatement.referrers.rawValue,
            [
                "repository": repository.text, "subject": subject.description, "type": artifactType, "after": after,
                "limit": limit,
            ]
        ) { row in
            let annotations: String? = row[4]
            let descriptor = Descriptor(
                mediaType: try row.text(0), digest: try row.digest(1), size: try row.integer(2), artifactType: row[3],
                annotations: try annotations.map(StoredJSON.annotations))
            return (try row.integer(5), descriptor, 512 + (annotations?.utf8.count ?? 0))
        }
    }

    fileprivate func tags(in repositoryID: Int64, after: String, limit: Int) throws -> [String] {
        try all(HotStatement.tags.rawValue, [repositoryID, after, limit]) { try $0.text(0) }
    }

    func manifestID(_ digest: Digest, in repositoryID: Int64) throws -> Int64? {
        try first(HotStatement.manifestID.rawValue, [repositoryID, digest.description]) { try $0.integer(0) }
    }

    func manifestDigest(ofVersion versionID: Int64) throws -> Digest {
        let digest = try first(HotStatement.manifestDigestOfVersion.rawValue, [versionID]) { try $0.digest(0) }
        guard let digest else { throw IndexFault.unreadable("a version") }
        return digest
    }

    private func insertManifest(
        _ manifest: Manifest, in repositoryID: Int64, by actor: String, at: Timestamp, logIndex: Int64
    ) throws {
        let descriptor = manifest.descriptor
        try run(
            """
            INSERT INTO manifests
                (repository_id, digest, media_type, artifact_type, subject_digest, size, created_at, annotations,
                content, actor, log_index)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                repositoryID, descriptor.digest.description, descriptor.mediaType, descriptor.artifactType,
                manifest.subject?.digest.description, descriptor.size, at.milliseconds,
                try descriptor.annotations.map(StoredJSON.text), Data(manifest.bytes), actor, logIndex,
            ])
    }

    private func insertReference(
        _ role: Manifest.Role, _ descriptor: Descriptor, of manifestID: Int64, position: Int, in repositoryID: Int64
    ) throws {
        try run(
            """
            INSERT INTO manifest_references (manifest_id, position, repository_id, role, digest, size, media_type)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                manifestID, position, repositoryID, role.rawValue, descriptor.digest.description, descriptor.size,
                descriptor.mediaType,
            ])
    }
}
