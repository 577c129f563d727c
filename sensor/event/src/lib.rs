//! The event schema: EVE records with Suricata 8's names and types. Everything that leaves a sensor is
//! a [`Record`]; nothing else in the system spells these names.
//!
//! Records borrow from the packet, flow or transaction they speak of and are serialised straight into a
//! byte buffer on the worker. Times are `2026-11-24T17:30:00.123456+0000`.

mod alert;
mod anomaly;
mod app;
mod arp;
mod ascii;
mod bittorrent;
mod canary;
mod class;
mod common;
mod dcerpc;
mod dhcp;
mod dictionary;
mod dnp3;
mod dns;
mod enip;
mod fact;
mod fileinfo;
mod flow;
mod frame;
mod ftp;
mod http;
mod http2;
mod ike;
mod imap;
mod irc;
mod json;
mod krb5;
mod ldap;
mod llmnr;
mod mdns;
mod modbus;
mod mqtt;
mod mysql;
mod nfs;
mod ntp;
mod pgsql;
mod pop3;
mod quic;
mod rdp;
mod redis;
mod rfb;
mod seal;
mod setting;
mod short;
mod sip;
mod smb;
mod smtp;
mod snmp;
mod socks;
mod ssh;
mod stats;
mod syslog;
mod telnet;
mod text;
mod tftp;
mod tls;
mod websocket;

pub use alert::{
    Alert, AlertFlow, AlertRecord, ByCollector, End, EventAlertRecord, EventBody, Metadata,
    OfSigma, Origin, PacketInfo, TrafficLabels, Tunnel, Variables, Verdict,
};
pub use anomaly::{Anomaly, AnomalyKind, AnomalyRecord};
pub use app::{AppRecord, TransactionRecord};
pub use arp::{Arp, ArpRecord};
pub use bittorrent::*;
pub use canary::{Canary, CanaryRecord};
pub use class::Class;
pub use common::{Common, DateTime, Ether, Mac, Time};
pub use dcerpc::*;
pub use dhcp::*;
pub use dictionary::{DICTIONARIES, Dictionary};
pub use dnp3::*;
pub use dns::*;
pub use enip::*;
pub use fact::{Fact, FactObject, FactRecord, FlowExtra};
pub use fileinfo::{FileInfo, FileInfoRecord};
pub use flow::{
    ExceptionPolicy, FlowRecord, FlowSummary, NetflowRecord, NetflowSummary, TcpFlags, TcpSide,
    TcpSummary,
};
pub use frame::{FrameInfo, FrameRecord};
pub use ftp::*;
pub use http::*;
pub use http2::*;
pub use ike::*;
pub use imap::*;
pub use irc::*;
pub use json::Json;
pub use krb5::*;
pub use ldap::*;
pub use llmnr::*;
pub use mdns::*;
pub use modbus::*;
pub use mqtt::*;
pub use mysql::*;
pub use nfs::*;
pub use ntp::*;
pub use pgsql::*;
pub use pop3::*;
pub use quic::*;
pub use rdp::*;
pub use redis::*;
pub use rfb::*;
pub use seal::{RULES_BUNDLE_MAGIC, RULES_SEAL_CONTEXT};
pub use setting::{
    MAX_SETTING_BYTES, MAX_SETTING_NAME_BYTES, MAX_SETTINGS, RECORD_KINDS, SETTINGS, Setting,
    SettingEffect, SettingFault, SettingKind, list as setting_list,
};
pub use sip::*;
pub use smb::*;
pub use smtp::*;
pub use snmp::*;
pub use socks::*;
pub use ssh::*;
pub use stats::{StatsRecord, StatsTree};
pub use syslog::*;
pub use telnet::*;
pub use text::{Base64, Hex, Hex16, Limited, Printable, Text};
pub use tftp::*;
pub use tls::*;
pub use websocket::*;

use serde::Serialize;

/// One event as it leaves the sensor.
#[derive(Debug, Clone, Serialize)]
pub struct Record<'a> {
    #[serde(flatten)]
    pub common: Common<'a>,
    #[serde(flatten)]
    pub body: Body<'a>,
}

/// What the event is about; its objects stand beside the common fields.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Body<'a> {
    Alert(Box<AlertRecord<'a>>),
    EventAlert(EventAlertRecord<'a>),
    Anomaly(AnomalyRecord<'a>),
    Arp(ArpRecord),
    Transaction(Box<TransactionRecord<'a>>),
    FileInfo(Box<FileInfoRecord<'a>>),
    Fact(Box<FactRecord>),
    Flow(Box<FlowRecord<'a>>),
    Frame(Box<FrameRecord<'a>>),
    Netflow(Box<NetflowRecord<'a>>),
    Stats(StatsRecord),
    /// Variables that rules took from a packet.
    Metadata(Box<Metadata<'a>>),
    /// A packet logged by `tag`: the common fields and the packet.
    Packet {
        packet: Base64<'a>,
        packet_info: PacketInfo,
    },
}

impl<'a> Body<'a> {
    /// The body of an event that rules over events look at: not alerts, counters and parts of alerts.
    pub fn event(&'a self) -> Option<EventBody<'a>> {
        match self {
            Body::Anomaly(body) => Some(EventBody::Anomaly(body)),
            Body::Arp(body) => Some(EventBody::Arp(body)),
            Body::Transaction(body) => Some(EventBody::Transaction(body)),
            Body::FileInfo(body) => Some(EventBody::FileInfo(body)),
            Body::Fact(body) => Some(EventBody::Fact(body)),
            Body::Flow(body) => Some(EventBody::Flow(body)),
            Body::Netflow(body) => Some(EventBody::Netflow(body)),
            Body::Alert(_)
            | Body::EventAlert(_)
            | Body::Frame(_)
            | Body::Stats(_)
            | Body::Metadata(_)
            | Body::Packet { .. } => None,
        }
    }
}
