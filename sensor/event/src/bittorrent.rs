//! `bittorrent_dht`: a message of BitTorrent's distributed hash table. Identifiers are hexadecimal.

use serde::Serialize;

use crate::Hex;

#[derive(Debug, Clone, Serialize)]
pub struct BittorrentDht<'a> {
    pub transaction_id: Hex<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_version: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<BittorrentError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<BittorrentRequest<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<BittorrentResponse<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct BittorrentError<'a> {
    pub num: u16,
    pub msg: &'a str,
}

#[derive(Debug, Clone, Serialize)]
pub struct BittorrentRequest<'a> {
    pub id: Hex<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info_hash: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implied_port: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

#[derive(Debug, Clone, Serialize)]
pub struct BittorrentResponse<'a> {
    pub id: Hex<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<BittorrentNode<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes6: Vec<BittorrentNode<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<BittorrentPeer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Hex<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct BittorrentNode<'a> {
    pub id: Hex<'a>,
    #[serde(flatten)]
    pub peer: BittorrentPeer,
}

#[derive(Debug, Clone, Serialize)]
pub struct BittorrentPeer {
    pub ip: String,
    pub port: u16,
}
