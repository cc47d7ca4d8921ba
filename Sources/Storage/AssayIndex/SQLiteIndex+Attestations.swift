package import AssayDomain
package import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func attestations(of subject: Digest, in repository: RepositoryName) async throws -> [AttestationRecord] {
        try await readOnce { try $0.attestations(of: subject, in: repository) }
    }

    package func attach(
        _ attachment: Attachment, to subject: Digest, in repository: RepositoryName, origin: Origin?, actor: String,
        at: Timestamp
    ) async throws {
        try await write { database in
            guard let repositoryID = try database.repositoryRow(repository)?.id,
                try database.manifestID(subject, in: repositoryID) != nil
            else { throw SQLiteIndex.manifestNotFound(subject, in: repository) }
            let at = try database.logTime(at)
            try database.store(attachment, in: repositoryID, by: actor, at: at)
            guard let origin, let version = try database.versionRow(subject, in: repositoryID) else { return }
            try database.addOrigin(origin, of: version.id, at: at)
        }
    }
}

extension Database {
    func insertAttestation(
        _ attestation: AttestationRecord, id: Int64, of subject: Digest, in repositoryID: Int64
    ) throws {
        try run(
            """
            INSERT INTO attestations
                (manifest_id, repository_id, subject_digest, artifact_type, predicate_type, envelope_digest,
                envelope_size)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id, repositoryID, subject.description, attestation.artifactType, attestation.predicateType,
                attestation.envelope.digest.description, attestation.envelope.size,
            ])
    }

    func attestations(of subject: Digest, in repository: RepositoryName) throws -> [AttestationRecord] {
        try all(
            HotStatement.attestations.rawValue,
            ["repository": repository.text, "subject": subject.description, "limit": IndexLimits.pageMax]
        ) { row in
            AttestationRecord(
                manifestDigest: try row.digest(0), artifactType: try row.text(1), predicateType: row[2],
                envelope: BlobRecord(digest: try row.digest(3), size: try row.integer(4)),
                createdAt: try row.time(5))
        }.reversed()  // In the order in which they came; where there are too many, the newest.
    }
}
