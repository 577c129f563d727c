-- Rule and intelligence sources. Each feeds one rule set, whose versions its runs write.
CREATE TABLE feeds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    set_id INTEGER NOT NULL UNIQUE REFERENCES rule_sets(id),
    -- How it is reached and read: JSON, whose shape is the API's.
    config TEXT NOT NULL,
    -- Value of the header that lets it know who asks: stored, never shown.
    secret TEXT,
    -- The four filters: JSON.
    filters TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- Hours between runs; none: by hand.
    every_hours INTEGER,
    -- A run publishes what it made to all sensors of the set's unit.
    publishes INTEGER NOT NULL,
    -- When the next run is due, and how many have failed in a row.
    due INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    -- What the last answer said of itself: JSON; its content lies in the data folder.
    seen TEXT,
    -- Rises with each change of how it is read or filtered.
    revision INTEGER NOT NULL DEFAULT 1,
    changed INTEGER NOT NULL,
    changed_by TEXT NOT NULL
) STRICT;

CREATE TABLE feed_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    feed_id INTEGER NOT NULL REFERENCES feeds(id) ON DELETE CASCADE,
    started INTEGER NOT NULL,
    ended INTEGER,
    -- Who asked; none: its time had come.
    user TEXT,
    -- running, unchanged, kept, published, failed
    status TEXT NOT NULL,
    -- The version that it made.
    number INTEGER,
    -- What was found, left out, changed, and why it failed: JSON.
    report TEXT NOT NULL
) STRICT;
CREATE INDEX feed_runs_feed ON feed_runs(feed_id, id);
