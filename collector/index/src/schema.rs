//! The fields of a partition, and which of them answers for an EVE path.
//!
//! What is searched most has a typed field named by its EVE path. Everything else is reached through
//! the JSON field [`Fields::event`], under the same path. [`Fields::resolve`] tells which.

pub use sensor_query::ALL;
use sensor_query::{Kind, kind_of};
use tantivy::schema::{
    BytesOptions, DateOptions, DateTimePrecision, Field, IndexRecordOption, IpAddrOptions,
    JsonObjectOptions, NumericOptions, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

use crate::text::{FOLDED_WHOLE, FOLDED_WORDS};

/// Where the values of a path are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub field: Field,
    pub kind: Kind,
    /// Path inside the field, dotted; empty for a typed field.
    pub json_path: String,
    /// Name of the fast column, for aggregation and sorting; `None` when there is none.
    pub column: Option<String>,
}

/// Handles on the fields.
#[derive(Debug, Clone)]
pub struct Fields {
    pub schema: Schema,
    pub timestamp: Field,
    pub id: Field,
    /// Breaks ties of equal timestamps: rises with the sequence number, differs between streams.
    pub order: Field,
    pub event_type: Field,
    /// Priority class of delivery.
    pub class: Field,
    /// Id of the sensor.
    pub sensor: Field,
    pub src_ip: Field,
    pub dest_ip: Field,
    /// The addresses as text columns, for grouping. Not searchable.
    pub src_ip_text: Field,
    pub dest_ip_text: Field,
    pub src_port: Field,
    pub dest_port: Field,
    pub proto: Field,
    pub app_proto: Field,
    pub community_id: Field,
    pub flow_id: Field,
    pub signature_id: Field,
    pub severity: Field,
    pub signature: Field,
    pub category: Field,
    /// All other paths.
    pub event: Field,
    /// Every text of the event, as words.
    pub all: Field,
    /// The event itself, JSON bytes; stored only.
    pub source: Field,
}

/// Name of the JSON field.
pub const EVENT: &str = "_event";
/// Name of the stored event.
pub const SOURCE: &str = "_source";

impl Fields {
    pub fn new() -> Fields {
        let mut builder = Schema::builder();
        let number = || NumericOptions::default().set_indexed().set_fast();
        let keyword = |name: &str, builder: &mut SchemaBuilder| {
            builder.add_text_field(name, keyword_options().set_fast("raw"))
        };
        let timestamp = builder.add_date_field(
            "timestamp",
            DateOptions::default()
                .set_indexed()
                .set_fast()
                .set_precision(DateTimePrecision::Microseconds),
        );
        let id = builder.add_text_field("matluoi.id", keyword_options());
        let order = builder.add_u64_field("_order", NumericOptions::default().set_fast());
        let event_type = keyword("event_type", &mut builder);
        let class = keyword("matluoi.class", &mut builder);
        let sensor = keyword("matluoi.sensor", &mut builder);
        let ip = || IpAddrOptions::default().set_indexed().set_fast();
        let src_ip = builder.add_ip_addr_field("src_ip", ip());
        let dest_ip = builder.add_ip_addr_field("dest_ip", ip());
        let column = || TextOptions::default().set_fast("raw");
        let src_ip_text = builder.add_text_field("_src_ip", column());
        let dest_ip_text = builder.add_text_field("_dest_ip", column());
        let src_port = builder.add_u64_field("src_port", number());
        let dest_port = builder.add_u64_field("dest_port", number());
        let proto = keyword("proto", &mut builder);
        let app_proto = keyword("app_proto", &mut builder);
        let community_id = builder.add_text_field("community_id", keyword_options());
        let flow_id = builder.add_u64_field("flow_id", NumericOptions::default().set_indexed());
        let signature_id = builder.add_u64_field("alert.signature_id", number());
        let severity = builder.add_u64_field("alert.severity", number());
        let signature = keyword("alert.signature", &mut builder);
        let category = keyword("alert.category", &mut builder);
        let event = builder.add_json_field(
            EVENT,
            JsonObjectOptions::default()
                .set_indexing_options(whole_value())
                .set_fast("raw"),
        );
        let all = builder.add_text_field(
            ALL,
            TextOptions::default().set_indexing_options(
                TextFieldIndexing::default()
                    .set_tokenizer(FOLDED_WORDS)
                    .set_fieldnorms(false)
                    .set_index_option(IndexRecordOption::WithFreqsAndPositions),
            ),
        );
        let source = builder.add_bytes_field(SOURCE, BytesOptions::default().set_stored());
        Fields {
            schema: builder.build(),
            timestamp,
            id,
            order,
            event_type,
            class,
            sensor,
            src_ip,
            dest_ip,
            src_ip_text,
            dest_ip_text,
            src_port,
            dest_port,
            proto,
            app_proto,
            community_id,
            flow_id,
            signature_id,
            severity,
            signature,
            category,
            event,
            all,
            source,
        }
    }

    /// The field that holds the values of an EVE path such as `alert.signature_id` or
    /// `http.hostname`. Every path resolves: an unknown one is a path of the JSON field.
    pub fn resolve(&self, path: &str) -> Resolved {
        let typed = self.typed().find(|(name, ..)| *name == path);
        match typed {
            Some((_, field, kind, column)) => Resolved {
                field,
                kind,
                json_path: String::new(),
                column: column.map(str::to_owned),
            },
            None => Resolved {
                field: self.event,
                kind: Kind::Json,
                json_path: path.to_owned(),
                column: Some(format!("{EVENT}.{path}")),
            },
        }
    }

    /// The typed paths: name, field, kind, fast column.
    pub fn typed(
        &self,
    ) -> impl Iterator<Item = (&'static str, Field, Kind, Option<&'static str>)> + use<> {
        [
            ("timestamp", self.timestamp, Some("timestamp")),
            ("matluoi.id", self.id, None),
            ("event_type", self.event_type, Some("event_type")),
            ("matluoi.class", self.class, Some("matluoi.class")),
            ("matluoi.sensor", self.sensor, Some("matluoi.sensor")),
            ("src_ip", self.src_ip, Some("_src_ip")),
            ("dest_ip", self.dest_ip, Some("_dest_ip")),
            ("src_port", self.src_port, Some("src_port")),
            ("dest_port", self.dest_port, Some("dest_port")),
            ("proto", self.proto, Some("proto")),
            ("app_proto", self.app_proto, Some("app_proto")),
            ("community_id", self.community_id, None),
            ("flow_id", self.flow_id, None),
            (
                "alert.signature_id",
                self.signature_id,
                Some("alert.signature_id"),
            ),
            ("alert.severity", self.severity, Some("alert.severity")),
            ("alert.signature", self.signature, Some("alert.signature")),
            ("alert.category", self.category, Some("alert.category")),
            (ALL, self.all, None),
        ]
        .into_iter()
        .map(|(path, field, column)| (path, field, kind_of(path), column))
    }
}

impl Default for Fields {
    fn default() -> Self {
        Fields::new()
    }
}

/// One term for the whole value; neither frequencies nor lengths, for nothing ranks by them.
fn whole_value() -> TextFieldIndexing {
    TextFieldIndexing::default()
        .set_tokenizer(FOLDED_WHOLE)
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic)
}

fn keyword_options() -> TextOptions {
    TextOptions::default().set_indexing_options(whole_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_resolve() {
        let fields = Fields::new();
        let sid = fields.resolve("alert.signature_id");
        assert_eq!((sid.field, sid.kind), (fields.signature_id, Kind::Number));
        let host = fields.resolve("http.hostname");
        assert_eq!((host.field, host.kind), (fields.event, Kind::Json));
        assert_eq!(host.json_path, "http.hostname");
        assert_eq!(host.column.as_deref(), Some("_event.http.hostname"));
        for (name, field, ..) in fields.typed() {
            assert_eq!(fields.schema.get_field_name(field), name);
        }
    }
}
