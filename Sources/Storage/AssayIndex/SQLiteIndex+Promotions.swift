package import AssayDomain
package import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func promotionBasis(
        of subject: Digest, to alias: AliasName, in repository: RepositoryName, verificationsMax: Int
    ) async throws -> PromotionBasis {
        let rows = try await read { [detailsCache] database in
            guard let repositoryID = try database.repositoryRow(repository)?.id,
                let versionID = try database.versionRow(subject, in: repositoryID)?.id,
                let manifest = try database.manifest(subject, in: repository)
            else { throw SQLiteIndex.versionNotFound(Reference(repository, .digest(subject))) }
            let holder = try database.version(.alias(alias), in: repository, detailsCache)
            let limit = IndexLimits.rows(verificationsMax)
            return BasisRows(
                manifest: manifest, policy: try database.policy(of: alias, in: repository), holder: holder,
                standing: try database.standing(of: alias, in: repositoryID),
                lastMove: try database.moves(of: alias, in: repository, before: .max, limit: 1).first,
                keys: try database.trustedKeys(),
                attestations: try database.attestations(of: subject, in: repository),
                verifications: try database.verifications(ofVersion: versionID, limit: limit),
                holderVerifications: try holder.map { try database.verifications(ofVersion: $0.id, limit: limit) }
                    ?? [],
                tries: try database.tries(of: subject, in: repositoryID),
                withdrawn: try database.withdrawn(subject, in: repositoryID),
                mark: try database.promotionMark(of: subject, to: alias, in: repositoryID))
        }
        return PromotionBasis(
            manifest: rows.manifest, policy: rows.policy, holder: try rows.holder?.version(cache: detailsCache),
            standing: rows.standing, lastMove: rows.lastMove, keys: rows.keys, attestations: rows.attestations,
            verifications: rows.verifications, holderVerifications: rows.holderVerifications, tries: rows.tries,
            withdrawn: rows.withdrawn, mark: rows.mark)
    }

    package func tries(
        of subject: VerificationReport.Subject, on dataset: Digest, by evaluator: String
    ) async throws -> Int {
        let all = try await read { database in
            guard let repositoryID = try database.repositoryRow(subject.repository)?.id else { return [Tries]() }
            return try database.tries(of: subject.digest, in: repositoryID)
        }
        return all.first { $0.dataset == dataset && $0.evaluator == evaluator }?.count ?? 0
    }

    // MARK: Seals

    package func unsealedVersions(limit: Int) async throws -> [(version: Reference, promotion: Int64)] {
        try await readOnce { database in
            try database.all(
                """
                SELECT r.name, v.number, u.log_index FROM unsealed AS u JOIN versions AS v ON v.id = u.version_id
                JOIN repositories AS r ON r.id = v.repository_id
                ORDER BY u.log_index LIMIT ?
                """, [IndexLimits.rows(limit)]
            ) { row in (Reference(try row.repositoryName(0), try row.number(1)), try row.integer(2)) }
        }
    }

    package func markSealed(promotion: Int64) async throws {
        try await write { try $0.run("DELETE FROM unsealed WHERE log_index = ?", [promotion]) }
    }

    // MARK: Promotions of before

    package func unaskedPromotions(limit: Int) async throws -> [(sequence: Int64, version: Reference)] {
        try await readOnce { database in
            try database.all(
                """
                SELECT m.sequence, r.name, m.to_number FROM unbound_promotions AS u
                JOIN alias_moves AS m ON m.sequence = u.sequence JOIN repositories AS r ON r.id = m.repository_id
                WHERE u.is_bound IS NULL ORDER BY u.sequence LIMIT ?
                """, [IndexLimits.rows(limit)]
            ) { row in (try row.integer(0), Reference(try row.repositoryName(1), try row.number(2))) }
        }
    }

    package func answerPromotion(_ sequence: Int64, isBound: Bool) async throws {
        try await write { database in
            try database.run(
                isBound
                    ? "DELETE FROM unbound_promotions WHERE sequence = ?"
                    : "UPDATE unbound_promotions SET is_bound = 0 WHERE sequence = ?", [sequence])
        }
    }
}

/// What one snapshot gives, before the JSON in it is read.
private struct BasisRows: Sendable {
    let manifest: StoredManifest
    let policy: PolicyRecord?
    let holder: VersionRow?
    let standing: Alias.Standing?
    let lastMove: AliasMove?
    let keys: [TrustedKey]
    let attestations: [AttestationRecord]
    let verifications: [Verification]
    let holderVerifications: [Verification]
    let tries: [Tries]
    let withdrawn: Version.Withdrawn?
    let mark: PromotionMark
}

extension Database {
    /// The state of what a promotion of a manifest to an alias is decided by.
    func promotionMark(of subject: Digest, to alias: AliasName, in repositoryID: Int64) throws -> PromotionMark {
        let holder = try versionRow(alias, in: repositoryID).map { try manifestDigest(ofVersion: $0.id) }
        return PromotionMark(
            subject: subject, holder: holder,
            keyChange: try first(HotStatement.lastKeyChange.rawValue) { try $0.integer(0) } ?? 0,
            move: try first(HotStatement.lastMoveMark.rawValue, [repositoryID, alias.text]) { try $0.integer(0) } ?? 0,
            policy: try policyDigest(of: alias, in: repositoryID),
            evidence: try evidenceMark(of: subject, in: repositoryID),
            holderEvidence: try holder.map { try evidenceMark(of: $0, in: repositoryID) })
    }

    private func evidenceMark(of subject: Digest, in repositoryID: Int64) throws -> PromotionMark.Evidence {
        let mark = try first(HotStatement.evidenceMark.rawValue, [repositoryID, subject.description]) { row in
            PromotionMark.Evidence(count: try row.integer(0), last: try row.integer(1))
        }
        guard let mark else { throw IndexFault.unreadable("the statements about a manifest") }
        return mark
    }

    fileprivate func standing(of alias: AliasName, in repositoryID: Int64) throws -> Alias.Standing? {
        try first(HotStatement.standing.rawValue, [repositoryID, alias.text]) { try $0.word(0) }
    }

    fileprivate func verifications(ofVersion versionID: Int64, limit: Int) throws -> [Verification] {
        try verificationRows(of: versionID, limit: limit).map { try verification(of: $0) }
    }

    // MARK: Tries

    fileprivate func tries(of subject: Digest, in repositoryID: Int64) throws -> [Tries] {
        try all(HotStatement.tries.rawValue, [repositoryID, subject.description, IndexLimits.pageMax]) { row in
            Tries(dataset: try row.digest(0), evaluator: try row.text(1), count: Int(try row.integer(2)))
        }
    }

    /// Counts one more try.
    func countTry(
        of subject: Digest, on dataset: Digest, by evaluator: String, in repositoryID: Int64
    ) throws {
        try run(
            """
            INSERT INTO tries (repository_id, subject_digest, dataset_digest, evaluator, count) VALUES (?, ?, ?, ?, 1)
            ON CONFLICT (repository_id, subject_digest, dataset_digest, evaluator) DO UPDATE SET count = count + 1
            """, [repositoryID, subject.description, dataset.description, evaluator])
    }

    // MARK: Seals

    /// Notes that a version was promoted by an entry and is still to be sealed.
    func noteUnsealed(_ versionID: Int64, promotion logIndex: Int64) throws {
        try run(
            """
            INSERT INTO unsealed (version_id, log_index) VALUES (?, ?)
            ON CONFLICT (version_id) DO UPDATE SET log_index = excluded.log_index
            """, [versionID, logIndex])
    }
}
