//! `arp`: an address was asked for or told.

use std::net::IpAddr;

use serde::Serialize;

use crate::common::{Mac, address};

#[derive(Debug, Clone, Serialize)]
pub struct Arp {
    pub hw_type: &'static str,
    pub proto_type: &'static str,
    /// `request`, `reply`, …
    pub opcode: &'static str,
    pub src_mac: Mac,
    #[serde(serialize_with = "address")]
    pub src_ip: IpAddr,
    pub dest_mac: Mac,
    #[serde(serialize_with = "address")]
    pub dest_ip: IpAddr,
}

#[derive(Debug, Clone, Serialize)]
pub struct ArpRecord {
    pub arp: Arp,
}
