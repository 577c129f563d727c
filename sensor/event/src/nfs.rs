//! `rpc` and `nfs`: a call of a file server's procedure with its reply, or a file as it was read or written.

use serde::Serialize;

use crate::Text;

/// Both objects, in their order.
#[derive(Debug, Clone, Serialize)]
pub struct NfsRecord<'a> {
    pub rpc: Rpc<'a>,
    pub nfs: Nfs<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Rpc<'a> {
    pub xid: u32,
    pub status: &'static str,
    pub auth_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creds: Option<RpcCredentials<'a>>,
}

/// Whom the client says to act for.
#[derive(Debug, Clone, Serialize)]
pub struct RpcCredentials<'a> {
    pub machine_name: Text<'a>,
    pub uid: u32,
    pub gid: u32,
}

#[derive(Debug, Clone, Serialize)]
pub struct Nfs<'a> {
    pub version: u8,
    pub procedure: String,
    pub filename: Text<'a>,
    /// CRC-32 of the file's handle, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hhash: Option<String>,
    /// Number within the flow, from 1.
    pub id: u64,
    pub file_tx: bool,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<NfsTransfer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<NfsTransfer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rename: Option<NfsRename<'a>>,
}

/// How far a file was read or written.
#[derive(Debug, Clone, Serialize)]
pub struct NfsTransfer {
    pub first: bool,
    pub last: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_xid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u32>,
}

#[derive(Debug, Clone, Serialize)]
pub struct NfsRename<'a> {
    pub from: Text<'a>,
    pub to: Text<'a>,
}
