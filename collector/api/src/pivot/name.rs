//! Names: a domain with all that asked for it, and which names led to which addresses.

use std::net::IpAddr;

use axum::extract::State;
use collector_search::Node;
use serde::Deserialize;
use utoipa::IntoParams;

use super::asking::{Asking, PanelPlan};
use super::{Panel, PivotBody, PivotQuery, and, is, like};
use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;

const MAX_NAME_BYTES: usize = 512;

pub(super) fn checked_name(field: &'static str, name: &str) -> Result<String> {
    let name = name.trim().trim_end_matches('.').to_lowercase();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(['*', '"', '\\']) {
        return invalid(field, "not_a_name");
    }
    Ok(name)
}

#[utoipa::path(get, path = "/domains/{name}", operation_id = "domain", tag = "pivots", params(("name" = String, Path), PivotQuery),
    responses((status = 200, body = PivotBody), (status = 400, body = Problem)))]
pub(super) async fn domain(
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
pub(super) async fn passive_dns(
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
