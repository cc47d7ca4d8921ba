-- Versions that must not be used any more, schema version 10. Explained in docs/formats/index.md. A released file is
-- never edited.

-- Every withdrawal, and every word that a version may be used again, for ever. They speak of content: a version that is
-- deleted and pushed again is what it was.
CREATE TABLE withdrawals (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    log_index INTEGER NOT NULL UNIQUE,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    subject_digest TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('withdraw', 'reinstate')),
    reason TEXT NOT NULL,
    statement_digest TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;
CREATE INDEX withdrawals_by_subject ON withdrawals (repository_id, subject_digest, sequence);

-- Those that hold now.
CREATE VIEW withdrawals_in_force AS
SELECT w.repository_id, w.subject_digest, w.at, w.actor, w.reason FROM withdrawals AS w
WHERE w.action = 'withdraw' AND w.sequence = (
    SELECT max(l.sequence) FROM withdrawals AS l
    WHERE l.repository_id = w.repository_id AND l.subject_digest = w.subject_digest);

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
    ) AS not_promoted,
    (SELECT json_object('at', w.at, 'actor', w.actor, 'reason', w.reason) FROM withdrawals_in_force AS w
     WHERE w.repository_id = v.repository_id AND w.subject_digest = m.digest) AS withdrawn
FROM versions AS v
JOIN repositories AS r ON r.id = v.repository_id
JOIN manifests AS m ON m.id = v.manifest_id;

PRAGMA user_version = 10;
