//! `dhcp`: the object of a dhcp transaction.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::{ColonHex, DnsAddress, Text};

/// One message, its options under their names in the order of the message.
#[derive(Debug, Clone)]
pub struct Dhcp<'a> {
    /// `request` or `reply`.
    pub kind: &'static str,
    pub id: u32,
    pub client_mac: ColonHex<'a>,
    pub assigned_ip: DnsAddress<'a>,
    pub client_ip: DnsAddress<'a>,
    /// This and the next of replies only.
    pub relay_ip: Option<DnsAddress<'a>>,
    pub next_server_ip: Option<DnsAddress<'a>>,
    pub options: Vec<(&'static str, DhcpOption<'a>)>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum DhcpOption<'a> {
    Seconds(u32),
    Address(DnsAddress<'a>),
    Addresses(DhcpAddresses<'a>),
    Text(Text<'a>),
    Hex(ColonHex<'a>),
    Name(&'static str),
    Names(Vec<&'static str>),
}

/// IPv4 addresses behind each other; what is left over is not told.
#[derive(Debug, Clone, Copy)]
pub struct DhcpAddresses<'a>(pub &'a [u8]);

impl Serialize for DhcpAddresses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.chunks_exact(4).map(DnsAddress))
    }
}

impl Serialize for Dhcp<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("client_mac", &self.client_mac)?;
        map.serialize_entry("assigned_ip", &self.assigned_ip)?;
        map.serialize_entry("client_ip", &self.client_ip)?;
        if let Some(relay_ip) = &self.relay_ip {
            map.serialize_entry("relay_ip", relay_ip)?;
        }
        if let Some(next_server_ip) = &self.next_server_ip {
            map.serialize_entry("next_server_ip", next_server_ip)?;
        }
        for (name, value) in &self.options {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
