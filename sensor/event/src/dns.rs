//! `dns`: the object of a dns transaction.

use std::borrow::Cow;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::{Hex, Text};

/// The `dns` object: version 3 (one message, the default) or one of the two shapes of version 2.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Dns<'a> {
    Message(Box<DnsMessage<'a>>),
    Query(DnsQueryV2<'a>),
    Answer(Box<DnsAnswerV2<'a>>),
}

/// A whole message, request or response (`version` 3).
#[derive(Debug, Clone, Serialize)]
pub struct DnsMessage<'a> {
    pub version: u8,
    /// `request` or `response`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub tx_id: u64,
    /// Identifier on the wire.
    pub id: u16,
    #[serde(flatten)]
    pub flags: DnsFlags,
    pub opcode: u8,
    pub rcode: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<DnsQuestion<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<DnsResource<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouped: Option<DnsGrouped<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<DnsResource<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additionals: Vec<DnsResource<'a>>,
}

/// One question of a request (`version` 2).
#[derive(Debug, Clone, Serialize)]
pub struct DnsQueryV2<'a> {
    pub version: u8,
    /// `query`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: u16,
    #[serde(flatten)]
    pub question: DnsQuestion<'a>,
    pub tx_id: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub z: bool,
    pub opcode: u8,
}

/// A response, named after its first question (`version` 2).
#[derive(Debug, Clone, Serialize)]
pub struct DnsAnswerV2<'a> {
    pub version: u8,
    /// `answer`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: u16,
    #[serde(flatten)]
    pub flags: DnsFlags,
    pub opcode: u8,
    #[serde(flatten)]
    pub question: Option<DnsQuestion<'a>>,
    pub rcode: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<DnsResource<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouped: Option<DnsGrouped<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<DnsResource<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additionals: Vec<DnsResource<'a>>,
}

/// The second word of the header: as hexadecimal text, and each bit that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DnsFlags(pub u16);

impl Serialize for DnsFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const BITS: [(&str, u16); 6] = [
            ("qr", 0x8000),
            ("aa", 0x0400),
            ("tc", 0x0200),
            ("rd", 0x0100),
            ("ra", 0x0080),
            ("z", 0x0040),
        ];
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("flags", &format_args!("{:x}", self.0))?;
        for (name, bit) in BITS {
            if self.0 & bit != 0 {
                map.serialize_entry(name, &true)?;
            }
        }
        map.end()
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct DnsQuestion<'a> {
    pub rrname: Text<'a>,
    pub rrtype: Cow<'static, str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rrname_truncated: bool,
}

/// One resource record; a TXT record stands once for each of its strings.
#[derive(Debug, Clone, Serialize)]
pub struct DnsResource<'a> {
    pub rrname: Text<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rrname_truncated: bool,
    pub rrtype: Cow<'static, str>,
    pub ttl: u32,
    #[serde(flatten)]
    pub rdata: DnsRdata<'a>,
}

/// Data of a resource record, under the key that fits its type.
#[derive(Debug, Clone)]
pub enum DnsRdata<'a> {
    Address(DnsAddress<'a>),
    Name(DnsName<'a>),
    Text(Text<'a>),
    Soa(DnsSoa<'a>),
    Srv(DnsSrv<'a>),
    Sshfp(DnsSshfp<'a>),
    Opt(Vec<DnsOption<'a>>),
    /// Not logged.
    Other,
}

#[derive(Debug, Clone, Copy)]
pub struct DnsName<'a> {
    pub name: Text<'a>,
    pub truncated: bool,
}

impl Serialize for DnsRdata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            DnsRdata::Address(address) => map.serialize_entry("rdata", address)?,
            DnsRdata::Name(name) => {
                map.serialize_entry("rdata", &name.name)?;
                if name.truncated {
                    map.serialize_entry("rdata_truncated", &true)?;
                }
            }
            DnsRdata::Text(text) => map.serialize_entry("rdata", text)?,
            DnsRdata::Soa(soa) => map.serialize_entry("soa", soa)?,
            DnsRdata::Srv(srv) => map.serialize_entry("srv", srv)?,
            DnsRdata::Sshfp(sshfp) => map.serialize_entry("sshfp", sshfp)?,
            DnsRdata::Opt(options) => map.serialize_entry("opt", options)?,
            DnsRdata::Other => {}
        }
        map.end()
    }
}

/// 4 or 16 bytes as an address, IPv6 with all its digits; other lengths give an empty string.
#[derive(Debug, Clone, Copy)]
pub struct DnsAddress<'a>(pub &'a [u8]);

impl Serialize for DnsAddress<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [a, b, c, d] => serializer.collect_str(&format_args!("{a}.{b}.{c}.{d}")),
            bytes if bytes.len() == 16 => {
                let mut text = String::with_capacity(39);
                for (index, pair) in bytes.chunks(2).enumerate() {
                    if index > 0 {
                        text.push(':');
                    }
                    text.push_str(&Hex(pair).to_string());
                }
                serializer.serialize_str(&text)
            }
            _ => serializer.serialize_str(""),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct DnsSoa<'a> {
    pub mname: Text<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mname_truncated: bool,
    pub rname: Text<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rname_truncated: bool,
    pub serial: u32,
    /// This and the following are seconds.
    pub refresh: u32,
    pub retry: u32,
    pub expire: u32,
    pub minimum: u32,
}

#[derive(Debug, Clone, Serialize)]
pub struct DnsSrv<'a> {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub name: Text<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct DnsSshfp<'a> {
    pub fingerprint: ColonHex<'a>,
    pub algo: u8,
    #[serde(rename = "type")]
    pub kind: u8,
}

#[derive(Debug, Clone, Serialize)]
pub struct DnsOption<'a> {
    pub code: u16,
    pub data: Hex<'a>,
}

/// Bytes as `aa:bb:cc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColonHex<'a>(pub &'a [u8]);

impl std::fmt::Display for ColonHex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl Serialize for ColonHex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Data of the answers by type, in the order of first appearance: `{"A":["192.0.2.1"]}`.
#[derive(Debug, Clone, Default)]
pub struct DnsGrouped<'a>(pub Vec<(Cow<'static, str>, Vec<DnsRdata<'a>>)>);

/// A value inside a group, without its key.
pub(crate) struct Bare<'r, 'a>(pub(crate) &'r DnsRdata<'a>);

impl Serialize for Bare<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            DnsRdata::Address(address) => address.serialize(serializer),
            DnsRdata::Name(name) => name.name.serialize(serializer),
            DnsRdata::Text(text) => text.serialize(serializer),
            DnsRdata::Soa(soa) => soa.serialize(serializer),
            DnsRdata::Srv(srv) => srv.serialize(serializer),
            DnsRdata::Sshfp(sshfp) => sshfp.serialize(serializer),
            DnsRdata::Opt(_) | DnsRdata::Other => serializer.serialize_none(),
        }
    }
}

struct Group<'r, 'a>(&'r [DnsRdata<'a>]);

impl Serialize for Group<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for value in self.0 {
            list.serialize_element(&Bare(value))?;
        }
        list.end()
    }
}

impl Serialize for DnsGrouped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, values) in &self.0 {
            map.serialize_entry(name, &Group(values))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_suricatas_shape() {
        let address = DnsRdata::Address(DnsAddress(&[192, 0, 2, 1]));
        let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0f];
        let message = Dns::Message(Box::new(DnsMessage {
            version: 3,
            kind: "response",
            tx_id: 1,
            id: 7,
            flags: DnsFlags(0x8180),
            opcode: 0,
            rcode: Cow::Borrowed("NOERROR"),
            queries: vec![DnsQuestion {
                rrname: Text(b"a.test"),
                rrtype: Cow::Borrowed("A"),
                rrname_truncated: false,
            }],
            answers: vec![DnsResource {
                rrname: Text(b"a.test"),
                rrname_truncated: false,
                rrtype: Cow::Borrowed("AAAA"),
                ttl: 5,
                rdata: DnsRdata::Address(DnsAddress(&v6)),
            }],
            grouped: Some(DnsGrouped(vec![(Cow::Borrowed("A"), vec![address])])),
            authorities: Vec::new(),
            additionals: Vec::new(),
        }));
        let json = serde_json::to_string(&message).expect("a message serialises");
        assert_eq!(
            json,
            concat!(
                r#"{"version":3,"type":"response","tx_id":1,"id":7,"flags":"8180","qr":true,"rd":true,"#,
                r#""ra":true,"opcode":0,"rcode":"NOERROR","queries":[{"rrname":"a.test","rrtype":"A"}],"#,
                r#""answers":[{"rrname":"a.test","rrtype":"AAAA","ttl":5,"#,
                r#""rdata":"2001:0db8:0000:0000:0000:0000:0000:000f"}],"grouped":{"A":["192.0.2.1"]}}"#,
            )
        );
    }
}
