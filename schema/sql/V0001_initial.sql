-- The index of a store, schema version 1. Explained in docs/formats/index.md. A released file is never edited.
-- Times are milliseconds since 1970 in UTC. Digests are text such as 'sha256:…'.

PRAGMA application_id = 1095975257; -- 'ASAY'
PRAGMA user_version = 1;

-- Repositories and blobs

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('model', 'dataset')),
    created_at INTEGER NOT NULL,
    version_count INTEGER NOT NULL DEFAULT 0 CHECK (version_count >= 0)
) STRICT;
CREATE INDEX repositories_by_kind ON repositories (kind, name);

CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL CHECK (size >= 0),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE repository_blobs (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    blob_id INTEGER NOT NULL REFERENCES blobs (id),
    leased_until INTEGER NOT NULL,
    PRIMARY KEY (repository_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blobs_by_blob ON repository_blobs (blob_id, leased_until);

-- Manifests and versions

CREATE TABLE manifests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    artifact_type TEXT,
    subject_digest TEXT,
    size INTEGER NOT NULL CHECK (size = length(content)),
    created_at INTEGER NOT NULL,
    annotations TEXT CHECK (annotations IS NULL OR json_valid(annotations)),
    content BLOB NOT NULL,
    UNIQUE (repository_id, digest)
) STRICT;
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject_digest, id) WHERE subject_digest IS NOT NULL;

CREATE TABLE manifest_references (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    position INTEGER NOT NULL CHECK (position >= 0),
    role TEXT NOT NULL CHECK (role IN ('config', 'layer', 'child')),
    digest TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 0),
    media_type TEXT NOT NULL,
    PRIMARY KEY (manifest_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_references_by_digest ON manifest_references (digest);

CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice, so that caches can rely on it
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 999999999999999),
    manifest_id INTEGER NOT NULL UNIQUE REFERENCES manifests (id),
    created_at INTEGER NOT NULL,
    content_bytes INTEGER NOT NULL CHECK (content_bytes >= 0),
    metadata TEXT NOT NULL CHECK (json_valid(metadata)),
    model TEXT CHECK (model IS NULL OR json_valid(model)),
    framework TEXT GENERATED ALWAYS AS (json_extract(metadata, '$.framework')) VIRTUAL,
    run_id TEXT GENERATED ALWAYS AS (json_extract(metadata, '$.run_id')) VIRTUAL,
    UNIQUE (repository_id, number)
) STRICT;
CREATE INDEX versions_by_framework ON versions (repository_id, framework, number) WHERE framework IS NOT NULL;
CREATE INDEX versions_by_run ON versions (repository_id, run_id, number) WHERE run_id IS NOT NULL;

CREATE TABLE version_annotations (
    repository_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (repository_id, number, key),
    FOREIGN KEY (repository_id, number) REFERENCES versions (repository_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_annotations_by_value ON version_annotations (repository_id, key, value, number);

-- Version numbers and aliases share one name space; in this order they are the tags list.
CREATE TABLE tags (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    name TEXT NOT NULL,
    version_id INTEGER NOT NULL REFERENCES versions (id),
    is_alias INTEGER NOT NULL CHECK (is_alias IN (0, 1)),
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (repository_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_version ON tags (version_id, is_alias, name);
CREATE INDEX aliases_by_name ON tags (repository_id, name) WHERE is_alias = 1;

CREATE VIEW version_details AS
SELECT v.id, v.repository_id, r.name AS repository, r.kind, v.number, m.digest, v.created_at, v.content_bytes,
    (SELECT group_concat(t.name, ' ')
     FROM (SELECT name FROM tags WHERE version_id = v.id AND is_alias = 1 ORDER BY name) AS t) AS aliases,
    (SELECT json_group_object(a.key, a.value) FROM version_annotations AS a
     WHERE a.repository_id = v.repository_id AND a.number = v.number) AS annotations,
    v.metadata, v.model, v.framework, v.run_id
FROM versions AS v
JOIN repositories AS r ON r.id = v.repository_id
JOIN manifests AS m ON m.id = v.manifest_id;

-- One row per version, under the version's id.
CREATE VIRTUAL TABLE search USING fts5 (repository, metadata, annotations, tokenize = "unicode61 remove_diacritics 2");

-- Alias history and policies

-- Kept for ever, so it names versions by number and survives them.
CREATE TABLE alias_moves (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    alias TEXT NOT NULL,
    from_number INTEGER,
    to_number INTEGER,
    cause TEXT NOT NULL CHECK (cause IN ('set', 'promotion', 'removal')),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    policy_digest TEXT REFERENCES policies (digest),
    verdict_digest TEXT,
    CHECK ((to_number IS NULL) = (cause = 'removal')),
    CHECK ((policy_digest IS NULL) = (verdict_digest IS NULL)),
    CHECK (cause <> 'promotion' OR verdict_digest IS NOT NULL)
) STRICT;
CREATE INDEX alias_moves_by_alias ON alias_moves (repository_id, alias, sequence);

CREATE TABLE policies (
    digest TEXT NOT NULL PRIMARY KEY,
    json BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alias_policies (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    alias TEXT NOT NULL,
    policy_digest TEXT NOT NULL REFERENCES policies (digest),
    set_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (repository_id, alias)
) STRICT, WITHOUT ROWID;

-- Kept for ever; a NULL digest is a removal.
CREATE TABLE policy_changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    alias TEXT NOT NULL,
    policy_digest TEXT REFERENCES policies (digest),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL
) STRICT;
CREATE INDEX policy_changes_by_alias ON policy_changes (repository_id, alias, sequence);

-- Evidence

CREATE TABLE attestations (
    manifest_id INTEGER PRIMARY KEY REFERENCES manifests (id),
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    subject_digest TEXT NOT NULL,
    artifact_type TEXT NOT NULL,
    predicate_type TEXT,
    envelope_digest TEXT NOT NULL,
    envelope_size INTEGER NOT NULL CHECK (envelope_size >= 0)
) STRICT;
CREATE INDEX attestations_by_subject ON attestations (repository_id, subject_digest, manifest_id);

CREATE TABLE verifications (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject_id INTEGER NOT NULL REFERENCES versions (id),
    dataset_id INTEGER NOT NULL REFERENCES versions (id),
    baseline_id INTEGER REFERENCES versions (id),
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'measured', 'failed')),
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    envelope_digest TEXT,
    CHECK ((finished_at IS NOT NULL) = (state IN ('measured', 'failed')))
) STRICT;
CREATE INDEX verifications_by_subject ON verifications (subject_id, sequence);
CREATE INDEX verifications_unfinished ON verifications (state, sequence) WHERE finished_at IS NULL;

-- Lineage: an edge points from a result to what it came from.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE lineage_nodes (
    id INTEGER PRIMARY KEY,
    version_id INTEGER UNIQUE REFERENCES versions (id),
    run_id INTEGER UNIQUE REFERENCES runs (id),
    CHECK ((version_id IS NULL) <> (run_id IS NULL))
) STRICT;

CREATE TABLE lineage_edges (
    from_id INTEGER NOT NULL REFERENCES lineage_nodes (id),
    to_id INTEGER NOT NULL REFERENCES lineage_nodes (id),
    relation TEXT NOT NULL CHECK (relation IN (
        'trained-on', 'produced-by', 'derived-from', 'fine-tuned-from', 'quantized-from', 'distilled-from',
        'evaluated-on')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (from_id, to_id, relation),
    CHECK (from_id <> to_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_edges_by_source ON lineage_edges (to_id, from_id, relation);

-- Trust and access

CREATE TABLE trusted_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    pem TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('release', 'registry')),
    added_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
