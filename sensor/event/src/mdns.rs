//! `mdns`: the object of a multicast DNS message.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::dns::Bare;
use crate::{DnsRdata, Text};

#[derive(Debug, Clone, Serialize)]
pub struct Mdns<'a> {
    /// `request` or `response`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Identifier on the wire.
    pub id: u16,
    #[serde(skip_serializing_if = "MdnsFlags::is_empty")]
    pub flags: MdnsFlags,
    pub opcode: u8,
    pub rcode: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<MdnsQuestion<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<MdnsResource<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<MdnsResource<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additionals: Vec<MdnsResource<'a>>,
}

/// The second word of the header as the names of its set bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MdnsFlags(pub u16);

impl MdnsFlags {
    const BITS: [(&str, u16); 7] = [
        ("aa", 0x0400),
        ("tc", 0x0200),
        ("rd", 0x0100),
        ("ra", 0x0080),
        ("z", 0x0040),
        ("ad", 0x0020),
        ("cd", 0x0010),
    ];

    fn is_empty(&self) -> bool {
        Self::BITS.iter().all(|(_, bit)| self.0 & bit == 0)
    }
}

impl Serialize for MdnsFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (name, bit) in Self::BITS {
            if self.0 & bit != 0 {
                list.serialize_element(name)?;
            }
        }
        list.end()
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct MdnsQuestion<'a> {
    pub rrname: Text<'a>,
    /// Lower case.
    pub rrtype: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rrname_truncated: bool,
}

/// One resource record; its data stands under the name of its type.
#[derive(Debug, Clone)]
pub struct MdnsResource<'a> {
    pub rrname: Text<'a>,
    pub rrname_truncated: bool,
    /// Lower case.
    pub rrtype: String,
    pub rdata: MdnsRdata<'a>,
}

#[derive(Debug, Clone)]
pub enum MdnsRdata<'a> {
    Strings(Vec<Text<'a>>),
    Value(DnsRdata<'a>),
}

impl Serialize for MdnsResource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("rrname", &self.rrname)?;
        if self.rrname_truncated {
            map.serialize_entry("rrname_truncated", &true)?;
        }
        match &self.rdata {
            MdnsRdata::Strings(strings) => map.serialize_entry(&self.rrtype, strings)?,
            MdnsRdata::Value(DnsRdata::Opt(options)) => {
                map.serialize_entry(&self.rrtype, options)?
            }
            MdnsRdata::Value(value) => {
                map.serialize_entry(&self.rrtype, &Bare(value))?;
                if let DnsRdata::Name(name) = value
                    && name.truncated
                {
                    map.serialize_entry("rdata_truncated", &true)?;
                }
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stands_under_its_type() {
        let mdns = Mdns {
            kind: "response",
            id: 0,
            flags: MdnsFlags(0x8400),
            opcode: 0,
            rcode: 0,
            queries: Vec::new(),
            answers: vec![MdnsResource {
                rrname: Text(b"a.local"),
                rrname_truncated: false,
                rrtype: "txt".to_owned(),
                rdata: MdnsRdata::Strings(vec![Text(b"k=v")]),
            }],
            authorities: Vec::new(),
            additionals: Vec::new(),
        };
        assert_eq!(
            serde_json::to_string(&mdns).expect("a record serialises"),
            concat!(
                r#"{"type":"response","id":0,"flags":["aa"],"opcode":0,"rcode":0,"#,
                r#""answers":[{"rrname":"a.local","txt":["k=v"]}]}"#
            )
        );
    }
}
