-- The tree of the organisation. `path` is '/1/7/12/': a subtree is a prefix.
CREATE TABLE units (
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES units(id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL
) STRICT;
INSERT INTO units (id, parent_id, name, kind, path) VALUES (1, NULL, 'Trung tâm', 'centre', '/1/');

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    locale TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    last_sign_in INTEGER
) STRICT;

CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions(user_id, created);

CREATE TABLE sign_in_failures (
    key TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sensors (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    hostname TEXT NOT NULL,
    certificate TEXT,
    enrolled INTEGER NOT NULL,
    revoked INTEGER,
    epoch INTEGER,
    version TEXT,
    ruleset_hash TEXT,
    remote_addr TEXT,
    connected INTEGER NOT NULL DEFAULT 0,
    last_heartbeat INTEGER,
    sent INTEGER,
    clock_skew_ms INTEGER,
    stats TEXT
) STRICT;
CREATE INDEX sensors_unit ON sensors(unit_id);

CREATE TABLE enrolments (
    token_hash BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    created_by TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER,
    sensor_id TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE heartbeats (
    sensor_no INTEGER NOT NULL REFERENCES sensors(no) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    stats TEXT NOT NULL,
    PRIMARY KEY (sensor_no, at)
) STRICT, WITHOUT ROWID;

-- What the sensor says it made, shed and sent, and what the collector stored and refused. The counts of
-- the sensor are absolute for an epoch, so that a repeated heartbeat changes nothing.
CREATE TABLE ledger (
    sensor_no INTEGER NOT NULL REFERENCES sensors(no) ON DELETE CASCADE,
    hour INTEGER NOT NULL,
    class TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    made INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0,
    stored INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sensor_no, hour, class, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_shed (
    sensor_no INTEGER NOT NULL REFERENCES sensors(no) ON DELETE CASCADE,
    hour INTEGER NOT NULL,
    class TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (sensor_no, hour, class, epoch, reason)
) STRICT, WITHOUT ROWID;

-- The last sequence number that the tables of this store contain, by what they are updated for.
CREATE TABLE marks (
    purpose TEXT NOT NULL,
    sensor_no INTEGER NOT NULL REFERENCES sensors(no) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    class TEXT NOT NULL,
    through INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (purpose, sensor_no, epoch, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE signatures (
    id INTEGER PRIMARY KEY,
    gid INTEGER NOT NULL,
    sid INTEGER NOT NULL,
    signature TEXT NOT NULL,
    category TEXT NOT NULL,
    severity INTEGER NOT NULL,
    technique TEXT,
    folded TEXT NOT NULL,
    alerts INTEGER NOT NULL DEFAULT 0,
    closed INTEGER NOT NULL DEFAULT 0,
    true_positive INTEGER NOT NULL DEFAULT 0,
    UNIQUE (sid, gid)
) STRICT;

-- Addresses are 16 bytes (IPv4 mapped), so that a network is a range.
CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    signature_id INTEGER NOT NULL REFERENCES signatures(id),
    src BLOB NOT NULL,
    dest BLOB NOT NULL,
    severity INTEGER NOT NULL,
    risk INTEGER NOT NULL,
    count INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    created INTEGER NOT NULL,
    status INTEGER NOT NULL,
    verdict TEXT,
    reason TEXT,
    owner TEXT,
    app_proto TEXT,
    badges TEXT NOT NULL,
    latest_alert TEXT NOT NULL,
    spark_hour INTEGER NOT NULL,
    spark BLOB NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    UNIQUE (signature_id, src, dest, unit_id)
) STRICT;
CREATE INDEX groups_by_risk ON groups(status, risk, id, last, unit_id, severity);
CREATE INDEX groups_by_last ON groups(status, last, id, unit_id, severity);
CREATE INDEX groups_by_count ON groups(status, count, id, last, unit_id, severity);
CREATE INDEX groups_by_unit ON groups(unit_id, status, last, severity);
CREATE INDEX groups_by_src ON groups(src, status);
CREATE INDEX groups_by_dest ON groups(dest, status);
CREATE INDEX groups_by_age ON groups(last);

CREATE TABLE group_sensors (
    group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    sensor_no INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (group_id, sensor_no)
) STRICT, WITHOUT ROWID;

-- How many groups each tab holds, so that the badges cost nothing.
CREATE TABLE group_counts (
    unit_id INTEGER NOT NULL,
    status INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (unit_id, status)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER groups_counted_in AFTER INSERT ON groups BEGIN
    INSERT INTO group_counts (unit_id, status, count) VALUES (NEW.unit_id, NEW.status, 1)
    ON CONFLICT (unit_id, status) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER groups_counted_out AFTER DELETE ON groups BEGIN
    UPDATE group_counts SET count = count - 1 WHERE unit_id = OLD.unit_id AND status = OLD.status;
END;
CREATE TRIGGER groups_counted_over AFTER UPDATE OF status ON groups WHEN OLD.status <> NEW.status BEGIN
    UPDATE group_counts SET count = count - 1 WHERE unit_id = OLD.unit_id AND status = OLD.status;
    INSERT INTO group_counts (unit_id, status, count) VALUES (NEW.unit_id, NEW.status, 1)
    ON CONFLICT (unit_id, status) DO UPDATE SET count = count + 1;
END;

-- What was done to a group. `before` is what undoing restores.
CREATE TABLE group_history (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    user TEXT,
    action TEXT NOT NULL,
    verdict TEXT,
    reason TEXT,
    comment TEXT,
    undo_token TEXT,
    version_after INTEGER NOT NULL,
    before TEXT
) STRICT;
CREATE INDEX group_history_group ON group_history(group_id, id);
CREATE INDEX group_history_undo ON group_history(undo_token) WHERE undo_token IS NOT NULL;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    user TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
-- The hash that the oldest kept row was chained to.
CREATE TABLE audit_anchor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    hash BLOB NOT NULL
) STRICT;
INSERT INTO audit_anchor (id, hash) VALUES (1, zeroblob(32));

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    sensor_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    class TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    line TEXT NOT NULL,
    line_bytes INTEGER NOT NULL,
    UNIQUE (sensor_id, epoch, class, seq)
) STRICT;
