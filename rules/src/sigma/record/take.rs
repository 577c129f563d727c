//! Values that are derived of others: parts of addresses, headers by name, values translated.

use std::fmt::Write as _;

use crate::sigma::pipeline::Take;
use crate::sigma::rpc;

use super::plan::{Derivation, Plan};
use super::{ExtendFromWithin, Kind, NONE, Record, Span, Stored};

impl Record {
    /// Adds values that are derived of others, each once.
    pub(in crate::sigma) fn derive(&mut self, plan: &Plan, wanted: &[Derivation]) {
        for derived in wanted.iter().filter_map(|own| plan.derived.get(own.0)) {
            if let Take::Values {
                otherwise: Some(otherwise),
                ..
            } = &derived.take
                && !self.has(derived.input)
            {
                let stored = self.store(Kind::Text, otherwise);
                self.push(derived.slot, stored, 0);
                continue;
            }
            let mut at = self
                .chains
                .get(derived.input.0 as usize)
                .map_or(NONE, |chain| chain.first);
            let mut second = derived
                .second
                .and_then(|slot| self.chains.get(slot.0 as usize))
                .map_or(NONE, |chain| chain.first);
            while let Some(stored) = self.values.get(at as usize).copied() {
                let start = self.text.len();
                let beside = self.values.get(second as usize).copied();
                if let Some(kind) = self.take(&derived.take, stored, beside) {
                    let stored = self.stored(kind, start);
                    self.push(derived.slot, stored, 0);
                }
                at = stored.next;
                // Values of headers go along with their names; everything else stays.
                if matches!(derived.take, Take::Header { .. } | Take::BasicUser { .. }) {
                    second = beside.map_or(NONE, |beside| beside.next);
                }
            }
        }
    }

    /// Writes what is taken of a value to the end of the buffer.
    fn take(&mut self, take: &Take, stored: Stored, beside: Option<Stored>) -> Option<Kind> {
        let range = |span: Span| span.start as usize..span.end as usize;
        let own = range(stored.text);
        let text = self.text.get(own.clone())?;
        let copy = |record: &mut Record, from: usize, to: usize| {
            record
                .text
                .extend_from_within_str(own.start + from, own.start + to);
        };
        let mut kind = Kind::Text;
        let end = text.find('#').unwrap_or(text.len());
        match take {
            Take::Whole => copy(self, 0, text.len()),
            Take::UrlQuery => {
                let at = text.find('?')?;
                let to = text.len();
                copy(self, at + 1, to);
            }
            Take::UrlPath => {
                let to = text.find('?').unwrap_or(end).min(end);
                copy(self, 0, to);
            }
            Take::UrlExtension => {
                let to = text.find('?').unwrap_or(end).min(end);
                let path = text.get(..to)?;
                let segment = path.rfind('/').map_or(0, |at| at + 1);
                let dot = path.get(segment..)?.rfind('.')? + segment;
                copy(self, dot + 1, to);
            }
            Take::Absolute { .. } => {
                let to = text.len();
                let host = beside.filter(|_| !text.contains("://"));
                if let Some(host) = host.map(|host| range(host.text)) {
                    self.text.push_str("http://");
                    self.text.extend_from_within_str(host.start, host.end);
                }
                copy(self, 0, to);
            }
            Take::Serial => {
                self.spare.clear();
                self.spare.extend(text.chars().filter(|c| *c != ':'));
                self.text.push_str(self.spare.trim_start_matches('0'));
            }
            Take::Upper => {
                self.spare.clear();
                self.spare.extend(text.chars().flat_map(char::to_uppercase));
                self.text.push_str(&self.spare);
            }
            Take::Entropy => {
                let hundredths = (100.0 * entropy(text)?).round() as u32;
                kind = Kind::Number;
                // Writing to a text cannot fail.
                let _ = write!(self.text, "{}.{:02}", hundredths / 100, hundredths % 100);
            }
            Take::RpcEndpoint => self.text.push_str(rpc::endpoint(text)?),
            Take::RpcOperation { .. } => {
                let opnum = self.text.get(range(beside?.text))?.parse().ok()?;
                self.text.push_str(rpc::operation(text, opnum)?);
            }
            Take::Header { name } => {
                if !text.eq_ignore_ascii_case(name) {
                    return None;
                }
                let value = range(beside?.text);
                self.text.extend_from_within_str(value.start, value.end);
            }
            Take::BasicUser { header } => {
                if !text.eq_ignore_ascii_case(header) {
                    return None;
                }
                let value = self.text.get(range(beside?.text))?;
                let user = basic_user(value)?;
                self.text.push_str(&user);
            }
            Take::Values { values, otherwise } => {
                let known = values
                    .iter()
                    .find(|(from, _)| from.eq_ignore_ascii_case(text));
                match (known, otherwise) {
                    (Some((_, to)), _) | (None, Some(to)) => self.text.push_str(to),
                    (None, None) => {
                        kind = stored.kind;
                        let to = text.len();
                        copy(self, 0, to);
                    }
                }
            }
        }
        Some(kind)
    }
}

/// Bits a character of the longest label of a name; none of a name without labels.
fn entropy(name: &str) -> Option<f64> {
    let label = name.split('.').max_by_key(|label| label.len())?;
    let mut counts = [0_u32; 256];
    for byte in label.bytes() {
        counts[usize::from(byte.to_ascii_lowercase())] += 1;
    }
    let all = label.len() as f64;
    let parts = counts.into_iter().filter(|count| *count > 0);
    let bits = parts.map(|count| {
        let share = f64::from(count) / all;
        -share * share.log2()
    });
    (!label.is_empty()).then(|| bits.sum::<f64>().max(0.0))
}

fn basic_user(value: &str) -> Option<String> {
    use base64::Engine as _;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(credentials.trim())
        .ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some(text.split(':').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use crate::sigma::pipeline::Source;

    use super::*;

    #[test]
    fn derived_values() {
        let rows: &[(Take, &str, &[&str])] = &[
            (Take::UrlQuery, "/a.b/c.PHP?x=1&y=?", &["x=1&y=?"]),
            (Take::UrlQuery, "/a", &[]),
            (Take::UrlPath, "/a.b/c.PHP?x=1", &["/a.b/c.PHP"]),
            (Take::UrlExtension, "/a.b/c.PHP?x=1.gif", &["PHP"]),
            (Take::UrlExtension, "/a.b/c", &[]),
            (
                Take::Absolute { host: "h".into() },
                "/x",
                &["http://host.vn/x"],
            ),
            (
                Take::Absolute { host: "h".into() },
                "http://o/x",
                &["http://o/x"],
            ),
            (Take::Serial, "00:8B:0A", &["8B0A"]),
            (Take::Upper, "host", &["HOST"]),
            (Take::Entropy, "aAaa.b", &["0.00"]),
            (Take::Entropy, "www.0123456789abcdef.example", &["4.00"]),
            (Take::Entropy, "thong-tin.vn", &["2.73"]),
            (Take::Entropy, ".", &[]),
            (
                Take::Values {
                    values: vec![("a".into(), "1".into())],
                    otherwise: None,
                },
                "b",
                &["b"],
            ),
            (
                Take::Values {
                    values: vec![("a".into(), "1".into())],
                    otherwise: Some("0".into()),
                },
                "A",
                &["1"],
            ),
        ];
        for (take, value, expected) in rows {
            let mut plan = Plan::new();
            let slot = plan.source(&Source {
                path: "v".into(),
                take: take.clone(),
            });
            let mut record = Record::default();
            let json = serde_json::json!({"v": value, "h": "host.vn"}).to_string();
            record.read(&plan, &json).expect("an event");
            record.derive(&plan, plan.derivation(slot).as_slice());
            let values: Vec<&str> = record.values(slot).map(|value| value.text).collect();
            assert_eq!(&values, expected, "{take:?} {value}");
        }
    }
}
