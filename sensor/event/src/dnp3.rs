//! `dnp3`: the object of a DNP3 message.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::{Base64, Text};

/// A message as a record, or under its kind as part of an alert.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dnp3<'a> {
    Request(Dnp3Message<'a>),
    Response(Dnp3Message<'a>),
    #[serde(untagged)]
    Record(Dnp3Message<'a>),
}

#[derive(Debug, Clone, Serialize)]
pub struct Dnp3Message<'a> {
    /// `request`, `response` or `unsolicited_response`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub control: Dnp3LinkControl,
    pub src: u16,
    pub dst: u16,
    pub application: Dnp3Application<'a>,
    /// Of responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iin: Option<Dnp3Indications>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Dnp3LinkControl {
    pub dir: bool,
    pub pri: bool,
    pub fcb: bool,
    pub fcv: bool,
    pub function_code: u8,
}

#[derive(Debug, Clone, Serialize)]
pub struct Dnp3Application<'a> {
    pub control: Dnp3ApplicationControl,
    pub function_code: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Dnp3Object<'a>>,
    /// All objects could be read.
    pub complete: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Dnp3ApplicationControl {
    pub fir: bool,
    pub fin: bool,
    pub con: bool,
    pub uns: bool,
    pub sequence: u8,
}

#[derive(Debug, Clone, Serialize)]
pub struct Dnp3Indications {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Dnp3Object<'a> {
    pub group: u8,
    pub variation: u8,
    pub qualifier: u8,
    pub prefix_code: u8,
    pub range_code: u8,
    pub start: u32,
    pub stop: u32,
    pub count: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Dnp3Point<'a>>,
}

/// One value of an object, with the fields that its group and variation have.
#[derive(Debug, Clone)]
pub struct Dnp3Point<'a> {
    pub prefix: u32,
    pub index: u32,
    /// When the prefix is the size of the value.
    pub size: Option<u32>,
    pub values: Vec<(&'static str, Dnp3Value<'a>)>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Dnp3Value<'a> {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Text<'a>),
    Bytes(Base64<'a>),
}

impl Serialize for Dnp3Point<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("prefix", &self.prefix)?;
        map.serialize_entry("index", &self.index)?;
        if let Some(size) = self.size {
            map.serialize_entry("size", &size)?;
        }
        for (name, value) in &self.values {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
