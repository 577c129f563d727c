-- Packets that were asked for. The packets themselves are files.
CREATE TABLE evidence (
    id INTEGER PRIMARY KEY,
    sensor_id TEXT NOT NULL REFERENCES sensors(id) ON DELETE CASCADE,
    -- Event for which it was asked.
    event_id TEXT,
    -- None: packets of all flows.
    flow_id INTEGER,
    -- By the sensor's clock.
    from_ns INTEGER NOT NULL,
    to_ns INTEGER NOT NULL,
    -- Why somebody wants it.
    reason TEXT NOT NULL,
    requested INTEGER NOT NULL,
    requested_by TEXT NOT NULL,
    -- queued, sent, reading, uploading, ready, failed, cancelled
    state TEXT NOT NULL,
    -- Something may still come.
    is_open INTEGER NOT NULL AS (state IN ('queued', 'sent', 'reading', 'uploading')) VIRTUAL,
    -- Of failed ones.
    fault TEXT,
    changed INTEGER NOT NULL,
    -- Place in the sensor's ring up to which it goes, once the sensor has told.
    until_segment INTEGER,
    until_offset INTEGER,
    until_entry INTEGER,
    total_frames INTEGER,
    total_bytes INTEGER,
    frames INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    -- Not all: more than may be asked for, overwritten meanwhile, damaged.
    cut INTEGER NOT NULL DEFAULT 0,
    rotated INTEGER NOT NULL DEFAULT 0,
    damaged INTEGER NOT NULL DEFAULT 0,
    -- Of the file, when it is ready.
    file_bytes INTEGER,
    sha256 TEXT
) STRICT;
CREATE INDEX evidence_event ON evidence(event_id);
CREATE INDEX evidence_open ON evidence(sensor_id, is_open);
