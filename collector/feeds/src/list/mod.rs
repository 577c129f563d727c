//! Lists of what is known to be bad → indicators, each checked; what is none is counted with its reason.

mod csv_list;
mod misp;
mod plain;
mod stix;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use csv_list::read as read_csv;
pub use misp::read as read_misp;
pub use plain::read as read_plain;
pub use stix::read as read_stix;

/// Indicators of one source; more are left out and counted. Data sets hold as many.
pub const MAX_INDICATORS: usize = 1 << 20;
const MAX_VALUE_BYTES: usize = 2_048;

/// What an indicator is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndicatorKind {
    Domain,
    Ip,
    /// An address with its prefix length.
    Network,
    /// Host and path, without scheme.
    Url,
    /// JA3 of a TLS client.
    Ja3,
    /// SHA-1 of a certificate, hexadecimal.
    CertSha1,
    Md5,
    Sha1,
    Sha256,
}

impl IndicatorKind {
    pub const ALL: [IndicatorKind; 9] = [
        IndicatorKind::Domain,
        IndicatorKind::Ip,
        IndicatorKind::Network,
        IndicatorKind::Url,
        IndicatorKind::Ja3,
        IndicatorKind::CertSha1,
        IndicatorKind::Md5,
        IndicatorKind::Sha1,
        IndicatorKind::Sha256,
    ];

    pub fn name(self) -> &'static str {
        match self {
            IndicatorKind::Domain => "domain",
            IndicatorKind::Ip => "ip",
            IndicatorKind::Network => "network",
            IndicatorKind::Url => "url",
            IndicatorKind::Ja3 => "ja3",
            IndicatorKind::CertSha1 => "cert_sha1",
            IndicatorKind::Md5 => "md5",
            IndicatorKind::Sha1 => "sha1",
            IndicatorKind::Sha256 => "sha256",
        }
    }

    pub fn from_name(name: &str) -> Option<IndicatorKind> {
        IndicatorKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Indicators by kind, and what was left out by reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Indicators {
    pub values: BTreeMap<IndicatorKind, BTreeSet<String>>,
    pub left_out: BTreeMap<&'static str, u64>,
    count: usize,
}

impl Indicators {
    /// Takes a value as somebody wrote it.
    pub fn add(&mut self, kind: IndicatorKind, value: &str) {
        match normal(kind, value.trim()) {
            Ok((kind, value)) => {
                if self.count >= MAX_INDICATORS {
                    self.leave("too_many");
                } else if self.values.entry(kind).or_default().insert(value) {
                    self.count += 1;
                }
            }
            Err(reason) => self.leave(reason),
        }
    }

    pub fn leave(&mut self, reason: &'static str) {
        *self.left_out.entry(reason).or_default() += 1;
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// A value as it is compared, or why it is none.
fn normal(kind: IndicatorKind, value: &str) -> Result<(IndicatorKind, String), &'static str> {
    if value.is_empty() || value.len() > MAX_VALUE_BYTES {
        return Err("malformed");
    }
    let hash = |digits: usize| {
        let plain: String = value.chars().filter(|c| *c != ':').collect();
        (plain.len() == digits && plain.chars().all(|c| c.is_ascii_hexdigit()))
            .then(|| (kind, plain.to_ascii_lowercase()))
            .ok_or("malformed")
    };
    match kind {
        IndicatorKind::Domain => match value.parse::<IpAddr>() {
            Ok(_) => normal(IndicatorKind::Ip, value),
            Err(_) => domain(value).map(|name| (kind, name)),
        },
        IndicatorKind::Ip | IndicatorKind::Network => address(value),
        IndicatorKind::Url => url(value).map(|url| (kind, url)),
        IndicatorKind::Ja3 | IndicatorKind::Md5 => hash(32),
        IndicatorKind::CertSha1 | IndicatorKind::Sha1 => hash(40),
        IndicatorKind::Sha256 => hash(64),
    }
}

/// Lower case, without the root's dot, in ASCII.
fn domain(value: &str) -> Result<String, &'static str> {
    let name = value.trim_end_matches('.').to_lowercase();
    // What stands for many names is no value of a set.
    if name.starts_with("*.") {
        return Err("pattern");
    }
    let name = url::Host::parse(&name)
        .map_err(|_| "malformed")?
        .to_string();
    let is_name = name.len() <= 253
        && name.contains('.')
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        });
    is_name.then_some(name).ok_or("malformed")
}

/// An address or a network; own and special ones would match everywhere.
fn address(value: &str) -> Result<(IndicatorKind, String), &'static str> {
    let (text, length) = match value.split_once('/') {
        Some((text, length)) => (text, Some(length.parse::<u8>().map_err(|_| "malformed")?)),
        None => (value, None),
    };
    let address: IpAddr = text.parse().map_err(|_| "malformed")?;
    let full = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(full);
    if length > full {
        return Err("malformed");
    }
    let is_special = match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_link_local()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    };
    // Half of the internet is a slip of the pen.
    if is_special || length < 7 {
        return Err("special_address");
    }
    if length == full {
        return Ok((IndicatorKind::Ip, address.to_string()));
    }
    Ok((IndicatorKind::Network, format!("{address}/{length}")))
}

/// Host and path, as a request has them: `evil.example/a?b`.
fn url(value: &str) -> Result<String, &'static str> {
    let with_scheme = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    let url = url::Url::parse(&with_scheme).map_err(|_| "malformed")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("other_scheme");
    }
    let host = url.host_str().ok_or("malformed")?;
    let query = url.query().map(|query| format!("?{query}"));
    Ok(format!("{host}{}{}", url.path(), query.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_made_alike_or_left_out() {
        use IndicatorKind::*;
        let (sha1, lower) = ("AB".repeat(20), "ab".repeat(20));
        let rows: [(IndicatorKind, &str, Result<(IndicatorKind, &str), &str>); 18] = [
            (Domain, "Evil.Example.", Ok((Domain, "evil.example"))),
            (Domain, "đen.example", Ok((Domain, "xn--en-pma.example"))),
            (Domain, "localhost", Err("malformed")),
            (Domain, "*.evil.example", Err("pattern")),
            (Domain, "203.0.113.5", Ok((Ip, "203.0.113.5"))),
            (Domain, "a b.example", Err("malformed")),
            (Ip, "2001:DB8::1", Ok((Ip, "2001:db8::1"))),
            (Ip, "203.0.113.0/24", Ok((Network, "203.0.113.0/24"))),
            (Network, "203.0.113.9/32", Ok((Ip, "203.0.113.9"))),
            (Ip, "10.0.0.1", Err("special_address")),
            (Ip, "0.0.0.0/0", Err("special_address")),
            (Ip, "203.0.113.0/33", Err("malformed")),
            (
                Url,
                "http://Evil.example:8080/A?b=1#c",
                Ok((Url, "evil.example/A?b=1")),
            ),
            (Url, "ftp://evil.example/", Err("other_scheme")),
            (Url, "evil.example", Ok((Url, "evil.example/"))),
            (CertSha1, &sha1, Ok((CertSha1, &lower))),
            (Md5, "abc", Err("malformed")),
            (Sha256, "", Err("malformed")),
        ];
        for (kind, value, expected) in rows {
            let found = normal(kind, value);
            let found = found.as_ref().map(|(kind, text)| (*kind, text.as_str()));
            assert_eq!(found.map_err(|reason| *reason), expected, "{value}");
        }
    }
}
