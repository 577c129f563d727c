//! Who talked with whom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use axum::extract::State;
use collector_search::{Grouping, Node};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asking::Asking;
use super::{PivotQuery, and, is};
use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;

/// Nodes of a graph of hosts.
const MAX_NODES: usize = 50;

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

/// The hosts that one talked with, and what these talked among themselves: at most fifty.
#[utoipa::path(get, path = "/hosts/{address}/graph", operation_id = "host_graph", tag = "pivots", params(("address" = String, Path), PivotQuery),
    responses((status = 200, body = Graph), (status = 400, body = Problem)))]
pub(super) async fn host_graph(
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
pub(super) async fn whole_graph(
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
