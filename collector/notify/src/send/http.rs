//! Webhooks and Telegram: JSON over HTTP.

use collector_state::UnixMillis;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use sha2::Sha256;

use super::SendError;
use crate::item::{Item, rfc3339};

/// What of an answer is read.
const MAX_ANSWER_BYTES: usize = 16 * 1_024;
/// The longest text that Telegram takes.
const MAX_TELEGRAM_CHARS: usize = 4_000;

pub type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

pub fn client() -> Client {
    let connector = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .build();
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector)
}

pub async fn webhook(
    client: &Client,
    url: &str,
    secret: &str,
    items: &[Item],
    now: UnixMillis,
) -> Result<(), SendError> {
    let body = json!({ "product": "matluoi", "sent": rfc3339(now), "items": items }).to_string();
    let seconds = now.0.div_euclid(1_000).to_string();
    let mut headers = vec![("x-matluoi-timestamp", seconds.clone())];
    if !secret.is_empty() {
        let signature = signature(secret, &seconds, &body);
        headers.push(("x-matluoi-signature", format!("sha256={signature}")));
    }
    post(client, url, body, &headers).await
}

/// HMAC-SHA-256 of time, full stop and body, in hex.
fn signature(secret: &str, seconds: &str, body: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    let digest = mac.finalize().into_bytes();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub async fn telegram(
    client: &Client,
    base_url: &str,
    token: &str,
    chat_id: &str,
    text: &str,
) -> Result<(), SendError> {
    let text: String = text.chars().take(MAX_TELEGRAM_CHARS).collect();
    let body = json!({ "chat_id": chat_id, "text": text, "disable_web_page_preview": true });
    let url = format!("{}/bot{token}/sendMessage", base_url.trim_end_matches('/'));
    let sent = post(client, &url, body.to_string(), &[]).await;
    // The token stands in the address, and errors are shown to people.
    sent.map_err(|error| match error {
        SendError::Http(text) if !token.is_empty() => SendError::Http(text.replace(token, "…")),
        other => other,
    })
}

async fn post(
    client: &Client,
    url: &str,
    body: String,
    headers: &[(&str, String)],
) -> Result<(), SendError> {
    let http = |error: &dyn std::fmt::Display| SendError::Http(format!("{url}: {error}"));
    let uri: Uri = url.parse().map_err(|error| http(&error))?;
    let mut request = Request::post(uri)
        .header(CONTENT_TYPE, "application/json")
        .header("user-agent", concat!("matluoi/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| http(&error))?;
    let response = client.request(request).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        http(&format_args!("{error}: {}", cause.unwrap_or_default()))
    })?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map(|answer| answer.to_bytes())
        .unwrap_or_default();
    if status.is_success() {
        return Ok(());
    }
    let answer = String::from_utf8_lossy(answer.get(..300).unwrap_or(&answer)).into_owned();
    Err(SendError::Refused(format!("{status}: {answer}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_an_hmac() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            signature("secret", "1700000000", "{}"),
            "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}
