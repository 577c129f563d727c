//! `dcerpc`: calls over TCP and UDP, and what SMB's records say of calls through pipes.

use std::borrow::Cow;

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct Dcerpc {
    pub request: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub req: Option<RpcRequest>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<RpcInterface>,
    pub response: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub res: Option<RpcResponse>,
    /// Over UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activityuuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seqnum: Option<u32>,
    /// Over TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<u32>,
    pub rpc_version: String,
}

/// The arguments of a call.
#[derive(Debug, Clone, Serialize)]
pub struct RpcRequest {
    /// Absent in SMB's records, which have it elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opnum: Option<u16>,
    pub frag_cnt: u16,
    pub stub_data_size: usize,
}

/// The results of a call.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RpcResponse {
    pub frag_cnt: u16,
    pub stub_data_size: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct RpcInterface {
    pub uuid: String,
    /// Major and minor version.
    pub version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_result: Option<u16>,
    /// In SMB's records, 0 whatever the server said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack_reason: Option<u16>,
}
