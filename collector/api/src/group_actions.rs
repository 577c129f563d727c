//! What people do to groups: to those they name, or to everything that a filter holds.
//!
//! The second kind goes on behind the answer, some groups at a time, on what matched when it was asked for; its
//! progress can be read, and it can be stopped and undone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use collector_state::limits::MAX_GROUPS_PER_BULK;
use collector_state::{
    Action, Actor, Change, Conflict, GroupFilter, GroupId, Role, Target, UnixMillis, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::Path;
use crate::groups::{Wanted, filter};
use crate::json::Json;

/// Groups of one transaction.
const AT_ONCE: usize = 500;
/// Actions on everything that matches that go on at the same time.
const MAX_RUNNING: usize = 4;
/// Those that are remembered after their end.
const MAX_REMEMBERED: usize = 100;

#[derive(Deserialize, ToSchema)]
pub struct ActionRequest {
    ids: Vec<i64>,
    /// The versions that were looked at, in the order of `ids`; a group that has another one by now is left
    /// alone and told.
    #[serde(default)]
    versions: Vec<i64>,
    #[serde(flatten)]
    change: ChangeRequest,
}

#[derive(Deserialize, ToSchema)]
pub struct ChangeRequest {
    /// acknowledge, escalate, close, escalate_close, reopen, assign, comment
    action: String,
    /// true_positive, false_positive, benign; a close needs one.
    verdict: Option<String>,
    reason: Option<String>,
    comment: Option<String>,
    owner: Option<String>,
    /// Days that a closed group stays closed; it opens with what comes afterwards.
    mute_days: Option<u16>,
}

/// A group that somebody else had changed.
#[derive(Serialize, ToSchema)]
pub struct ConflictBody {
    id: i64,
    version: i64,
    status: String,
    owner: Option<String>,
    /// Who changed it.
    user: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ActionBody {
    changed: u64,
    conflicts: Vec<ConflictBody>,
    undo_token: String,
}

#[derive(Deserialize, ToSchema)]
pub struct UndoRequest {
    undo_token: String,
}

#[derive(Serialize, ToSchema)]
pub struct UndoBody {
    changed: u64,
}

/// An action on every group that a filter holds now.
#[derive(Deserialize, ToSchema)]
pub struct MatchingRequest {
    /// As in the list of groups.
    status: Option<String>,
    #[serde(default)]
    q: String,
    #[serde(default)]
    severity: Vec<u8>,
    from: Option<String>,
    to: Option<String>,
    #[serde(flatten)]
    change: ChangeRequest,
}

#[derive(Serialize, ToSchema)]
pub struct BulkBody {
    id: u64,
    /// Groups that matched when it was asked for.
    total: u64,
    done: u64,
    changed: u64,
    /// running, done, stopped, failed
    state: String,
    undo_token: String,
}

fn change(request: ChangeRequest, now: UnixMillis) -> Result<Change> {
    let unknown = |field| ApiError::Invalid {
        field,
        reason: "unknown",
    };
    Ok(Change {
        action: Action::from_name(&request.action).ok_or_else(|| unknown("action"))?,
        verdict: match request.verdict.as_deref() {
            None => None,
            Some(name) => Some(Verdict::from_name(name).ok_or_else(|| unknown("verdict"))?),
        },
        reason: request.reason,
        comment: request.comment,
        owner: request.owner,
        mute_until: request
            .mute_days
            .map(|days| now.plus(i64::from(days) * UnixMillis::DAY)),
    })
}

fn actor<'a>(state: &ApiState, caller: &'a Caller) -> Actor<'a> {
    Actor {
        user: &caller.user.name,
        address: &caller.address,
        scope: &caller.scope,
        now: state.now(),
    }
}

#[utoipa::path(post, path = "/groups/actions", tag = "groups", request_body = ActionRequest,
    responses((status = 200, body = ActionBody), (status = 400, body = Problem)))]
async fn act(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<ActionRequest>,
) -> Result<Json<ActionBody>> {
    caller.require(Role::Analyst)?;
    let change = change(request.change, state.now())?;
    if !request.versions.is_empty() && request.versions.len() != request.ids.len() {
        return invalid("versions", "does_not_fit");
    }
    let versions = request.versions;
    let targets: Vec<Target> = request
        .ids
        .iter()
        .enumerate()
        .map(|(at, id)| Target {
            id: GroupId(*id),
            version: versions.get(at).copied(),
        })
        .collect();
    let token = state.store.undo_token()?;
    let outcome = state
        .store
        .act(&targets, &change, actor(&state, &caller), &token)
        .await?;
    let named = request.ids.iter().take(20).map(i64::to_string);
    caller
        .note(
            &state,
            &format!("group.{}", change.action.name()),
            &named.collect::<Vec<_>>().join(","),
            json!({ "changed": outcome.changed, "conflicts": outcome.conflicts.len(), "chain": outcome.chain }),
        )
        .await?;
    let conflict = |conflict: Conflict| ConflictBody {
        id: conflict.id.0,
        version: conflict.version,
        status: conflict.status.name().to_owned(),
        owner: conflict.owner,
        user: conflict.user,
    };
    Ok(Json(ActionBody {
        changed: outcome.changed,
        conflicts: outcome.conflicts.into_iter().map(conflict).collect(),
        undo_token: outcome.undo_token,
    }))
}

#[utoipa::path(post, path = "/groups/actions/undo", tag = "groups", request_body = UndoRequest,
    responses((status = 200, body = UndoBody)))]
async fn undo(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<UndoRequest>,
) -> Result<Json<UndoBody>> {
    caller.require(Role::Analyst)?;
    let changed = state
        .store
        .undo(&request.undo_token, actor(&state, &caller))
        .await?;
    caller
        .note(&state, "group.undo", "", json!({ "changed": changed }))
        .await?;
    Ok(Json(UndoBody { changed }))
}

/// How far an action on everything that matches has come.
#[derive(Debug, Clone)]
struct Bulk {
    user: String,
    total: u64,
    done: u64,
    changed: u64,
    state: &'static str,
    stop: bool,
    undo_token: String,
}

/// The actions on everything that matches, running and just ended.
#[derive(Debug, Default)]
pub struct Bulks {
    next: u64,
    by_id: BTreeMap<u64, Bulk>,
}

/// Shared by the handlers and by what goes on behind them.
pub type SharedBulks = Arc<Mutex<Bulks>>;

fn bulks(state: &ApiState) -> MutexGuard<'_, Bulks> {
    state.0.bulks.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bulk_body(id: u64, bulk: &Bulk) -> BulkBody {
    BulkBody {
        id,
        total: bulk.total,
        done: bulk.done,
        changed: bulk.changed,
        state: bulk.state.to_owned(),
        undo_token: bulk.undo_token.clone(),
    }
}

#[utoipa::path(post, path = "/groups/actions/matching", tag = "groups", request_body = MatchingRequest,
    responses((status = 200, body = BulkBody), (status = 400, body = Problem)))]
async fn act_on_matching(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<MatchingRequest>,
) -> Result<Json<BulkBody>> {
    caller.require(Role::Analyst)?;
    let now = state.now();
    let wanted = Wanted {
        status: request.status.as_deref(),
        q: &request.q,
        severity: &request.severity,
        from: request.from.as_deref(),
        to: request.to.as_deref(),
    };
    let filter = filter(&caller, &wanted, now)?;
    let what = json!({ "status": request.status, "q": request.q, "severity": request.severity,
        "from": request.from, "to": request.to });
    let change = change(request.change, now)?;
    // An action without groups tells whether the action itself is in order.
    let token = state.store.undo_token()?;
    state
        .store
        .act(&[], &change, actor(&state, &caller), &token)
        .await?;
    let ids = matching(&state, &filter, now).await?;
    let bulk = Bulk {
        user: caller.user.name.clone(),
        total: ids.len() as u64,
        done: 0,
        changed: 0,
        state: "running",
        stop: false,
        undo_token: token,
    };
    let id = {
        let mut bulks = bulks(&state);
        let running = bulks.by_id.values().filter(|one| one.state == "running");
        if running.count() >= MAX_RUNNING {
            return invalid("action", "too_many");
        }
        while bulks.by_id.len() >= MAX_REMEMBERED {
            let Some(oldest) = bulks
                .by_id
                .iter()
                .find(|(_, one)| one.state != "running")
                .map(|(id, _)| *id)
            else {
                break;
            };
            bulks.by_id.remove(&oldest);
        }
        bulks.next += 1;
        let id = bulks.next;
        bulks.by_id.insert(id, bulk.clone());
        id
    };
    let action = format!("group.{}.matching", change.action.name());
    caller
        .note(
            &state,
            &action,
            &id.to_string(),
            json!({ "total": bulk.total, "of": what }),
        )
        .await?;
    let body = bulk_body(id, &bulk);
    tokio::spawn(run(state, caller, id, ids, change, bulk.undo_token));
    Ok(Json(body))
}

/// Ids of the groups that match, those that come later left out.
async fn matching(state: &ApiState, filter: &GroupFilter, now: UnixMillis) -> Result<Vec<GroupId>> {
    let mut ids: Vec<GroupId> = Vec::new();
    loop {
        let after = ids.last().copied().unwrap_or(GroupId(0));
        let page = state
            .store
            .group_targets(filter, now, after, 10_000)
            .await?;
        let last = page.len() < 10_000;
        ids.extend(page);
        if ids.len() > MAX_GROUPS_PER_BULK {
            return invalid("q", "too_many");
        }
        if last {
            return Ok(ids);
        }
    }
}

/// Carries out the action, and keeps what is told of it up to date.
async fn run(
    state: ApiState,
    caller: Caller,
    id: u64,
    ids: Vec<GroupId>,
    change: Change,
    token: String,
) {
    let mut end = "done";
    for some in ids.chunks(AT_ONCE) {
        let stop = bulks(&state).by_id.get(&id).is_none_or(|bulk| bulk.stop);
        if stop {
            end = "stopped";
            break;
        }
        let targets: Vec<Target> = some
            .iter()
            .map(|id| Target {
                id: *id,
                version: None,
            })
            .collect();
        let outcome = state
            .store
            .act(&targets, &change, actor(&state, &caller), &token)
            .await;
        match outcome {
            Ok(outcome) => {
                if let Some(bulk) = bulks(&state).by_id.get_mut(&id) {
                    bulk.done += some.len() as u64;
                    bulk.changed += outcome.changed;
                }
            }
            Err(error) => {
                tracing::error!(%error, bulk = id, "an action on everything that matches failed");
                end = "failed";
                break;
            }
        }
        // Ingest has its turn between two transactions.
        tokio::task::yield_now().await;
    }
    if let Some(bulk) = bulks(&state).by_id.get_mut(&id) {
        bulk.state = end;
    }
}

/// One's own, by its number.
fn own(state: &ApiState, caller: &Caller, id: u64) -> Result<BulkBody> {
    let bulks = bulks(state);
    let bulk = bulks.by_id.get(&id);
    bulk.filter(|bulk| bulk.user == caller.user.name)
        .map(|bulk| bulk_body(id, bulk))
        .ok_or(ApiError::NotFound)
}

#[utoipa::path(get, path = "/groups/bulk/{id}", tag = "groups", params(("id" = u64, Path)),
    responses((status = 200, body = BulkBody), (status = 404, body = Problem)))]
async fn progress(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<Json<BulkBody>> {
    own(&state, &caller, id).map(Json)
}

/// Stops it where it is; what was done stays, and can be undone.
#[utoipa::path(delete, path = "/groups/bulk/{id}", tag = "groups", params(("id" = u64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn stop(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode> {
    own(&state, &caller, id)?;
    if let Some(bulk) = bulks(&state).by_id.get_mut(&id) {
        bulk.stop = true;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(act))
        .routes(routes!(undo))
        .routes(routes!(act_on_matching))
        .routes(routes!(progress, stop))
}
