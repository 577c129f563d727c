-- Alerts of the collector's own rules on their way to index and inbox. They are kept in the transaction that notes
-- how far a stream is judged, and go when both have them.
CREATE TABLE sigma_alerts (
    -- The row of kind 'collector' that stands for the collector in a unit.
    sensor_no INTEGER NOT NULL REFERENCES sensors(no) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (sensor_no, epoch, seq)
) STRICT, WITHOUT ROWID;

-- What correlations remember, for the rules with this hash.
CREATE TABLE sigma_memory (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    rules TEXT NOT NULL,
    state BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
