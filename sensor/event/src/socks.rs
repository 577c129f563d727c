//! `socks`: what a client asks of a proxy. A record of our own.

use std::net::IpAddr;

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Socks<'a> {
    /// 4 or 5.
    pub version: u8,
    /// Ways to log in that the client offers, of version 5: `none`, `gssapi`, `password`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<&'static str>,
    /// The one that the proxy takes, or `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// A password went over the wire for everyone to read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub password_in_clear: bool,
    /// What the proxy says to name and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticated: Option<bool>,
    /// `connect`, `bind` or `udp_associate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<SocksPlace<'a>>,
    /// `succeeded`, or why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<&'static str>,
    /// From where the proxy connects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<SocksPlace<'a>>,
}

/// A host, by address or by name.
#[derive(Debug, Clone, Serialize)]
pub struct SocksPlace<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
    pub port: u16,
}
