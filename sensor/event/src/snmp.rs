//! `snmp`: a message of network management.

use std::net::IpAddr;

use serde::Serialize;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Snmp<'a> {
    pub version: u32,
    pub pdu_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trap_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trap_oid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trap_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub vars: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usm: Option<&'a str>,
}
