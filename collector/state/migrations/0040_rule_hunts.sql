-- Sigma rules run over stored records: asked for, watched, and gone after some days.
CREATE TABLE rule_hunts (
    id TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    range_from INTEGER NOT NULL,
    range_to INTEGER NOT NULL,
    rules TEXT NOT NULL,
    status TEXT NOT NULL,
    -- What has been found until now: JSON.
    found TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rule_hunts_user ON rule_hunts(user_id, created);
