//! `POST /enrol`: a token and a certificate request against a certificate.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;
use crate::error::{PortError, Result};
use crate::limits::{ENROLMENT_TIMEOUT, MAX_ENROLMENT_BYTES, MAX_ENROLMENTS, MAX_NAME_BYTES};
use crate::ports::Registry;

/// The one string that a sensor needs: where to enrol and deliver, whom to trust, and a token.
pub fn enrolment_string(
    authority: &Authority,
    delivery: &str,
    enrolment: &str,
    token: &str,
) -> String {
    let json = serde_json::json!({
        "a": delivery,
        "e": enrolment,
        "p": authority.ca_sha256(),
        "t": token,
    });
    format!("matluoi1:{}", URL_SAFE_NO_PAD.encode(json.to_string()))
}

#[derive(Clone)]
struct Desk {
    authority: Arc<Authority>,
    registry: Arc<dyn Registry>,
}

#[derive(Deserialize)]
struct Request {
    token: String,
    csr_pem: String,
    hostname: String,
}

#[derive(Serialize)]
struct Answer {
    sensor_id: String,
    certificate_pem: String,
    ca_pem: String,
    /// By this machine's clock, in milliseconds of Unix time.
    now_ms: i64,
}

/// Accepts enrolments until the future is dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    authority: Arc<Authority>,
    registry: Arc<dyn Registry>,
) -> Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(authority.enrolment_tls()?));
    let router = Router::new()
        .route("/enrol", post(enrol))
        .layer(DefaultBodyLimit::max(MAX_ENROLMENT_BYTES))
        .with_state(Desk {
            authority,
            registry,
        });
    let places = Arc::new(Semaphore::new(MAX_ENROLMENTS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return Ok(());
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or a connection that was gone at once.
                tracing::warn!(%error, "an enrolment connection is not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            let done = tokio::time::timeout(ENROLMENT_TIMEOUT, converse(stream, acceptor, router));
            match done.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "enrolment connection"),
                Err(_) => tracing::debug!("an enrolment connection took too long"),
            }
            drop(place);
        });
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    router: Router,
) -> std::result::Result<(), PortError> {
    let tls = acceptor.accept(stream).await?;
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(tls), TowerToHyperService::new(router))
        .await?;
    Ok(())
}

type Refusal = (StatusCode, String);

async fn enrol(
    State(desk): State<Desk>,
    Json(request): Json<Request>,
) -> std::result::Result<Json<Answer>, Refusal> {
    let refused = || {
        (
            StatusCode::FORBIDDEN,
            "the token is unknown, used or expired".to_owned(),
        )
    };
    // The token first: strangers learn nothing else. It is spent last, so that a bad request costs none.
    if !desk
        .registry
        .token_is_open(&request.token)
        .await
        .map_err(internal)?
    {
        return Err(refused());
    }
    if !Authority::accepts(&request.csr_pem) {
        let detail = "csr_pem is not a certificate request".to_owned();
        return Err((StatusCode::BAD_REQUEST, detail));
    }
    let hostname = request
        .hostname
        .get(..request.hostname.floor_char_boundary(MAX_NAME_BYTES))
        .unwrap_or_default();
    let sensor_id = desk
        .registry
        .enrol(&request.token, hostname)
        .await
        .map_err(internal)?
        .ok_or_else(refused)?;
    let (certificate_pem, fingerprint) = desk
        .authority
        .sign(&request.csr_pem, &sensor_id)
        .map_err(|error| internal(error.into()))?;
    desk.registry
        .certificate(&sensor_id, &fingerprint)
        .await
        .map_err(internal)?;
    tracing::info!(sensor = %sensor_id, hostname, "a sensor is enrolled");
    Ok(Json(Answer {
        sensor_id,
        certificate_pem,
        ca_pem: desk.authority.ca_pem().to_owned(),
        now_ms: unix_ms(),
    }))
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

fn internal(error: PortError) -> Refusal {
    tracing::error!(%error, "an enrolment failed");
    let detail = "the collector could not do it; its log says why".to_owned();
    (StatusCode::INTERNAL_SERVER_ERROR, detail)
}
