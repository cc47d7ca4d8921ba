-- The audit log, the trust root and sources that lie elsewhere, schema version 3. Explained in docs/formats/index.md. A
-- released file is never edited.

-- The log. An entry is one fact of a table below, which names it by `log_index`, counted from 0; the entry can be
-- computed from the row again. Rows that are older than the log get their entries when the index is opened.

-- Entries until the log's own files hold them; the id is the entry's index plus 1.
CREATE TABLE log_tail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    entry BLOB NOT NULL
) STRICT;

-- The last signed checkpoint.
CREATE TABLE log_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL CHECK (size >= 0),
    checkpoint BLOB NOT NULL
) STRICT;

ALTER TABLE manifests ADD COLUMN actor TEXT NOT NULL DEFAULT 'unknown';
ALTER TABLE manifests ADD COLUMN log_index INTEGER;
CREATE UNIQUE INDEX manifests_by_log ON manifests (log_index);
ALTER TABLE versions ADD COLUMN actor TEXT NOT NULL DEFAULT 'unknown';
ALTER TABLE versions ADD COLUMN log_index INTEGER;
CREATE UNIQUE INDEX versions_by_log ON versions (log_index);
ALTER TABLE alias_moves ADD COLUMN to_digest TEXT;
ALTER TABLE alias_moves ADD COLUMN log_index INTEGER;
CREATE UNIQUE INDEX alias_moves_by_log ON alias_moves (log_index);
ALTER TABLE policy_changes ADD COLUMN log_index INTEGER;
CREATE UNIQUE INDEX policy_changes_by_log ON policy_changes (log_index);

CREATE INDEX alias_moves_by_target ON alias_moves (repository_id, to_number) WHERE cause = 'promotion';
CREATE INDEX manifests_by_digest ON manifests (digest);

UPDATE alias_moves SET to_digest = coalesce(
    (SELECT m.digest FROM versions AS v JOIN manifests AS m ON m.id = v.manifest_id
     WHERE v.repository_id = alias_moves.repository_id AND v.number = alias_moves.to_number),
    (SELECT d.digest FROM deleted_versions AS d
     WHERE d.repository_id = alias_moves.repository_id AND d.number = alias_moves.to_number))
WHERE to_number IS NOT NULL;

-- Kept for ever: what was deleted. A number is never given again. `ends` are the log indexes of the entries whose rows
-- went with it.
CREATE TABLE deletions (
    id INTEGER PRIMARY KEY,
    log_index INTEGER UNIQUE,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    target TEXT NOT NULL CHECK (target IN ('manifest', 'blob')),
    digest TEXT NOT NULL,
    number INTEGER CHECK (number IS NULL OR number BETWEEN 1 AND 999999999999999),
    ends TEXT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;
INSERT INTO deletions (repository_id, target, digest, number, at, actor)
SELECT repository_id, 'manifest', digest, number, at, actor FROM deleted_versions ORDER BY at, repository_id, number;
DROP TABLE deleted_versions;
CREATE UNIQUE INDEX deletions_by_number ON deletions (repository_id, number) WHERE number IS NOT NULL;

-- Entries whose rows were deleted, as they stand in the log.
CREATE TABLE ended_entries (
    log_index INTEGER PRIMARY KEY,
    entry BLOB NOT NULL
) STRICT;

-- The trust root: what holds now, and every change of it.

CREATE TABLE new_trusted_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    pem TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('release', 'training', 'registry', 'log')),
    repositories TEXT CHECK (repositories IS NULL OR json_valid(repositories)),
    valid_from INTEGER,
    valid_until INTEGER,
    added_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO new_trusted_keys (id, name, pem, role, added_at, revoked_at)
SELECT id, name, pem, role, added_at, revoked_at FROM trusted_keys;
DROP TABLE trusted_keys;
ALTER TABLE new_trusted_keys RENAME TO trusted_keys;

-- Kept for ever.
CREATE TABLE key_changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    log_index INTEGER UNIQUE,
    action TEXT NOT NULL CHECK (action IN ('trust', 'limit', 'revoke')),
    key_id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    repositories TEXT CHECK (repositories IS NULL OR json_valid(repositories)),
    valid_from INTEGER,
    valid_until INTEGER,
    revoked_at INTEGER,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;
INSERT INTO key_changes (action, key_id, name, role, at, actor)
SELECT 'trust', id, name, role, added_at, 'unknown' FROM trusted_keys ORDER BY added_at, id;
INSERT INTO key_changes (action, key_id, name, role, revoked_at, at, actor)
SELECT 'revoke', id, name, role, revoked_at, revoked_at, 'unknown' FROM trusted_keys
WHERE revoked_at IS NOT NULL ORDER BY revoked_at, id;
CREATE INDEX key_changes_by_key ON key_changes (key_id, sequence);

-- What a version came from that no repository here has; a push of that content turns it into an edge.
CREATE TABLE external_sources (
    version_id INTEGER NOT NULL REFERENCES versions (id),
    relation TEXT NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (version_id, relation, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX external_sources_by_digest ON external_sources (digest);

PRAGMA user_version = 3;
