/// The statements that must stay fast however much the index holds; a test holds their plans to index searches.
///
/// All others run rarely, or insert and update single rows by their keys.
enum HotStatement: String, CaseIterable, Sendable {
    // MARK: Repositories and blobs
    case repositoryRow = "SELECT id, kind FROM repositories WHERE name = ?"
    case repository = "SELECT name, kind, created_at, version_count FROM repositories WHERE name = ?"
    case repositories = """
        SELECT name, kind, created_at, version_count FROM repositories
        WHERE name >= max(:after, :prefix) AND name < :prefix || char(1114111) AND name <> :after
        ORDER BY name LIMIT :limit
        """
    case repositoriesOfKind = """
        SELECT name, kind, created_at, version_count FROM repositories
        WHERE kind = :kind AND name >= max(:after, :prefix) AND name < :prefix || char(1114111) AND name <> :after
        ORDER BY name LIMIT :limit
        """
    case blobRow = "SELECT id, size FROM blobs WHERE digest = ?"
    case linkedBlobSize = """
        SELECT b.size FROM repositories AS r, blobs AS b
        JOIN repository_blobs AS l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.name = ? AND b.digest = ?
        """
    case linkedBlobSizeByRepositoryID = """
        SELECT b.size FROM blobs AS b JOIN repository_blobs AS l ON l.blob_id = b.id
        WHERE l.repository_id = ? AND b.digest = ?
        """
    case anywhereLinkedBlobSize = """
        SELECT b.size FROM blobs AS b JOIN repository_blobs AS l ON l.blob_id = b.id WHERE b.digest = ? LIMIT 1
        """

    // MARK: Manifests
    case manifestID = "SELECT id FROM manifests WHERE repository_id = ? AND digest = ?"
    case manifestDigestOfVersion = """
        SELECT m.digest FROM versions AS v JOIN manifests AS m ON m.id = v.manifest_id WHERE v.id = ?
        """
    case manifestByDigest = """
        SELECT m.digest, m.media_type, m.content FROM repositories AS r JOIN manifests AS m ON m.repository_id = r.id
        WHERE r.name = ? AND m.digest = ?
        """
    case manifestByTag = """
        SELECT m.digest, m.media_type, m.content FROM repositories AS r JOIN tags AS t ON t.repository_id = r.id
        JOIN versions AS v ON v.id = t.version_id JOIN manifests AS m ON m.id = v.manifest_id
        WHERE r.name = ? AND t.name = ?
        """
    case referrers = """
        SELECT m.media_type, m.digest, m.size, m.artifact_type, m.annotations, m.id
        FROM repositories AS r JOIN manifests AS m ON m.repository_id = r.id
        WHERE r.name = :repository AND m.subject_digest = :subject AND m.id > :after
            AND (:type IS NULL OR m.artifact_type = :type)
        ORDER BY m.id LIMIT :limit
        """
    case attestations = """
        SELECT m.digest, a.artifact_type, a.predicate_type, a.envelope_digest, a.envelope_size, m.created_at
        FROM repositories AS r JOIN attestations AS a ON a.repository_id = r.id
        JOIN manifests AS m ON m.id = a.manifest_id
        WHERE r.name = :repository AND a.subject_digest = :subject
        ORDER BY a.manifest_id DESC LIMIT :limit
        """
    case tags = "SELECT name FROM tags WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?"

    // MARK: Versions
    case versionByTag = """
        SELECT d.id, d.repository, d.kind, d.number, d.digest, d.created_at, d.content_bytes, d.aliases, d.annotations,
            d.metadata, d.model, d.not_promoted, d.withdrawn
        FROM repositories AS r JOIN tags AS t ON t.repository_id = r.id JOIN version_details AS d ON d.id = t.version_id
        WHERE r.name = ? AND t.name = ?
        """
    case versionByDigest = """
        SELECT d.id, d.repository, d.kind, d.number, d.digest, d.created_at, d.content_bytes, d.aliases, d.annotations,
            d.metadata, d.model, d.not_promoted, d.withdrawn
        FROM repositories AS r JOIN manifests AS f ON f.repository_id = r.id
        JOIN versions AS v ON v.manifest_id = f.id JOIN version_details AS d ON d.id = v.id
        WHERE r.name = ? AND f.digest = ?
        """
    case versionByID = """
        SELECT d.id, d.repository, d.kind, d.number, d.digest, d.created_at, d.content_bytes, d.aliases, d.annotations,
            d.metadata, d.model, d.not_promoted, d.withdrawn
        FROM version_details AS d WHERE d.id = ?
        """
    case versions = """
        SELECT d.id, d.repository, d.kind, d.number, d.digest, d.created_at, d.content_bytes, d.aliases, d.annotations,
            d.metadata, d.model, d.not_promoted, d.withdrawn
        FROM version_details AS d WHERE d.repository_id = :repository AND d.number < :below
        ORDER BY d.number DESC LIMIT :limit
        """
    case versionsOfFramework = """
        SELECT d.id, d.repository, d.kind, d.number, d.digest, d.created_at, d.content_bytes, d.aliases, d.annotations,
            d.metadata, d.model, d.not_promoted, d.withdrawn
        FROM version_details AS d
        WHERE d.repository_id = :repository AND d.framework = :framework AND d.number < :below
        ORDER BY d.number DESC LIMIT :limit
        """
    case versionsOfRun = """
        SELECT d.id, d.repository, d.kind, d.number, d.digest, d.created_at, d.content_bytes, d.aliases, d.annotations,
            d.metadata, d.model, d.not_promoted, d.withdrawn
        FROM version_details AS d
        WHERE d.repository_id = :repository AND d.run_id = :run AND d.number < :below
            AND (:framework IS NULL OR d.framework = :framework)
        ORDER BY d.number DESC LIMIT :limit
        """
    case versionsAnnotated = """
        SELECT d.id, d.repository, d.kind, d.number, d.digest, d.created_at, d.content_bytes, d.aliases, d.annotations,
            d.metadata, d.model, d.not_promoted, d.withdrawn
        FROM version_annotations AS n
        JOIN version_details AS d ON d.repository_id = n.repository_id AND d.number = n.number
        WHERE n.repository_id = :repository AND n.key = :key AND n.value = :value AND n.number < :below
            AND (:framework IS NULL OR d.framework = :framework) AND (:run IS NULL OR d.run_id = :run)
        ORDER BY n.number DESC LIMIT :limit
        """
    case versionRowByNumber = "SELECT id, number FROM versions WHERE repository_id = ? AND number = ?"
    case versionRowByTag = """
        SELECT v.id, v.number FROM tags AS t JOIN versions AS v ON v.id = t.version_id
        WHERE t.repository_id = ? AND t.name = ?
        """
    case versionRowByDigest = """
        SELECT v.id, v.number FROM manifests AS m JOIN versions AS v ON v.manifest_id = m.id
        WHERE m.repository_id = ? AND m.digest = ?
        """
    /// The largest number that was ever given, whether or not its version is still there.
    case lastNumber = """
        SELECT max(
            (SELECT coalesce(max(number), 0) FROM versions WHERE repository_id = :repository),
            (SELECT coalesce(max(number), 0) FROM deletions
             WHERE repository_id = :repository AND number IS NOT NULL))
        """
    case deletedNumber = "SELECT 1 FROM deletions WHERE repository_id = ? AND number = ?"

    // MARK: Aliases
    case alias = """
        SELECT t.name, v.number, t.moved_at, p.policy_digest,
            (SELECT standing FROM alias_standings WHERE repository_id = t.repository_id AND alias = t.name),
            (SELECT count(*) FROM withdrawals_in_force WHERE repository_id = r.id AND subject_digest = m.digest)
        FROM repositories AS r JOIN tags AS t ON t.repository_id = r.id JOIN versions AS v ON v.id = t.version_id
        JOIN manifests AS m ON m.id = v.manifest_id
        LEFT JOIN alias_policies AS p ON p.repository_id = r.id AND p.alias = t.name
        WHERE r.name = ? AND t.name = ? AND t.is_alias = 1
        """
    case aliases = """
        SELECT t.name, v.number, t.moved_at, p.policy_digest,
            (SELECT standing FROM alias_standings WHERE repository_id = t.repository_id AND alias = t.name),
            (SELECT count(*) FROM withdrawals_in_force
             WHERE repository_id = t.repository_id AND subject_digest = m.digest)
        FROM tags AS t INDEXED BY aliases_by_name JOIN versions AS v ON v.id = t.version_id
        JOIN manifests AS m ON m.id = v.manifest_id
        LEFT JOIN alias_policies AS p ON p.repository_id = t.repository_id AND p.alias = t.name
        WHERE t.repository_id = ? AND t.is_alias = 1
        ORDER BY t.name LIMIT ?
        """
    case allAliases = """
        SELECT t.name, v.number, t.moved_at, p.policy_digest,
            (SELECT standing FROM alias_standings WHERE repository_id = t.repository_id AND alias = t.name),
            (SELECT count(*) FROM withdrawals_in_force WHERE repository_id = r.id AND subject_digest = m.digest),
            r.name, m.digest
        FROM repositories AS r
        CROSS JOIN tags AS t INDEXED BY aliases_by_name ON t.repository_id = r.id AND t.is_alias = 1
        CROSS JOIN versions AS v ON v.id = t.version_id CROSS JOIN manifests AS m ON m.id = v.manifest_id
        LEFT JOIN alias_policies AS p ON p.repository_id = t.repository_id AND p.alias = t.name
        WHERE r.name >= :repository AND (r.name > :repository OR t.name > :alias)
        ORDER BY r.name, t.name LIMIT :limit
        """
    case contentUses = """
        SELECT r.name, m.digest, v.number, m.subject_digest, s.number, f.role,
            (SELECT group_concat(t.name, ' ') FROM (SELECT name FROM tags
             WHERE version_id = coalesce(v.id, s.id) AND is_alias = 1 ORDER BY name) AS t),
            (SELECT group_concat(t.alias, ' ') FROM (SELECT DISTINCT alias FROM alias_moves
             INDEXED BY alias_moves_by_content WHERE repository_id = f.repository_id
             AND to_digest = CASE WHEN v.id IS NULL THEN m.subject_digest ELSE m.digest END) AS t),
            f.repository_id, f.manifest_id
        FROM manifest_references AS f INDEXED BY manifest_references_by_digest
        CROSS JOIN manifests AS m ON m.id = f.manifest_id
        CROSS JOIN repositories AS r ON r.id = f.repository_id
        LEFT JOIN versions AS v ON v.manifest_id = m.id
        LEFT JOIN manifests AS sm ON sm.repository_id = f.repository_id AND sm.digest = m.subject_digest
        LEFT JOIN versions AS s ON s.manifest_id = sm.id
        WHERE f.digest = :digest AND (f.repository_id, f.manifest_id) > (:repository, :manifest)
        ORDER BY f.repository_id, f.manifest_id LIMIT :limit
        """
    case manifestUses = """
        SELECT r.name, m.digest, v.number, m.subject_digest, s.number, 'layer',
            (SELECT group_concat(t.name, ' ') FROM (SELECT name FROM tags
             WHERE version_id = coalesce(v.id, s.id) AND is_alias = 1 ORDER BY name) AS t),
            (SELECT group_concat(t.alias, ' ') FROM (SELECT DISTINCT alias FROM alias_moves
             INDEXED BY alias_moves_by_content WHERE repository_id = m.repository_id
             AND to_digest = CASE WHEN v.id IS NULL THEN m.subject_digest ELSE m.digest END) AS t)
        FROM manifests AS m INDEXED BY manifests_by_digest
        CROSS JOIN repositories AS r ON r.id = m.repository_id
        LEFT JOIN versions AS v ON v.manifest_id = m.id
        LEFT JOIN manifests AS sm ON sm.repository_id = m.repository_id AND sm.digest = m.subject_digest
        LEFT JOIN versions AS s ON s.manifest_id = sm.id
        WHERE m.digest = :digest LIMIT :limit
        """
    case earlierPolicy = """
        SELECT c.alias, p.digest, p.json, c.at, c.actor
        FROM repositories AS r JOIN policy_changes AS c ON c.repository_id = r.id
        JOIN policies AS p ON p.digest = c.policy_digest
        WHERE r.name = :repository AND c.alias = :alias AND c.policy_digest = :digest
        ORDER BY c.sequence LIMIT 1
        """
    case aliasMoves = """
        SELECT m.alias, m.sequence, m.from_number, m.to_number,
            CASE WHEN m.rollback_reason IS NULL THEN m.cause ELSE 'rollback' END, m.at, m.actor, m.verdict_digest,
            m.rollback_reason
        FROM repositories AS r JOIN alias_moves AS m ON m.repository_id = r.id
        WHERE r.name = :repository AND m.alias = :alias AND m.sequence < :before
        ORDER BY m.sequence DESC LIMIT :limit
        """
    case decidedMoves = """
        SELECT m.alias, m.sequence, m.from_number, m.to_number,
            CASE WHEN m.rollback_reason IS NULL THEN m.cause ELSE 'rollback' END, m.at, m.actor, m.verdict_digest,
            m.rollback_reason
        FROM repositories AS r JOIN alias_moves AS m ON m.repository_id = r.id
        WHERE r.name = :repository AND m.alias = :alias AND m.cause = 'promotion'
            AND (:number IS NULL OR m.to_number = :number)
        ORDER BY m.sequence DESC LIMIT :limit
        """
    case protectedTwin = """
        SELECT alias FROM alias_policies
        WHERE repository_id = :repository AND lower(alias) = lower(:alias) AND alias <> :alias
        """
    case aliasPolicy = "SELECT policy_digest FROM alias_policies WHERE repository_id = ? AND alias = ?"
    case policy = """
        SELECT a.alias, p.digest, p.json, a.set_at, a.actor
        FROM repositories AS r JOIN alias_policies AS a ON a.repository_id = r.id
        JOIN policies AS p ON p.digest = a.policy_digest
        WHERE r.name = ? AND a.alias = ?
        """
    case withdrawalInForce = """
        SELECT at, actor, reason FROM withdrawals_in_force WHERE repository_id = ? AND subject_digest = ?
        """
    /// What a promotion must find as it was when it was decided.
    case evidenceMark = """
        SELECT count(*), coalesce(max(manifest_id), 0) FROM attestations
        WHERE repository_id = ? AND subject_digest = ?
        """
    case lastMoveMark = "SELECT coalesce(max(sequence), 0) FROM alias_moves WHERE repository_id = ? AND alias = ?"
    case lastKeyChange = "SELECT coalesce(max(sequence), 0) FROM key_changes"
    case standing = "SELECT standing FROM alias_standings WHERE repository_id = ? AND alias = ?"
    case policies = """
        SELECT a.alias, p.digest, p.json, a.set_at, a.actor
        FROM alias_policies AS a JOIN policies AS p ON p.digest = a.policy_digest
        WHERE a.repository_id = ?
        ORDER BY a.alias LIMIT ?
        """

    // MARK: Verifications
    case waitingVerifications = """
        SELECT j.id, j.sequence,
            (SELECT max(l.turn) FROM verifications AS l WHERE l.repository_id = j.repository_id),
            j.settings
        FROM verifications AS j WHERE j.state = 'queued' AND j.finished_at IS NULL
        ORDER BY j.sequence LIMIT ?
        """
    case waitingVerificationCount = """
        SELECT count(*) FROM verifications WHERE state = 'queued' AND finished_at IS NULL
        """
    case startVerification = """
        UPDATE verifications
        SET state = 'running', attempts = attempts + 1, turn = (SELECT coalesce(max(turn), 0) + 1 FROM verifications),
            claim = :claim, worker = :worker, lease_until = :lease, started_at = :at
        WHERE id = :id
        """
    case verification = """
        SELECT id, subject_id, dataset_id, baseline_id, settings, state, created_at, finished_at,
            envelope_digest, attempts, worker, lease_until, started_at, claim, sequence, is_replay
        FROM verifications WHERE id = ?
        """
    case verificationOfClaim = """
        SELECT id, subject_id, dataset_id, baseline_id, settings, state, created_at, finished_at,
            envelope_digest, attempts, worker, lease_until, started_at, claim, sequence, is_replay
        FROM verifications WHERE claim = ?
        """
    case verificationsOfSubject = """
        SELECT id, subject_id, dataset_id, baseline_id, settings, state, created_at, finished_at,
            envelope_digest, attempts, worker, lease_until, started_at, claim, sequence, is_replay
        FROM verifications WHERE subject_id = ?
        ORDER BY sequence DESC LIMIT ?
        """
    case newestVerifications = """
        SELECT id, subject_id, dataset_id, baseline_id, settings, state, created_at, finished_at,
            envelope_digest, attempts, worker, lease_until, started_at, claim, sequence, is_replay
        FROM verifications WHERE sequence < :before AND (:state IS NULL OR state = :state)
        ORDER BY sequence DESC LIMIT :limit
        """
    case newestVerificationsOfRepository = """
        SELECT id, subject_id, dataset_id, baseline_id, settings, state, created_at, finished_at,
            envelope_digest, attempts, worker, lease_until, started_at, claim, sequence, is_replay
        FROM verifications
        WHERE repository_id = :repository AND sequence < :before AND (:state IS NULL OR state = :state)
        ORDER BY sequence DESC LIMIT :limit
        """
    case expiredVerifications = """
        SELECT id, subject_id, dataset_id, baseline_id, settings, state, created_at, finished_at,
            envelope_digest, attempts, worker, lease_until, started_at, claim, sequence, is_replay
        FROM verifications WHERE state = 'running' AND finished_at IS NULL AND lease_until < ?
        ORDER BY sequence LIMIT ?
        """
    case requeueVerifications = """
        UPDATE verifications SET state = 'queued', attempts = attempts - 1, started_at = NULL
        WHERE state = 'running' AND finished_at IS NULL AND lease_until IS NULL
        """
    case adjustLeases = """
        UPDATE verifications SET lease_until = min(max(lease_until, ?), ?)
        WHERE state = 'running' AND finished_at IS NULL AND lease_until IS NOT NULL
        """
    case tries = """
        SELECT dataset_digest, evaluator, count FROM tries WHERE repository_id = ? AND subject_digest = ? LIMIT ?
        """
    case subject = """
        SELECT r.name, v.number, m.digest FROM versions AS v JOIN repositories AS r ON r.id = v.repository_id
        JOIN manifests AS m ON m.id = v.manifest_id
        WHERE v.id = ?
        """

    // MARK: Lineage
    case versionNode = """
        SELECT n.id FROM repositories AS r JOIN versions AS v ON v.repository_id = r.id
        JOIN lineage_nodes AS n ON n.version_id = v.id
        WHERE r.name = ? AND v.number = ?
        """
    case runNode = "SELECT n.id FROM runs AS u JOIN lineage_nodes AS n ON n.run_id = u.id WHERE u.name = ?"
    case lineageSources = """
        SELECT e.relation, n.id, r.name, v.number, u.name
        FROM lineage_edges AS e JOIN lineage_nodes AS n ON n.id = e.to_id
        LEFT JOIN versions AS v ON v.id = n.version_id LEFT JOIN repositories AS r ON r.id = v.repository_id
        LEFT JOIN runs AS u ON u.id = n.run_id
        WHERE e.from_id = ?
        ORDER BY e.to_id, e.relation LIMIT ?
        """
    case lineageResults = """
        SELECT e.relation, n.id, r.name, v.number, u.name
        FROM lineage_edges AS e JOIN lineage_nodes AS n ON n.id = e.from_id
        LEFT JOIN versions AS v ON v.id = n.version_id LEFT JOIN repositories AS r ON r.id = v.repository_id
        LEFT JOIN runs AS u ON u.id = n.run_id
        WHERE e.to_id = ?
        ORDER BY e.from_id, e.relation LIMIT ?
        """
    case lineageReaches = """
        WITH RECURSIVE ancestor (id) AS (
            SELECT :from
            UNION
            SELECT e.to_id FROM ancestor AS a CROSS JOIN lineage_edges AS e ON e.from_id = a.id
        )
        SELECT 1 FROM ancestor WHERE id = :to LIMIT 1
        """
    case versionOfDigest = """
        SELECT v.id FROM manifests AS m JOIN versions AS v ON v.manifest_id = m.id WHERE m.digest = ? LIMIT 1
        """
    case externalResults = "SELECT version_id, relation FROM external_sources WHERE digest = ?"
    case externalSources = """
        SELECT e.relation, e.name, e.digest
        FROM repositories AS r JOIN versions AS v ON v.repository_id = r.id
        JOIN external_sources AS e ON e.version_id = v.id
        WHERE r.name = ? AND v.number = ? ORDER BY e.relation, e.digest LIMIT ?
        """

    // MARK: The audit log; the rows of a range of log indexes
    case loggedManifests = """
        SELECT m.log_index, r.name, r.kind, m.digest, m.media_type, m.artifact_type, m.subject_digest, m.content,
            m.created_at, m.actor, v.number, v.metadata, v.created_at, v.actor,
            a.artifact_type, a.predicate_type, a.envelope_digest, v.log_index, m.repository_id, m.size, m.annotations,
            v.content_bytes, a.repository_id, a.subject_digest, a.envelope_size, m.id
        FROM manifests AS m JOIN repositories AS r ON r.id = m.repository_id
        LEFT JOIN versions AS v ON v.manifest_id = m.id
        LEFT JOIN attestations AS a ON a.manifest_id = m.id
        WHERE m.log_index BETWEEN ? AND ? ORDER BY m.log_index
        """
    case loggedLaterVersions = """
        SELECT v.log_index, r.name, r.kind, v.number, m.digest, m.media_type, v.metadata, v.created_at, v.actor
        FROM versions AS v JOIN manifests AS m ON m.id = v.manifest_id JOIN repositories AS r ON r.id = v.repository_id
        WHERE v.log_index BETWEEN ? AND ? AND v.log_index IS NOT m.log_index ORDER BY v.log_index
        """
    case loggedAliasMoves = """
        SELECT h.log_index, r.name, h.alias, h.from_number, h.to_number, h.to_digest,
            CASE WHEN h.rollback_reason IS NULL THEN h.cause ELSE 'rollback' END, h.at, h.actor,
            h.policy_digest, h.verdict_digest, h.rollback_reason, h.sequence
        FROM alias_moves AS h JOIN repositories AS r ON r.id = h.repository_id
        WHERE h.log_index BETWEEN ? AND ? ORDER BY h.log_index
        """
    case loggedPolicyChanges = """
        SELECT c.log_index, r.name, c.alias, c.policy_digest, c.at, c.actor, c.sequence
        FROM policy_changes AS c JOIN repositories AS r ON r.id = c.repository_id
        WHERE c.log_index BETWEEN ? AND ? ORDER BY c.log_index
        """
    case loggedKeyChanges = """
        SELECT log_index, action, key_id, name, role, repositories, valid_from, valid_until, revoked_at, at, actor,
            sequence
        FROM key_changes WHERE log_index BETWEEN ? AND ? ORDER BY log_index
        """
    case loggedDeletions = """
        SELECT d.log_index, r.name, d.target, d.digest, d.number, d.ends, d.at, d.actor, d.id
        FROM deletions AS d JOIN repositories AS r ON r.id = d.repository_id
        WHERE d.log_index BETWEEN ? AND ? ORDER BY d.log_index
        """
    case loggedWithdrawals = """
        SELECT w.log_index, r.name, w.subject_digest, w.action, w.reason, w.statement_digest, w.at, w.actor, w.sequence
        FROM withdrawals AS w JOIN repositories AS r ON r.id = w.repository_id
        WHERE w.log_index BETWEEN ? AND ? ORDER BY w.log_index
        """
    case endedEntries = "SELECT log_index, entry FROM ended_entries WHERE log_index BETWEEN ? AND ? ORDER BY log_index"

    /// References of a range of manifests, each manifest's in order.
    case referencesOfManifests = """
        SELECT manifest_id, position, repository_id, role, digest, size, media_type
        FROM manifest_references WHERE manifest_id > ? AND manifest_id <= ? ORDER BY manifest_id, position
        """

    case logIndexesOfVersion = """
        SELECT v.log_index FROM repositories AS r JOIN versions AS v ON v.repository_id = r.id
        WHERE r.name = :repository AND v.number = :number
        UNION ALL
        SELECT h.log_index FROM repositories AS r JOIN versions AS v ON v.repository_id = r.id
        JOIN alias_moves AS h ON h.repository_id = r.id AND h.to_number = v.number AND h.cause = 'promotion'
        WHERE r.name = :repository AND v.number = :number
        """

    // MARK: Deletes
    case protectedAliasOfVersion = """
        SELECT t.name FROM tags AS t
        JOIN alias_policies AS p ON p.repository_id = t.repository_id AND p.alias = t.name
        WHERE t.version_id = ? AND t.is_alias = 1
        ORDER BY t.name LIMIT 1
        """
    case holderOfParent = """
        SELECT v.number, t.name
        FROM manifests AS m
        JOIN manifest_references AS f ON f.digest = m.digest AND f.repository_id = m.repository_id
        JOIN versions AS v ON v.manifest_id = f.manifest_id JOIN tags AS t ON t.version_id = v.id
        JOIN alias_policies AS p ON p.repository_id = t.repository_id AND p.alias = t.name
        WHERE m.id = ? AND f.role = 'child' AND t.is_alias = 1
        LIMIT 1
        """
    case resultOfVersion = """
        SELECT r.name, v.number, e.relation
        FROM lineage_nodes AS source JOIN lineage_edges AS e ON e.to_id = source.id
        JOIN lineage_nodes AS result ON result.id = e.from_id
        JOIN versions AS v ON v.id = result.version_id JOIN repositories AS r ON r.id = v.repository_id
        WHERE source.version_id = ?
        LIMIT 1
        """
    case policyWithDataset = """
        SELECT r.name, a.alias
        FROM version_details AS d JOIN policy_datasets AS p
            ON p.dataset IN (d.repository || ':' || d.number, d.repository || '@' || d.digest)
        JOIN alias_policies AS a ON a.policy_digest = p.policy_digest JOIN repositories AS r ON r.id = a.repository_id
        WHERE d.id = ?
        LIMIT 1
        """
    case verificationWithVersion = """
        SELECT r.name, v.number
        FROM verifications AS f JOIN versions AS v ON v.id = f.subject_id
        JOIN repositories AS r ON r.id = v.repository_id
        WHERE (f.dataset_id = :version OR f.baseline_id = :version) AND f.subject_id <> :version
        LIMIT 1
        """
    case holderWithEvidence = """
        SELECT v.number, t.name
        FROM attestations AS a
        JOIN manifests AS m ON m.repository_id = a.repository_id AND m.digest = a.subject_digest
        JOIN versions AS v ON v.manifest_id = m.id JOIN tags AS t ON t.version_id = v.id AND t.is_alias = 1
        JOIN alias_policies AS p ON p.repository_id = t.repository_id AND p.alias = t.name
        WHERE a.manifest_id = ?
        LIMIT 1
        """
    case moveWithVerdict = """
        SELECT h.alias
        FROM attestations AS a
        JOIN alias_moves AS h ON h.repository_id = a.repository_id AND h.verdict_digest = a.envelope_digest
        WHERE a.manifest_id = ?
        LIMIT 1
        """
    case withdrawalWithStatement = """
        SELECT 1 FROM attestations AS a JOIN withdrawals AS w ON w.repository_id = a.repository_id
            AND w.subject_digest = a.subject_digest AND w.statement_digest = a.envelope_digest
        WHERE a.manifest_id = ? LIMIT 1
        """
    case deleteVerificationOfReport = """
        DELETE FROM verifications
        WHERE subject_id = (
                SELECT v.id FROM attestations AS a
                JOIN manifests AS m ON m.repository_id = a.repository_id AND m.digest = a.subject_digest
                JOIN versions AS v ON v.manifest_id = m.id
                WHERE a.manifest_id = :manifest)
            AND envelope_digest = (SELECT envelope_digest FROM attestations WHERE manifest_id = :manifest)
        """
    /// Here and in the next one the searches are those that check the foreign keys.
    case deleteVersion = "DELETE FROM versions WHERE id = ?"
    case deleteManifest = "DELETE FROM manifests WHERE id = ?"
    case blobLink = """
        SELECT r.id, b.id FROM repositories AS r, blobs AS b
        JOIN repository_blobs AS l ON l.repository_id = r.id AND l.blob_id = b.id
        WHERE r.name = ? AND b.digest = ?
        """
    case manifestWithBlob = """
        SELECT m.digest FROM manifest_references AS f JOIN manifests AS m ON m.id = f.manifest_id
        WHERE f.repository_id = ? AND f.digest = ?
        LIMIT 1
        """
}
