-- The centre's own rules. A set has a draft, which is edited, and versions, which are not: those are what sensors get.
CREATE TABLE rule_sets (
    id INTEGER PRIMARY KEY,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    name TEXT NOT NULL,
    draft TEXT NOT NULL,
    draft_at INTEGER NOT NULL,
    draft_by TEXT NOT NULL,
    -- Rises with each change of the draft: who saves over another's change is told.
    revision INTEGER NOT NULL DEFAULT 1,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (unit_id, name)
) STRICT;

CREATE TABLE rule_versions (
    set_id INTEGER NOT NULL REFERENCES rule_sets(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    user TEXT NOT NULL,
    why TEXT NOT NULL,
    rules INTEGER NOT NULL,
    hash TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (set_id, number)
) STRICT, WITHOUT ROWID;

-- Which version a sensor is to run; sensor 0 stands for all of the set's unit and those below it that have no row of
-- their own.
CREATE TABLE rule_targets (
    set_id INTEGER NOT NULL REFERENCES rule_sets(id),
    sensor_no INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (set_id, sensor_no),
    FOREIGN KEY (set_id, number) REFERENCES rule_versions(set_id, number)
) STRICT, WITHOUT ROWID;

-- What was published, and taken back (number absent), to whom (sensor absent: all).
CREATE TABLE rule_publications (
    id INTEGER PRIMARY KEY,
    set_id INTEGER NOT NULL REFERENCES rule_sets(id) ON DELETE CASCADE,
    sensor_id TEXT,
    number INTEGER,
    at INTEGER NOT NULL,
    user TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;
CREATE INDEX rule_publications_set ON rule_publications(set_id, id);

-- Of the published rules, what the sensor says that it runs, and what it refused last.
ALTER TABLE sensors ADD COLUMN published_hash TEXT;
ALTER TABLE sensors ADD COLUMN refused_hash TEXT;
ALTER TABLE sensors ADD COLUMN refused_reason TEXT;
