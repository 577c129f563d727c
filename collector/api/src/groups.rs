//! The inbox: alert groups. What people do to them is in [`crate::group_actions`].

use std::net::IpAddr;

use axum::extract::State;
use collector_search::Network;
use collector_state::{
    Asset, By, Group, GroupFilter, GroupId, GroupPage, GroupSort, Memory, RiskParts, RolledGroup,
    SeverityCount, Status, Term, USUAL_IMPORTANCE, UnixMillis,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::guidance::{Bilingual, GuidanceText};
use crate::json::Json;
use crate::times;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GroupsQuery {
    /// new, open, escalated, closed, hidden; all without it.
    status: Option<String>,
    /// Words: part of a signature's text, an address or network, `src:` or `dest:` before one, `sid:N`,
    /// `owner:NAME`, `owner:me`, `owner:none`, `technique:T1046`, `hidden:RULE`.
    #[serde(default)]
    q: String,
    #[serde(default)]
    severity: Vec<u8>,
    from: Option<String>,
    to: Option<String>,
    /// risk (the default), last, count
    sort: Option<String>,
    /// desc (the default), asc
    order: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
    /// How groups are put together: signature (the default), source, destination.
    by: Option<String>,
}

/// What a group's place in the list comes from, in hundredths of what is usual.
#[derive(Serialize, ToSchema)]
pub struct RiskBody {
    /// 1 to 5; 3 is usual.
    importance: u8,
    importance_percent: u64,
    rarity_percent: u64,
    precision_percent: u64,
    /// Groups of the signature that were closed, and as true.
    closed: u64,
    true_positive: u64,
}

#[derive(Serialize, ToSchema)]
pub struct GroupRow {
    pub id: i64,
    unit_id: i64,
    gid: u32,
    sid: u32,
    signature: String,
    /// The signature in words, if there is guidance for it.
    title: Option<Bilingual>,
    category: String,
    /// 1 (worst) to 4.
    severity: u8,
    technique: Option<String>,
    source: String,
    destination: String,
    /// Its alerts come from the attacked: the destination did it.
    is_answer: bool,
    count: u64,
    first: String,
    last: String,
    status: String,
    verdict: Option<String>,
    reason: Option<String>,
    owner: Option<String>,
    app_proto: Option<String>,
    sensors: Vec<String>,
    /// Alerts of each of the last 24 hours, oldest first.
    spark: Vec<u32>,
    latest_alert: String,
    risk: i64,
    risk_parts: RiskBody,
    /// Names of the machines, where they have one.
    source_name: Option<String>,
    destination_name: Option<String>,
    /// Somebody has escalated it, and it may be closed since.
    escalated: bool,
    /// The rule that hides it.
    hidden_by: Option<i64>,
    /// It stays closed until then.
    mute_until: Option<String>,
    version: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Tabs {
    new: u64,
    open: u64,
    escalated: u64,
    closed: u64,
    hidden: u64,
}

#[derive(Serialize, ToSchema)]
pub struct GroupsBody {
    items: Vec<GroupRow>,
    next_cursor: Option<String>,
    total: u64,
    tabs: Tabs,
}

#[derive(Serialize, ToSchema)]
pub struct SeveritySummary {
    /// 1 (worst) to 4.
    severity: u8,
    groups: u64,
    alerts: u64,
}

/// What a filter holds. A list that is open compares it with what it showed, to tell what is new.
#[derive(Serialize, ToSchema)]
pub struct SummaryBody {
    groups: u64,
    alerts: u64,
    severities: Vec<SeveritySummary>,
}

#[derive(Serialize, ToSchema)]
pub struct HistoryEntry {
    at: String,
    user: Option<String>,
    action: String,
    verdict: Option<String>,
    reason: Option<String>,
    comment: Option<String>,
    /// Where it was done from.
    address: String,
    /// Hash that chains this entry to the one before it.
    hash: String,
    /// The entry is as it was written.
    intact: bool,
}

#[derive(Serialize, ToSchema)]
pub struct ReasonBody {
    verdict: String,
    reason: String,
    count: u64,
    last: String,
}

#[derive(Serialize, ToSchema)]
pub struct RememberedBody {
    /// The group, while it is kept.
    group: Option<i64>,
    at: String,
    user: String,
    verdict: String,
    reason: String,
    source: String,
    destination: String,
    same_source: bool,
    same_destination: bool,
}

/// How the last groups of the same signature were closed.
#[derive(Serialize, ToSchema)]
pub struct MemoryBody {
    true_positive: u64,
    false_positive: u64,
    benign: u64,
    reasons: Vec<ReasonBody>,
    nearest: Vec<RememberedBody>,
}

/// Groups with something in common, as one.
#[derive(Serialize, ToSchema)]
pub struct RolledBody {
    newest: GroupRow,
    groups: u64,
    count: u64,
    sources: u64,
    destinations: u64,
    first: String,
    last: String,
    /// The worst, 1 to 4.
    severity: u8,
}

#[derive(Serialize, ToSchema)]
pub struct GroupBody {
    group: GroupRow,
    guidance: Option<GuidanceText>,
    /// The signature's source, if the collector has it.
    rule: Option<String>,
    memory: MemoryBody,
    history: Vec<HistoryEntry>,
}

/// A group as it is told, with the names of its ends.
pub async fn row(state: &ApiState, group: Group) -> Result<GroupRow> {
    let (source, destination) = state
        .store
        .ends(group.source, group.destination, group.unit_id)
        .await?;
    let importance = [&source, &destination]
        .into_iter()
        .flatten()
        .map(|asset| asset.importance)
        .max()
        .unwrap_or(USUAL_IMPORTANCE);
    let parts = RiskParts {
        severity: group.severity,
        importance,
        signature_alerts: group.signature_alerts,
        closed: group.signature_closed,
        true_positive: group.signature_true,
        count: group.count,
    };
    let named = |asset: Option<Asset>| asset.map(|asset| asset.name);
    Ok(GroupRow {
        id: group.id.0,
        unit_id: group.unit_id.0,
        gid: group.gid,
        sid: group.sid,
        title: state.guidance.title(group.sid).cloned(),
        signature: group.signature,
        category: group.category,
        severity: group.severity,
        technique: group.technique,
        source: group.source.to_string(),
        destination: group.destination.to_string(),
        is_answer: group.is_answer,
        count: group.count,
        first: times::write(group.first),
        last: times::write(group.last),
        status: group.status.name().to_owned(),
        verdict: group.verdict.map(|verdict| verdict.name().to_owned()),
        reason: group.reason,
        owner: group.owner,
        app_proto: group.app_proto,
        sensors: group.sensors,
        spark: group.spark,
        latest_alert: group.latest_alert,
        risk: group.risk,
        risk_parts: RiskBody {
            importance,
            importance_percent: parts.importance_percent(),
            rarity_percent: parts.rarity_percent(),
            precision_percent: parts.precision_percent(),
            closed: parts.closed,
            true_positive: parts.true_positive,
        },
        source_name: named(source),
        destination_name: named(destination),
        escalated: group.escalated,
        hidden_by: group.hidden_by,
        mute_until: group.mute_until.map(times::write),
        version: group.version,
    })
}

async fn rows(state: &ApiState, groups: Vec<Group>) -> Result<Vec<GroupRow>> {
    let mut told = Vec::with_capacity(groups.len());
    for group in groups {
        told.push(row(state, group).await?);
    }
    Ok(told)
}

fn memory_body(memory: Memory) -> MemoryBody {
    MemoryBody {
        true_positive: memory.true_positive,
        false_positive: memory.false_positive,
        benign: memory.benign,
        reasons: memory
            .reasons
            .into_iter()
            .map(|said| ReasonBody {
                verdict: said.verdict.name().to_owned(),
                reason: said.reason,
                count: said.count,
                last: times::write(said.last),
            })
            .collect(),
        nearest: memory
            .nearest
            .into_iter()
            .map(|one| RememberedBody {
                group: one.group.map(|group| group.0),
                at: times::write(one.at),
                user: one.user,
                verdict: one.verdict.name().to_owned(),
                reason: one.reason,
                source: one.source.to_string(),
                destination: one.destination.to_string(),
                same_source: one.same_source,
                same_destination: one.same_destination,
            })
            .collect(),
    }
}

/// The words of a filter.
fn terms(text: &str, caller: &str) -> Vec<Term> {
    text.split_whitespace()
        .map(|word| {
            if let Some(owner) = word.strip_prefix("owner:") {
                let name = match owner {
                    "me" => caller,
                    "none" => "",
                    name => name,
                };
                return Term::Owner(name.to_owned());
            }
            if let Some(technique) = word.strip_prefix("technique:") {
                return Term::Technique(technique.to_owned());
            }
            if let Some(rule) = word.strip_prefix("hidden:").and_then(|id| id.parse().ok()) {
                return Term::HiddenBy(rule);
            }
            if let Some(sid) = word.strip_prefix("sid:").and_then(|sid| sid.parse().ok()) {
                return Term::Sid(sid);
            }
            if let Some((first, last)) = word.strip_prefix("src:").and_then(network) {
                return Term::Source(first, last);
            }
            if let Some((first, last)) = word.strip_prefix("dest:").and_then(network) {
                return Term::Destination(first, last);
            }
            match network(word) {
                Some((first, last)) => Term::Address(first, last),
                None => Term::Text(word.to_owned()),
            }
        })
        .collect()
}

/// The first and last address of a network, or of one address.
fn network(text: &str) -> Option<(IpAddr, IpAddr)> {
    let network = Network::parse(text)?;
    Some((IpAddr::V6(network.first), IpAddr::V6(network.last)))
}

/// What a list, a summary and an action on everything that matches have in common.
pub struct Wanted<'a> {
    pub status: Option<&'a str>,
    pub q: &'a str,
    pub severity: &'a [u8],
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
}

/// The groups that are meant.
pub fn filter(caller: &Caller, wanted: &Wanted<'_>, now: UnixMillis) -> Result<GroupFilter> {
    let status = match wanted.status {
        None | Some("") => None,
        Some(name) => match Status::from_name(name) {
            Some(status) => Some(status),
            None => return invalid("status", "unknown"),
        },
    };
    Ok(GroupFilter {
        scope: caller.scope.clone(),
        status,
        terms: terms(wanted.q, &caller.user.name),
        severities: wanted.severity.to_vec(),
        from: times::read_optional("from", wanted.from, now)?,
        to: times::read_optional("to", wanted.to, now)?,
    })
}

impl GroupsQuery {
    fn filter(&self, caller: &Caller, now: UnixMillis) -> Result<GroupFilter> {
        let wanted = Wanted {
            status: self.status.as_deref(),
            q: &self.q,
            severity: &self.severity,
            from: self.from.as_deref(),
            to: self.to.as_deref(),
        };
        filter(caller, &wanted, now)
    }

    fn order(&self) -> Result<(GroupSort, bool)> {
        let sort = match self.sort.as_deref() {
            None | Some("risk") => GroupSort::Risk,
            Some("last") => GroupSort::Last,
            Some("count") => GroupSort::Count,
            Some(_) => return invalid("sort", "unknown"),
        };
        match self.order.as_deref() {
            None | Some("desc") => Ok((sort, true)),
            Some("asc") => Ok((sort, false)),
            Some(_) => invalid("order", "unknown"),
        }
    }
}

/// A group's value in an order.
fn value(sort: GroupSort, group: &Group) -> i64 {
    match sort {
        GroupSort::Risk => group.risk,
        GroupSort::Last => group.last.0,
        GroupSort::Count => group.count.cast_signed(),
    }
}

/// A cursor is the sort value and the id of a page's last row.
fn read_cursor(text: &str) -> Result<(i64, GroupId)> {
    let parts = text.split_once('.');
    let read = parts.and_then(|(value, id)| Some((value.parse().ok()?, id.parse().ok()?)));
    read.map_or_else(|| invalid("cursor", "not_a_cursor"), Ok)
}

#[utoipa::path(get, path = "/groups", operation_id = "list_groups", tag = "groups", params(GroupsQuery),
    responses((status = 200, body = GroupsBody), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<GroupsQuery>,
) -> Result<Json<GroupsBody>> {
    let filter = query.filter(&caller, state.now())?;
    let (sort, descending) = query.order()?;
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let page = GroupPage {
        sort,
        descending,
        limit,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let groups = state.store.groups(&filter, page).await?;
    let full = groups.len() == limit as usize;
    let next_cursor = groups
        .last()
        .filter(|_| full)
        .map(|group| format!("{}.{}", value(sort, group), group.id));
    let total = state.store.count_groups(&filter).await?;
    let tabs = state.store.group_counts(&caller.scope).await?;
    Ok(Json(GroupsBody {
        items: rows(&state, groups).await?,
        next_cursor,
        total,
        tabs: Tabs {
            new: tabs.new,
            open: tabs.open,
            escalated: tabs.escalated,
            closed: tabs.closed,
            hidden: tabs.hidden,
        },
    }))
}

#[utoipa::path(get, path = "/groups/summary", tag = "groups", params(GroupsQuery),
    responses((status = 200, body = SummaryBody), (status = 400, body = Problem)))]
async fn summary(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<GroupsQuery>,
) -> Result<Json<SummaryBody>> {
    let filter = query.filter(&caller, state.now())?;
    let counts = state.store.groups_by_severity(&filter).await?;
    let severity = |count: &SeverityCount| SeveritySummary {
        severity: count.severity,
        groups: count.groups,
        alerts: count.alerts,
    };
    Ok(Json(SummaryBody {
        groups: counts.iter().map(|count| count.groups).sum(),
        alerts: counts.iter().map(|count| count.alerts).sum(),
        severities: counts.iter().map(severity).collect(),
    }))
}

/// Groups put together, without cursors: the first `limit` of them.
#[utoipa::path(get, path = "/groups/rolled", operation_id = "rolled_groups", tag = "groups", params(GroupsQuery),
    responses((status = 200, body = [RolledBody]), (status = 400, body = Problem)))]
async fn rolled(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<GroupsQuery>,
) -> Result<Json<Vec<RolledBody>>> {
    let filter = query.filter(&caller, state.now())?;
    let (sort, descending) = query.order()?;
    let by = match query.by.as_deref() {
        None | Some("signature") => By::Signature,
        Some("source") => By::Source,
        Some("destination") => By::Destination,
        Some(_) => return invalid("by", "unknown"),
    };
    let page = GroupPage {
        sort,
        descending,
        limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
        after: None,
    };
    let found: Vec<RolledGroup> = state.store.rolled_groups(&filter, by, page).await?;
    let mut told = Vec::with_capacity(found.len());
    for one in found {
        told.push(RolledBody {
            newest: row(&state, one.newest).await?,
            groups: one.groups,
            count: one.count,
            sources: one.sources,
            destinations: one.destinations,
            first: times::write(one.first),
            last: times::write(one.last),
            severity: one.severity,
        });
    }
    Ok(Json(told))
}

#[utoipa::path(get, path = "/groups/{id}", tag = "groups", params(("id" = i64, Path)),
    responses((status = 200, body = GroupBody), (status = 404, body = Problem)))]
async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<GroupBody>> {
    let group = state.store.group(GroupId(id), &caller.scope).await?;
    let technique = group.technique.as_deref();
    let guidance = state.guidance.find(group.sid, technique, &group.category);
    let history = state.store.history(group.id).await?;
    let entry = |entry: collector_state::HistoryRow| HistoryEntry {
        at: times::write(entry.at),
        user: entry.user,
        action: entry.action,
        verdict: entry.verdict.map(|verdict| verdict.name().to_owned()),
        reason: entry.reason,
        comment: entry.comment,
        address: entry.address,
        hash: entry.hash,
        intact: entry.intact,
    };
    let memory = state.store.memory(&group, &caller.scope).await?;
    Ok(Json(GroupBody {
        memory: memory_body(memory),
        guidance: guidance.cloned(),
        rule: state.rules.get(&group.sid).cloned(),
        history: history.into_iter().map(entry).collect(),
        group: row(&state, group).await?,
    }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(summary))
        .routes(routes!(rolled))
        .routes(routes!(one))
}
