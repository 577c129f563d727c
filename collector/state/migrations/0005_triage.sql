-- Hiding, escalation and muting of groups; the memory of verdicts; machines that matter; a chained history.
ALTER TABLE groups ADD COLUMN hidden_by INTEGER;
ALTER TABLE groups ADD COLUMN escalated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN mute_until INTEGER;

-- Each row is hashed together with the row before it of the same group.
ALTER TABLE group_history ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE group_history ADD COLUMN after TEXT NOT NULL DEFAULT '';
ALTER TABLE group_history ADD COLUMN hash BLOB;

-- Rules that put groups out of sight. `conditions` is JSON; all of them have to hold.
CREATE TABLE hide_rules (
    id INTEGER PRIMARY KEY,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    conditions TEXT NOT NULL,
    reason TEXT NOT NULL,
    owner TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    ended INTEGER,
    ended_by TEXT,
    hits INTEGER NOT NULL DEFAULT 0,
    last_hit INTEGER
) STRICT;
CREATE INDEX groups_hidden ON groups(hidden_by) WHERE hidden_by IS NOT NULL;

-- How groups were closed. A row outlives its group: it is what is remembered of a signature.
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    signature_id INTEGER NOT NULL REFERENCES signatures(id),
    group_id INTEGER REFERENCES groups(id) ON DELETE SET NULL,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    history_id INTEGER,
    at INTEGER NOT NULL,
    user TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    src BLOB NOT NULL,
    dest BLOB NOT NULL,
    -- The history row that took it back: a second close, or a reopening.
    withdrawn_by INTEGER
) STRICT;
CREATE INDEX verdicts_signature ON verdicts(signature_id, id);
CREATE INDEX verdicts_group ON verdicts(group_id);
CREATE INDEX verdicts_withdrawn ON verdicts(withdrawn_by) WHERE withdrawn_by IS NOT NULL;
CREATE INDEX verdicts_history ON verdicts(history_id);

UPDATE signatures SET closed = 0, true_positive = 0;
CREATE TRIGGER verdict_given AFTER INSERT ON verdicts WHEN NEW.withdrawn_by IS NULL BEGIN
    UPDATE signatures SET closed = closed + 1, true_positive = true_positive + (NEW.verdict = 'true_positive')
    WHERE id = NEW.signature_id;
END;
CREATE TRIGGER verdict_gone AFTER DELETE ON verdicts WHEN OLD.withdrawn_by IS NULL BEGIN
    UPDATE signatures SET closed = closed - 1, true_positive = true_positive - (OLD.verdict = 'true_positive')
    WHERE id = OLD.signature_id;
END;
CREATE TRIGGER verdict_withdrawn AFTER UPDATE OF withdrawn_by ON verdicts
WHEN (OLD.withdrawn_by IS NULL) <> (NEW.withdrawn_by IS NULL) BEGIN
    UPDATE signatures SET
        closed = closed + (CASE WHEN NEW.withdrawn_by IS NULL THEN 1 ELSE -1 END),
        true_positive = true_positive
            + (NEW.verdict = 'true_positive') * (CASE WHEN NEW.withdrawn_by IS NULL THEN 1 ELSE -1 END)
    WHERE id = NEW.signature_id;
END;
INSERT INTO verdicts (signature_id, group_id, unit_id, at, user, verdict, reason, src, dest)
    SELECT signature_id, id, unit_id, last, coalesce(owner, ''), verdict, coalesce(reason, ''), src, dest
    FROM groups WHERE status = 3 AND verdict IS NOT NULL;

-- Networks and machines that have a name and an importance, 1 to 5; 3 is usual.
CREATE TABLE assets (
    id INTEGER PRIMARY KEY,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    first BLOB NOT NULL,
    last BLOB NOT NULL,
    name TEXT NOT NULL,
    importance INTEGER NOT NULL,
    UNIQUE (unit_id, first, last)
) STRICT;
