//! Speaking with the provider: OpenID Connect Core 1.0, authorization code flow (§3.1) with PKCE (RFC 7636), and RP-initiated
//! logout. Every answer is checked before anything in it counts.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use collector_state::{Provided, UnixMillis};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, DiscoveryError, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse,
};
use serde_json::Value;

use super::settings::ProviderSettings;

/// People who are at the provider now; the oldest are forgotten.
const MAX_PENDING: usize = 1_000;
/// How long somebody may be there.
const PENDING_MS: i64 = 10 * 60_000;
/// What the provider tells of itself is asked for again after this long.
const KNOWN_MS: i64 = 10 * 60_000;
/// Clocks may differ by this much; a token that was made longer ago than somebody may be away is not of this sign-in.
const SKEW_MS: i64 = 60_000;
const MAX_ANSWER_BYTES: usize = 1_024 * 1_024;
/// What a public key proves. A shared secret proves nothing to others, and `none` nothing at all.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the provider cannot be reached: {reason}")]
    Unreachable { code: &'static str, reason: String },
    /// An answer that was not asked for, or too late.
    #[error("this sign-in is not known, or took too long")]
    Unasked,
    #[error("the provider's answer does not hold: {0}")]
    Refused(String),
    #[error("the settings cannot be used: {0}")]
    Settings(String),
}

impl ProviderError {
    /// What is told to whoever sets the provider up: `unreachable`, `timeout`, `refused`, `certificate`,
    /// `no_provider`, `other_issuer`, `settings` or `other`.
    pub fn code(&self) -> &'static str {
        match self {
            ProviderError::Unreachable { code, .. } => code,
            ProviderError::Settings(_) => "settings",
            ProviderError::Unasked | ProviderError::Refused(_) => "other",
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct HttpFault {
    code: &'static str,
    reason: String,
}

impl HttpFault {
    fn other(reason: String) -> HttpFault {
        HttpFault {
            code: "other",
            reason,
        }
    }
}

impl From<HttpFault> for ProviderError {
    fn from(HttpFault { code, reason }: HttpFault) -> ProviderError {
        ProviderError::Unreachable { code, reason }
    }
}

impl From<reqwest::Error> for HttpFault {
    fn from(error: reqwest::Error) -> HttpFault {
        HttpFault {
            code: network_code(&error),
            reason: told(&error),
        }
    }
}

/// The kind of an error that others may only hand on.
fn innermost_kind(error: &io::Error) -> ErrorKind {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or_else(|| error.kind(), innermost_kind)
}

/// What is wrong with the way to the provider.
fn network_code(error: &reqwest::Error) -> &'static str {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        match inner.downcast_ref::<io::Error>().map(innermost_kind) {
            Some(ErrorKind::TimedOut) => return "timeout",
            Some(ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => return "refused",
            // What TLS does not take comes as this, from a certificate to bytes that are no TLS at all.
            Some(ErrorKind::InvalidData) => return "certificate",
            _ => cause = inner.source(),
        }
    }
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "unreachable"
    } else {
        "other"
    }
}

/// Somebody who is at the provider.
struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    next: String,
    began: UnixMillis,
}

type Metadata = ProviderMetadataWithLogout;

/// Shared by all sign-ins.
pub struct Desk {
    client: reqwest::Client,
    pending: Mutex<HashMap<String, Pending>>,
    known: Mutex<Option<(String, Arc<Metadata>, UnixMillis)>>,
}

/// Where the browser goes, and what it has to bring back in its cookie.
pub struct Begun {
    pub address: String,
    pub ticket: String,
}

/// Whom the provider has named, and where the person wanted to go.
pub struct Come {
    pub claims: Value,
    pub issuer: String,
    pub subject: String,
    pub next: String,
}

impl Desk {
    /// The client follows no redirects.
    pub fn new(client: reqwest::Client) -> Desk {
        Desk {
            client,
            pending: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// Begins a sign-in.
    pub async fn begin(
        &self,
        settings: &ProviderSettings,
        next: String,
        now: UnixMillis,
    ) -> Result<Begun, ProviderError> {
        let metadata = self.metadata(settings, now).await?;
        let client = client(settings, &metadata)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge);
        let (address, state, nonce) = request.url();
        let ticket = CsrfToken::new_random_len(32).into_secret();
        let mut pending = lock(&self.pending);
        pending.retain(|_, one| now.0 - one.began.0 < PENDING_MS);
        if pending.len() >= MAX_PENDING {
            let oldest = pending.iter().min_by_key(|(_, one)| one.began);
            let oldest = oldest.map(|(ticket, _)| ticket.clone());
            oldest.and_then(|ticket| pending.remove(&ticket));
        }
        pending.insert(
            ticket.clone(),
            Pending {
                state,
                nonce,
                verifier,
                next,
                began: now,
            },
        );
        Ok(Begun {
            address: address.to_string(),
            ticket,
        })
    }

    /// Ends a sign-in with the code that the browser brings. A ticket is good once.
    pub async fn end(
        &self,
        settings: &ProviderSettings,
        ticket: &str,
        state: &str,
        code: String,
        now: UnixMillis,
    ) -> Result<Come, ProviderError> {
        let pending = lock(&self.pending).remove(ticket);
        let pending = pending.filter(|one| now.0 - one.began.0 < PENDING_MS);
        let Some(pending) = pending else {
            return Err(ProviderError::Unasked);
        };
        if !collector_state::same_secret(state, pending.state.secret()) {
            return Err(ProviderError::Unasked);
        }
        let metadata = self.metadata(settings, now).await?;
        let client = client(settings, &metadata)?;
        let http = self.http();
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(pending.verifier);
        let answer = request
            .request_async(&http)
            .await
            .map_err(|error| match error {
                openidconnect::RequestTokenError::Request(fault) => fault.into(),
                other => ProviderError::Refused(other.to_string()),
            })?;
        let token = answer
            .id_token()
            .ok_or_else(|| ProviderError::Refused("there is no ID token".to_owned()))?;
        let time =
            |millis: i64| chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || time(now.0 - SKEW_MS))
            .set_issue_time_verifier_fn(move |issued| {
                if issued > time(now.0 + SKEW_MS) || issued < time(now.0 - PENDING_MS - SKEW_MS) {
                    return Err("it was not made in this sign-in".to_owned());
                }
                Ok(())
            });
        let claims = token.claims(&verifier, &pending.nonce);
        let claims = match claims {
            Ok(claims) => claims,
            Err(error) => {
                // The provider may have new keys: the next sign-in asks for them.
                *lock(&self.known) = None;
                return Err(ProviderError::Refused(error.to_string()));
            }
        };
        let (issuer, subject) = (claims.issuer().to_string(), claims.subject().to_string());
        let mut come = Come {
            claims: payload(&token.to_string())?,
            issuer,
            subject,
            next: pending.next,
        };
        if settings.lacks(&come.claims)
            && let Some(endpoint) = metadata.userinfo_endpoint()
        {
            let access = answer.access_token().secret();
            let more = self.user_info(endpoint.as_str(), access).await?;
            come.add(more)?;
        }
        Ok(come)
    }

    /// What the provider tells of somebody beside the ID token (§5.3).
    async fn user_info(&self, endpoint: &str, access: &str) -> Result<Value, ProviderError> {
        let refused = |reason: String| ProviderError::Refused(reason);
        let request = axum::http::Request::get(endpoint)
            .header("authorization", format!("Bearer {access}"))
            .header("accept", "application/json")
            .body(Vec::new())
            .map_err(|error| refused(error.to_string()))?;
        let answer = send(self.client.clone(), request).await;
        let answer = answer?;
        serde_json::from_slice(answer.body()).map_err(|error| refused(error.to_string()))
    }

    /// Where a browser ends the session at the provider; none if the provider offers nothing of the kind.
    pub async fn logout(&self, settings: &ProviderSettings, now: UnixMillis) -> Option<String> {
        let metadata = self.metadata(settings, now).await.ok()?;
        let end = metadata
            .additional_metadata()
            .end_session_endpoint
            .clone()?;
        let mut address = end.url().clone();
        address
            .query_pairs_mut()
            .append_pair("client_id", &settings.client_id)
            .append_pair(
                "post_logout_redirect_uri",
                &format!("{}/sign-in", settings.origin),
            );
        Some(address.to_string())
    }

    /// What the provider tells of itself, with its keys.
    pub async fn metadata(
        &self,
        settings: &ProviderSettings,
        now: UnixMillis,
    ) -> Result<Arc<Metadata>, ProviderError> {
        if let Some((issuer, metadata, at)) = &*lock(&self.known)
            && *issuer == settings.issuer
            && now.0 - at.0 < KNOWN_MS
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = IssuerUrl::new(settings.issuer.clone())
            .map_err(|error| ProviderError::Settings(error.to_string()))?;
        let http = self.http();
        let metadata = Metadata::discover_async(issuer, &http)
            .await
            .map_err(|error| {
                let code = match &error {
                    DiscoveryError::Request(fault) => fault.code,
                    DiscoveryError::Parse(_) | DiscoveryError::Response(..) => "no_provider",
                    DiscoveryError::Validation(_) => "other_issuer",
                    _ => "other",
                };
                let reason = told(&error);
                ProviderError::Unreachable { code, reason }
            })?;
        let metadata = Arc::new(metadata);
        *lock(&self.known) = Some((settings.issuer.clone(), Arc::clone(&metadata), now));
        Ok(metadata)
    }

    fn http(
        &self,
    ) -> impl Fn(
        HttpRequest,
    )
        -> std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFault>> + Send>>
    + use<> {
        let client = self.client.clone();
        move |request| Box::pin(send(client.clone(), request))
    }
}

/// One request; an answer that is too large is none.
async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
    let request = reqwest::Request::try_from(request)?;
    let mut answer = client.execute(request).await?;
    let mut builder = axum::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        builder = builder.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > MAX_ANSWER_BYTES {
            return Err(HttpFault::other("the answer is too large".to_owned()));
        }
        body.extend_from_slice(&piece);
    }
    builder
        .body(body)
        .map_err(|error| HttpFault::other(error.to_string()))
}

/// An error with what led to it.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

type Ready = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointSet,
    openidconnect::EndpointMaybeSet,
>;

fn client(settings: &ProviderSettings, metadata: &Metadata) -> Result<Ready, ProviderError> {
    let wrong = |error: openidconnect::url::ParseError| ProviderError::Settings(error.to_string());
    let callback = format!("{}{}", settings.origin, ProviderSettings::CALLBACK);
    let token = metadata
        .token_endpoint()
        .cloned()
        .ok_or_else(|| ProviderError::Refused("the provider has no token endpoint".to_owned()))?;
    Ok(CoreClient::from_provider_metadata(
        metadata.clone(),
        ClientId::new(settings.client_id.clone()),
        Some(ClientSecret::new(settings.secret.clone())),
    )
    .set_token_uri(token)
    .set_redirect_uri(RedirectUrl::new(callback).map_err(wrong)?))
}

/// All claims of a token whose signature was checked.
fn payload(token: &str) -> Result<Value, ProviderError> {
    let unreadable = || ProviderError::Refused("the ID token cannot be read".to_owned());
    let part = token.split('.').nth(1).ok_or_else(unreadable)?;
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| unreadable())?;
    serde_json::from_slice(&json).map_err(|_| unreadable())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Come {
    /// Adds what the ID token leaves open; it has to be of the same person.
    fn add(&mut self, more: Value) -> Result<(), ProviderError> {
        if more.get("sub").and_then(Value::as_str) != Some(&self.subject) {
            return Err(ProviderError::Refused(
                "it tells of somebody else".to_owned(),
            ));
        }
        if let (Some(claims), Value::Object(more)) = (self.claims.as_object_mut(), more) {
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
        Ok(())
    }

    /// The person, as the settings read the claims.
    pub fn provided(&self, settings: &ProviderSettings) -> Provided {
        let display_name = self.claims.get("name").and_then(Value::as_str);
        Provided {
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            name: settings.name(&self.claims),
            display_name: display_name.map(|name| name.chars().take(100).collect()),
            place: settings.place(&self.claims),
        }
    }
}
