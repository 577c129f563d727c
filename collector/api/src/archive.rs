//! The archive of partitions past their time: where it lies, what is in it, what could not go there, and what is brought
//! back to be searched for a while.

use axum::extract::State;
use collector_archive::{Archive, Means, Settings, Site};
use collector_search::ClassFilter;
use collector_state::{
    ArchiveFault, ArchiveLoss, ArchivedDays, ArchivedRange, Pack, Page, Role, StateError, UnitId,
    UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::Query;
use crate::json::Json;
use crate::{search, times};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;
const HOUR_MS: i64 = 3_600_000;
/// Of one recall; it can be asked for again.
const MAX_RECALL_HOURS: u32 = 31 * 24;
const MAX_RECALL_GIGABYTES: u32 = 1_000_000;
/// A hundred years.
const MAX_KEPT_DAYS: u32 = 36_500;
/// Of each text of a place.
const MAX_SITE_BYTES: usize = 1_024;
/// Parts of the reserve that stay free beside it while something is brought back.
const MARGIN: u64 = 10;

/// How the archive is reached, and how whoever works on it is woken.
#[derive(Clone)]
pub struct ArchiveDesk {
    pub means: Means,
    pub wake: watch::Sender<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct ArchiveState {
    enabled: bool,
    /// The folder or address where partitions go now.
    site: Option<String>,
    packs: u64,
    events: u64,
    /// Of the partitions, and of what lies in the archive.
    bytes: u64,
    packed_bytes: u64,
    /// `2026-11-24`
    first_day: Option<String>,
    last_day: Option<String>,
    /// What could not go to the archive; the longest waiting first.
    faults: Vec<FaultBody>,
    /// Partitions that were dropped for want of room before the archive had them: all, and the newest of them.
    lost_partitions: u64,
    lost_events: u64,
    losses: Vec<LossBody>,
    /// What was removed from the archive when its days there were over.
    expired_partitions: u64,
    expired_events: u64,
    /// What is back, on its way, or could not be brought back.
    recalls: Vec<PackBody>,
    recalled_bytes: u64,
    recall_limit_bytes: u64,
}

/// Why a partition is not in the archive yet. It stays, and is searched.
#[derive(Serialize, ToSchema)]
pub struct FaultBody {
    day: String,
    shelf: String,
    since: String,
    /// The last attempt.
    last: String,
    attempts: u64,
    /// site, not_allowed, refused, not_found, full, damaged, too_large, unreachable, other; not_removed: the archive still
    /// has what its days are over of
    code: String,
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct LossBody {
    day: String,
    shelf: String,
    events: u64,
    bytes: u64,
    at: String,
}

/// A partition in the archive.
#[derive(Serialize, ToSchema)]
pub struct PackBody {
    id: i64,
    day: String,
    /// alerts, records
    shelf: String,
    site: String,
    object: String,
    events: u64,
    bytes: u64,
    packed_bytes: u64,
    sha256: String,
    archived: String,
    /// none, asked, here, failed
    recall: String,
    recalled_by: Option<String>,
    /// When it goes again.
    recall_until: Option<String>,
    recall_fault: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PacksQuery {
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct PackPage {
    items: Vec<PackBody>,
    total: u64,
    next: Option<i64>,
}

/// The settings, with what the configuration file allows.
#[derive(Serialize, ToSchema)]
pub struct ArchiveSettingsBody {
    settings: Settings,
    /// Folders below which an archive may lie.
    folders: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct ArchiveTryRequest {
    site: Site,
}

/// Whether a place can be written to and read.
#[derive(Serialize, ToSchema)]
pub struct ArchiveTried {
    works: bool,
    /// As in the faults.
    code: Option<String>,
    reason: Option<String>,
}

/// Days, and of which records.
#[derive(Deserialize, ToSchema)]
pub struct RecallRequest {
    /// RFC 3339, `now-24h`.
    from: String,
    to: String,
    /// alert, record; both without it.
    class: Option<String>,
    /// How long it stays.
    hours: u32,
}

#[derive(Deserialize, ToSchema)]
pub struct EndRecallRequest {
    from: String,
    to: String,
    class: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RecallBegun {
    days: u64,
    events: u64,
    bytes: u64,
    until: String,
}

#[derive(Serialize, ToSchema)]
pub struct RecallEnded {
    packs: u64,
}

/// What of a search's range lies in the archive, and is not among its results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArchivedBody {
    days: u64,
    events: u64,
    /// What they need here.
    bytes: u64,
    /// `2026-11-24`
    first: String,
    last: String,
    /// Days of them that are on their way.
    coming: u64,
}

fn fault_body(fault: ArchiveFault) -> FaultBody {
    FaultBody {
        day: fault.day,
        shelf: fault.shelf,
        since: times::write(fault.since),
        last: times::write(fault.last),
        attempts: fault.attempts,
        code: fault.code,
        reason: fault.reason,
    }
}

fn loss_body(loss: ArchiveLoss) -> LossBody {
    LossBody {
        day: loss.day,
        shelf: loss.shelf,
        events: loss.events,
        bytes: loss.bytes,
        at: times::write(loss.at),
    }
}

fn pack_body(pack: Pack) -> PackBody {
    PackBody {
        id: pack.id,
        day: pack.day,
        shelf: pack.shelf,
        site: pack.site,
        object: pack.object,
        events: pack.events,
        bytes: pack.bytes,
        packed_bytes: pack.packed_bytes,
        sha256: pack.sha256,
        archived: times::write(pack.archived),
        recall: pack.recall.name().to_owned(),
        recalled_by: pack.recalled_by,
        recall_until: pack.recall_until.map(times::write),
        recall_fault: pack.recall_fault,
    }
}

/// Partitions are of days in UTC.
fn day(time: UnixMillis) -> String {
    times::write(time)
        .chars()
        .take("2026-11-24".len())
        .collect()
}

/// The days of a range of microseconds; without an end, all.
pub fn range(from: Option<i64>, to: Option<i64>, class: ClassFilter) -> ArchivedRange {
    let day = |micros: i64| day(UnixMillis(micros.div_euclid(1_000)));
    ArchivedRange {
        from: from.map(day).unwrap_or_default(),
        to: to
            .map(day)
            .filter(|day| !day.is_empty())
            .unwrap_or_else(|| "9999-12-31".to_owned()),
        shelf: match class {
            ClassFilter::All => None,
            ClassFilter::Alert => Some("alerts"),
            ClassFilter::Record => Some("records"),
        },
    }
}

pub fn archived_body(days: ArchivedDays) -> Option<ArchivedBody> {
    Some(ArchivedBody {
        days: days.days,
        events: days.events,
        bytes: days.bytes,
        first: days.first?,
        last: days.last?,
        coming: days.coming,
    })
}

/// What of a range of microseconds is not looked at, for it lies in the archive.
pub async fn unseen(
    state: &ApiState,
    (from, to): (Option<i64>, Option<i64>),
    class: ClassFilter,
) -> std::result::Result<Option<ArchivedBody>, StateError> {
    let range = range(from, to, class);
    Ok(archived_body(state.store.archived_days(&range).await?))
}

/// Of what was not looked at when a long work began and when it ended, the greater part: days go and come meanwhile.
pub fn greater(one: Option<ArchivedBody>, other: Option<ArchivedBody>) -> Option<ArchivedBody> {
    [one, other]
        .into_iter()
        .flatten()
        .max_by_key(|body| (body.days, body.events))
}

fn asked_range(
    state: &ApiState,
    from: &str,
    to: &str,
    class: Option<&str>,
) -> Result<ArchivedRange> {
    let now = state.now();
    let read = |field, text| times::read(field, text, now).map(|time| time.0.saturating_mul(1_000));
    let (from, to) = (read("from", from)?, read("to", to)?);
    if from > to {
        return invalid("from", "after_to");
    }
    Ok(range(Some(from), Some(to), search::class(class)?))
}

pub async fn settings_of(state: &ApiState) -> Result<Settings> {
    let json = state.store.setting(Settings::NAME).await?;
    Ok(Settings::read(json.as_deref()))
}

/// What is in the archive, what is not yet and why, and what is back.
#[utoipa::path(get, path = "/archive", operation_id = "archive", tag = "system",
    responses((status = 200, body = ArchiveState), (status = 403, body = Problem)))]
async fn get(State(state): State<ApiState>, caller: Caller) -> Result<Json<ArchiveState>> {
    caller.require(Role::Analyst)?;
    let settings = settings_of(&state).await?;
    let totals = state.store.archive_totals().await?;
    let faults = state.store.archive_faults().await?;
    let losses = state.store.archive_losses().await?;
    let recalls = state.store.recalls().await?;
    Ok(Json(ArchiveState {
        enabled: settings.active().is_some(),
        site: settings.site.as_ref().map(Site::name),
        packs: totals.packs,
        events: totals.events,
        bytes: totals.bytes,
        packed_bytes: totals.packed_bytes,
        first_day: totals.first_day,
        last_day: totals.last_day,
        faults: faults.into_iter().map(fault_body).collect(),
        lost_partitions: totals.lost_partitions,
        lost_events: totals.lost_events,
        losses: losses.into_iter().map(loss_body).collect(),
        expired_partitions: totals.expired_partitions,
        expired_events: totals.expired_events,
        recalls: recalls.into_iter().map(pack_body).collect(),
        recalled_bytes: totals.recalled_bytes,
        recall_limit_bytes: settings.recall_bytes(),
    }))
}

/// The partitions in the archive, the last that went there first.
#[utoipa::path(get, path = "/archive/packs", operation_id = "archive_packs", tag = "system", params(PacksQuery),
    responses((status = 200, body = PackPage), (status = 403, body = Problem)))]
async fn packs(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<PacksQuery>,
) -> Result<Json<PackPage>> {
    caller.require(Role::Analyst)?;
    let page = Page {
        limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
        before: query.before,
    };
    let packs = state.store.archive_packs(page).await?;
    Ok(Json(PackPage {
        items: packs.items.into_iter().map(pack_body).collect(),
        total: packs.total,
        next: packs.next,
    }))
}

fn settings_body(state: &ApiState, mut settings: Settings) -> ArchiveSettingsBody {
    settings.site = settings.site.map(Site::masked);
    let folders = state.archive.means.folders.iter();
    ArchiveSettingsBody {
        settings,
        folders: folders.map(|folder| folder.display().to_string()).collect(),
    }
}

/// Where partitions go; without the secret.
#[utoipa::path(get, path = "/archive/settings", operation_id = "archive_settings", tag = "system",
    responses((status = 200, body = ArchiveSettingsBody), (status = 403, body = Problem)))]
async fn settings(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<ArchiveSettingsBody>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId::ROOT)?;
    let settings = settings_of(&state).await?;
    Ok(Json(settings_body(&state, settings)))
}

/// A place with the secret that it had before, if it brings none.
async fn with_secret(state: &ApiState, site: Site) -> Result<Site> {
    let texts = match &site {
        Site::Folder { path } => vec![path],
        Site::S3 {
            endpoint,
            bucket,
            prefix,
            region,
            key_id,
            secret,
        } => {
            vec![endpoint, bucket, prefix, region, key_id, secret]
        }
    };
    if texts.iter().any(|text| text.len() > MAX_SITE_BYTES) {
        return invalid("site", "too_long");
    }
    let before = settings_of(state).await?.site;
    Ok(match &before {
        Some(before) => site.with_secret_of(before),
        None => site,
    })
}

/// Sets where partitions go from now on. What lies in the place before this one stays there; it can be brought back when
/// that place is set again.
#[utoipa::path(put, path = "/archive/settings", operation_id = "set_archive_settings", tag = "system", request_body = Settings,
    responses((status = 200, body = ArchiveSettingsBody), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn set_settings(
    State(state): State<ApiState>,
    caller: Caller,
    Json(mut settings): Json<Settings>,
) -> Result<Json<ArchiveSettingsBody>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId::ROOT)?;
    if settings.recall_gigabytes > MAX_RECALL_GIGABYTES {
        return invalid("recall_gigabytes", "out_of_range");
    }
    for (field, days) in [
        ("alerts_days", settings.alerts_days),
        ("records_days", settings.records_days),
    ] {
        if days.is_some_and(|days| !(1..=MAX_KEPT_DAYS).contains(&days)) {
            return invalid(field, "out_of_range");
        }
    }
    if settings.enabled && settings.site.is_none() {
        return invalid("site", "missing");
    }
    if let Some(site) = settings.site.take() {
        let site = with_secret(&state, site).await?;
        if let Err(error) = Archive::open(&site, &state.archive.means) {
            return Err(ApiError::Unreadable(error.told()));
        }
        settings.site = Some(site);
    }
    let json = serde_json::to_string(&settings);
    let json = json.map_err(|error| ApiError::Broken(error.to_string()))?;
    let (user, now) = (&caller.user.name, state.now());
    state
        .store
        .set_setting(Settings::NAME, &json, user, now)
        .await?;
    if !settings.enabled {
        state.store.forget_archive_faults().await?;
    }
    let body = settings_body(&state, settings);
    let detail = json!(body.settings);
    caller.note(&state, "archive.settings", "", detail).await?;
    state.archive.wake.send_modify(|times| *times += 1);
    Ok(Json(body))
}

/// Writes a small object to a place, reads it, and removes it.
#[utoipa::path(post, path = "/archive/settings/try", operation_id = "try_archive", tag = "system", request_body = ArchiveTryRequest,
    responses((status = 200, body = ArchiveTried), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn try_out(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<ArchiveTryRequest>,
) -> Result<Json<ArchiveTried>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId::ROOT)?;
    let site = with_secret(&state, request.site).await?;
    caller
        .note(&state, "archive.try", &site.name(), json!({}))
        .await?;
    let tried = match Archive::open(&site, &state.archive.means) {
        Ok(archive) => archive.try_out().await,
        Err(error) => Err(error),
    };
    let fault = tried.err();
    Ok(Json(ArchiveTried {
        works: fault.is_none(),
        code: fault.as_ref().map(|fault| fault.code().to_owned()),
        reason: fault.map(|fault| fault.told()),
    }))
}

/// Asks for days to be brought back, and searched with the others until their time is over. All or nothing: what is back
/// has a limit, and the disk's reserve is not touched.
#[utoipa::path(post, path = "/archive/recalls", operation_id = "recall", tag = "system", request_body = RecallRequest,
    responses((status = 200, body = RecallBegun), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn recall(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<RecallRequest>,
) -> Result<Json<RecallBegun>> {
    caller.require(Role::Analyst)?;
    if !(1..=MAX_RECALL_HOURS).contains(&request.hours) {
        return invalid("hours", "out_of_range");
    }
    let range = asked_range(&state, &request.from, &request.to, request.class.as_deref())?;
    let storage = state.machine().storage().await.map_err(ApiError::Broken)?;
    let reserve = storage.disk.reserve_bytes;
    let room = storage
        .disk
        .free_bytes
        .saturating_sub(reserve + reserve / MARGIN);
    let missing = state.store.archived_days(&range).await?;
    if missing.bytes > room {
        return invalid("range", "no_room");
    }
    let until = state.now().plus(i64::from(request.hours) * HOUR_MS);
    let limit = settings_of(&state).await?.recall_bytes();
    let user = &caller.user.name;
    let asked = state.store.ask_recall(&range, until, user, limit).await?;
    let detail = json!({
        "from": range.from, "to": range.to, "shelf": range.shelf, "hours": request.hours, "events": asked.events,
    });
    caller.note(&state, "archive.recall", "", detail).await?;
    state.archive.wake.send_modify(|times| *times += 1);
    Ok(Json(RecallBegun {
        days: asked.days,
        events: asked.events,
        bytes: asked.bytes,
        until: times::write(until),
    }))
}

/// Sends back what was brought back; the archive still has it.
#[utoipa::path(post, path = "/archive/recalls/end", operation_id = "end_recall", tag = "system", request_body = EndRecallRequest,
    responses((status = 200, body = RecallEnded), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn end_recall(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<EndRecallRequest>,
) -> Result<Json<RecallEnded>> {
    caller.require(Role::Analyst)?;
    let range = asked_range(&state, &request.from, &request.to, request.class.as_deref())?;
    let packs = state.store.end_recall(&range, state.now()).await?;
    let detail =
        json!({ "from": range.from, "to": range.to, "shelf": range.shelf, "packs": packs });
    caller
        .note(&state, "archive.end_recall", "", detail)
        .await?;
    state.archive.wake.send_modify(|times| *times += 1);
    Ok(Json(RecallEnded { packs }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(packs))
        .routes(routes!(settings, set_settings))
        .routes(routes!(try_out))
        .routes(routes!(recall))
        .routes(routes!(end_recall))
}
