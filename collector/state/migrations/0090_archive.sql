-- Partitions that have gone to an archive, and those of them that are back for a while.
CREATE TABLE archive_packs (
    id INTEGER PRIMARY KEY,
    -- Where it lies, and its name there.
    site TEXT NOT NULL,
    object TEXT NOT NULL,
    day TEXT NOT NULL,
    shelf TEXT NOT NULL,
    events INTEGER NOT NULL,
    -- Of the partition, and of the pack.
    bytes INTEGER NOT NULL,
    packed_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    archived INTEGER NOT NULL,
    recall TEXT NOT NULL DEFAULT 'none' CHECK (recall IN ('none', 'asked', 'here', 'failed')),
    recalled_by TEXT,
    recall_until INTEGER,
    recall_fault TEXT,
    UNIQUE (site, object)
) STRICT;
CREATE INDEX archive_packs_day ON archive_packs(day, shelf);
CREATE INDEX archive_packs_recall ON archive_packs(recall) WHERE recall <> 'none';

-- Partitions that are to go to the archive and could not yet.
CREATE TABLE archive_faults (
    day TEXT NOT NULL,
    shelf TEXT NOT NULL,
    number INTEGER NOT NULL,
    since INTEGER NOT NULL,
    last INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (day, shelf, number)
) STRICT;

-- Partitions that were dropped for want of room before the archive had them.
CREATE TABLE archive_losses (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    shelf TEXT NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
