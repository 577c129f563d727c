//! `krb5`: a message of Kerberos.

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct Krb5<'a> {
    pub msg_type: String,
    /// Of an error: what failed, `UNKNOWN` when it was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    pub cname: String,
    pub realm: &'a str,
    pub sname: String,
    pub encryption: String,
    pub weak_encryption: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_encryption: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_weak_encryption: Option<bool>,
}
