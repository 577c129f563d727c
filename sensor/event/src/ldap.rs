//! `ldap`: a request with its responses.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Hex, Text};

#[derive(Debug, Clone, Serialize)]
pub struct Ldap<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<LdapRequest<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<LdapResponse<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapRequest<'a> {
    pub message_id: u32,
    pub operation: &'static str,
    #[serde(flatten)]
    pub body: Option<LdapOperation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<Vec<LdapControl<'a>>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapResponse<'a> {
    pub operation: &'static str,
    /// Where no request tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<u32>,
    #[serde(flatten)]
    pub body: Option<LdapOperation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<Vec<LdapControl<'a>>>,
}

/// What an operation says, under its name.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LdapOperation<'a> {
    SearchRequest {
        base_object: &'a str,
        scope: u32,
        deref_alias: u32,
        size_limit: u32,
        time_limit: u32,
        types_only: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        filter: Option<LdapFilter<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        attributes: Vec<&'a str>,
    },
    BindRequest {
        version: u8,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sasl: Option<LdapSasl<'a>>,
    },
    ModifyRequest {
        object: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        changes: Vec<LdapChange<'a>>,
    },
    AddRequest {
        entry: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        attributes: Vec<LdapAttribute<'a>>,
    },
    DelRequest {
        dn: &'a str,
    },
    ModDnRequest {
        entry: &'a str,
        new_rdn: &'a str,
        delete_old_rdn: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        new_superior: Option<&'a str>,
    },
    CompareRequest {
        entry: &'a str,
        attribute_value_assertion: LdapAttributeValue<'a>,
    },
    ExtendedRequest {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<Text<'a>>,
    },
    SearchResultEntry {
        base_object: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        attributes: Vec<LdapTypedAttribute<'a>>,
    },
    SearchResultDone(LdapResultFields<'a>),
    BindResponse {
        #[serde(flatten)]
        result: LdapResultFields<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        server_sasl_creds: Option<Hex<'a>>,
    },
    ModifyResponse(LdapResultFields<'a>),
    AddResponse(LdapResultFields<'a>),
    DelResponse(LdapResultFields<'a>),
    ModDnResponse(LdapResultFields<'a>),
    CompareResponse(LdapResultFields<'a>),
    ExtendedResponse {
        #[serde(flatten)]
        result: LdapResultFields<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<Text<'a>>,
    },
    IntermediateResponse {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<Text<'a>>,
    },
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapResultFields<'a> {
    pub result_code: Cow<'static, str>,
    pub matched_dn: &'a str,
    pub message: &'a str,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapFilter<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub value: &'a str,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapSasl<'a> {
    pub mechanism: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Hex<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapChange<'a> {
    pub operation: Cow<'static, str>,
    pub modification: LdapModification<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapModification<'a> {
    pub attribute_type: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attribute_values: Vec<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapAttribute<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Text<'a>>,
}

/// An attribute of a found entry.
#[derive(Debug, Clone, Serialize)]
pub struct LdapTypedAttribute<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapAttributeValue<'a> {
    pub description: &'a str,
    pub value: Text<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LdapControl<'a> {
    pub control_type: &'a str,
    pub criticality: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_value: Option<Hex<'a>>,
}
