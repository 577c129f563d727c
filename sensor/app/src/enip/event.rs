//! Transaction → the `enip` object.

use std::borrow::Cow;

use sensor_event::{
    Enip, EnipCip, EnipIdentity, EnipMessage, EnipSegment, EnipServices, EnipSession, Hex, Text,
};

use super::EnipTransaction;
use super::names::{
    CLASSES, COMMANDS, DEVICE_TYPES, EXTENDED_STATUSES, GENERAL_STATUSES, SERVICES, STATUSES,
    VENDORS,
};
use super::state::data_of;
use super::wire::{Data, Kind, Message, Payload, Segment};

pub fn record(tx: &EnipTransaction) -> Enip<'_> {
    Enip {
        request: tx.request.as_ref().map(message),
        response: tx.response.as_ref().map(message),
    }
}

/// The name of a number, or the number.
fn named(table: &[(&'static str, u64)], number: impl Into<u64>) -> Cow<'static, str> {
    let number = number.into();
    match table.iter().find(|(_, other)| *other == number) {
        Some((name, _)) => Cow::Borrowed(name),
        None => Cow::Owned(format!("unknown-{number}")),
    }
}

fn message(message: &Message) -> EnipMessage<'_> {
    let header = &message.header;
    EnipMessage {
        command: named(COMMANDS, header.command.0),
        status: named(STATUSES, header.status),
        options: Some(header.options).filter(|options| *options != 0),
        register_session: match message.payload {
            Payload::Session { version, options } => Some(EnipSession {
                protocol_version: version,
                options,
            }),
            _ => None,
        },
        cip: data_of(message).map(cip),
        list_services: match &message.payload {
            Payload::Services(services) => Some(EnipServices {
                protocol_version: services.version,
                capabilities: services.capabilities,
                service_name: Text(&services.name),
            }),
            _ => None,
        },
        identity: match &message.payload {
            Payload::Identity(identity) => Some(EnipIdentity {
                protocol_version: identity.version,
                revision: format!("{}.{}", identity.revision.0, identity.revision.1),
                vendor_id: named(VENDORS, identity.vendor),
                device_type: named(DEVICE_TYPES, identity.device_type),
                product_code: identity.product_code,
                status: identity.status,
                serial: identity.serial,
                product_name: Text(&identity.name),
                state: identity.state,
            }),
            _ => None,
        },
    }
}

fn cip(data: &Data) -> EnipCip<'_> {
    let (status, extended, path) = match &data.kind {
        Kind::Request { path, .. } => (None, &[][..], path.as_slice()),
        Kind::Response { status, extended } => (Some(*status), extended.as_slice(), &[][..]),
    };
    let class = path
        .iter()
        .rev()
        .find(|segment| segment.logical() == Segment::CLASS);
    EnipCip {
        service: named(SERVICES, data.service),
        status: status.map(|status| named(GENERAL_STATUSES, status)),
        status_extended: Some(Hex(extended)).filter(|_| !extended.is_empty()),
        status_extended_meaning: <[u8; 2]>::try_from(extended).ok().and_then(|extended| {
            let number = u64::from(u16::from_le_bytes(extended));
            EXTENDED_STATUSES
                .iter()
                .find(|(_, other)| *other == number)
                .map(|(name, _)| *name)
        }),
        path: path
            .iter()
            .map(|segment| EnipSegment {
                segment_type: match segment.logical() {
                    Segment::CLASS => Cow::Borrowed("class"),
                    Segment::INSTANCE => Cow::Borrowed("instance"),
                    Segment::ATTRIBUTE => Cow::Borrowed("attribute"),
                    _ => Cow::Owned(format!("unknown-{}", segment.kind)),
                },
                value: segment.value,
            })
            .collect(),
        class_name: class.map(|class| named(CLASSES, class.value)),
        multiple: data.services.iter().map(cip).collect(),
    }
}
