-- Aliases that go back, schema version 7. Explained in docs/formats/index.md. A released file is never edited.

-- Why an alias went back to a version that held it. A rollback is a promotion that has a reason.
ALTER TABLE alias_moves ADD COLUMN rollback_reason TEXT CHECK (rollback_reason IS NULL OR cause = 'promotion');

PRAGMA user_version = 7;
