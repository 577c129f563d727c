//! MISP: events as JSON (the feed format and the export of one event). Attributes that are marked for detection count.

use serde::Deserialize;

use super::{IndicatorKind, Indicators};

/// Types of attributes, and which half of a composite value is taken.
const TYPES: [(&str, IndicatorKind, Half); 20] = [
    ("domain", IndicatorKind::Domain, Half::Whole),
    ("hostname", IndicatorKind::Domain, Half::Whole),
    ("domain|ip", IndicatorKind::Domain, Half::First),
    ("hostname|port", IndicatorKind::Domain, Half::First),
    ("ip-dst", IndicatorKind::Ip, Half::Whole),
    ("ip-src", IndicatorKind::Ip, Half::Whole),
    ("ip-dst|port", IndicatorKind::Ip, Half::First),
    ("ip-src|port", IndicatorKind::Ip, Half::First),
    ("url", IndicatorKind::Url, Half::Whole),
    ("md5", IndicatorKind::Md5, Half::Whole),
    ("sha1", IndicatorKind::Sha1, Half::Whole),
    ("sha256", IndicatorKind::Sha256, Half::Whole),
    ("filename|md5", IndicatorKind::Md5, Half::Second),
    ("filename|sha1", IndicatorKind::Sha1, Half::Second),
    ("filename|sha256", IndicatorKind::Sha256, Half::Second),
    ("malware-sample", IndicatorKind::Md5, Half::Second),
    ("ja3-fingerprint-md5", IndicatorKind::Ja3, Half::Whole),
    (
        "x509-fingerprint-sha1",
        IndicatorKind::CertSha1,
        Half::Whole,
    ),
    ("whois-registrant-email", IndicatorKind::Domain, Half::None),
    ("email-src", IndicatorKind::Domain, Half::None),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Whole,
    First,
    Second,
    /// Known, and nothing that a sensor compares.
    None,
}

#[derive(Deserialize)]
struct Export {
    #[serde(rename = "Event")]
    event: Event,
}

#[derive(Deserialize, Default)]
struct Event {
    #[serde(rename = "Attribute", default)]
    attributes: Vec<Attribute>,
    #[serde(rename = "Object", default)]
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "Attribute", default)]
    attributes: Vec<Attribute>,
    #[serde(default)]
    deleted: bool,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "type")]
    kind: String,
    value: serde_json::Value,
    #[serde(default)]
    to_ids: bool,
    #[serde(default)]
    deleted: bool,
}

/// Reads an event.
///
/// # Errors
/// When the text is no event.
pub fn read(text: &str, into: &mut Indicators) -> Result<(), serde_json::Error> {
    let Export { event } = serde_json::from_str(text)?;
    let of_objects = event
        .objects
        .into_iter()
        .filter(|object| !object.deleted)
        .flat_map(|object| object.attributes);
    for attribute in event.attributes.into_iter().chain(of_objects) {
        if attribute.deleted {
            continue;
        }
        if !attribute.to_ids {
            into.leave("not_for_detection");
            continue;
        }
        let known = TYPES.iter().find(|(name, _, _)| *name == attribute.kind);
        let (Some((_, kind, half)), Some(value)) = (known, attribute.value.as_str()) else {
            into.leave("other_type");
            continue;
        };
        let halves = value.split_once('|');
        let value = match half {
            Half::Whole => Some(value),
            Half::First => halves.map(|(first, _)| first),
            Half::Second => halves.map(|(_, second)| second),
            Half::None => {
                into.leave("other_type");
                continue;
            }
        };
        match value {
            Some(value) => into.add(*kind, value),
            None => into.leave("malformed"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_for_detection_are_taken() {
        let text = r#"{"Event":{"info":"x","Attribute":[
            {"type":"domain","value":"evil.example","to_ids":true},
            {"type":"domain","value":"seen.example","to_ids":false},
            {"type":"domain","value":"gone.example","to_ids":true,"deleted":true},
            {"type":"ip-dst|port","value":"203.0.113.5|443","to_ids":true},
            {"type":"comment","value":"hello","to_ids":true}],
            "Object":[{"name":"file","Attribute":[
            {"type":"filename|md5","value":"a.exe|d41d8cd98f00b204e9800998ecf8427e","to_ids":true}]}]}}"#;
        let mut found = Indicators::default();
        read(text, &mut found).expect("an event");
        let told: Vec<_> = found
            .values
            .iter()
            .map(|(kind, all)| (*kind, all.len()))
            .collect();
        use IndicatorKind::*;
        assert_eq!(told, [(Domain, 1), (Ip, 1), (Md5, 1)]);
        assert_eq!(found.left_out["not_for_detection"], 1);
        assert_eq!(found.left_out["other_type"], 1);
        assert!(read("{}", &mut found).is_err());
    }
}
