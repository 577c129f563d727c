-- What the centre has its sensors run with. A setting of a unit holds for all sensors below it, unless a unit further down or
-- the sensor has its own.
CREATE TABLE fleet_settings (
    id INTEGER PRIMARY KEY,
    -- One of both.
    unit_id INTEGER REFERENCES units(id) ON DELETE CASCADE,
    sensor_no INTEGER REFERENCES sensors(no) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    at INTEGER NOT NULL,
    user TEXT NOT NULL,
    CHECK ((unit_id IS NULL) <> (sensor_no IS NULL))
) STRICT;
CREATE UNIQUE INDEX fleet_settings_unit ON fleet_settings(unit_id, name) WHERE unit_id IS NOT NULL;
CREATE UNIQUE INDEX fleet_settings_sensor ON fleet_settings(sensor_no, name) WHERE sensor_no IS NOT NULL;

-- What was changed, by whom and why. The newest id is the revision that a change must have seen.
CREATE TABLE fleet_changes (
    id INTEGER PRIMARY KEY,
    unit_id INTEGER,
    sensor_id TEXT,
    at INTEGER NOT NULL,
    user TEXT NOT NULL,
    why TEXT NOT NULL,
    -- JSON: list of name, before, after.
    changes TEXT NOT NULL,
    -- Sensors whose configuration it changed then.
    sensors INTEGER NOT NULL
) STRICT;

-- What a sensor says of the centre's settings (see fleet_settings), and all that it runs with.
ALTER TABLE sensors ADD COLUMN config_hash TEXT;
ALTER TABLE sensors ADD COLUMN config_refused_hash TEXT;
ALTER TABLE sensors ADD COLUMN config_refused_reason TEXT;
ALTER TABLE sensors ADD COLUMN config_waiting_hash TEXT;
ALTER TABLE sensors ADD COLUMN config_running_hash TEXT;
-- JSON object: the value of each setting, as it runs.
ALTER TABLE sensors ADD COLUMN config_running TEXT;
-- When what it is to run with changed last, or what it says of it.
ALTER TABLE sensors ADD COLUMN config_since INTEGER;

-- Programs that spoke with a sensor's certificate, by the number that each makes at its start.
CREATE TABLE sensor_instances (
    sensor_no INTEGER NOT NULL REFERENCES sensors(no) ON DELETE CASCADE,
    instance INTEGER NOT NULL,
    hostname TEXT NOT NULL,
    remote_addr TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (sensor_no, instance)
) STRICT, WITHOUT ROWID;
-- The newest of them, and how often and when last an older one came back: then there are two.
ALTER TABLE sensors ADD COLUMN instance INTEGER;
ALTER TABLE sensors ADD COLUMN twin_returns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sensors ADD COLUMN twin_seen INTEGER;

-- What sensors are to do once.
CREATE TABLE sensor_orders (
    id INTEGER PRIMARY KEY,
    sensor_id TEXT NOT NULL REFERENCES sensors(id) ON DELETE CASCADE,
    -- restart, bundle
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    requested INTEGER NOT NULL,
    requested_by TEXT NOT NULL,
    -- queued, sent, working, done, failed, cancelled
    state TEXT NOT NULL,
    is_open INTEGER NOT NULL AS (state IN ('queued', 'sent', 'working')) VIRTUAL,
    fault TEXT,
    changed INTEGER NOT NULL,
    -- Who was told: a restart is over when another speaks.
    instance INTEGER,
    -- Of a bundle.
    content BLOB,
    sha256 TEXT
) STRICT;
CREATE INDEX sensor_orders_open ON sensor_orders(sensor_id, is_open);

-- Times in which alarms of a unit's sensors, or of one sensor, are nobody's business.
CREATE TABLE silences (
    id INTEGER PRIMARY KEY,
    unit_id INTEGER REFERENCES units(id) ON DELETE CASCADE,
    sensor_no INTEGER REFERENCES sensors(no) ON DELETE CASCADE,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    -- Before its time.
    ended INTEGER,
    ended_by TEXT,
    CHECK ((unit_id IS NULL) <> (sensor_no IS NULL))
) STRICT;

-- The silence that an alarm is under, and since when it may be told to people; none: not yet.
ALTER TABLE alarms ADD COLUMN silence_id INTEGER;
ALTER TABLE alarms ADD COLUMN loud INTEGER;
UPDATE alarms SET loud = opened;
