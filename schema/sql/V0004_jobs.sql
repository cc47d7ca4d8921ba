-- Jobs and workers, schema version 4. Explained in docs/formats/index.md. A released file is never edited.

-- A job that was running belonged to the process that ended, so it waits again.
CREATE TABLE new_verifications (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    subject_id INTEGER NOT NULL REFERENCES versions (id),
    dataset_id INTEGER NOT NULL REFERENCES versions (id),
    baseline_id INTEGER REFERENCES versions (id),
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'measured', 'failed', 'cancelled')),
    -- How often it was begun; what was given back before its end does not count.
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    -- When it was begun last, as a number that grows over all jobs.
    turn INTEGER UNIQUE,
    -- The last run of it by a worker.
    claim TEXT UNIQUE,
    worker TEXT CHECK (worker IS NULL OR json_valid(worker)),
    -- Set while a worker elsewhere runs it.
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    envelope_digest TEXT,
    CHECK ((finished_at IS NOT NULL) = (state IN ('measured', 'failed', 'cancelled'))),
    CHECK (state <> 'running' OR (claim IS NOT NULL AND worker IS NOT NULL)),
    CHECK (lease_until IS NULL OR state = 'running')
) STRICT;
INSERT INTO new_verifications (
    sequence, id, repository_id, subject_id, dataset_id, baseline_id, settings, state, attempts, created_at,
    finished_at, envelope_digest)
SELECT j.sequence, j.id, v.repository_id, j.subject_id, j.dataset_id, j.baseline_id, j.settings,
    iif(j.state = 'running', 'queued', j.state), j.finished_at IS NOT NULL, j.created_at, j.finished_at,
    j.envelope_digest
FROM verifications AS j JOIN versions AS v ON v.id = j.subject_id
ORDER BY j.sequence;
DROP TABLE verifications;
ALTER TABLE new_verifications RENAME TO verifications;
CREATE INDEX verifications_by_subject ON verifications (subject_id, sequence);
CREATE INDEX verifications_by_dataset ON verifications (dataset_id, subject_id);
CREATE INDEX verifications_by_baseline ON verifications (baseline_id, subject_id);
CREATE INDEX verifications_by_turn ON verifications (repository_id, turn);
CREATE INDEX verifications_by_repository ON verifications (repository_id, sequence);
CREATE INDEX verifications_unfinished ON verifications (state, sequence) WHERE finished_at IS NULL;

PRAGMA user_version = 4;
