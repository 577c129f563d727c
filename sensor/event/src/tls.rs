//! `tls`: the object of a TLS session.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Base64, DateTime, Text};

/// A session as far as it was seen in the clear. What was not seen is absent.
#[derive(Debug, Clone, Serialize)]
pub struct Tls<'a> {
    /// Of the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuerdn: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjectaltname: Vec<Text<'a>>,
    /// Present only when true.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub session_resumed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<Text<'a>>,
    pub version: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notbefore: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notafter: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Base64<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Base64<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja3: Option<TlsJa3<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja3s: Option<TlsJa3<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client_alpns: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_alpns: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_handshake: Option<TlsClientHandshake<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_handshake: Option<TlsServerHandshake<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<TlsClient<'a>>,
    /// The protocol before TLS (STARTTLS, CONNECT).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_proto: Option<&'static str>,
}

/// A fingerprint of the JA3 family.
#[derive(Debug, Clone, Serialize)]
pub struct TlsJa3<'a> {
    pub hash: Text<'a>,
    pub string: Text<'a>,
}

/// Parameters that the client offered.
#[derive(Debug, Clone, Serialize)]
pub struct TlsClientHandshake<'a> {
    pub version: Cow<'static, str>,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    pub ciphers: &'a [u16],
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    pub exts: &'a [u16],
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    pub sig_algs: &'a [u16],
}

/// Parameters that the server chose.
#[derive(Debug, Clone, Serialize)]
pub struct TlsServerHandshake<'a> {
    pub version: Cow<'static, str>,
    pub cipher: u16,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    pub exts: &'a [u16],
}

/// The client's certificate.
#[derive(Debug, Clone, Serialize)]
pub struct TlsClient<'a> {
    pub subject: Text<'a>,
    pub issuerdn: Text<'a>,
    pub fingerprint: Text<'a>,
    pub serial: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notbefore: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notafter: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Base64<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Base64<'a>>,
}
