-- All datasets of a policy, schema version 5. Explained in docs/formats/index.md. A released file is never edited.

-- What each policy says that it measures on. A text that is no policy says nothing.
CREATE VIEW datasets_of_policies AS
WITH texts AS (
    SELECT digest, CASE WHEN json_valid(CAST(json AS TEXT)) THEN CAST(json AS TEXT) ELSE '{}' END AS text FROM policies)
SELECT digest AS policy_digest, dataset FROM (
    SELECT digest, json_extract(text, '$.dataset') AS dataset FROM texts
    UNION
    SELECT t.digest, CASE d.type WHEN 'object' THEN json_extract(d.value, '$.dataset') END
    FROM texts AS t JOIN json_each(t.text, '$.datasets') AS d)
WHERE dataset IS NOT NULL;

-- The same, to be found by the dataset.
CREATE TABLE policy_datasets (
    dataset TEXT NOT NULL,
    policy_digest TEXT NOT NULL REFERENCES policies (digest),
    PRIMARY KEY (dataset, policy_digest)
) STRICT, WITHOUT ROWID;
INSERT INTO policy_datasets (dataset, policy_digest) SELECT dataset, policy_digest FROM datasets_of_policies;
CREATE INDEX policy_datasets_by_policy ON policy_datasets (policy_digest);

DROP INDEX policies_by_dataset;
ALTER TABLE policies DROP COLUMN dataset;

PRAGMA user_version = 5;
