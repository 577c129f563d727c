//! Stream → the `http` object.

use sensor_event::{
    AppRecord, Doh2, Http2, Http2Header, Http2Object, Http2Setting, Http2Side, Text,
};
use sensor_flow::Direction;

use crate::dns::Grouping;

use super::hpack::Item;
use super::wire::SETTINGS;
use super::{Http2Transaction, Side};

impl Http2Transaction {
    /// The EVE object, with the message of DNS that it carries.
    pub fn record(&self) -> AppRecord<'_> {
        self.with_dns(Grouping::Grouped)
    }

    /// The object of an alert.
    pub fn alert_record(&self) -> AppRecord<'_> {
        self.with_dns(Grouping::Plain)
    }

    fn with_dns(&self, grouping: Grouping) -> AppRecord<'_> {
        let http = self.object();
        match self.dns() {
            Some(dns) => AppRecord::Doh2(Box::new(Doh2 {
                http,
                dns: dns.object(grouping),
            })),
            None => AppRecord::Http2(Box::new(http)),
        }
    }

    fn object(&self) -> Http2<'_> {
        let request = self.side(Direction::ToServer);
        let response = self.side(Direction::ToClient);
        let number = |value: Option<&[u8]>| std::str::from_utf8(value?).ok()?.parse().ok();
        let either = |name: &[u8]| last(response, name).or_else(|| last(request, name));
        Http2 {
            version: "2",
            request_headers: headers(request),
            response_headers: headers(response),
            http_method: either(b":method").map(Text),
            url: either(b":path").map(Text),
            hostname: either(b"host").map(Text),
            http_user_agent: either(b"user-agent").map(Text),
            status: number(either(b":status")),
            length: number(either(b"content-length")),
            http2: Http2Object {
                stream_id: self.stream,
                request: frames(request),
                response: frames(response),
            },
        }
    }

    /// Whether there is anything to tell.
    pub fn is_recorded(&self) -> bool {
        self.sides
            .iter()
            .any(|side| side.has_headers || frames(side).is_some())
    }
}

/// The last value of a field, whatever the case of its name.
fn last<'a>(side: &'a Side, name: &[u8]) -> Option<&'a [u8]> {
    side.items.iter().rev().find_map(|item| match item {
        Item::Field(field) if field.name.eq_ignore_ascii_case(name) => Some(&*field.value),
        _ => None,
    })
}

fn headers(side: &Side) -> Option<Vec<Http2Header<'_>>> {
    let list = side.items.iter().map(|item| match item {
        Item::Field(field) => Http2Header::Field {
            name: Text(&field.name),
            value: Text(&field.value),
        },
        Item::SizeUpdate(size) => Http2Header::SizeUpdate {
            table_size_update: *size,
        },
        Item::Fault(fault) => Http2Header::Error {
            error: fault.name(),
        },
    });
    side.has_headers.then(|| list.collect())
}

/// Settings, errors and priorities; none when there are none.
fn frames(side: &Side) -> Option<Http2Side> {
    if side.settings.is_empty() && side.errors.is_empty() && side.priorities.is_empty() {
        return None;
    }
    Some(Http2Side {
        settings: side
            .settings
            .iter()
            .map(|(id, value)| Http2Setting {
                settings_id: SETTINGS
                    .iter()
                    .find(|row| row.0 == *id)
                    .map_or("", |row| row.2),
                settings_value: *value,
            })
            .collect(),
        error_code: side.errors.first().map(|error| {
            let name = error.code.name();
            if error.go_away {
                name.to_ascii_uppercase()
            } else {
                name.into_owned()
            }
        }),
        priority: side.priorities.first().copied(),
        has_multiple: if side.errors.len() > 1 {
            Some("error_code")
        } else if side.priorities.len() > 1 {
            Some("priority")
        } else {
            None
        },
    })
}
