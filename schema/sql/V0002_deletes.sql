-- Deletes, schema version 2. Explained in docs/formats/index.md. A released file is never edited.

-- Kept for ever: the number of a deleted version is never given again. `digest` is that of its manifest.
CREATE TABLE deleted_versions (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 999999999999999),
    digest TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (repository_id, number)
) STRICT, WITHOUT ROWID;

-- A reference now knows its repository, so that asking whether a repository names a blob is one search even for content
-- that the whole store names, such as the empty config of all referrers.
CREATE TABLE new_manifest_references (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    position INTEGER NOT NULL CHECK (position >= 0),
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    role TEXT NOT NULL CHECK (role IN ('config', 'layer', 'child')),
    digest TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 0),
    media_type TEXT NOT NULL,
    PRIMARY KEY (manifest_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO new_manifest_references (manifest_id, position, repository_id, role, digest, size, media_type)
SELECT f.manifest_id, f.position, m.repository_id, f.role, f.digest, f.size, f.media_type
FROM manifest_references AS f JOIN manifests AS m ON m.id = f.manifest_id
ORDER BY f.manifest_id, f.position;
DROP TABLE manifest_references;
ALTER TABLE new_manifest_references RENAME TO manifest_references;
CREATE INDEX manifest_references_by_digest ON manifest_references (digest, repository_id);

-- What may need a version that is to go.
CREATE INDEX verifications_by_dataset ON verifications (dataset_id, subject_id);
CREATE INDEX verifications_by_baseline ON verifications (baseline_id, subject_id);
CREATE INDEX alias_moves_by_verdict ON alias_moves (repository_id, verdict_digest) WHERE verdict_digest IS NOT NULL;
ALTER TABLE policies ADD COLUMN dataset TEXT
    GENERATED ALWAYS AS (json_extract(CAST(json AS TEXT), '$.dataset')) VIRTUAL;
CREATE INDEX policies_by_dataset ON policies (dataset) WHERE dataset IS NOT NULL;
CREATE INDEX alias_policies_by_policy ON alias_policies (policy_digest);

PRAGMA user_version = 2;
