//! `smb`: a request with its response, or a file. Fields that do not belong to the command are absent.

use std::borrow::Cow;

use serde::Serialize;

use crate::{RpcInterface, RpcRequest, RpcResponse, Text};

#[derive(Debug, Clone, Default, Serialize)]
pub struct Smb<'a> {
    /// Number within the flow, from 1.
    pub id: u64,
    pub dialect: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Cow<'static, str>>,
    /// In hexadecimal, `0x…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    pub session_id: u64,
    pub tree_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ntlmssp: Option<SmbNtlm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kerberos: Option<SmbKerberos<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<SmbNative<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<SmbNative<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_dialects: Option<Vec<Text<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_guid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_guid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_read_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_write_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_pipe: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<SmbService<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_info: Option<SmbSetInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rename: Option<SmbRename<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subcmd: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_of_interest: Option<&'static str>,
    /// Seconds since the epoch, as the three after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accessed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Handle of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dcerpc: Option<SmbRpc>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SmbNtlm<'a> {
    pub domain: Text<'a>,
    pub user: Text<'a>,
    pub host: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SmbKerberos<'a> {
    pub realm: &'a str,
    pub snames: &'a [String],
}

/// What an end says of its system.
#[derive(Debug, Clone, Serialize)]
pub struct SmbNative<'a> {
    pub native_os: Text<'a>,
    pub native_lm: Text<'a>,
}

/// Type of a share, in SMB 1.
#[derive(Debug, Clone, Serialize)]
pub struct SmbService<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SmbSetInfo {
    pub class: &'static str,
    pub info_level: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub struct SmbRename<'a> {
    pub from: Text<'a>,
    pub to: Text<'a>,
}

/// A call through a pipe.
#[derive(Debug, Clone, Serialize)]
pub struct SmbRpc {
    pub request: Cow<'static, str>,
    pub response: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opnum: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub req: Option<RpcRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Vec<RpcInterface>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub res: Option<RpcResponse>,
    pub call_id: u32,
}
