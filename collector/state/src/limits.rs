//! The caps on everything that a peer or a user can make grow.

use std::time::Duration;

/// Units in the tree.
pub const MAX_UNITS: i64 = 20_000;
/// Depth of the tree of units.
pub const MAX_UNIT_DEPTH: usize = 12;
pub const MAX_USERS: i64 = 10_000;
/// Sessions of one user; the oldest ends when one more begins.
pub const MAX_SESSIONS_PER_USER: i64 = 20;
/// A session ends this long after sign-in, whatever happens.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 3_600);
/// A session ends after this long without a request.
pub const SESSION_IDLE: Duration = Duration::from_secs(60 * 60);
/// The same for administrators.
pub const ADMIN_SESSION_IDLE: Duration = Duration::from_secs(15 * 60);
/// The time of last use is written at most this often.
pub const SESSION_TOUCH: Duration = Duration::from_secs(30);
/// Failed sign-ins of one account from one address before the delay begins.
pub const FREE_SIGN_IN_FAILURES: i64 = 5;
/// The same for one address, whatever the account.
pub const FREE_ADDRESS_FAILURES: i64 = 30;
/// The longest delay after failed sign-ins.
pub const MAX_SIGN_IN_DELAY: Duration = Duration::from_secs(15 * 60);
/// Rows of the throttling table; the oldest go first.
pub const MAX_SIGN_IN_ROWS: i64 = 20_000;
pub const MIN_PASSWORD_CHARS: usize = 12;
pub const MAX_PASSWORD_BYTES: usize = 256;
/// Password hashes computed at once; each takes the memory of [`crate::PasswordCost`].
pub const MAX_PARALLEL_HASHES: usize = 2;
pub const ENROLMENT_LIFETIME: Duration = Duration::from_secs(24 * 3_600);
pub const MAX_OPEN_ENROLMENTS: i64 = 1_000;
/// A name of a user, unit, sensor, case: more than a hundred letters of Vietnamese, which take up to three bytes each.
pub const MAX_NAME_BYTES: usize = 400;
pub const MAX_COMMENT_BYTES: usize = 4_000;
/// Rows of history of one group; the oldest go first.
pub const MAX_HISTORY_PER_GROUP: i64 = 500;
/// Groups that one action changes.
pub const MAX_GROUPS_PER_ACTION: usize = 10_000;
/// Undoing is possible for this long.
pub const UNDO_WINDOW: Duration = Duration::from_secs(600);
/// Badges of one group.
pub const MAX_BADGES: usize = 6;
pub const MAX_BADGE_BYTES: usize = 80;
/// Sensors counted apart in one group.
pub const MAX_SENSORS_PER_GROUP: i64 = 64;
pub const MAX_QUARANTINE_ROWS: i64 = 10_000;
pub const MAX_QUARANTINE_LINE_BYTES: usize = 16 * 1_024;
/// The newest heartbeats kept for one sensor, at most one a minute.
pub const MAX_HEARTBEATS_PER_SENSOR: i64 = 2_880;
pub const MAX_STATS_BYTES: usize = 256 * 1_024;
/// Reasons for shedding counted apart in one hour and class.
pub const MAX_SHED_REASONS: usize = 16;
/// Rows of the ledger of one sensor: over a year of hours in every class.
pub const MAX_LEDGER_ROWS_PER_SENSOR: i64 = 100_000;
pub const MAX_SOURCES: i64 = 2_000;
/// A JSON document that people write: settings, channels, rules of notification.
pub const MAX_CONFIG_BYTES: usize = 32 * 1_024;
pub const MAX_CHANNELS: i64 = 200;
pub const MAX_NOTIFICATION_RULES: i64 = 500;
/// Messages that wait or failed; beyond it the oldest of the sent and failed ones go.
pub const MAX_OUTBOX_ROWS: i64 = 20_000;
/// Groups counted one by one for a page's total; beyond it the total is a lower bound.
pub const MAX_COUNTED: i64 = 100_000;
/// Searches that one user keeps.
pub const MAX_SAVED_SEARCHES: i64 = 200;
/// Searches that one user ran; the oldest go first.
pub const MAX_HISTORY_OF_SEARCHES: i64 = 200;
pub const MAX_QUERY_TEXT_BYTES: usize = 8 * 1_024;
/// Hunts with rules of one user that are kept.
pub const MAX_RULE_HUNTS_PER_USER: i64 = 50;
/// Export files of one user at a time.
pub const MAX_EXPORTS_PER_USER: i64 = 20;
pub const MAX_PREFERENCES: i64 = 64;
pub const MAX_PREFERENCE_BYTES: usize = 8 * 1_024;
pub const MAX_TOKENS_PER_USER: i64 = 50;
/// A token for a program lasts at most this long.
pub const MAX_TOKEN_DAYS: i64 = 366;
/// Groups that one action on everything that matches changes.
pub const MAX_GROUPS_PER_BULK: usize = 200_000;
/// Networks and machines with a name.
pub const MAX_ASSETS: i64 = 5_000;
/// Rules that hide groups and have not ended.
pub const MAX_HIDE_RULES: i64 = 500;
/// Conditions of one of them, and values of one condition.
pub const MAX_HIDE_CONDITIONS: usize = 8;
pub const MAX_HIDE_VALUES: usize = 64;
/// A hide rule has to end, at the latest after this long.
pub const MAX_HIDE_LIFETIME: Duration = Duration::from_secs(366 * 86_400);
/// Verdicts that are remembered when a group is looked at.
pub const MAX_REMEMBERED: u32 = 500;
/// Groups whose risk is worked out anew after a verdict on their signature.
pub const MAX_RISKS_PER_VERDICT: i64 = 2_000;
pub const MAX_CASES: i64 = 100_000;
/// Of one case.
pub const MAX_CASE_GROUPS: i64 = 1_000;
pub const MAX_CASE_HOSTS: i64 = 500;
pub const MAX_CASE_TASKS: i64 = 200;
pub const MAX_CASE_EVENTS: i64 = 5_000;
pub const MAX_CASE_FILES: i64 = 40;
/// Bytes of one file, and of all files of all cases.
pub const MAX_CASE_FILE_BYTES: usize = 16 * 1_024 * 1_024;
pub const MAX_ALL_CASE_FILES_BYTES: i64 = 2 * 1_024 * 1_024 * 1_024;
pub const MAX_CASE_TEXT_BYTES: usize = 20_000;
/// Sets of the centre's own rules, and bytes of one.
pub const MAX_RULE_SETS: i64 = 200;
pub const MAX_RULE_SET_BYTES: usize = 384 * 1_024;
/// Versions of one set; the oldest that no sensor is to run go first.
pub const MAX_VERSIONS_PER_RULE_SET: i64 = 500;
/// Bytes of a version that a source made: whole public rule sets, with their lists.
pub const MAX_FED_VERSION_BYTES: usize = 32 * 1_024 * 1_024;
/// Bytes of all versions of one set; the oldest that no sensor is to run go first.
pub const MAX_BYTES_OF_VERSIONS: i64 = 256 * 1_024 * 1_024;
/// Of all sets that are published, so that a sensor takes them (64 MiB of text).
pub const MAX_PUBLISHED_BYTES: i64 = 48 * 1_024 * 1_024;
/// Rule and intelligence sources, runs of one that are remembered, and bytes of each of its four filters.
pub const MAX_FEEDS: i64 = 200;
pub const MAX_RUNS_PER_FEED: i64 = 100;
pub const MAX_FILTER_BYTES: usize = 64 * 1_024;
/// Of the address, the proxy and what a source is asked with.
pub const MAX_FEED_ADDRESS_BYTES: usize = 2_000;
/// Of what a run says, JSON.
pub const MAX_RUN_REPORT_BYTES: usize = 512 * 1_024;
/// Captures that rules are tried on: how many, bytes of one, and of all.
pub const MAX_RULE_CAPTURES: i64 = 200;
pub const MAX_RULE_CAPTURE_BYTES: usize = 32 * 1_024 * 1_024;
pub const MAX_ALL_RULE_CAPTURES_BYTES: i64 = 1_024 * 1_024 * 1_024;
/// Hunts on sensors that one user keeps.
pub const MAX_REMOTE_HUNTS_PER_USER: i64 = 20;
/// Records that one hunt brings from all sensors, and their bytes.
pub const MAX_REMOTE_HUNT_ROWS: i64 = 10_000;
pub const MAX_REMOTE_HUNT_BYTES: i64 = 32 * 1_024 * 1_024;
/// Of one sensor: what comes over a thin link in a minute.
pub const MAX_REMOTE_HUNT_BYTES_PER_SENSOR: i64 = 2 * 1_024 * 1_024;
/// What all hunts hold; beyond it none begins.
pub const MAX_ALL_REMOTE_HUNT_BYTES: i64 = 512 * 1_024 * 1_024;
/// How long a sensor searches, without the time for which it is away.
pub const REMOTE_HUNT_SEARCH: Duration = Duration::from_secs(600);
/// Requests for packets, and those of one sensor that are on their way.
pub const MAX_EVIDENCE: i64 = 20_000;
pub const MAX_OPEN_EVIDENCE: i64 = 32;
/// Bytes of files of evidence; the oldest go first.
pub const MAX_ALL_EVIDENCE_BYTES: i64 = 8 * 1_024 * 1_024 * 1_024;
/// Settings of sensors: those of one unit or sensor, and all of them.
pub const MAX_SETTINGS_PER_TARGET: usize = 200;
pub const MAX_FLEET_SETTINGS: i64 = 20_000;
/// Programs that spoke with one sensor's certificate; the oldest go first.
pub const MAX_INSTANCES_PER_SENSOR: i64 = 20;
/// A sensor that was there twice is told of for this long.
pub const TWIN_MEMORY: Duration = Duration::from_secs(3_600);
/// Orders to sensors that are open, and those of one sensor that are remembered.
pub const MAX_OPEN_ORDERS: i64 = 500;
pub const MAX_ORDERS_PER_SENSOR: i64 = 20;
/// A sensor that is away for longer is not told any more.
pub const ORDER_LIFETIME: Duration = Duration::from_secs(86_400);
/// Bytes of one support bundle.
pub const MAX_BUNDLE_BYTES: usize = 4 * 1_024 * 1_024;
/// Times of silence that have not ended, and how long one may be.
pub const MAX_SILENCES: i64 = 2_000;
pub const MAX_SILENCE: Duration = Duration::from_secs(92 * 86_400);
/// Partitions that were dropped before the archive had them: the newest are shown, all are counted.
pub const MAX_ARCHIVE_LOSSES: i64 = 200;
/// Of why something could not be archived, or come back.
pub const MAX_FAULT_BYTES: usize = 1_000;
/// Of the name by which a provider of sign-ins calls a person.
pub const MAX_EXPECTED_BYTES: usize = 320;
