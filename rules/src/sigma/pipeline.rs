//! Pipelines: what is known at load time and not in a rule. Which events a log source means, under which names the
//! fields of rules stand in them, and the values of placeholders. Written in YAML:
//!
//! ```yaml
//! name: eve
//! time-zone: "+07:00"          # for hour, day and their like; without it times count as they are written
//! placeholders:
//!   Servers: [srv1, "db-*"]
//! logsources:
//!   - logsource: {product: zeek, service: http}   # the entry that says most about a rule's log source is taken
//!     taxonomy: sigma                             # of the rule; sigma is the default
//!     events: [http]                              # values of event_type; without it, all events
//!     when: {app_proto: http}                     # what else must hold
//!     keywords: [http]                            # objects that keywords are looked for in; without it, everything
//!     once: {path: dns.type, values: [response], by: [flow_id, dns.id]}   # such an event tells of one told before
//!     fields:
//!       host: http.hostname
//!       uri: [http.url, {path: http.url, take: url-query}]    # a test holds when any of them passes it
//!       Z: {path: dns.z, values: {"true": "1"}, otherwise: "0"}
//! ```
//!
//! A field that is not listed is read under its own name, with dots between levels.

use std::collections::BTreeMap;

use super::ast::Logsource;
use super::diagnostic::{Diagnostic, Faults};
use super::modifier::Placeholders;
use super::yaml::{self, Node, Value};
use crate::signature::nearest;

/// The mapping to EVE that is shipped.
const EVE: &str = include_str!("eve.yml");

#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    pub placeholders: Placeholders,
    /// Seconds east of UTC in which parts of times are read; none: as they are written.
    pub time_zone_s: Option<i32>,
    entries: Vec<Entry>,
    /// Whether rules of a log source without entry run on every event.
    open: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    logsource: Logsource,
    taxonomy: String,
    mapping: Mapping,
}

/// How rules of a log source read events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    /// Values of `event_type`; empty: every event.
    pub events: Vec<String>,
    /// What else must hold of an event: path → texts, any of which.
    pub when: Vec<(String, Vec<String>)>,
    /// Objects that keywords are looked for in; empty: everything.
    pub keywords: Vec<String>,
    /// Events that tell again of what another has told.
    pub once: Option<Once>,
    fields: BTreeMap<String, Vec<Source>>,
}

/// Events of two kinds tell of one thing (a request and its response): a rule that has matched the first does not
/// match the second too, so that correlations count things and not records.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Once {
    /// With one of `values` here, an event may be the second.
    pub path: String,
    pub values: Vec<String>,
    /// What both have in common.
    pub by: Vec<String>,
}

/// Where the value of a field comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// Keys from the top of an event, joined by dots; lists on the way are looked through.
    pub path: String,
    pub take: Take,
}

/// What is taken of the value at a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Take {
    Whole,
    /// What follows the `?` of a request target.
    UrlQuery,
    /// A request target up to its `?`.
    UrlPath,
    /// Extension of the last segment, without dot.
    UrlExtension,
    /// `http://` and the host at this path before the request target.
    Absolute {
        host: String,
    },
    /// Hexadecimal digits without colons and leading zeros.
    Serial,
    /// The user of a Basic authorisation.
    BasicUser {
        header: String,
    },
    /// The value of a header, where the path is a list of `{name, value}`.
    Header {
        name: String,
    },
    /// In capitals.
    Upper,
    /// Bits of entropy a character, over the longest label of a name, without case: words of a language have about
    /// 3, names that carry data 4 and more.
    Entropy,
    /// Zeek's name of the interface that this UUID is.
    RpcEndpoint,
    /// Zeek's name of the call with the number at `opnum`, of the interface that this UUID is.
    RpcOperation {
        opnum: String,
    },
    /// Other words for some values.
    Values {
        values: Vec<(String, String)>,
        /// For all others, and where there is none.
        otherwise: Option<String>,
    },
}

impl Mapping {
    /// Where a field is read.
    pub fn sources(&self, field: &str) -> Vec<Source> {
        match self.fields.get(field) {
            Some(sources) => sources.clone(),
            None => vec![Source {
                path: field.to_owned(),
                take: Take::Whole,
            }],
        }
    }

    /// Fields that are listed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    pub fn knows(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }
}

impl Pipeline {
    /// No mapping: every rule runs on every event, under the names it uses.
    pub fn none() -> Pipeline {
        Pipeline {
            open: true,
            ..Pipeline::default()
        }
    }

    /// Sigma's network log sources over EVE records, as it is shipped.
    pub fn eve() -> Pipeline {
        let (pipeline, faults) = Pipeline::parse(EVE);
        debug_assert!(faults.is_empty(), "{faults:?}");
        pipeline
    }

    /// Reads a pipeline; what is faulty in it is left out.
    pub fn parse(text: &str) -> (Pipeline, Vec<Diagnostic>) {
        let (documents, faults) = yaml::documents(text);
        let mut faults = Faults { list: faults };
        let mut pipeline = Pipeline::default();
        for document in &documents {
            faults.list.extend(yaml::repeated_keys(document));
            pipeline.read(document, &mut faults);
        }
        (pipeline, faults.list)
    }

    /// Adds a pipeline whose entries go before those that are here.
    pub fn overlay(&mut self, over: Pipeline) {
        self.placeholders.extend(over.placeholders);
        self.time_zone_s = over.time_zone_s.or(self.time_zone_s);
        self.entries.splice(0..0, over.entries);
    }

    /// How rules of a log source read events; none when no event is known for it.
    ///
    /// # Errors
    /// In words, when the rule's taxonomy is not known here.
    pub fn mapping(
        &self,
        logsource: &Logsource,
        taxonomy: Option<&str>,
    ) -> Result<Option<Mapping>, String> {
        const DEFAULT: &str = "sigma";
        let taxonomy = taxonomy.unwrap_or(DEFAULT);
        let known = taxonomy == DEFAULT || self.entries.iter().any(|own| own.taxonomy == taxonomy);
        if !known {
            return Err(format!(
                "the rule speaks the taxonomy {taxonomy:?}, which no pipeline translates: give one (logsources: [{{taxonomy: {taxonomy}, ...}}])"
            ));
        }
        let mut best: Option<&Entry> = None;
        for entry in &self.entries {
            let better = best.is_none_or(|best| entry.logsource.parts() > best.logsource.parts());
            if entry.taxonomy == taxonomy && entry.logsource.covers(logsource) && better {
                best = Some(entry);
            }
        }
        Ok(match best {
            Some(entry) => Some(entry.mapping.clone()),
            None if self.open => Some(Mapping::default()),
            None => None,
        })
    }

    /// Log sources that are listed.
    pub fn logsources(&self) -> impl Iterator<Item = &Logsource> {
        self.entries.iter().map(|own| &own.logsource)
    }

    fn read(&mut self, document: &Node, faults: &mut Faults) {
        const KEYS: &[&str] = &[
            "name",
            "priority",
            "time-zone",
            "placeholders",
            "logsources",
        ];
        for member in document.members() {
            let node = &member.node;
            match member.key.as_str() {
                "placeholders" => {
                    for own in node.members() {
                        let values: Vec<String> =
                            own.node.items().iter().filter_map(Node::scalar).collect();
                        self.placeholders.insert(own.key.clone(), values);
                    }
                }
                "time-zone" => {
                    self.time_zone_s = node.text().and_then(super::time::offset);
                    if self.time_zone_s.is_none() {
                        faults.error(
                            node.place,
                            "time-zone is an offset from UTC such as \"+07:00\"",
                        );
                    }
                }
                "logsources" => {
                    for item in node.items() {
                        let entry = entry(item, faults);
                        self.entries.extend(entry);
                    }
                }
                "name" | "priority" => {}
                other => {
                    let hint = nearest(other, KEYS.iter().copied()).unwrap_or("logsources");
                    faults.error(
                        member.place,
                        format!("{other:?} is no part of a pipeline; did you mean {hint:?}?"),
                    );
                }
            }
        }
        if !matches!(document.value, Value::Map(_)) {
            faults.error(document.place, "a pipeline is a map");
        }
    }
}

fn entry(node: &Node, faults: &mut Faults) -> Option<Entry> {
    let logsource = node.get("logsource");
    let part = |name: &str| logsource?.get(name)?.scalar();
    let mut entry = Entry {
        logsource: Logsource {
            category: part("category"),
            product: part("product"),
            service: part("service"),
        },
        taxonomy: "sigma".to_owned(),
        mapping: Mapping::default(),
    };
    let texts =
        |node: &Node| -> Vec<String> { node.items().iter().filter_map(Node::scalar).collect() };
    for member in node.members() {
        let node = &member.node;
        match member.key.as_str() {
            "logsource" => {}
            "taxonomy" => entry.taxonomy = node.scalar().unwrap_or_default(),
            "events" => entry.mapping.events = texts(node),
            "keywords" => entry.mapping.keywords = texts(node),
            "once" => {
                let list = |name: &str| node.get(name).map(&texts).unwrap_or_default();
                let once = Once {
                    path: node.get("path").and_then(Node::scalar).unwrap_or_default(),
                    values: list("values"),
                    by: list("by"),
                };
                if once.path.is_empty() || once.values.is_empty() || once.by.is_empty() {
                    faults.error(member.place, "once has a path, its values, and by");
                } else {
                    entry.mapping.once = Some(once);
                }
            }
            "when" => {
                entry.mapping.when = node
                    .members()
                    .iter()
                    .map(|own| (own.key.clone(), texts(&own.node)))
                    .collect();
            }
            "fields" => {
                for own in node.members() {
                    let sources: Vec<Source> = own
                        .node
                        .items()
                        .iter()
                        .filter_map(|item| source(item, faults))
                        .collect();
                    entry.mapping.fields.insert(own.key.clone(), sources);
                }
            }
            other => faults.error(
                member.place,
                format!("{other:?} is no part of a log source's entry: logsource, taxonomy, events, when, keywords, once, fields are"),
            ),
        }
    }
    if entry.logsource.parts() == 0 {
        faults.error(node.place, "the entry names no logsource");
        return None;
    }
    Some(entry)
}

fn source(node: &Node, faults: &mut Faults) -> Option<Source> {
    if let Some(path) = node.text() {
        return Some(Source {
            path: path.to_owned(),
            take: Take::Whole,
        });
    }
    let text = |name: &str| node.get(name).and_then(Node::scalar);
    let Some(path) = text("path") else {
        faults.error(node.place, "a source is a path, or a map with one");
        return None;
    };
    let take = match (node.get("take").and_then(Node::text), node.get("values")) {
        (_, Some(values)) => Take::Values {
            values: values
                .members()
                .iter()
                .filter_map(|own| Some((own.key.clone(), own.node.scalar()?)))
                .collect(),
            otherwise: text("otherwise"),
        },
        (None, None) => Take::Whole,
        (Some(name), None) => match name {
            "url-query" => Take::UrlQuery,
            "url-path" => Take::UrlPath,
            "url-extension" => Take::UrlExtension,
            "absolute" => Take::Absolute {
                host: text("host").unwrap_or_default(),
            },
            "serial" => Take::Serial,
            "upper" => Take::Upper,
            "entropy" => Take::Entropy,
            "rpc-endpoint" => Take::RpcEndpoint,
            "rpc-operation" => Take::RpcOperation {
                opnum: text("opnum").unwrap_or_default(),
            },
            "header" => Take::Header {
                name: text("name").unwrap_or_default(),
            },
            "basic-user" => Take::BasicUser {
                header: text("name").unwrap_or_else(|| "Authorization".to_owned()),
            },
            other => {
                faults.error(
                    node.place,
                    format!("nothing is known to take as {other:?}: url-query, url-path, url-extension, absolute, serial, upper, entropy, header, basic-user, rpc-endpoint, rpc-operation are"),
                );
                return None;
            }
        },
    };
    Some(Source { path, take })
}
