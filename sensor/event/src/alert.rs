//! `alert`: a signature fired.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::common::address;
use crate::{
    AnomalyRecord, AppRecord, ArpRecord, Base64, FactRecord, FileInfo, FileInfoRecord, FlowRecord,
    FrameInfo, Json, NetflowRecord, Printable, Time, TransactionRecord,
};

#[derive(Debug, Clone, Serialize)]
pub struct Alert<'a> {
    /// `allowed` in IDS mode.
    pub action: &'static str,
    pub gid: u32,
    pub signature_id: u32,
    pub rev: u32,
    pub signature: &'a str,
    /// Text of the class; empty without one.
    pub category: &'a str,
    pub severity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    /// Values from dataset records and `pcre` alert captures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    /// Address from `X-Forwarded-For`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xff: Option<String>,
}

/// What a Sigma rule has found: the one shape of its alerts, on sensors and on the collector.
#[derive(Debug, Clone)]
pub struct OfSigma<'a> {
    pub gid: u32,
    pub sid: u32,
    pub title: &'a str,
    pub category: &'a str,
    /// 1 (worst) to 4.
    pub severity: u8,
    pub metadata: BTreeMap<&'a str, Vec<&'a str>>,
    /// Fields of the event with the values that matched.
    pub fields: Vec<(String, Vec<String>)>,
    /// Grouping fields of a correlation with their values.
    pub group: Vec<(String, String)>,
    /// Of a correlation: what it has come to, and the seconds from its first event to its last.
    pub measured: Option<(f64, f64)>,
}

impl<'a> From<OfSigma<'a>> for Alert<'a> {
    fn from(own: OfSigma<'a>) -> Alert<'a> {
        let members = match own.measured {
            Some((value, seconds)) => {
                let group = own.group.into_iter();
                let group = group.map(|(name, value)| (name, Json::Text(value)));
                vec![
                    ("group".to_owned(), Json::Object(group.collect())),
                    ("value".to_owned(), Json::Float(value)),
                    ("seconds".to_owned(), Json::Float(seconds)),
                ]
            }
            None => {
                let list =
                    |values: Vec<String>| Json::List(values.into_iter().map(Json::Text).collect());
                let fields = own.fields.into_iter();
                let fields = fields.map(|(name, values)| (name, list(values)));
                vec![("fields".to_owned(), Json::Object(fields.collect()))]
            }
        };
        let context = Json::Object(vec![("sigma".to_owned(), Json::Object(members))]);
        Alert {
            action: "allowed",
            gid: own.gid,
            signature_id: own.sid,
            rev: 1,
            signature: own.title,
            category: own.category,
            severity: own.severity.into(),
            source: None,
            target: None,
            references: None,
            metadata: Some(own.metadata),
            context: Some(context),
            rule: None,
            xff: None,
        }
    }
}

/// `alert.source` and `alert.target`, from a rule's `target` keyword.
#[derive(Debug, Clone, Serialize)]
pub struct End {
    #[serde(serialize_with = "address")]
    pub ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// What rules have noted of packet and flow: two objects that stand side by side.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficLabels<'a>>,
    pub metadata: Variables<'a>,
}

/// Flow bits whose names begin with `traffic/id/` and `traffic/label/`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TrafficLabels<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label: Vec<&'a str>,
}

/// Variables and bits of packet and flow.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Variables<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flowbits: Vec<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flowints: BTreeMap<&'a str, u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub entropy: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flowvars: Vec<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pktvars: Vec<BTreeMap<String, String>>,
}

/// The flow, as it stood when the alert was made. Addresses are the client's and the server's.
#[derive(Debug, Clone, Serialize)]
pub struct AlertFlow {
    pub pkts_toserver: u64,
    pub pkts_toclient: u64,
    pub bytes_toserver: u64,
    pub bytes_toclient: u64,
    pub start: Time,
    #[serde(serialize_with = "address")]
    pub src_ip: IpAddr,
    #[serde(serialize_with = "address")]
    pub dest_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dest_port: Option<u16>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PacketInfo {
    pub linktype: u16,
    pub linktype_name: &'static str,
}

/// The outer packet of a tunnel.
#[derive(Debug, Clone, Serialize)]
pub struct Tunnel {
    #[serde(serialize_with = "address")]
    pub src_ip: IpAddr,
    #[serde(serialize_with = "address")]
    pub dest_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dest_port: Option<u16>,
    pub proto: String,
    pub depth: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcap_cnt: Option<u64>,
    pub pkt_src: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    pub action: &'static str,
    #[serde(rename = "reject-target", skip_serializing_if = "Option::is_none")]
    pub reject_target: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reject: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub struct AlertRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_id: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tx_guessed: bool,
    pub alert: Alert<'a>,
    /// Stage that each side of the transaction has reached, in the protocol's own names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts_progress: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tc_progress: Option<&'static str>,
    #[serde(flatten)]
    pub app: Option<AppRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto_ts: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto_tc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto_orig: Option<&'a str>,
    /// `to_server` or `to_client`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<AlertFlow>,
    #[serde(flatten)]
    pub metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Tunnel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Base64<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_printable: Option<Printable<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_length: Option<usize>,
    /// 1 when the payload is stream data, 0 when it is the packet's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<FrameInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<Base64<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet_info: Option<PacketInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// An alert from a rule over events: it stands beside what the event says.
#[derive(Debug, Clone, Serialize)]
pub struct EventAlertRecord<'a> {
    pub alert: Alert<'a>,
    /// Absent where the event's own record says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto: Option<&'a str>,
    /// None where no single event stands for it.
    #[serde(flatten)]
    pub event: Option<EventBody<'a>>,
}

/// What is ours in an alert that the collector made of records: it is no sensor's.
#[derive(Debug, Clone, Serialize)]
pub struct ByCollector<'a> {
    /// [`ByCollector::SOURCE`].
    pub source: &'static str,
    /// The record that brought it about or completed it; absent where a window ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin<'a>>,
}

impl ByCollector<'_> {
    pub const SOURCE: &'static str = "collector";
}

/// A stored record.
#[derive(Debug, Clone, Serialize)]
pub struct Origin<'a> {
    /// Whose it is.
    pub sensor: &'a str,
    pub id: &'a str,
    pub event_type: &'a str,
}

/// The objects of an event that can bring an alert about.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum EventBody<'a> {
    Anomaly(&'a AnomalyRecord<'a>),
    Arp(&'a ArpRecord),
    Transaction(&'a TransactionRecord<'a>),
    FileInfo(&'a FileInfoRecord<'a>),
    Fact(&'a FactRecord),
    Flow(&'a FlowRecord<'a>),
    Netflow(&'a NetflowRecord<'a>),
}
