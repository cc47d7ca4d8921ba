package import AssayDomain
package import AssayRegistry
import GRDB

/// The queue of verifications: who gets the next one, for how long, and what becomes of it if nobody ends it.
extension SQLiteIndex {
    package func enqueue(_ verification: Verification) async throws {
        try await write { database in
            guard try database.waitingCount() < JobQueue.waitingMax else {
                throw AssayError(
                    .queueFull, "\(JobQueue.waitingMax) verifications wait already", remedy: "try again later")
            }
            try database.insertVerification(verification)
        }
    }

    package func claimVerification(_ claim: Claim) async throws -> Verification? {
        try await write { database in
            guard let chosen = JobQueue.next(of: try database.waiting(), for: claim.offer) else { return nil }
            try database.start(chosen.id, claim)
            return try database.verificationRow(chosen.id).map { try database.verification(of: $0) }
        }
    }

    package func verification(of claim: ClaimID) async throws -> Verification {
        try await read { database in try database.verification(of: database.requireVerification(of: claim)) }
    }

    package func extendLease(of claim: ClaimID, until: Timestamp) async throws -> Verification {
        try await write { database in
            let row = try database.requireRunning(claim)
            try database.extendLease(of: claim, until: until)
            var verification = try database.verification(of: row)
            verification.leaseUntil = until
            return verification
        }
    }

    package func giveBack(_ claim: ClaimID, counts: Bool) async throws {
        try await write { database in
            _ = try database.requireRunning(claim)
            try database.giveBack(claim, counts: counts)
        }
    }

    package func cancelVerification(_ id: VerificationID, at: Timestamp) async throws -> Verification {
        try await write { database in
            guard let row = try database.verificationRow(id) else {
                throw AssayError(.verificationNotFound, "there is no verification \(id)")
            }
            guard row.envelopeDigest == nil else {
                throw AssayError(
                    .verificationEnded, "verification \(id) has its report", reason: "it is \(row.state.rawValue)")
            }
            if row.finishedAt == nil { try database.markCancelled(id, at: at) }
            guard let ended = try database.verificationRow(id) else { throw IndexFault.unreadable("a verification") }
            return try database.verification(of: ended)
        }
    }

    package func expiredVerifications(
        now: Timestamp, limit: Int
    ) async throws -> [(claim: ClaimID, verification: Verification)] {
        try await read { database in
            try database.expired(now: now, limit: IndexLimits.rows(limit)).compactMap { row in
                try row.claim.map { ($0, try database.verification(of: row)) }
            }
        }
    }

    package func requeueInterruptedVerifications(leaseUntil: Timestamp, atMost: Timestamp) async throws {
        try await write { database in
            try database.run(HotStatement.requeueVerifications.rawValue)
            try database.run(HotStatement.adjustLeases.rawValue, [leaseUntil.milliseconds, atMost.milliseconds])
        }
    }
}

extension Database {
    /// The verification of a claim, running or ended by it. Throws `claim-not-found`, `claim-lost`.
    func requireVerification(of claim: ClaimID) throws -> VerificationRow {
        let row = try first(HotStatement.verificationOfClaim.rawValue, [claim.text], VerificationRow.init)
        guard let row else {
            throw AssayError(
                .claimNotFound, "there is no claim \(claim)",
                reason: "it never was, its verification was deleted, or another worker has that now",
                remedy: "drop the job and ask for another one")
        }
        switch row.state {
        case .running, .measured, .failed: return row
        case .cancelled: throw Self.lost(claim, "verification \(row.id) was cancelled")
        case .queued: throw Self.lost(claim, "its worker was silent for too long, or gave verification \(row.id) back")
        }
    }

    fileprivate func requireRunning(_ claim: ClaimID) throws -> VerificationRow {
        let row = try requireVerification(of: claim)
        guard row.state == .running else { throw Self.lost(claim, "verification \(row.id) has its report") }
        return row
    }

    private static func lost(_ claim: ClaimID, _ reason: String) -> AssayError {
        AssayError(
            .claimLost, "the claim \(claim) counts no more", reason: reason,
            remedy: "drop the job and ask for another one")
    }

    fileprivate func waitingCount() throws -> Int {
        try first(HotStatement.waitingVerificationCount.rawValue) { Int(try $0.integer(0)) } ?? 0
    }

    fileprivate func waiting() throws -> [JobQueue.Waiting] {
        var demands: [String: JobDemand] = [:]
        return try all(HotStatement.waitingVerifications.rawValue, [JobQueue.waitingMax]) { row in
            // Most jobs of a queue have one of a few settings.
            let settings = try row.text(3)
            let demand = try demands[settings] ?? StoredJSON.value(VerificationSettings.self, settings).demand
            demands[settings] = demand
            return JobQueue.Waiting(
                id: try VerificationID(parsing: try row.text(0)), sequence: try row.integer(1), lastTurn: row[2],
                demand: demand)
        }
    }

    fileprivate func insertVerification(_ verification: Verification) throws {
        try run(
            """
            INSERT INTO verifications (
                id, repository_id, subject_id, dataset_id, baseline_id, settings, state, attempts, created_at,
                is_replay)
            SELECT ?1, repository_id, id, ?3, ?4, ?5, 'queued', 0, ?6, ?7 FROM versions WHERE id = ?2
            ON CONFLICT (id) DO NOTHING
            """,
            [
                verification.id.text, try requireVersion(verification.subject),
                try requireVersion(verification.dataset),
                try verification.baseline.map { try requireVersion($0) },
                try StoredJSON.text(verification.settings), verification.createdAt.milliseconds,
                verification.isReplay == true,
            ])
    }

    fileprivate func start(_ id: VerificationID, _ claim: Claim) throws {
        try run(
            HotStatement.startVerification.rawValue,
            [
                "claim": claim.id.text, "worker": try StoredJSON.text(claim.worker),
                "lease": claim.leaseUntil?.milliseconds, "at": claim.at.milliseconds, "id": id.text,
            ])
    }

    fileprivate func extendLease(of claim: ClaimID, until: Timestamp) throws {
        try run("UPDATE verifications SET lease_until = ? WHERE claim = ?", [until.milliseconds, claim.text])
    }

    fileprivate func giveBack(_ claim: ClaimID, counts: Bool) throws {
        try run(
            """
            UPDATE verifications
            SET state = 'queued', attempts = attempts - ?, lease_until = NULL, started_at = NULL
            WHERE claim = ?
            """,
            [counts ? 0 : 1, claim.text])
    }

    fileprivate func markCancelled(_ id: VerificationID, at: Timestamp) throws {
        try run(
            "UPDATE verifications SET state = 'cancelled', finished_at = ?, lease_until = NULL WHERE id = ?",
            [at.milliseconds, id.text])
    }

    fileprivate func expired(now: Timestamp, limit: Int) throws -> [VerificationRow] {
        try all(HotStatement.expiredVerifications.rawValue, [now.milliseconds, limit], VerificationRow.init)
    }
}
