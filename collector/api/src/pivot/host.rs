//! One host: what it offers and uses, who asks it, what is new about it.

use std::net::IpAddr;

use axum::extract::State;
use collector_search::Node;

use super::asking::{Asking, PanelPlan};
use super::{PivotBody, PivotQuery, and, exists, is};
use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;

/// What tells a certificate.
const CERTIFICATE: [&str; 2] = ["matluoi.fact.subject", "matluoi.fact.fingerprint"];

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
    // What sensors have derived about the host itself, each once a day.
    let fact = |kind| {
        and(&[
            &is("matluoi.fact.kind", kind),
            &is("matluoi.fact.ip", &address),
        ])
    };
    let (service, recognised) = (fact("service"), exists("matluoi.fact.app_proto"));
    let unrecognised = Node::Not(Box::new(recognised));
    let certificate = |hint| and(&[&fact("certificate"), &is(hint, "true")]);
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
        (
            "services_seen",
            service.clone(),
            &[
                "matluoi.fact.port",
                "matluoi.fact.transport",
                "matluoi.fact.app_proto",
            ],
        ),
        (
            "services_unrecognised",
            and(&[&service, &unrecognised]),
            &["matluoi.fact.port", "matluoi.fact.transport"],
        ),
        (
            "odd_ports",
            fact("odd_port"),
            &["matluoi.fact.port", "matluoi.fact.app_proto"],
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
        (
            "certificates_self_signed",
            certificate("matluoi.fact.self_signed"),
            &CERTIFICATE,
        ),
        (
            "certificates_expired",
            certificate("matluoi.fact.expired"),
            &CERTIFICATE,
        ),
        (
            "certificates_not_yet_valid",
            certificate("matluoi.fact.not_yet_valid"),
            &CERTIFICATE,
        ),
        (
            "certificates_mismatch",
            fact("certificate"),
            &["matluoi.fact.name_mismatch", "matluoi.fact.subject"],
        ),
        (
            "software",
            fact("software"),
            &[
                "matluoi.fact.text",
                "matluoi.fact.app_proto",
                "matluoi.fact.role",
            ],
        ),
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
