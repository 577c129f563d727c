-- What of an export's range lay in the archive when the file was made: JSON, whose shape is the API's.
ALTER TABLE exports ADD COLUMN archived TEXT;

-- Packs that were removed from the archive when their time was over.
CREATE TABLE archive_expired (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    day TEXT NOT NULL,
    shelf TEXT NOT NULL,
    events INTEGER NOT NULL,
    packed_bytes INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
