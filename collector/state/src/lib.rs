//! What changes: accounts, the organisation, sensors, alert groups and what people did to them.
//!
//! Immutable records are in the index; this store is small, transactional (SQLite in WAL mode) and
//! enough for the alert inbox by itself. Time is passed in, never read here. Everything that can grow
//! has a limit ([`limits`]) or a retention ([`Store::maintain`]).
//!
//! Group updates are idempotent: the sequence number up to which alerts are counted is kept per sensor,
//! epoch and class in the same transaction as the groups ([`Store::apply_alerts`]).

mod access;
mod alarm;
mod archive;
mod asset;
mod audit;
mod canary;
mod case;
mod enrolment;
mod error;
mod evidence;
mod feed;
mod figures;
mod fleet;
mod group;
mod hide;
mod identity;
mod ids;
mod ledger;
pub mod limits;
mod link;
mod maintain;
mod mark;
mod notification;
mod password;
mod quarantine;
mod remote_hunt;
mod rule_hunt;
mod rule_set;
mod search;
mod second_factor;
mod secret;
mod sensor;
mod session;
mod settings;
mod sigma;
mod signature;
mod source;
mod store;
mod text;
mod throttle;
mod triage;
mod unit;
mod user;

pub use access::{ApiToken, OpenSession, TOKEN_PREFIX};
pub use alarm::{Alarm, AlarmFilter, AlarmKind, AlarmSilence, Condition};
pub use archive::{
    ArchiveFault, ArchiveLoss, ArchiveReach, ArchiveTotals, ArchivedDays, ArchivedRange, NewPack,
    Pack, Recall, Waiting,
};
pub use asset::{Asset, NewAsset, USUAL_IMPORTANCE};
pub use audit::{AuditEntry, AuditFilter, AuditRow};
pub use canary::{CanaryHealth, Hop, canary_health};
pub use case::{
    Case, CaseChange, CaseContent, CaseEvent, CaseFile, CaseFilter, CaseHost, CasePart, CaseStatus,
    CaseTask, NOTICE_WITHIN, NewCase, NewFile, PERSONAL_WITHIN, REPORT_WITHIN,
};
pub use enrolment::{Enrolment, PendingEnrolment};
pub use error::{Result, StateError};
pub use evidence::{Evidence, EvidenceOf, EvidenceState, EvidenceStep, NewEvidence};
pub use feed::{Feed, FeedChange, FeedRun, FeedRunStatus, RunEnd, SecretChange};
pub use figures::{AddressFigures, AnalystFigures, Figures, SensorFigures, SignatureFigures};
pub use fleet::{
    ChangedSensor, ConfigurationReport, ConfigurationState, Effective, FleetChange, FleetTarget,
    Greeting, Instance, NewSilence, Order, OrderKind, OrderState, OrderStep, Preview,
    SensorConfiguration, Silence, Twin, ValueChange, configuration_hash, configuration_text,
};
pub use group::{
    Action, ActionOutcome, Actor, AlertBatch, AlertSeen, AppliedAlert, By, Change, Conflict, Group,
    GroupCounts, GroupFilter, GroupPage, GroupSort, HistoryRow, Memory, RememberedReason,
    RememberedVerdict, RiskParts, RolledGroup, SeverityCount, Status, Target, Term, Verdict,
};
pub use hide::{HideCondition, HideField, HidePreview, HideRule, HideTest, NewHideRule};
pub use identity::{Identity, Provided};
pub use ids::{GroupId, UnitId, UnixMillis, UserId};
pub use ledger::{
    LedgerCounts, LedgerRow, SHED_TO_STAY, SensorCounts, SensorLedgerRow, StoredCounts,
};
pub use link::{LinkHours, LinkPlan};
pub use maintain::{Maintained, Retention};
pub use notification::{
    Channel, ChannelChange, DueMessage, Enqueued, GroupTold, NotificationRule, OutboxRow,
    OutboxState, RuleChange,
};
pub use password::PasswordCost;
pub use quarantine::{QuarantineRow, Refused};
pub use remote_hunt::{
    Kept, NewRemoteHunt, OpenRemoteHunt, RemoteFound, RemoteHunt, RemotePlace, RemoteRow,
    RemoteSensor, RemoteState, RemoteStep,
};
pub use rule_hunt::{NewRuleHunt, RuleHunt};
pub use rule_set::{
    NewRuleSet, Publication, PublishedState, Reported, RuleCapture, RuleSet, RuleVersion,
    SensorTarget, published_hash, rule_text_hash,
};
pub use search::{
    Export, ExportProgress, ExportStatus, NewSavedSearch, PastSearch, SavedSearch, SearchText,
};
pub use second_factor::NewSecondFactor;
pub use secret::{csrf_token, same_secret};
pub use sensor::{
    BacklogSeen, CanaryArrived, CanaryMade, HeartbeatSeen, Sensor, SensorKind, SpoolSeen,
};
pub use session::{Session, SignedIn};
pub use sigma::{Judged, SigmaAlert};
pub use signature::SignatureRow;
pub use source::{SOURCE_TOKEN_PREFIX, Source};
pub use store::{Page, Paged, Store, StoreOptions};
pub use text::fold;
pub use unit::{NewUnit, Scope, Unit, checked_name};
pub use user::{NewUser, Role, User, UserChange};
