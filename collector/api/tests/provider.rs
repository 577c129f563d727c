//! Signing in through a provider which is honest, and one which is not.

mod support;

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use serde_json::{Value, json};
use support::{NOW, Server};

const CLIENT: &str = "matluoi";
const BEGIN: &str = "/session/provider/begin";
const CALLBACK: &str = "/session/provider/callback";

/// A key out of one byte, so that every run has the same.
fn key(seed: u8) -> CoreEdDsaPrivateSigningKey {
    // RFC 8410 §7: what stands before the 32 bytes of an Ed25519 key.
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([seed; 32]);
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    );
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new("k".to_owned())))
        .expect("a key")
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn signed(header: &Value, claims: &Value, key: &CoreEdDsaPrivateSigningKey) -> String {
    let text = format!("{}.{}", part(header), part(claims));
    let signature = key
        .sign(&CoreJwsSigningAlgorithm::EdDsa, text.as_bytes())
        .expect("it signs");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A provider on a port of its own, which answers every code with what it is told to.
struct Provider {
    issuer: String,
    answer: Arc<Mutex<Value>>,
    /// What the last request for a token said.
    asked: Arc<Mutex<String>>,
}

impl Provider {
    async fn start() -> Provider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let metadata = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"), "end_session_endpoint": format!("{issuer}/end"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        });
        let keys = json!({ "keys": [key(1).as_verification_key()] });
        let (answer, asked) = (
            Arc::new(Mutex::new(Value::Null)),
            Arc::new(Mutex::new(String::new())),
        );
        let (told, noted) = (Arc::clone(&answer), Arc::clone(&asked));
        let token = async move |body: String| {
            *noted.lock().expect("no panic") = body;
            let answer = told.lock().expect("no panic").clone();
            Json(answer)
        };
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async move || Json(metadata)),
            )
            .route("/keys", get(async move || Json(keys)))
            .route("/token", post(token));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Provider {
            issuer,
            answer,
            asked,
        }
    }

    /// What an honest provider says of somebody, who is asked about with this nonce.
    fn claims(&self, nonce: &str) -> Value {
        let now = NOW.0 / 1_000;
        json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "s-1", "nonce": nonce, "iat": now - 2, "exp": now + 300,
            "preferred_username": "lan", "name": "Lan", "groups": ["soc"],
        })
    }

    fn answer(&self, token: &str) {
        *self.answer.lock().expect("no panic") =
            json!({ "access_token": "a", "token_type": "Bearer", "id_token": token });
    }
}

fn query(address: &str, name: &str) -> String {
    let url = openidconnect::url::Url::parse(address).expect("an address");
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.expect("it is there").1.into_owned()
}

async fn set(server: &mut Server, provider: &Provider) {
    let settings = json!({
        "enabled": true, "label": "Tỉnh", "issuer": provider.issuer, "client_id": CLIENT, "secret": "mat-khau-cua-may",
        "origin": "http://localhost:1", "name_claim": "preferred_username", "role_claim": "groups", "creates": true,
        "places": [{ "value": "soc", "role": "analyst", "unit_id": 1 }],
    });
    let (status, told) = server.ask("PUT", "/provider", settings).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["secret"], "");
}

/// Begins; the ticket's cookie, the state and the nonce.
async fn begin(server: &Server, next: &str) -> (String, String, String) {
    let (status, place, cookies) = server.visit(&format!("{BEGIN}?next={next}"), "").await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{place}");
    let cookie = cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-matluoi-provider="))
        .expect("a ticket");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("Secure") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(query(&place, "code_challenge_method"), "S256");
    assert!(
        place.contains(
            "redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fapi%2Fv1%2Fsession%2Fprovider%2Fcallback"
        ),
        "{place}"
    );
    let ticket = cookie.split(';').next().expect("a value").to_owned();
    (ticket, query(&place, "state"), query(&place, "nonce"))
}

#[tokio::test]
async fn an_honest_provider_signs_somebody_in() {
    let provider = Provider::start().await;
    let mut server = Server::start().await;
    let (_, offered) = server.ask("GET", "/session/provider", Value::Null).await;
    assert_eq!(offered["label"], Value::Null, "off by default");
    let (status, ..) = server.visit(BEGIN, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    set(&mut server, &provider).await;
    let (ticket, state, nonce) = begin(&server, "/hunt").await;
    provider.answer(&signed(
        &json!({"alg": "EdDSA", "kid": "k"}),
        &provider.claims(&nonce),
        &key(1),
    ));
    let (status, place, cookies) = server
        .visit(&format!("{CALLBACK}?code=c&state={state}"), &ticket)
        .await;
    assert_eq!((status, place.as_str()), (StatusCode::SEE_OTHER, "/hunt"));
    assert!(
        provider
            .asked
            .lock()
            .expect("no panic")
            .contains("code_verifier="),
        "PKCE"
    );
    let session = cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-matluoi="))
        .expect("a session");
    assert!(
        session.contains("SameSite=Strict") && session.contains("HttpOnly"),
        "{session}"
    );
    server.cookie = session.split(';').next().expect("a value").to_owned();
    let (status, who) = server.ask("GET", "/session", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&who["user"]["name"], &who["user"]["role"]),
        (&json!("lan"), &json!("analyst"))
    );
    let (_, logout) = server
        .ask("GET", "/session/provider/logout", Value::Null)
        .await;
    let address = logout["address"].as_str().expect("an address");
    assert!(
        address.starts_with(&format!("{}/end?client_id={CLIENT}&", provider.issuer)),
        "{address}"
    );
    // A ticket is good once.
    let (_, place, cookies) = server
        .visit(&format!("{CALLBACK}?code=c&state={state}"), &ticket)
        .await;
    assert_eq!(place, "/sign-in?fault=provider_unasked");
    assert!(
        !cookies
            .iter()
            .any(|cookie| cookie.starts_with("__Host-matluoi=") && !cookie.contains("Max-Age=0"))
    );
    let audit = server.store.verify_audit().await.expect("unbroken");
    assert!(audit > 0);
}

#[tokio::test]
async fn what_does_not_hold_signs_nobody_in() {
    let provider = Provider::start().await;
    let honest = json!({"alg": "EdDSA", "kid": "k"});
    let now = NOW.0 / 1_000;
    let with = |claims: &Value, name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    type Lie<'a> = Box<dyn Fn(&Value) -> String + 'a>;
    let lie = |name: &'static str, value: Value| -> Lie<'_> {
        let honest = &honest;
        Box::new(move |claims| signed(honest, &with(claims, name, value.clone()), &key(1)))
    };
    let lies: Vec<(&str, Lie<'_>)> = vec![
        ("another nonce", lie("nonce", json!("other"))),
        ("no nonce", lie("nonce", Value::Null)),
        ("expired", lie("exp", json!(now - 61))),
        ("of the future", lie("iat", json!(now + 120))),
        ("of long ago", lie("iat", json!(now - 3_600))),
        ("for another", lie("aud", json!("other"))),
        ("for another as well", lie("aud", json!([CLIENT, "other"]))),
        (
            "of another issuer",
            lie("iss", json!("https://other.example")),
        ),
        ("of nobody", lie("sub", Value::Null)),
        (
            "without a signature",
            Box::new(|claims| format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))),
        ),
        (
            "signed by another",
            Box::new(|claims| signed(&honest, claims, &key(2))),
        ),
        (
            "signed with the client's secret",
            Box::new(|claims| {
                use hmac::{KeyInit, Mac};
                let text = format!("{}.{}", part(&json!({"alg": "HS256"})), part(claims));
                let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"mat-khau-cua-may")
                    .expect("any length");
                mac.update(text.as_bytes());
                format!(
                    "{text}.{}",
                    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
                )
            }),
        ),
        (
            "altered",
            Box::new(|claims| {
                let token = signed(&honest, claims, &key(1));
                let (_, rest) = token.split_once('.').expect("three parts");
                let (_, signature) = rest.split_once('.').expect("three parts");
                format!(
                    "{}.{}.{signature}",
                    part(&honest),
                    part(&with(claims, "sub", json!("s-2")))
                )
            }),
        ),
        ("no token at all", Box::new(|_| "x".to_owned())),
        ("endless", Box::new(|_| "x".repeat(2 * 1_024 * 1_024))),
    ];
    for (what, lie) in lies {
        let mut server = Server::start().await;
        set(&mut server, &provider).await;
        let (ticket, state, nonce) = begin(&server, "/").await;
        provider.answer(&lie(&provider.claims(&nonce)));
        let (status, place, cookies) = server
            .visit(&format!("{CALLBACK}?code=c&state={state}"), &ticket)
            .await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{what}");
        assert!(
            place == "/sign-in?fault=provider_refused"
                || what == "endless" && place.contains("provider_"),
            "{what}: {place}"
        );
        assert!(
            !cookies
                .iter()
                .any(|cookie| cookie.starts_with("__Host-matluoi=")),
            "{what}: {cookies:?}"
        );
    }
    // A clock that is a little slow is no lie.
    let mut server = Server::start().await;
    set(&mut server, &provider).await;
    let (ticket, state, nonce) = begin(&server, "//evil.example").await;
    provider.answer(&signed(
        &honest,
        &with(&provider.claims(&nonce), "exp", json!(now - 30)),
        &key(1),
    ));
    let (_, place, _) = server
        .visit(&format!("{CALLBACK}?code=c&state={state}"), &ticket)
        .await;
    assert_eq!(place, "/", "and nobody is led elsewhere");
}

#[tokio::test]
async fn only_who_has_begun_ends_and_guesses_are_slowed() {
    let provider = Provider::start().await;
    let mut server = Server::start().await;
    set(&mut server, &provider).await;
    let (ticket, state, nonce) = begin(&server, "/").await;
    let (other, ..) = begin(&server, "/").await;
    provider.answer(&signed(
        &json!({"alg": "EdDSA", "kid": "k"}),
        &provider.claims(&nonce),
        &key(1),
    ));
    for (cookie, state, fault) in [
        ("", state.as_str(), "provider_unasked"),
        (&other, &state, "provider_unasked"),
        (&ticket, "other", "provider_unasked"),
    ] {
        let (_, place, _) = server
            .visit(&format!("{CALLBACK}?code=c&state={state}"), cookie)
            .await;
        assert_eq!(place, format!("/sign-in?fault={fault}"));
    }
    let (ticket, state, _) = begin(&server, "/").await;
    let (_, place, _) = server
        .visit(
            &format!("{CALLBACK}?error=access_denied&state={state}"),
            &ticket,
        )
        .await;
    assert_eq!(place, "/sign-in?fault=provider_cancelled");
    for _ in 0..100 {
        server
            .visit(
                &format!("{CALLBACK}?code=c&state=guess"),
                "__Host-matluoi-provider=guess",
            )
            .await;
    }
    let (_, place, _) = server
        .visit(
            &format!("{CALLBACK}?code=c&state=guess"),
            "__Host-matluoi-provider=guess",
        )
        .await;
    assert_eq!(place, "/sign-in?fault=throttled");
}

#[tokio::test]
async fn whoever_tries_the_settings_is_told_what_is_wrong() {
    let mut server = Server::start().await;
    let provider = Provider::start().await;
    let port = provider
        .issuer
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    for (issuer, code) in [
        (provider.issuer.clone(), Value::Null),
        (nobody, json!("refused")),
        // No TLS is spoken there.
        (format!("https://127.0.0.1:{port}"), json!("certificate")),
        (format!("{}/nothing", provider.issuer), json!("no_provider")),
        (format!("http://localhost:{port}"), json!("other_issuer")),
    ] {
        let asked = json!({ "enabled": true, "label": "P", "issuer": issuer, "client_id": CLIENT, "secret": "s", "origin": "http://localhost" });
        let (status, told) = server.ask("POST", "/provider/try", asked).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        assert_eq!(
            (&told["code"], &told["works"]),
            (&code, &json!(code.is_null())),
            "{issuer}: {told}"
        );
    }
}
