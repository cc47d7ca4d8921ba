package import AssayDomain
package import AssayRegistry
import GRDB

/// Verifications and what is known of their reports. Progress is not kept: it is lost with the process.
extension SQLiteIndex {
    /// The first end counts: repeating it, or ending it differently, changes nothing.
    package func finish(
        _ verification: Verification, claim: ClaimID, attaching attachments: [Attachment], tryBy evaluator: String?,
        actor: String
    ) async throws {
        try await write { database in
            let row = try database.requireVerification(of: claim)
            guard row.finishedAt == nil else { return }
            guard let repository = try database.repositoryRow(verification.subject.repository) else {
                throw IndexFault.unreadable("a verification")
            }
            let at = try database.logTime(verification.finishedAt ?? verification.createdAt)
            for attachment in attachments { try database.store(attachment, in: repository.id, by: actor, at: at) }
            try database.markFinished(verification, at: at)
            if let evaluator, !row.isReplay {
                try database.countTry(
                    of: verification.subject.digest, on: verification.dataset.digest, by: evaluator, in: repository.id)
            }
            if verification.state == .measured { try database.addEvaluation(row, at: at) }
        }
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

    package func verifications(_ query: JobQuery) async throws -> Page<Verification> {
        let limit = IndexLimits.rows(query.limit)
        return try await read { database in
            let rows = try database.verificationRows(query, limit: limit + 1)
            let page = Page(rows, limit: limit) { String($0.sequence) }
            return Page(items: try page.items.map { try database.verification(of: $0) }, next: page.next)
        }
    }
}

/// A row of the queue, with its versions by row id.
struct VerificationRow {
    let id: VerificationID
    let subjectID: Int64
    let datasetID: Int64
    let baselineID: Int64?
    let settings: VerificationSettings
    let state: Verification.State
    let createdAt: Timestamp
    let finishedAt: Timestamp?
    let envelopeDigest: Digest?
    let attempts: Int
    let worker: Worker?
    let leaseUntil: Timestamp?
    let startedAt: Timestamp?
    let claim: ClaimID?
    let sequence: Int64
    let isReplay: Bool

    init(_ row: Row) throws {
        do {
            id = try VerificationID(parsing: try row.text(0))
            claim = try (row[13] as String?).map { try ClaimID(parsing: $0) }
        } catch {
            throw IndexFault.unreadable("a verification", cause: error)
        }
        subjectID = try row.integer(1)
        datasetID = try row.integer(2)
        baselineID = row[3]
        settings = try StoredJSON.value(VerificationSettings.self, row.text(4))
        state = try row.word(5)
        createdAt = try row.time(6)
        finishedAt = row.timeIfPresent(7)
        envelopeDigest = try row.digestIfPresent(8)
        attempts = Int(try row.integer(9))
        worker = try (row[10] as String?).map { try StoredJSON.value(Worker.self, $0) }
        leaseUntil = row.timeIfPresent(11)
        startedAt = row.timeIfPresent(12)
        sequence = try row.integer(14)
        isReplay = try row.integer(15) == 1
    }
}

extension Database {
    /// The row id of a version that a verification speaks of, which must be of the digest it states.
    func requireVersion(_ subject: VerificationReport.Subject) throws -> Int64 {
        let found = try requireVersion(Reference(subject.repository, .digest(subject.digest)))
        guard found.number == subject.number else {
            throw SQLiteIndex.versionNotFound(Reference(subject.repository, subject.number))
        }
        return found.id
    }

    func verification(of row: VerificationRow) throws -> Verification {
        var verification = Verification(
            id: row.id, subject: try subject(row.subjectID), dataset: try subject(row.datasetID),
            baseline: try row.baselineID.map { try subject($0) }, settings: row.settings, state: row.state,
            attempts: row.attempts, worker: row.worker, leaseUntil: row.leaseUntil, createdAt: row.createdAt,
            startedAt: row.startedAt, finishedAt: row.finishedAt, envelopeDigest: row.envelopeDigest)
        if row.isReplay { verification.isReplay = true }
        return verification
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

    func verificationRow(_ id: VerificationID) throws -> VerificationRow? {
        try first(HotStatement.verification.rawValue, [id.text], VerificationRow.init)
    }

    func verificationRows(of versionID: Int64, limit: Int) throws -> [VerificationRow] {
        try all(HotStatement.verificationsOfSubject.rawValue, [versionID, limit], VerificationRow.init)
    }

    fileprivate func verificationRows(_ query: JobQuery, limit: Int) throws -> [VerificationRow] {
        let (before, state) = (query.before ?? .max, query.state?.rawValue)
        guard let name = query.repository else {
            return try all(
                HotStatement.newestVerifications.rawValue, ["before": before, "state": state, "limit": limit],
                VerificationRow.init)
        }
        guard let repository = try repositoryRow(name)?.id else { return [] }
        return try all(
            HotStatement.newestVerificationsOfRepository.rawValue,
            ["repository": repository, "before": before, "state": state, "limit": limit], VerificationRow.init)
    }

    fileprivate func markFinished(_ verification: Verification, at: Timestamp) throws {
        try run(
            """
            UPDATE verifications SET state = ?, finished_at = ?, envelope_digest = ?, lease_until = NULL WHERE id = ?
            """,
            [
                verification.state.rawValue, at.milliseconds, verification.envelopeDigest?.description,
                verification.id.text,
            ])
    }
}
