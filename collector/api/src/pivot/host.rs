//! One host: what it offers and uses, who asks it, what is new about it.

use std::net::IpAddr;

use axum::extract::State;

use super::asking::{Asking, PanelPlan};
use super::{PivotBody, PivotQuery, and, is};
use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;

#[utoipa::path(get, path = "/hosts/{address}", operation_id = "host", tag = "pivots", params(("address" = String, Path), PivotQuery),
    responses((status = 200, body = PivotBody), (status = 400, body = Problem)))]
pub(super) async fn host(
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
