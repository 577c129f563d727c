//! An event as tantivy sees it: fields and values, borrowed from the parsed record.

use std::net::{IpAddr, Ipv6Addr};

use sensor_query::{MAX_KEYWORD_BYTES, NOT_JSON, NOT_WORDS, cut};
use tantivy::DateTime;
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf};
use tantivy::schema::{Document, Field, Value};

use crate::event::{Event, Stream};
use crate::schema::Fields;
use crate::tape::{Entries, Items, Json, JsonKind};

/// Text of one event that is indexed as words; what is beyond is stored, but not found.
const MAX_WORDS_BYTES: usize = 64 * 1_024;

/// An event with its place in its stream, ready to be indexed.
#[derive(Debug)]
pub(crate) struct EventDocument {
    pub fields: std::sync::Arc<Fields>,
    pub event: Event,
    pub id: String,
    pub order: u64,
    pub class: &'static str,
    pub sensor: String,
    pub source: Vec<u8>,
}

impl EventDocument {
    pub fn new(
        fields: std::sync::Arc<Fields>,
        event: Event,
        stream: &Stream,
        seq: u64,
        received: &str,
    ) -> Self {
        EventDocument {
            id: stream.event_id(seq),
            order: stream.order(seq),
            class: stream.class.name(),
            sensor: stream.sensor.clone(),
            source: stream.source(seq, received, event.text()),
            fields,
            event,
        }
    }
}

/// A value of a field.
#[derive(Debug, Clone)]
pub(crate) enum FieldValue<'a> {
    Leaf(ReferenceValueLeaf<'a>),
    /// The event without what has fields of its own.
    Event(Json<'a>),
    Json(Json<'a>),
}

impl Document for EventDocument {
    type Value<'a> = FieldValue<'a>;
    type FieldsValuesIter<'a> = std::vec::IntoIter<(Field, FieldValue<'a>)>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        let fields = &self.fields;
        let root = self.event.root();
        let mut values = Vec::with_capacity(48);
        let mut add = |field, leaf| values.push((field, FieldValue::Leaf(leaf)));
        add(
            fields.timestamp,
            ReferenceValueLeaf::Date(DateTime::from_timestamp_micros(self.event.timestamp())),
        );
        add(fields.id, ReferenceValueLeaf::Str(&self.id));
        add(fields.order, ReferenceValueLeaf::U64(self.order));
        add(fields.class, ReferenceValueLeaf::Str(self.class));
        add(fields.sensor, ReferenceValueLeaf::Str(&self.sensor));
        add(fields.source, ReferenceValueLeaf::Bytes(&self.source));
        let texts = [
            ("event_type", fields.event_type),
            ("proto", fields.proto),
            ("app_proto", fields.app_proto),
            ("community_id", fields.community_id),
            ("alert.signature", fields.signature),
            ("alert.category", fields.category),
        ];
        for (path, field) in texts {
            if let Some(text) = root.path(path).and_then(Json::as_str) {
                add(field, ReferenceValueLeaf::Str(cut(text, MAX_KEYWORD_BYTES)));
            }
        }
        let numbers = [
            ("src_port", fields.src_port),
            ("dest_port", fields.dest_port),
            ("flow_id", fields.flow_id),
            ("alert.signature_id", fields.signature_id),
            ("alert.severity", fields.severity),
        ];
        for (path, field) in numbers {
            if let Some(number) = root.path(path).and_then(Json::as_u64) {
                add(field, ReferenceValueLeaf::U64(number));
            }
        }
        let addresses = [
            ("src_ip", fields.src_ip, fields.src_ip_text),
            ("dest_ip", fields.dest_ip, fields.dest_ip_text),
        ];
        for (path, field, text_field) in addresses {
            if let Some(text) = root.get(path).and_then(Json::as_str)
                && let Ok(address) = text.parse::<IpAddr>()
            {
                add(field, ReferenceValueLeaf::IpAddr(as_ipv6(address)));
                add(text_field, ReferenceValueLeaf::Str(text));
            }
        }
        values.push((fields.event, FieldValue::Event(root)));
        let mut budget = MAX_WORDS_BYTES;
        push_words(root, fields.all, &mut values, &mut budget);
        values.into_iter()
    }
}

/// IPv4 as tantivy keeps it.
fn as_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// Every text below a value. The depth of JSON is limited by its parser.
fn push_words<'a>(
    json: Json<'a>,
    field: Field,
    values: &mut Vec<(Field, FieldValue<'a>)>,
    budget: &mut usize,
) {
    match json.kind() {
        JsonKind::Text(text) => {
            let text = cut(text, *budget);
            if !text.is_empty() {
                *budget -= text.len();
                values.push((field, FieldValue::Leaf(ReferenceValueLeaf::Str(text))));
            }
        }
        JsonKind::Array(items) => {
            for item in items {
                push_words(item, field, values, budget);
            }
        }
        JsonKind::Object(entries) => {
            for (name, value) in entries {
                if !NOT_WORDS.contains(&name) {
                    push_words(value, field, values, budget);
                }
            }
        }
        JsonKind::Null
        | JsonKind::Bool(_)
        | JsonKind::Unsigned(_)
        | JsonKind::Signed(_)
        | JsonKind::Float(_) => {}
    }
}

impl<'a> Value<'a> for FieldValue<'a> {
    type ArrayIter = JsonItems<'a>;
    type ObjectIter = JsonEntries<'a>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        let (json, top) = match self {
            FieldValue::Leaf(leaf) => return ReferenceValue::Leaf(leaf.clone()),
            FieldValue::Event(json) => (*json, true),
            FieldValue::Json(json) => (*json, false),
        };
        let leaf = match json.kind() {
            JsonKind::Null => ReferenceValueLeaf::Null,
            JsonKind::Bool(value) => ReferenceValueLeaf::Bool(value),
            JsonKind::Unsigned(value) => ReferenceValueLeaf::U64(value),
            JsonKind::Signed(value) => ReferenceValueLeaf::I64(value),
            JsonKind::Float(value) => ReferenceValueLeaf::F64(value),
            JsonKind::Text(text) => ReferenceValueLeaf::Str(cut(text, MAX_KEYWORD_BYTES)),
            JsonKind::Array(items) => return ReferenceValue::Array(JsonItems(items)),
            JsonKind::Object(entries) => {
                return ReferenceValue::Object(JsonEntries { entries, top });
            }
        };
        ReferenceValue::Leaf(leaf)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct JsonItems<'a>(Items<'a>);

impl<'a> Iterator for JsonItems<'a> {
    type Item = FieldValue<'a>;

    fn next(&mut self) -> Option<FieldValue<'a>> {
        self.0.next().map(FieldValue::Json)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct JsonEntries<'a> {
    entries: Entries<'a>,
    top: bool,
}

impl<'a> Iterator for JsonEntries<'a> {
    type Item = (&'a str, FieldValue<'a>);

    fn next(&mut self) -> Option<(&'a str, FieldValue<'a>)> {
        let top = self.top;
        self.entries
            .find(|(name, _)| !(top && NOT_JSON.contains(name)))
            .map(|(name, value)| (name, FieldValue::Json(value)))
    }
}
