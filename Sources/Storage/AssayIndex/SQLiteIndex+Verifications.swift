package import AssayDomain
package import AssayRegistry
import GRDB

/// The queue of verifications. Progress is not kept: it belongs to the process that runs the evaluator.
extension SQLiteIndex {
    /// Repeating it with the same id changes nothing. Throws `version-not-found`.
    package func enqueue(_ verification: Verification) async throws {
        try await write { database in
            try database.insertVerification(
                verification, subjectID: database.requireVersion(verification.subject),
                datasetID: database.requireVersion(verification.dataset),
                baselineID: verification.baseline.map { try database.requireVersion($0) })
        }
    }

    package func claimVerification() async throws -> Verification? {
        try await write { database in
            guard let row = try database.nextVerification() else { return nil }
            try database.markRunning(row.id)
            var verification = try database.verification(of: row)
            verification.state = .running
            return verification
        }
    }

    /// The first end counts: repeating it, or ending it differently, changes nothing.
    package func finish(_ verification: Verification, attaching attachments: [Attachment], actor: String) async throws {
        try await write { database in
            guard let row = try database.verificationRow(verification.id) else {
                throw AssayError(.verificationNotFound, "there is no verification \(verification.id)")
            }
            guard row.finishedAt == nil else { return }
            guard let repository = try database.repositoryRow(verification.subject.repository) else {
                throw IndexFault.unreadable("a verification")
            }
            let at = verification.finishedAt ?? verification.createdAt
            for attachment in attachments { try database.store(attachment, in: repository.id, by: actor, at: at) }
            try database.markFinished(verification, at: at)
            if verification.state == .measured { try database.addEvaluation(row, at: at) }
        }
    }

    package func requeueInterruptedVerifications() async throws {
        try await write { try $0.run(HotStatement.requeueVerifications.rawValue) }
    }

    package func verification(_ id: VerificationID) async throws -> Verification? {
        try await read { database in
            try database.verificationRow(id).map { try database.verification(of: $0) }
        }
    }

    package func verifications(
        of subject: Digest, in repository: RepositoryName, limit: Int
    ) async throws -> [Verification] {
        try await read { database in
            guard let repositoryID = try database.repositoryRow(repository)?.id,
                let version = try database.versionRow(subject, in: repositoryID)
            else { return [] }
            return try database.verificationRows(of: version.id, limit: IndexLimits.rows(limit))
                .map { try database.verification(of: $0) }
        }
    }
}

/// A row of the queue, with its versions by row id.
private struct VerificationRow {
    let id: VerificationID
    let subjectID: Int64
    let datasetID: Int64
    let baselineID: Int64?
    let settings: VerificationSettings
    let state: Verification.State
    let createdAt: Timestamp
    let finishedAt: Timestamp?
    let envelopeDigest: Digest?

    init(_ row: Row) throws {
        do {
            id = try VerificationID(parsing: try row.text(1))
        } catch {
            throw IndexFault.unreadable("a verification", cause: error)
        }
        subjectID = try row.integer(2)
        datasetID = try row.integer(3)
        baselineID = row[4]
        settings = try StoredJSON.value(VerificationSettings.self, row.text(5))
        state = try row.word(6)
        createdAt = try row.time(7)
        finishedAt = row.timeIfPresent(8)
        envelopeDigest = try row.digestIfPresent(9)
    }
}

extension Database {
    /// The row id of a version that a verification speaks of, which must be of the digest it states.
    fileprivate func requireVersion(_ subject: VerificationReport.Subject) throws -> Int64 {
        let found = try requireVersion(Reference(subject.repository, .digest(subject.digest)))
        guard found.number == subject.number else {
            throw SQLiteIndex.versionNotFound(Reference(subject.repository, subject.number))
        }
        return found.id
    }

    fileprivate func verification(of row: VerificationRow) throws -> Verification {
        Verification(
            id: row.id, subject: try subject(row.subjectID), dataset: try subject(row.datasetID),
            baseline: try row.baselineID.map { try subject($0) }, settings: row.settings, state: row.state,
            createdAt: row.createdAt, finishedAt: row.finishedAt, envelopeDigest: row.envelopeDigest)
    }

    /// Records that the subject was measured on the dataset.
    ///
    /// Data that came from the subject itself would close a circle in the lineage; then the report alone tells of it.
    fileprivate func addEvaluation(_ row: VerificationRow, at: Timestamp) throws {
        let from = try makeNode(.version(row.subjectID), at: at)
        let to = try makeNode(.version(row.datasetID), at: at)
        guard try !reaches(to, from) else { return }
        try insertEdge(from: from, to: to, .evaluatedOn, at: at)
    }

    private func subject(_ versionID: Int64) throws -> VerificationReport.Subject {
        let subject = try first(HotStatement.subject.rawValue, [versionID]) { row in
            VerificationReport.Subject(
                repository: try row.repositoryName(0), number: try row.number(1), digest: try row.digest(2))
        }
        guard let subject else { throw IndexFault.unreadable("a verification") }
        return subject
    }

    fileprivate func nextVerification() throws -> VerificationRow? {
        try first(HotStatement.nextVerification.rawValue, [], VerificationRow.init)
    }

    fileprivate func verificationRow(_ id: VerificationID) throws -> VerificationRow? {
        try first(HotStatement.verification.rawValue, [id.text], VerificationRow.init)
    }

    fileprivate func verificationRows(of versionID: Int64, limit: Int) throws -> [VerificationRow] {
        try all(HotStatement.verificationsOfSubject.rawValue, [versionID, limit], VerificationRow.init)
    }

    fileprivate func insertVerification(
        _ verification: Verification, subjectID: Int64, datasetID: Int64, baselineID: Int64?
    ) throws {
        try run(
            """
            INSERT INTO verifications (id, subject_id, dataset_id, baseline_id, settings, state, created_at)
            VALUES (?, ?, ?, ?, ?, 'queued', ?)
            ON CONFLICT (id) DO NOTHING
            """,
            [
                verification.id.text, subjectID, datasetID, baselineID, try StoredJSON.text(verification.settings),
                verification.createdAt.milliseconds,
            ])
    }

    fileprivate func markRunning(_ id: VerificationID) throws {
        try run("UPDATE verifications SET state = 'running' WHERE id = ?", [id.text])
    }

    fileprivate func markFinished(_ verification: Verification, at: Timestamp) throws {
        try run(
            "UPDATE verifications SET state = ?, finished_at = ?, envelope_digest = ? WHERE id = ?",
            [
                verification.state.rawValue, at.milliseconds, verification.envelopeDigest?.description,
                verification.id.text,
            ])
    }
}
