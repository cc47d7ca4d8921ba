-- Which aliases ever pointed to content, asked by its digest alone, schema version 9. Explained in docs/formats/index.md.
-- A released file is never edited.

CREATE INDEX alias_moves_by_content ON alias_moves (repository_id, to_digest, alias);

PRAGMA user_version = 9;
