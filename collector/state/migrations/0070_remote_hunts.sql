-- Searches among the records that stayed on sensors: asked for, watched, and gone after a day.
CREATE TABLE remote_hunts (
    -- Never given twice: sensors know them by it.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    -- As it was written, and as it travels (JSON).
    query TEXT NOT NULL,
    tree TEXT NOT NULL,
    -- Microseconds since 1970, both included.
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    -- Of each sensor.
    max_rows INTEGER NOT NULL,
    max_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX remote_hunts_user ON remote_hunts(user_id, id);
CREATE TABLE remote_hunt_sensors (
    hunt_id INTEGER NOT NULL REFERENCES remote_hunts(id) ON DELETE CASCADE,
    sensor_id TEXT NOT NULL REFERENCES sensors(id) ON DELETE CASCADE,
    -- queued, sent, searching, done, failed, cancelled
    state TEXT NOT NULL,
    -- Something may still come.
    is_open INTEGER NOT NULL AS (state IN ('queued', 'sent', 'searching')) VIRTUAL,
    -- Why it is done, or failed.
    reason TEXT,
    changed INTEGER NOT NULL,
    -- Place in the sensor's archive where it goes on.
    before_segment INTEGER,
    before_offset INTEGER,
    before_entry INTEGER,
    -- Records looked at on links before this one, looked at in all, and to be looked at.
    looked_before INTEGER NOT NULL DEFAULT 0,
    looked_at INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    -- What the archive holds.
    oldest_us INTEGER,
    newest_us INTEGER,
    rotated INTEGER NOT NULL DEFAULT 0,
    damaged INTEGER NOT NULL DEFAULT 0,
    found INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hunt_id, sensor_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX remote_hunt_sensors_open ON remote_hunt_sensors(sensor_id, is_open);
CREATE TABLE remote_hunt_rows (
    hunt_id INTEGER NOT NULL,
    sensor_id TEXT NOT NULL,
    -- Place in the sensor's archive: a part that comes again adds nothing.
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    class TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (hunt_id, sensor_id, segment, offset, entry),
    FOREIGN KEY (hunt_id, sensor_id) REFERENCES remote_hunt_sensors(hunt_id, sensor_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX remote_hunt_rows_time ON remote_hunt_rows(hunt_id, at_us);
