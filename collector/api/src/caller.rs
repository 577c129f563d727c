//! Who is asking: the session's user, and what the user may see.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use collector_state::{
    AuditEntry, Role, Scope, TOKEN_PREFIX, UnitId, User, csrf_token, same_secret,
};

use crate::ApiState;
use crate::error::{ApiError, Result};

pub const COOKIE: &str = "__Host-matluoi";
pub const CSRF_HEADER: &str = "x-csrf-token";

/// A signed-in user. Taking it checks the session, and the CSRF token for whatever is not a read.
pub struct Caller {
    pub user: User,
    pub scope: Scope,
    pub token: String,
    pub address: String,
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Caller> {
        if let Some(token) = bearer(parts) {
            // A program's token is no cookie: no page can send it, so it needs no second proof.
            let user = state.store.token_user(token, state.now()).await?;
            let user = user.ok_or(ApiError::NotSignedIn)?;
            let scope = state.store.scope_of(user.unit_id).await?;
            return Ok(Caller {
                user,
                scope,
                token: String::new(),
                address: address(parts),
            });
        }
        let jar = CookieJar::from_headers(&parts.headers);
        let token = jar
            .get(COOKIE)
            .map(|cookie| cookie.value().to_owned())
            .ok_or(ApiError::NotSignedIn)?;
        let session = state
            .store
            .session(&token, state.now())
            .await?
            .ok_or(ApiError::NotSignedIn)?;
        if !parts.method.is_safe() {
            let told = parts
                .headers
                .get(CSRF_HEADER)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            if !same_secret(told, &csrf_token(&token)) {
                return Err(ApiError::Csrf);
            }
        }
        let scope = state.store.scope_of(session.user.unit_id).await?;
        Ok(Caller {
            user: session.user,
            scope,
            token,
            address: address(parts),
        })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value
        .strip_prefix("Bearer ")
        .filter(|token| token.starts_with(TOKEN_PREFIX))
}

/// The peer's address; forwarded ones are not believed.
fn address(parts: &Parts) -> String {
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or_else(|| "local".to_owned(), |info| info.0.ip().to_string())
}

/// The peer's address, before anybody is signed in.
pub struct Peer(pub String);

impl FromRequestParts<ApiState> for Peer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Peer> {
        Ok(Peer(address(parts)))
    }
}

impl Caller {
    pub fn require(&self, role: Role) -> Result<()> {
        if self.user.role >= role {
            Ok(())
        } else {
            Err(ApiError::Forbidden)
        }
    }

    /// What only a person may do, not a program: changing how the person signs in.
    pub fn require_session(&self) -> Result<()> {
        if self.token.is_empty() {
            Err(ApiError::Forbidden)
        } else {
            Ok(())
        }
    }

    pub fn require_unit(&self, unit: UnitId) -> Result<()> {
        if self.scope.contains(unit) {
            Ok(())
        } else {
            Err(ApiError::Forbidden)
        }
    }

    /// Ids of the sensors whose events the caller may see; `None`: of all.
    pub async fn sensors(&self, state: &ApiState) -> Result<Option<Vec<String>>> {
        match self.scope {
            Scope::All => Ok(None),
            Scope::Units(_) => {
                let names = state.store.sensor_names(&self.scope).await?;
                Ok(Some(names.into_iter().map(|(id, _)| id).collect()))
            }
        }
    }

    /// Notes in the audit log what the caller did.
    pub async fn note(
        &self,
        state: &ApiState,
        action: &str,
        target: &str,
        detail: serde_json::Value,
    ) -> Result<()> {
        let entry = AuditEntry {
            at: state.now(),
            user: &self.user.name,
            address: &self.address,
            action,
            target,
            detail: &detail.to_string(),
        };
        Ok(state.store.audit(entry).await?)
    }
}
