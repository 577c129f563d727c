-- The ledger knows what was acknowledged, and when a row changed last: the hour of a row is the sensor's,
-- whose clock may be years off.
ALTER TABLE ledger ADD COLUMN acked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;

-- 'sensor': enrolled, delivers itself. 'source': anything that sends EVE over HTTP with a token.
ALTER TABLE sensors ADD COLUMN kind TEXT NOT NULL DEFAULT 'sensor';
-- What waits in the sensor's spool and how far its newest canary came there; JSON, from heartbeats.
ALTER TABLE sensors ADD COLUMN spool TEXT;
-- The newest canary that reached the inbox: when the sensor made it, and when it came.
ALTER TABLE sensors ADD COLUMN canary_made INTEGER;
ALTER TABLE sensors ADD COLUMN canary_arrived INTEGER;

CREATE TABLE source_tokens (
    sensor_no INTEGER PRIMARY KEY REFERENCES sensors(no) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER
) STRICT;

-- What is wrong with sensors and with the collector itself. An alarm is open until its condition has gone.
CREATE TABLE alarms (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    sensor_no INTEGER REFERENCES sensors(no) ON DELETE CASCADE,
    unit_id INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    closed INTEGER,
    detail TEXT NOT NULL,
    acknowledged_by TEXT,
    acknowledged INTEGER,
    comment TEXT
) STRICT;
CREATE UNIQUE INDEX alarms_open ON alarms(kind, coalesce(sensor_no, 0)) WHERE closed IS NULL;

-- Small settings of the whole collector, JSON by name.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    changed INTEGER NOT NULL,
    changed_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where messages go.
CREATE TABLE channels (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    kind TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- JSON, secrets too.
    config TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;

-- What is told to whom, and when.
CREATE TABLE notification_rules (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    enabled INTEGER NOT NULL,
    -- JSON: conditions, channels, digest, quiet hours, escalation.
    config TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;

-- Messages on their way. A row that failed for good stays, to be seen and sent again.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    rule_id INTEGER REFERENCES notification_rules(id) ON DELETE SET NULL,
    channel_id INTEGER NOT NULL REFERENCES channels(id) ON DELETE CASCADE,
    unit_id INTEGER NOT NULL,
    -- JSON list of what is told.
    items TEXT NOT NULL,
    severity INTEGER NOT NULL,
    state TEXT NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    done INTEGER
) STRICT;
CREATE INDEX outbox_due ON outbox(due) WHERE state = 'waiting';
CREATE INDEX outbox_state ON outbox(state, id);

-- Groups that are told to somebody else if nobody has taken them by then.
CREATE TABLE escalations (
    id INTEGER PRIMARY KEY,
    rule_id INTEGER NOT NULL REFERENCES notification_rules(id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    due INTEGER NOT NULL,
    UNIQUE (rule_id, group_id)
) STRICT;
CREATE INDEX escalations_due ON escalations(due);

-- How far what happens has been looked at for notifications.
CREATE TABLE notification_marks (
    what TEXT PRIMARY KEY,
    through INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
