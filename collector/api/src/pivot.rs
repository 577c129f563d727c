//! Everything about one thing: a flow, a host, a domain, a file, a TLS fingerprint. Each is a number of tables
//! of counts over the events that name it, asked for at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use axum::extract::{Path, State};
use axum_extra::extract::Query;
use collector_search::{ClassFilter, Grouping, Node, Request, Sort, Test};
use collector_state::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::json::Json;
use crate::search::{TableRow, event_json, table_row};
use crate::times;

const DEFAULT_FROM: &str = "now-7d";
const DEFAULT_ROWS: usize = 25;
const MAX_ROWS: usize = 200;
/// Events of one flow.
const MAX_FLOW_EVENTS: usize = 500;
const MAX_NAME_BYTES: usize = 512;
/// Nodes of a graph of hosts.
const MAX_NODES: usize = 50;
/// New things are those of the range that the time before it, this many times as long, does not have.
const LOOK_BACK: i64 = 4;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PivotQuery {
    /// RFC 3339, `now-7d` (the default), `-1d@d`.
    from: Option<String>,
    to: Option<String>,
    /// Rows of each table.
    rows: Option<usize>,
}

/// A table about the thing. `id` is what the console calls it by.
#[derive(Serialize, ToSchema)]
pub struct Panel {
    id: String,
    fields: Vec<String>,
    rows: Vec<TableRow>,
    /// Groups in all, shown or not.
    different: u64,
}

#[derive(Serialize, ToSchema)]
pub struct GraphNode {
    id: String,
    /// Events with a neighbour.
    count: u64,
    /// An alert names it.
    alerted: bool,
}

#[derive(Serialize, ToSchema)]
pub struct GraphEdge {
    source: String,
    target: String,
    count: u64,
    alerts: u64,
}

/// Hosts that talked with one another.
#[derive(Serialize, ToSchema)]
pub struct Graph {
    nodes: Vec<GraphNode>,
    edges: Vec<GraphEdge>,
    /// Hosts that did not fit.
    left_out: u64,
    partial: bool,
}

#[derive(Serialize, ToSchema)]
pub struct PivotBody {
    /// host, domain, file, fingerprint
    kind: String,
    value: String,
    /// The events that name it, for a search.
    q: String,
    from: String,
    to: String,
    total: u64,
    first: Option<String>,
    last: Option<String>,
    panels: Vec<Panel>,
    /// Time ran out: counts are at least these.
    partial: bool,
}

#[derive(Serialize, ToSchema)]
pub struct FlowBody {
    value: String,
    q: String,
    /// In the order of time.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Value>,
    total: u64,
    partial: bool,
}

/// A panel: its name, which of the events, grouped by what.
type PanelPlan = (&'static str, Node, &'static [&'static str]);

fn is(path: &str, value: &str) -> Node {
    Node::Field {
        path: path.to_owned(),
        test: Test::Is(value.to_owned()),
        position: 0,
    }
}

fn like(path: &str, pattern: String) -> Node {
    Node::Field {
        path: path.to_owned(),
        test: Test::Like(pattern),
        position: 0,
    }
}

fn and(nodes: &[&Node]) -> Node {
    Node::And(nodes.iter().map(|node| (*node).clone()).collect())
}

struct Asking<'a> {
    state: &'a ApiState,
    sensors: Option<Vec<String>>,
    from: UnixMillis,
    to: UnixMillis,
    rows: usize,
}

impl<'a> Asking<'a> {
    async fn new(state: &'a ApiState, caller: &Caller, query: &PivotQuery) -> Result<Asking<'a>> {
        let now = state.now();
        Ok(Asking {
            from: times::read("from", query.from.as_deref().unwrap_or(DEFAULT_FROM), now)?,
            to: times::read("to", query.to.as_deref().unwrap_or("now"), now)?,
            rows: query.rows.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS),
            sensors: caller.sensors(state).await?,
            state,
        })
    }

    fn request(&self, query: Node) -> Request {
        Request {
            query,
            from: Some(self.from.0 * 1_000),
            to: Some(self.to.0 * 1_000),
            class: ClassFilter::All,
            sensors: self.sensors.clone(),
        }
    }

    /// The panels, those with the same condition in one pass.
    async fn panels(&self, plans: Vec<PanelPlan>) -> Result<(Vec<Panel>, bool)> {
        let mut passes: Vec<(Node, Vec<usize>)> = Vec::new();
        for (at, (_, node, _)) in plans.iter().enumerate() {
            match passes.iter_mut().find(|(known, _)| known == node) {
                Some((_, places)) => places.push(at),
                None => passes.push((node.clone(), vec![at])),
            }
        }
        let mut found: BTreeMap<usize, Panel> = BTreeMap::new();
        let mut partial = false;
        for (node, places) in passes {
            let of = |at: &usize| plans.get(*at).map_or(&[] as &[&str], |plan| plan.2);
            let groupings: Vec<Grouping> = places
                .iter()
                .map(|at| Grouping::of(of(at)).head(self.rows))
                .collect();
            let (tables, exact) = self
                .state
                .engine
                .tables(self.request(node), groupings)
                .await?;
            partial |= !exact;
            for (at, table) in places.iter().zip(tables) {
                let Some((id, _, fields)) = plans.get(*at) else {
                    continue;
                };
                found.insert(
                    *at,
                    Panel {
                        id: (*id).to_owned(),
                        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
                        rows: table.rows.into_iter().map(table_row).collect(),
                        different: table.different,
                    },
                );
            }
        }
        Ok((found.into_values().collect(), partial))
    }

    async fn body(
        &self,
        kind: &str,
        value: &str,
        q: String,
        about: Node,
        plans: Vec<PanelPlan>,
    ) -> Result<Json<PivotBody>> {
        let all = [Grouping::of(&["event_type"])];
        let (kinds, exact) = self
            .state
            .engine
            .tables(self.request(about), all.to_vec())
            .await?;
        let rows = kinds.into_iter().next().unwrap_or_default().rows;
        let write = |micros: i64| times::write(UnixMillis(micros.div_euclid(1_000)));
        let (mut panels, partial) = self.panels(plans).await?;
        let (total, first, last) = (
            rows.iter().map(|row| row.count).sum(),
            rows.iter().map(|row| row.first).min().map(write),
            rows.iter().map(|row| row.last).max().map(write),
        );
        panels.insert(
            0,
            Panel {
                id: "kinds".to_owned(),
                fields: vec!["event_type".to_owned()],
                different: rows.len() as u64,
                rows: rows.into_iter().map(table_row).collect(),
            },
        );
        Ok(Json(PivotBody {
            kind: kind.to_owned(),
            value: value.to_owned(),
            q,
            from: times::write(self.from),
            to: times::write(self.to),
            total,
            first,
            last,
            panels,
            partial: partial || !exact,
        }))
    }

    /// What the range has and the time before it has not.
    async fn fresh(&self, plans: Vec<PanelPlan>) -> Result<Vec<Panel>> {
        let length = self.to.0.saturating_sub(self.from.0).max(1);
        let before = Asking {
            from: UnixMillis(self.from.0.saturating_sub(length.saturating_mul(LOOK_BACK))),
            to: UnixMillis(self.from.0 - 1),
            sensors: self.sensors.clone(),
            rows: 1_000,
            state: self.state,
        };
        let (known, _) = before.panels(plans.clone()).await?;
        let (mut now, _) = Asking {
            sensors: self.sensors.clone(),
            rows: 1_000,
            ..*self
        }
        .panels(plans)
        .await?;
        for (panel, known) in now.iter_mut().zip(known) {
            // More than can be compared: nothing is said rather than something wrong.
            if known.different > known.rows.len() as u64 {
                panel.rows.clear();
            }
            let known: BTreeSet<&[String]> = known.rows.iter().map(TableRow::key).collect();
            panel.rows.retain(|row| !known.contains(row.key()));
            panel.different = panel.rows.len() as u64;
            panel.rows.truncate(self.rows);
        }
        Ok(now)
    }
}

/// Events that a flow id or a community id joins, oldest first.
#[utoipa::path(get, path = "/flows/{id}", operation_id = "flow", tag = "pivots", params(("id" = String, Path), PivotQuery),
    responses((status = 200, body = FlowBody), (status = 400, body = Problem)))]
async fn flow(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<FlowBody>> {
    let asking = Asking::new(&state, &caller, &query).await?;
    let (path, value) = if id.parse::<u64>().is_ok() {
        ("flow_id", id.clone())
    } else if id.starts_with("1:") && id.len() < 64 {
        ("community_id", id.clone())
    } else {
        return invalid("id", "not_a_flow");
    };
    let hits = state
        .engine
        .search(
            asking.request(is(path, &value)),
            Sort::OldestFirst,
            MAX_FLOW_EVENTS,
            None,
        )
        .await?;
    Ok(Json(FlowBody {
        q: format!("{path}:\"{value}\""),
        value: id,
        events: hits.events.iter().map(|event| event_json(event)).collect(),
        total: hits.total,
        partial: hits.partial,
    }))
}

#[utoipa::path(get, path = "/hosts/{address}", operation_id = "host", tag = "pivots", params(("address" = String, Path), PivotQuery),
    responses((status = 200, body = PivotBody), (status = 400, body = Problem)))]
async fn host(
    State(state): State<ApiState>,
    caller: Caller,
    Path(address): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<PivotBody>> {
    let Ok(address) = address.parse::<IpAddr>() else {
        return invalid("address", "not_an_address");
    };
    let address = address.to_string();
    let asking = Asking::new(&state, &caller, &query).await?;
    let either = is("ip", &address);
    let serves = is("dest_ip", &address);
    let uses = is("src_ip", &address);
    let alerts = is("event_type", "alert");
    let flows = is("event_type", "flow");
    let fresh = vec![
        ("new_peers_out", and(&[&flows, &uses]), &["dest_ip"] as &[_]),
        (
            "new_ports_in",
            and(&[&flows, &serves]),
            &["dest_port", "proto"],
        ),
        ("new_domains", uses.clone(), &["dns.queries.rrname"]),
    ];
    let plans: Vec<PanelPlan> = vec![
        (
            "alerts",
            and(&[&alerts, &either]),
            &["alert.signature", "alert.severity", "alert.signature_id"],
        ),
        (
            "services_offered",
            and(&[&flows, &serves]),
            &["dest_port", "proto", "app_proto"],
        ),
        (
            "services_used",
            and(&[&flows, &uses]),
            &["dest_ip", "dest_port", "app_proto"],
        ),
        ("clients", and(&[&flows, &serves]), &["src_ip"]),
        (
            "names",
            is("dns.answers.rdata", &address),
            &["dns.queries.rrname"],
        ),
        ("names_tls", serves.clone(), &["tls.sni"]),
        ("names_http", serves.clone(), &["http.hostname"]),
        ("domains", uses.clone(), &["dns.queries.rrname"]),
        ("sni", uses.clone(), &["tls.sni"]),
        ("http_hosts", uses.clone(), &["http.hostname"]),
        ("agents", uses.clone(), &["http.http_user_agent"]),
        ("ja4", uses.clone(), &["tls.ja4"]),
        (
            "certificates",
            serves.clone(),
            &["tls.subject", "tls.issuerdn", "tls.fingerprint"],
        ),
        (
            "files",
            either.clone(),
            &["fileinfo.filename", "fileinfo.sha256"],
        ),
        ("software", serves.clone(), &["ssh.server.software_version"]),
        (
            "dhcp",
            is("dhcp.assigned_ip", &address),
            &["dhcp.hostname", "dhcp.client_mac"],
        ),
        ("sensors", either.clone(), &["matluoi.sensor"]),
    ];
    let q = format!("ip:{address}");
    let mut body = asking.body("host", &address, q, either, plans).await?;
    body.0.panels.extend(asking.fresh(fresh).await?);
    Ok(body)
}

/// The hosts that one talked with, and what these talked among themselves: at most fifty.
#[utoipa::path(get, path = "/hosts/{address}/graph", operation_id = "host_graph", tag = "pivots", params(("address" = String, Path), PivotQuery),
    responses((status = 200, body = Graph), (status = 400, body = Problem)))]
async fn host_graph(
    State(state): State<ApiState>,
    caller: Caller,
    Path(address): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<Graph>> {
    let Ok(address) = address.parse::<IpAddr>() else {
        return invalid("address", "not_an_address");
    };
    let asking = Asking::new(&state, &caller, &query).await?;
    let address = address.to_string();
    let pairs = asking.pairs(is("ip", &address)).await?;
    let mut peers: Vec<(String, u64)> = Vec::new();
    for (source, target, count, _) in &pairs.edges {
        let peer = if *source == address { target } else { source };
        if *peer == address {
            continue;
        }
        match peers.iter_mut().find(|(known, _)| known == peer) {
            Some((_, sum)) => *sum += count,
            None => peers.push((peer.clone(), *count)),
        }
    }
    peers.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let left_out = peers.len().saturating_sub(MAX_NODES - 1) as u64;
    peers.truncate(MAX_NODES - 1);
    let mut chosen: BTreeSet<String> = peers.into_iter().map(|(peer, _)| peer).collect();
    let among: Vec<Node> = chosen.iter().map(|peer| is("src_ip", peer)).collect();
    let mut edges = pairs.edges;
    let mut partial = pairs.partial;
    if !among.is_empty() {
        let between = asking.pairs(Node::Or(among)).await?;
        partial |= between.partial;
        let other = between.edges.into_iter();
        edges.extend(other.filter(|(source, target, ..)| *source != address && *target != address));
    }
    chosen.insert(address);
    Ok(Json(graph(edges, &chosen, left_out, partial)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GraphQuery {
    #[serde(default)]
    q: String,
    from: Option<String>,
    to: Option<String>,
}

/// The fifty hosts with the most events of a query, and who talked with whom.
#[utoipa::path(get, path = "/graph", operation_id = "graph", tag = "pivots", params(GraphQuery),
    responses((status = 200, body = Graph), (status = 400, body = Problem)))]
async fn whole_graph(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<GraphQuery>,
) -> Result<Json<Graph>> {
    let range = PivotQuery {
        from: query.from,
        to: query.to,
        rows: None,
    };
    let asking = Asking::new(&state, &caller, &range).await?;
    let clock = times::clock(state.now(), None)?;
    let pairs = asking
        .pairs(crate::search::checked(&query.q, clock)?.query)
        .await?;
    let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
    for (source, target, count, _) in &pairs.edges {
        *weights.entry(source).or_default() += count;
        *weights.entry(target).or_default() += count;
    }
    let mut ranked: Vec<(&str, u64)> = weights.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let left_out = ranked.len().saturating_sub(MAX_NODES) as u64;
    let chosen: BTreeSet<String> = ranked
        .into_iter()
        .take(MAX_NODES)
        .map(|(host, _)| host.to_owned())
        .collect();
    Ok(Json(graph(pairs.edges, &chosen, left_out, pairs.partial)))
}

type Edge = (String, String, u64, u64);

struct Pairs {
    /// Source, destination, events, alerts.
    edges: Vec<Edge>,
    partial: bool,
}

impl Asking<'_> {
    async fn pairs(&self, query: Node) -> Result<Pairs> {
        let grouping = || vec![Grouping::of(&["src_ip", "dest_ip"])];
        let alerts = and(&[&query, &is("event_type", "alert")]);
        let engine = &self.state.engine;
        let (all, exact) = engine.tables(self.request(query), grouping()).await?;
        let (alerted, _) = engine.tables(self.request(alerts), grouping()).await?;
        let alerts: BTreeMap<Vec<String>, u64> = alerted
            .into_iter()
            .flat_map(|table| table.rows)
            .map(|row| (row.values, row.count))
            .collect();
        let mut partial = !exact;
        let mut edges = Vec::new();
        for table in all {
            partial |= table.different > table.rows.len() as u64;
            for row in table.rows {
                let alerts = alerts.get(&row.values).copied().unwrap_or(0);
                if let [source, target] = row.values.as_slice() {
                    edges.push((source.clone(), target.clone(), row.count, alerts));
                }
            }
        }
        Ok(Pairs { edges, partial })
    }
}

fn graph(edges: Vec<Edge>, chosen: &BTreeSet<String>, left_out: u64, partial: bool) -> Graph {
    let mut nodes: BTreeMap<&String, (u64, bool)> =
        chosen.iter().map(|host| (host, (0, false))).collect();
    let mut joined: BTreeMap<(&String, &String), (u64, u64)> = BTreeMap::new();
    for (source, target, count, alerts) in &edges {
        if !chosen.contains(source) || !chosen.contains(target) {
            continue;
        }
        for end in [source, target] {
            if let Some((sum, alerted)) = nodes.get_mut(end) {
                *sum += count;
                *alerted |= *alerts > 0;
            }
        }
        let sums = joined.entry((source, target)).or_default();
        sums.0 += count;
        sums.1 += alerts;
    }
    Graph {
        nodes: nodes
            .into_iter()
            .map(|(id, (count, alerted))| GraphNode {
                id: id.clone(),
                count,
                alerted,
            })
            .collect(),
        edges: joined
            .into_iter()
            .map(|((source, target), (count, alerts))| GraphEdge {
                source: source.clone(),
                target: target.clone(),
                count,
                alerts,
            })
            .collect(),
        left_out,
        partial,
    }
}

fn checked_name(field: &'static str, name: &str) -> Result<String> {
    let name = name.trim().trim_end_matches('.').to_lowercase();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(['*', '"', '\\']) {
        return invalid(field, "not_a_name");
    }
    Ok(name)
}

#[utoipa::path(get, path = "/domains/{name}", operation_id = "domain", tag = "pivots", params(("name" = String, Path), PivotQuery),
    responses((status = 200, body = PivotBody), (status = 400, body = Problem)))]
async fn domain(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<PivotBody>> {
    let name = checked_name("name", &name)?;
    let asking = Asking::new(&state, &caller, &query).await?;
    let asked = is("dns.queries.rrname", &name);
    let below = like("dns.queries.rrname", format!("*.{name}"));
    let tls = is("tls.sni", &name);
    let http = is("http.hostname", &name);
    let about = Node::Or(vec![asked.clone(), tls.clone(), http.clone()]);
    let alerts = and(&[&about, &is("event_type", "alert")]);
    let plans: Vec<PanelPlan> = vec![
        (
            "answers",
            asked.clone(),
            &["dns.answers.rdata", "dns.answers.rrtype"],
        ),
        ("askers", asked.clone(), &["src_ip"]),
        ("rcodes", asked, &["dns.rcode"]),
        ("below", below, &["dns.queries.rrname"]),
        ("tls_clients", tls.clone(), &["src_ip"]),
        ("tls_servers", tls.clone(), &["dest_ip"]),
        (
            "certificates",
            tls,
            &["tls.subject", "tls.issuerdn", "tls.fingerprint"],
        ),
        ("http_clients", http.clone(), &["src_ip"]),
        (
            "http_urls",
            http,
            &["http.http_method", "http.url", "http.status"],
        ),
        (
            "alerts",
            alerts,
            &["alert.signature", "alert.severity", "alert.signature_id"],
        ),
    ];
    let q = format!(
        "(dns.queries.rrname:\"{name}\" OR tls.sni:\"{name}\" OR http.hostname:\"{name}\")"
    );
    asking.body("domain", &name, q, about, plans).await
}

#[utoipa::path(get, path = "/files/{hash}", operation_id = "file", tag = "pivots", params(("hash" = String, Path), PivotQuery),
    responses((status = 200, body = PivotBody), (status = 400, body = Problem)))]
async fn file(
    State(state): State<ApiState>,
    caller: Caller,
    Path(hash): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<PivotBody>> {
    let hash = hash.trim().to_ascii_lowercase();
    let kind = match hash.len() {
        32 => "md5",
        40 => "sha1",
        64 => "sha256",
        _ => return invalid("hash", "not_a_hash"),
    };
    if !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return invalid("hash", "not_a_hash");
    }
    let asking = Asking::new(&state, &caller, &query).await?;
    let fields: [String; 2] = [format!("fileinfo.{kind}"), format!("files.{kind}")];
    let about = Node::Or(fields.iter().map(|field| is(field, &hash)).collect());
    let plans: Vec<PanelPlan> = vec![
        (
            "file_names",
            about.clone(),
            &["fileinfo.filename", "fileinfo.magic", "fileinfo.size"],
        ),
        (
            "transfers",
            about.clone(),
            &["src_ip", "dest_ip", "app_proto"],
        ),
        ("urls", about.clone(), &["http.hostname", "http.url"]),
        ("sensors", about.clone(), &["matluoi.sensor"]),
        (
            "alerts",
            about.clone(),
            &["alert.signature", "alert.severity", "alert.signature_id"],
        ),
    ];
    let q = format!("(fileinfo.{kind}:{hash} OR files.{kind}:{hash})");
    asking.body("file", &hash, q, about, plans).await
}

/// Everything with this JA4 (or JA3) of a TLS client.
#[utoipa::path(get, path = "/fingerprints/{value}", operation_id = "fingerprint", tag = "pivots", params(("value" = String, Path), PivotQuery),
    responses((status = 200, body = PivotBody), (status = 400, body = Problem)))]
async fn fingerprint(
    State(state): State<ApiState>,
    caller: Caller,
    Path(value): Path<String>,
    Query(query): Query<PivotQuery>,
) -> Result<Json<PivotBody>> {
    let value = checked_name("value", &value)?;
    let asking = Asking::new(&state, &caller, &query).await?;
    let fields = ["tls.ja4", "quic.ja4", "tls.ja3.hash"];
    let about = Node::Or(fields.iter().map(|field| is(field, &value)).collect());
    let plans: Vec<PanelPlan> = vec![
        ("tls_clients", about.clone(), &["src_ip"]),
        ("sni", about.clone(), &["tls.sni"]),
        ("tls_servers", about.clone(), &["dest_ip", "dest_port"]),
        ("versions", about.clone(), &["tls.version"]),
        (
            "certificates",
            about.clone(),
            &["tls.subject", "tls.issuerdn", "tls.fingerprint"],
        ),
        (
            "alerts",
            about.clone(),
            &["alert.signature", "alert.severity", "alert.signature_id"],
        ),
    ];
    let q = format!("(tls.ja4:\"{value}\" OR quic.ja4:\"{value}\" OR tls.ja3.hash:\"{value}\")");
    asking.body("fingerprint", &value, q, about, plans).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PassiveDnsQuery {
    /// A name, `*.name`, or an address.
    value: String,
    from: Option<String>,
    to: Option<String>,
    rows: Option<usize>,
}

/// Which names answered with which addresses, when first and last: from the DNS records.
#[utoipa::path(get, path = "/passive-dns", operation_id = "passive_dns", tag = "pivots", params(PassiveDnsQuery),
    responses((status = 200, body = Panel), (status = 400, body = Problem)))]
async fn passive_dns(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<PassiveDnsQuery>,
) -> Result<Json<Panel>> {
    let range = PivotQuery {
        from: query.from,
        to: query.to,
        rows: query.rows,
    };
    let asking = Asking::new(&state, &caller, &range).await?;
    let node = match (
        query.value.parse::<IpAddr>(),
        query.value.strip_prefix("*."),
    ) {
        (Ok(address), _) => is("dns.answers.rdata", &address.to_string()),
        (_, Some(name)) => like(
            "dns.queries.rrname",
            format!("*.{}", checked_name("value", name)?),
        ),
        (_, None) => is("dns.queries.rrname", &checked_name("value", &query.value)?),
    };
    let fields: &[&str] = &["dns.queries.rrname", "dns.answers.rdata"];
    let (mut panels, _) = asking.panels(vec![("passive_dns", node, fields)]).await?;
    match panels.pop() {
        Some(panel) => Ok(Json(panel)),
        None => invalid("value", "not_a_name"),
    }
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(flow))
        .routes(routes!(host))
        .routes(routes!(host_graph))
        .routes(routes!(whole_graph))
        .routes(routes!(domain))
        .routes(routes!(file))
        .routes(routes!(fingerprint))
        .routes(routes!(passive_dns))
}
