-- What decisions rest on, schema version 6. Explained in docs/formats/index.md. A released file is never edited.
-- Times are milliseconds since 1970 in UTC.

-- The time of the last entry of the audit log: no later entry is of an earlier time, whatever the clock does.
CREATE TABLE log_clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
INSERT INTO log_clock (id, at)
SELECT 1, coalesce(max(at), 0) FROM (
    SELECT max(created_at) AS at FROM manifests UNION ALL SELECT max(created_at) FROM versions
    UNION ALL SELECT max(at) FROM alias_moves UNION ALL SELECT max(at) FROM policy_changes
    UNION ALL SELECT max(at) FROM key_changes UNION ALL SELECT max(at) FROM deletions);

-- How often content was measured on data by a build of the evaluator with a result that counts. Kept for ever, by
-- digests: what was deleted and pushed again has been tried before.
CREATE TABLE tries (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    subject_digest TEXT NOT NULL,
    dataset_digest TEXT NOT NULL,
    evaluator TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (repository_id, subject_digest, dataset_digest, evaluator)
) STRICT, WITHOUT ROWID;

-- A repetition that only compares: no try, and nothing is promoted by it.
ALTER TABLE verifications ADD COLUMN is_replay INTEGER NOT NULL DEFAULT 0 CHECK (is_replay IN (0, 1));

-- Promoted versions whose bill of materials and proofs are still to be made, with the entry of the promotion.
CREATE TABLE unsealed (
    version_id INTEGER PRIMARY KEY REFERENCES versions (id),
    log_index INTEGER NOT NULL
) STRICT;

-- Promotions of before manifests had to be bound to their files, which nobody has asked about yet (null) or nothing
-- binds (0). A promotion that is no more in it, or came later, is of a bound manifest.
CREATE TABLE unbound_promotions (
    sequence INTEGER PRIMARY KEY REFERENCES alias_moves (sequence),
    is_bound INTEGER CHECK (is_bound = 0)
) STRICT;
INSERT INTO unbound_promotions (sequence, is_bound)
SELECT m.sequence, NULL FROM tags AS t JOIN alias_moves AS m ON m.sequence = (
    SELECT max(sequence) FROM alias_moves WHERE repository_id = t.repository_id AND alias = t.name)
WHERE t.is_alias = 1 AND m.cause = 'promotion';

-- How each protected alias that points somewhere stands under the policy in force: one rule for everyone who asks.
CREATE VIEW alias_standings AS
SELECT t.repository_id, t.name AS alias, t.version_id, p.policy_digest, coalesce(
    (SELECT CASE WHEN m.cause <> 'promotion' THEN 'undecided'
        WHEN m.policy_digest <> p.policy_digest THEN 'other-policy'
        WHEN EXISTS (SELECT 1 FROM unbound_promotions WHERE sequence = m.sequence) THEN 'unbound'
        ELSE 'promoted' END
     FROM alias_moves AS m WHERE m.repository_id = t.repository_id AND m.alias = t.name
     ORDER BY m.sequence DESC LIMIT 1), 'undecided') AS standing
FROM tags AS t JOIN alias_policies AS p ON p.repository_id = t.repository_id AND p.alias = t.name
WHERE t.is_alias = 1;

DROP VIEW version_details;
CREATE VIEW version_details AS
SELECT v.id, v.repository_id, r.name AS repository, r.kind, v.number, m.digest, v.created_at, v.content_bytes,
    (SELECT group_concat(t.name, ' ')
     FROM (SELECT name FROM tags WHERE version_id = v.id AND is_alias = 1 ORDER BY name) AS t) AS aliases,
    (SELECT json_group_object(a.key, a.value) FROM version_annotations AS a
     WHERE a.repository_id = v.repository_id AND a.number = v.number) AS annotations,
    v.metadata, v.model, v.framework, v.run_id,
    (SELECT group_concat(t.alias, ' ')
     FROM (SELECT alias FROM alias_standings WHERE version_id = v.id AND standing <> 'promoted' ORDER BY alias) AS t
    ) AS not_promoted
FROM versions AS v
JOIN repositories AS r ON r.id = v.repository_id
JOIN manifests AS m ON m.id = v.manifest_id;

PRAGMA user_version = 6;
