//! A rule as it is understood: metadata, log source and one expression over tests of fields.

use std::fmt;

use super::diagnostic::Place;
use super::number::{Comparison, Number};
use super::pattern::Pattern;

/// Group (`gid`) of alerts of Sigma rules; those of signatures have 1 and other small numbers.
pub const GENERATOR: u32 = 9_100;

/// What is told of a rule, correlation or filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meta {
    pub title: String,
    pub id: Option<String>,
    pub name: Option<String>,
    pub level: Option<Level>,
    pub status: Option<String>,
    pub description: Option<String>,
    pub author: Option<String>,
    pub taxonomy: Option<String>,
    pub tags: Vec<String>,
    pub references: Vec<String>,
    pub falsepositives: Vec<String>,
    /// Fields that an analyst wants to see.
    pub fields: Vec<String>,
    /// Where the document begins in its file.
    pub place: Place,
}

impl Meta {
    /// ATT&CK technique (`T1110.001`), the first that the tags name.
    pub fn technique(&self) -> Option<String> {
        self.tags
            .iter()
            .filter_map(|tag| tag.strip_prefix("attack."))
            .find(|tag| {
                let digits = tag.strip_prefix('t').unwrap_or_default();
                digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            })
            .map(str::to_ascii_uppercase)
    }

    /// A number for systems that know rules by numbers: a hash of the id (of the title without one), from 1 to
    /// 2 147 483 647. Alerts of Sigma rules bear it beside the group [`GENERATOR`].
    pub fn sid(&self) -> u32 {
        let name = self.id.as_deref().unwrap_or(&self.title);
        let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
        });
        (hash & 0x7fff_ffff).max(1)
    }

    pub(super) fn is_called(&self, reference: &str) -> bool {
        let matches = |own: &Option<String>| {
            own.as_deref()
                .is_some_and(|own| own.eq_ignore_ascii_case(reference))
        };
        matches(&self.id) || self.name.as_deref() == Some(reference)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub(super) fn of_name(name: &str) -> Option<Level> {
        const ALL: [Level; 5] = [
            Level::Informational,
            Level::Low,
            Level::Medium,
            Level::High,
            Level::Critical,
        ];
        ALL.into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        match self {
            Level::Informational => "informational",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }

    /// Severity of an EVE alert: 1 is the gravest.
    pub fn severity(self) -> u8 {
        match self {
            Level::Critical | Level::High => 1,
            Level::Medium => 2,
            Level::Low => 3,
            Level::Informational => 4,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logsource {
    pub category: Option<String>,
    pub product: Option<String>,
    pub service: Option<String>,
}

impl Logsource {
    /// Whether everything that `self` asks for is so in `other`.
    pub fn covers(&self, other: &Logsource) -> bool {
        let agrees = |own: &Option<String>, other: &Option<String>| {
            own.as_deref().is_none_or(|own| {
                other
                    .as_deref()
                    .is_some_and(|other| own.eq_ignore_ascii_case(other))
            })
        };
        agrees(&self.category, &other.category)
            && agrees(&self.product, &other.product)
            && agrees(&self.service, &other.service)
    }

    /// One of its three parts, by name.
    pub fn part(&self, name: &str) -> Option<&str> {
        match name {
            "category" => self.category.as_deref(),
            "product" => self.product.as_deref(),
            "service" => self.service.as_deref(),
            _ => None,
        }
    }

    /// How many of its three parts are said.
    pub fn parts(&self) -> usize {
        [&self.category, &self.product, &self.service]
            .iter()
            .filter(|part| part.is_some())
            .count()
    }
}

impl fmt::Display for Logsource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("product", &self.product),
            ("category", &self.category),
            ("service", &self.service),
        ];
        let said: Vec<String> = parts
            .iter()
            .filter_map(|(name, part)| part.as_ref().map(|part| format!("{name}={part}")))
            .collect();
        f.write_str(&said.join(" "))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub meta: Meta,
    pub logsource: Logsource,
    pub logsource_place: Place,
    /// All conditions; a list of them is joined with "or".
    pub expression: Expr,
}

/// An expression over tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Field(FieldTest),
    /// The text stands in any value of the event.
    Keyword(Test),
}

#[derive(Debug, Clone, PartialEq)]
pub struct FieldTest {
    pub field: String,
    pub test: Test,
}

/// What is asked of the values of a field. A test holds when any value passes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Text(Pattern),
    /// Equal as a number or as its text.
    Number(Number),
    Regex(Regex),
    Cidr(Network),
    Compare(Comparison, Number),
    /// Part of a point in time.
    Time(TimePart, Comparison, Number),
    /// Compared with the values of another field.
    Field(FieldReference),
    /// The field is absent or null.
    Null,
    /// The field is there, whatever its value.
    Exists,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldReference {
    pub field: String,
    pub anchor: super::pattern::Anchor,
    pub cased: bool,
}

/// A regular expression that is known to compile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Regex {
    pub text: String,
    pub insensitive: bool,
    pub multi_line: bool,
    pub dot_all: bool,
}

/// A network of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// Address bits, left-aligned to 128.
    bits: u128,
    length: u8,
    is_v6: bool,
}

impl Network {
    pub fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: std::net::IpAddr = address.trim().parse().ok()?;
        let longest = if address.is_ipv6() { 128 } else { 32 };
        let length = length.unwrap_or(longest);
        if length > longest {
            return None;
        }
        let (bits, is_v6) = bits(address);
        let mut network = Network {
            bits: 0,
            length,
            is_v6,
        };
        network.bits = bits & network.mask();
        Some(network)
    }

    fn mask(self) -> u128 {
        u128::MAX
            .checked_shl(128 - u32::from(self.length))
            .unwrap_or(0)
    }

    /// An address of IPv4 written as one of IPv6 (`::ffff:10.0.0.1`) counts as what it is.
    pub fn contains(self, address: std::net::IpAddr) -> bool {
        let (bits, is_v6) = bits(address.to_canonical());
        is_v6 == self.is_v6 && bits & self.mask() == self.bits
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_v6 {
            let address = std::net::Ipv6Addr::from(self.bits);
            write!(f, "{address}/{}", self.length)
        } else {
            let address = std::net::Ipv4Addr::from((self.bits >> 96) as u32);
            write!(f, "{address}/{}", self.length)
        }
    }
}

fn bits(address: std::net::IpAddr) -> (u128, bool) {
    match address {
        std::net::IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, false),
        std::net::IpAddr::V6(v6) => (u128::from(v6), true),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl TimePart {
    pub fn name(self) -> &'static str {
        match self {
            TimePart::Minute => "minute",
            TimePart::Hour => "hour",
            TimePart::Day => "day",
            TimePart::Week => "week",
            TimePart::Month => "month",
            TimePart::Year => "year",
        }
    }
}

/// Several rules as one, or events of one rule as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    pub meta: Meta,
    pub kind: CorrelationKind,
    /// Names or ids of rules and correlations.
    pub rules: Vec<Reference>,
    /// Fields, or aliases, whose values must agree.
    pub group_by: Vec<String>,
    pub timespan_s: u64,
    pub condition: CorrelationCondition,
    pub aliases: Vec<Alias>,
    /// Whether the rules that are named alert by themselves too.
    pub generate: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    pub name: String,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrelationKind {
    EventCount,
    ValueCount,
    Temporal,
    TemporalOrdered,
    ValueSum,
    ValueAverage,
    ValuePercentile,
}

impl CorrelationKind {
    pub fn name(self) -> &'static str {
        match self {
            CorrelationKind::EventCount => "event_count",
            CorrelationKind::ValueCount => "value_count",
            CorrelationKind::Temporal => "temporal",
            CorrelationKind::TemporalOrdered => "temporal_ordered",
            CorrelationKind::ValueSum => "value_sum",
            CorrelationKind::ValueAverage => "value_avg",
            CorrelationKind::ValuePercentile => "value_percentile",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct CorrelationCondition {
    /// All must hold: a range has two.
    pub comparisons: Vec<(Comparison, Number)>,
    /// Fields whose values are counted or computed with.
    pub fields: Vec<String>,
    /// Of `value_percentile`: which, from 0 to 100.
    pub percentile: Option<f64>,
}

/// One name for fields that are called differently in different rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    pub name: String,
    /// Rule → field.
    pub fields: Vec<(String, String)>,
}

/// What many rules leave out, in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub meta: Meta,
    pub logsource: Logsource,
    /// Names or ids of rules; none: all of the log source.
    pub rules: Option<Vec<Reference>>,
    /// What is joined to each rule with "and".
    pub keep: Expr,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    Rule(Rule),
    Correlation(Correlation),
    Filter(Filter),
}

impl Document {
    pub fn meta(&self) -> &Meta {
        match self {
            Document::Rule(rule) => &rule.meta,
            Document::Correlation(correlation) => &correlation.meta,
            Document::Filter(filter) => &filter.meta,
        }
    }
}
