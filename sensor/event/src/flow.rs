//! `flow` and `netflow`: what a flow was, when it ended.

use serde::Serialize;

use crate::text::hex_byte;
use crate::{FlowExtra, Metadata, Time};

#[derive(Debug, Clone, Serialize)]
pub struct FlowSummary {
    pub pkts_toserver: u64,
    pub pkts_toclient: u64,
    pub bytes_toserver: u64,
    pub bytes_toclient: u64,
    pub start: Time,
    pub end: Time,
    /// Whole seconds.
    pub age: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass: Option<&'static str>,
    /// `new`, `established`, `closed`, `bypassed`.
    pub state: &'static str,
    /// `timeout`, `forced`, `shutdown`.
    pub reason: &'static str,
    pub alerted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wrong_thread: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_policy: Option<Vec<ExceptionPolicy>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_cnt: Option<u64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ExceptionPolicy {
    pub target: &'static str,
    pub policy: &'static str,
}

/// Flags of TCP as they are told: those that were seen.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TcpFlags {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub syn: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fin: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rst: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub psh: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ack: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub urg: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ecn: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cwr: bool,
}

impl TcpFlags {
    /// From the bits of the header (RFC 9293 §3.1).
    pub fn of(bits: u8) -> TcpFlags {
        TcpFlags {
            fin: bits & 0x01 != 0,
            syn: bits & 0x02 != 0,
            rst: bits & 0x04 != 0,
            psh: bits & 0x08 != 0,
            ack: bits & 0x10 != 0,
            urg: bits & 0x20 != 0,
            ecn: bits & 0x40 != 0,
            cwr: bits & 0x80 != 0,
        }
    }
}

/// Flags that one side has sent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TcpSide {
    #[serde(serialize_with = "hex_byte")]
    pub tcp_flags: u8,
    #[serde(flatten)]
    pub flags: TcpFlags,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct TcpSummary {
    #[serde(serialize_with = "hex_byte")]
    pub tcp_flags: u8,
    #[serde(serialize_with = "hex_byte")]
    pub tcp_flags_ts: u8,
    #[serde(serialize_with = "hex_byte")]
    pub tcp_flags_tc: u8,
    #[serde(flatten)]
    pub flags: TcpFlags,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// Bytes of this side were never seen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tc_gap: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ts_gap: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts_max_regions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tc_max_regions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts_urgent_oob_data: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tc_urgent_oob_data: Option<u16>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FlowRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_icmp_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_icmp_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto_ts: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto_tc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto_orig: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto_expected: Option<&'a str>,
    pub flow: FlowSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpSummary>,
    #[serde(flatten)]
    pub metadata: Option<Metadata<'a>>,
    /// Last of all: the collector adds to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matluoi: Option<FlowExtra>,
}

#[derive(Debug, Clone, Serialize)]
pub struct NetflowSummary {
    pub pkts: u64,
    pub bytes: u64,
    pub start: Time,
    pub end: Time,
    pub age: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ttl: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ttl: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_cnt: Option<u64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct NetflowRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi: Option<u32>,
    pub app_proto: &'a str,
    pub netflow: NetflowSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpSide>,
    #[serde(flatten)]
    pub metadata: Option<Metadata<'a>>,
}
