//! A stored record → the alert that a rule makes of it.

use std::net::IpAddr;

use rules::sigma::{Correlated, Details, GENERATOR, Told, concerns, whom};
use sensor_event::{Alert, ByCollector, OfSigma, Origin, Time};
use serde_json::{Map, Value};

/// Kinds that name no protocol.
const NO_PROTOCOL: [&str; 6] = ["anomaly", "arp", "fact", "fileinfo", "flow", "netflow"];

/// Where a record is.
#[derive(Debug, Clone)]
pub struct Place {
    pub sensor: String,
    pub id: String,
}

/// The alert of a rule on a record.
pub fn of_rule(record: &str, told: &Told, details: Details, place: &Place) -> Option<String> {
    let mut fields: Map<String, Value> = serde_json::from_str(record).ok()?;
    let kind = turn(&mut fields)?;
    finish(fields, told, details, Some((place, &kind)))
}

/// The alert of a correlation that a record completed.
pub fn of_correlation(
    record: &str,
    told: &Told,
    details: Details,
    found: &Correlated,
    place: &Place,
) -> Option<String> {
    let mut fields: Map<String, Value> = serde_json::from_str(record).ok()?;
    let kind = turn(&mut fields)?;
    let address = |fields: &Map<String, Value>, name: &str| -> Option<IpAddr> {
        fields.get(name)?.as_str()?.parse().ok()
    };
    let ends = concerns(
        found,
        address(&fields, "src_ip"),
        address(&fields, "dest_ip"),
    );
    for (concerned, names) in ends
        .into_iter()
        .zip([["src_ip", "src_port"], ["dest_ip", "dest_port"]])
    {
        if !concerned {
            fields.retain(|name, _| !names.contains(&name.as_str()));
        }
    }
    finish(fields, told, details, Some((place, &kind)))
}

/// The alert of a correlation whose window has ended.
pub fn of_window(told: &Told, details: Details, found: &Correlated) -> Option<String> {
    let mut fields = Map::new();
    let at = Time(found.last_ns).to_string();
    fields.insert("timestamp".to_owned(), Value::String(at));
    fields.insert("event_type".to_owned(), Value::String("alert".to_owned()));
    if let Some(address) = whom(found) {
        let address = Value::String(address.to_string());
        fields.insert("src_ip".to_owned(), address);
    }
    finish(fields, told, details, None)
}

/// Makes an alert's fields of a record's; tells what it was.
fn turn(fields: &mut Map<String, Value>) -> Option<String> {
    let kind = fields.get("event_type")?.as_str()?.to_owned();
    fields.insert("event_type".to_owned(), Value::String("alert".to_owned()));
    if !NO_PROTOCOL.contains(&kind.as_str()) && fields.contains_key(&kind) {
        let app_proto = fields.entry("app_proto");
        app_proto.or_insert_with(|| Value::String(kind.clone()));
    }
    // Numbers and times of the record's own journey.
    fields.remove("matluoi");
    Some(kind)
}

fn finish(
    mut fields: Map<String, Value>,
    told: &Told,
    details: Details,
    origin: Option<(&Place, &str)>,
) -> Option<String> {
    let alert = Alert::from(OfSigma {
        gid: GENERATOR,
        sid: told.sid,
        title: &told.meta.title,
        category: told.category,
        severity: told.severity(),
        metadata: told.shown_metadata(),
        fields: details.fields,
        group: details.group,
        measured: details.measured,
    });
    fields.insert("alert".to_owned(), serde_json::to_value(alert).ok()?);
    let own = ByCollector {
        source: ByCollector::SOURCE,
        origin: origin.map(|(place, kind)| Origin {
            sensor: &place.sensor,
            id: &place.id,
            event_type: kind,
        }),
    };
    // Where a record came from is its last member.
    let mut text = serde_json::to_string(&fields).ok()?;
    text.pop();
    text.push_str(",\"matluoi\":");
    text.push_str(&serde_json::to_string(&own).ok()?);
    text.push('}');
    Some(text)
}
