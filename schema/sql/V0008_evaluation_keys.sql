-- Keys for figures that are measured elsewhere, schema version 8. Explained in docs/formats/index.md. A released file is
-- never edited.

-- The role evaluation.
CREATE TABLE new_trusted_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    pem TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('release', 'training', 'registry', 'evaluation', 'log')),
    repositories TEXT CHECK (repositories IS NULL OR json_valid(repositories)),
    valid_from INTEGER,
    valid_until INTEGER,
    added_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO new_trusted_keys (id, name, pem, role, repositories, valid_from, valid_until, added_at, revoked_at)
SELECT id, name, pem, role, repositories, valid_from, valid_until, added_at, revoked_at FROM trusted_keys;
DROP TABLE trusted_keys;
ALTER TABLE new_trusted_keys RENAME TO trusted_keys;

-- The versions that a policy names: what it measures on, what figures must be measured on, and a teacher.
DROP VIEW datasets_of_policies;
CREATE VIEW datasets_of_policies AS
WITH texts AS (
    SELECT digest, CASE WHEN json_valid(CAST(json AS TEXT)) THEN CAST(json AS TEXT) ELSE '{}' END AS text FROM policies)
SELECT digest AS policy_digest, dataset FROM (
    SELECT digest, json_extract(text, '$.dataset') AS dataset FROM texts
    UNION
    SELECT digest, CASE json_type(text, '$.teacher') WHEN 'text' THEN json_extract(text, '$.teacher') END FROM texts
    UNION
    SELECT t.digest, CASE d.type WHEN 'object' THEN json_extract(d.value, '$.dataset') END
    FROM texts AS t JOIN json_each(t.text, '$.datasets') AS d
    UNION
    SELECT t.digest, CASE d.type WHEN 'object' THEN json_extract(d.value, '$.dataset') END
    FROM texts AS t JOIN json_each(t.text, '$.measured') AS d)
WHERE dataset IS NOT NULL;

PRAGMA user_version = 8;
