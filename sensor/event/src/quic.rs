//! `quic`: the object of a packet of QUIC.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Text, TlsJa3};

/// A packet with a long header, and what its hello tells.
#[derive(Debug, Clone, Serialize)]
pub struct Quic<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ua: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cyu: Vec<QuicCyu<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja3: Option<TlsJa3<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja3s: Option<TlsJa3<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<QuicExtension<'a>>,
}

/// The shape of a hello of Google's QUIC.
#[derive(Debug, Clone, Serialize)]
pub struct QuicCyu<'a> {
    pub hash: Text<'a>,
    pub string: Text<'a>,
}

/// An extension of the hello; values of some.
#[derive(Debug, Clone, Serialize)]
pub struct QuicExtension<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    #[serde(rename = "type")]
    pub kind: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Text<'a>>,
}
