-- Cases: what belongs together of an incident, and what is done about it.
CREATE TABLE cases (
    id INTEGER PRIMARY KEY,
    unit_id INTEGER NOT NULL REFERENCES units(id),
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    severity INTEGER NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    -- The time from which the clocks run.
    detected INTEGER NOT NULL,
    serious INTEGER NOT NULL,
    personal_data INTEGER NOT NULL,
    -- When the authority was told; absent: not yet.
    notice_sent INTEGER,
    report_sent INTEGER,
    personal_sent INTEGER,
    cause TEXT NOT NULL,
    impact TEXT NOT NULL,
    remedy TEXT NOT NULL,
    closed INTEGER,
    merged_into INTEGER REFERENCES cases(id),
    version INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX cases_status ON cases(status, id);

CREATE TABLE case_groups (
    case_id INTEGER NOT NULL REFERENCES cases(id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    PRIMARY KEY (case_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_groups_group ON case_groups(group_id);

CREATE TABLE case_hosts (
    case_id INTEGER NOT NULL REFERENCES cases(id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    -- victim, attacker, other
    part TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (case_id, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE case_tasks (
    id INTEGER PRIMARY KEY,
    case_id INTEGER NOT NULL REFERENCES cases(id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    owner TEXT,
    due INTEGER,
    done INTEGER,
    done_by TEXT
) STRICT;
CREATE INDEX case_tasks_case ON case_tasks(case_id);

CREATE TABLE case_files (
    id INTEGER PRIMARY KEY,
    case_id INTEGER NOT NULL REFERENCES cases(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    added INTEGER NOT NULL,
    added_by TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX case_files_case ON case_files(case_id);

-- What happened and what was done, in one line of time. Rows of a case are chained by their hashes.
CREATE TABLE case_events (
    id INTEGER PRIMARY KEY,
    case_id INTEGER NOT NULL REFERENCES cases(id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    written INTEGER NOT NULL,
    user TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX case_events_case ON case_events(case_id, id);
