//! `socks`: what a client asks of a proxy (RFC 1928, RFC 1929; version 4 as its authors wrote it down). A record of our own.

use std::net::IpAddr;

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Socks<'a> {
    /// 4 or 5, the first octet.
    pub version: u8,
    /// Ways to log in that the client offers, of version 5 (RFC 1928 §3): `none`, `gssapi`, `password`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<&'static str>,
    /// The one that the proxy takes, or `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    /// The name (RFC 1929 §2), or the user id of version 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// A password went over the wire for everyone to read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub password_in_clear: bool,
    /// What the proxy says to name and password (RFC 1929 §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticated: Option<bool>,
    /// `connect`, `bind` or `udp_associate` (RFC 1928 §4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
    /// Where the client wants to go (RFC 1928 §4, §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<SocksPlace<'a>>,
    /// `succeeded`, or why not (RFC 1928 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<&'static str>,
    /// From where the proxy connects (RFC 1928 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<SocksPlace<'a>>,
}

/// A host, by address or by name.
#[derive(Debug, Clone, Serialize)]
pub struct SocksPlace<'a> {
    /// IPv4 or IPv6; absent if there is a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// For the proxy to look up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
    /// Of TCP, or of UDP for `udp_associate`.
    pub port: u16,
}
