package import AssayDomain
import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func blobSize(_ digest: Digest, in repository: RepositoryName) async throws -> Int64? {
        try await blobSizeCache.value(BlobKey(repository: repository, digest: digest), commit: commit) {
            try await readOnce { try $0.linkedBlobSize(digest, in: repository) }
        }
    }

    package func linkBlob(
        _ digest: Digest, size: Int64, to repository: RepositoryName, at: Timestamp, leasedUntil: Timestamp
    ) async throws {
        try await write { database in
            let repositoryID = try database.makeRepository(repository, kind: nil, at: at)
            try database.linkBlob(
                BlobRecord(digest: digest, size: size), to: repositoryID, at: at, leasedUntil: leasedUntil)
        }
    }

    package func mountBlob(
        _ digest: Digest, from source: RepositoryName?, to repository: RepositoryName, at: Timestamp,
        leasedUntil: Timestamp
    ) async throws -> Bool {
        try await write { database in
            let size =
                if let source {
                    try database.linkedBlobSize(digest, in: source)
                } else {
                    try database.anywhereLinkedBlobSize(digest)
                }
            guard let size else { return false }
            let repositoryID = try database.makeRepository(repository, kind: nil, at: at)
            try database.linkBlob(
                BlobRecord(digest: digest, size: size), to: repositoryID, at: at, leasedUntil: leasedUntil)
            return true
        }
    }

    package func unreferencedBlobs(now: Timestamp, limit: Int) async throws -> [BlobRecord] {
        try await readOnce { try $0.unreferencedBlobs(now: now, limit: IndexLimits.rows(limit)) }
    }
}

/// A blob as a repository sees it.
struct BlobKey: Hashable, Sendable {
    let repository: RepositoryName
    let digest: Digest
}

extension Database {
    /// Records a blob and lets a repository read it; a lease is only ever made longer.
    ///
    /// Throws `size-invalid` if the blob is known with another size.
    func linkBlob(_ blob: BlobRecord, to repositoryID: Int64, at: Timestamp, leasedUntil: Timestamp) throws {
        try insertBlob(blob, at: at)
        guard let found = try blobRow(blob.digest) else { throw IndexFault.unreadable("a blob") }
        guard found.size == blob.size else {
            throw AssayError(
                .sizeInvalid, "blob \(blob.digest) has \(found.size) bytes, not \(blob.size)",
                remedy: "state the size of the content")
        }
        try lease(found.id, to: repositoryID, until: leasedUntil)
    }

    func linkedBlobSize(_ digest: Digest, in repository: RepositoryName) throws -> Int64? {
        try first(HotStatement.linkedBlobSize.rawValue, [repository.text, digest.description]) { try $0.integer(0) }
    }

    func linkedBlobSize(_ digest: Digest, in repositoryID: Int64) throws -> Int64? {
        try first(HotStatement.linkedBlobSizeByRepositoryID.rawValue, [repositoryID, digest.description]) { row in
            try row.integer(0)
        }
    }

    fileprivate func anywhereLinkedBlobSize(_ digest: Digest) throws -> Int64? {
        try first(HotStatement.anywhereLinkedBlobSize.rawValue, [digest.description]) { try $0.integer(0) }
    }

    /// Walks over all blobs: it is for garbage collection alone.
    fileprivate func unreferencedBlobs(now: Timestamp, limit: Int) throws -> [BlobRecord] {
        try all(
            """
            SELECT b.digest, b.size FROM blobs AS b
            WHERE NOT EXISTS (SELECT 1 FROM manifest_references AS f WHERE f.digest = b.digest)
                AND NOT EXISTS (SELECT 1 FROM repository_blobs AS l WHERE l.blob_id = b.id AND l.leased_until >= ?)
            ORDER BY b.digest LIMIT ?
            """, [now.milliseconds, limit]
        ) { row in BlobRecord(digest: try row.digest(0), size: try row.integer(1)) }
    }

    private func insertBlob(_ blob: BlobRecord, at: Timestamp) throws {
        try run(
            "INSERT INTO blobs (digest, size, created_at) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING",
            [blob.digest.description, blob.size, at.milliseconds])
    }

    private func blobRow(_ digest: Digest) throws -> (id: Int64, size: Int64)? {
        try first(HotStatement.blobRow.rawValue, [digest.description]) { row in (try row.integer(0), try row.integer(1))
        }
    }

    private func lease(_ blobID: Int64, to repositoryID: Int64, until: Timestamp) throws {
        try run(
            """
            INSERT INTO repository_blobs (repository_id, blob_id, leased_until) VALUES (?, ?, ?)
            ON CONFLICT (repository_id, blob_id) DO UPDATE SET leased_until = max(leased_until, excluded.leased_until)
            """, [repositoryID, blobID, until.milliseconds])
    }
}
