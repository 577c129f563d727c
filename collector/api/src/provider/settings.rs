//! What is set of the provider.

use collector_state::{Role, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::{Result, invalid};

/// Of each text.
const MAX_TEXT_BYTES: usize = 1_024;
const MAX_PLACES: usize = 200;

/// A provider of OpenID Connect through which people sign in; off until somebody sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    pub enabled: bool,
    /// What the sign-in page calls it.
    pub label: String,
    /// As in `https://id.example.vn/realms/tinh`.
    pub issuer: String,
    pub client_id: String,
    /// Empty keeps the one that is there; never told.
    pub secret: String,
    /// Where browsers find this console, as in `https://matluoi.example.vn`; the provider sends them back to
    /// `/api/v1/session/provider/callback` there.
    pub origin: String,
    /// The claim with the name or address by which people are announced, and which names accounts that are made.
    pub name_claim: String,
    /// The claim that tells what people may do, by its path: `realm_access.roles`. Empty: none does.
    pub role_claim: String,
    /// The first that fits counts.
    pub places: Vec<PlaceRule>,
    /// Makes accounts for people who are not announced, where a place fits.
    pub creates: bool,
}

/// Which value of the role claim gives which role, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceRule {
    pub value: String,
    /// viewer, analyst, rule_author, administrator
    pub role: String,
    pub unit_id: i64,
}

impl Default for ProviderSettings {
    fn default() -> ProviderSettings {
        ProviderSettings {
            enabled: false,
            label: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            secret: String::new(),
            origin: String::new(),
            name_claim: "preferred_username".to_owned(),
            role_claim: String::new(),
            places: Vec::new(),
            creates: false,
        }
    }
}

impl ProviderSettings {
    /// The name of the setting in the state store.
    pub const NAME: &'static str = "provider";
    pub const CALLBACK: &'static str = "/api/v1/session/provider/callback";

    /// Of what the state store has; what it does not have, or is of another version, is off.
    pub fn read(json: Option<&str>) -> ProviderSettings {
        json.and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    pub fn masked(mut self) -> ProviderSettings {
        self.secret.clear();
        self
    }

    /// With the secret of the one before, where it brings none. It stays with the issuer and the client that it was given
    /// for.
    pub fn with_secret_of(mut self, before: &ProviderSettings) -> ProviderSettings {
        let is_same = self.issuer == before.issuer && self.client_id == before.client_id;
        if self.secret.is_empty() && is_same {
            self.secret.clone_from(&before.secret);
        }
        self
    }

    pub fn check(&self) -> Result<()> {
        let texts = [
            &self.label,
            &self.issuer,
            &self.client_id,
            &self.secret,
            &self.origin,
            &self.name_claim,
            &self.role_claim,
        ];
        let of_places = self.places.iter().map(|place| &place.value);
        if texts
            .into_iter()
            .chain(of_places)
            .any(|text| text.len() > MAX_TEXT_BYTES)
        {
            return invalid("provider", "too_long");
        }
        if self.places.len() > MAX_PLACES {
            return invalid("places", "too_many");
        }
        if self
            .places
            .iter()
            .any(|place| Role::from_name(&place.role).is_none())
        {
            return invalid("role", "unknown");
        }
        if !self.enabled {
            return Ok(());
        }
        if !is_safe(&self.issuer) {
            return invalid("issuer", "not_https");
        }
        if !is_safe(&self.origin) || self.origin.ends_with('/') {
            return invalid("origin", "not_https");
        }
        for (field, text) in [
            ("client_id", &self.client_id),
            ("secret", &self.secret),
            ("name_claim", &self.name_claim),
        ] {
            if text.is_empty() {
                return invalid(field, "missing");
            }
        }
        Ok(())
    }

    /// What the claims make of a person.
    pub fn place(&self, claims: &Value) -> Option<(Role, UnitId)> {
        if self.role_claim.is_empty() {
            return None;
        }
        let told = claim(claims, &self.role_claim)?;
        let has = |value: &str| match told {
            Value::String(one) => one == value,
            Value::Array(all) => all.iter().any(|one| one == value),
            _ => false,
        };
        let place = self.places.iter().find(|place| has(&place.value))?;
        Some((Role::from_name(&place.role)?, UnitId(place.unit_id)))
    }

    /// Whether claims leave open what is asked of them.
    pub fn lacks(&self, claims: &Value) -> bool {
        let roles = &self.role_claim;
        self.name(claims).is_none() || !roles.is_empty() && claim(claims, roles).is_none()
    }

    /// The name or address of a person. An address counts only where the provider has verified it.
    pub fn name(&self, claims: &Value) -> Option<String> {
        if self.name_claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return None;
        }
        let name = claim(claims, &self.name_claim)?.as_str()?.trim();
        (!name.is_empty() && name.len() <= MAX_TEXT_BYTES).then(|| name.to_owned())
    }
}

/// A claim by its name, which may have points in it, or by its path.
fn claim<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    match claims.get(path) {
        Some(value) => Some(value),
        None => path
            .split('.')
            .try_fold(claims, |value, part| value.get(part)),
    }
}

/// Over TLS, or on this machine itself.
fn is_safe(address: &str) -> bool {
    let here = ["127.0.0.1", "localhost", "[::1]"];
    let host = |rest: &str| {
        let authority = rest.split('/').next().unwrap_or_default();
        let name = authority
            .rsplit_once(':')
            .map_or(authority, |(name, _)| name);
        here.contains(&name) || here.contains(&authority)
    };
    match (
        address.strip_prefix("https://"),
        address.strip_prefix("http://"),
    ) {
        (Some(rest), _) => !rest.is_empty(),
        (None, Some(rest)) => host(rest),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_give_places_and_names() {
        let settings = ProviderSettings {
            role_claim: "realm_access.roles".to_owned(),
            places: vec![
                PlaceRule {
                    value: "soc".to_owned(),
                    role: "analyst".to_owned(),
                    unit_id: 3,
                },
                PlaceRule {
                    value: "all".to_owned(),
                    role: "viewer".to_owned(),
                    unit_id: 1,
                },
            ],
            name_claim: "email".to_owned(),
            ..ProviderSettings::default()
        };
        let place = |claims: Value| settings.place(&claims);
        assert_eq!(
            place(json!({"realm_access": {"roles": ["all", "soc"]}})),
            Some((Role::Analyst, UnitId(3)))
        );
        assert_eq!(
            place(json!({"realm_access.roles": "all"})),
            Some((Role::Viewer, UnitId(1)))
        );
        for none in [
            json!({}),
            json!({"realm_access": {"roles": ["soc2"]}}),
            json!({"realm_access": 7}),
        ] {
            assert_eq!(place(none), None);
        }
        let name = |claims: Value| settings.name(&claims);
        assert_eq!(
            name(json!({"email": "a@b", "email_verified": true})),
            Some("a@b".to_owned())
        );
        for none in [
            json!({"email": "a@b"}),
            json!({"email": "a@b", "email_verified": "true"}),
            json!({"email_verified": true}),
        ] {
            assert_eq!(name(none), None);
        }
    }

    #[test]
    fn a_provider_is_reached_over_tls() {
        for (address, safe) in [
            ("https://id.example.vn", true),
            ("http://127.0.0.1:8080", true),
            ("http://localhost/x", true),
            ("http://id.example.vn", false),
            ("http://localhost.example.vn", false),
            ("http://127.0.0.1@example.vn", false),
            ("ftp://127.0.0.1", false),
            ("https://", false),
        ] {
            assert_eq!(is_safe(address), safe, "{address}");
        }
    }
}
