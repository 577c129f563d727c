//! Sticky buffers and number fields of MQTT.

use super::state::MqttTransaction;
use super::wire::{Connect, Content, Message, Span, TYPES};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

/// Topics of a SUBSCRIBE or UNSUBSCRIBE that rules look at.
const MAX_TOPICS: usize = 100;

fn mqtt(transaction: &Transaction) -> Option<&MqttTransaction> {
    match &transaction.body {
        Body::Mqtt(mqtt) => Some(mqtt),
        _ => None,
    }
}

const fn buffer(name: &'static str, side: BufferSide, getter: BufferGetter) -> BufferRow {
    BufferRow {
        name,
        synonyms: &[],
        modifiers: &[],
        side,
        ready_at: [0; 2],
        lowercase: false,
        streaming: false,
        getter,
    }
}

/// A field of the first message that has it, unless it is empty.
fn first<'a>(
    transaction: &'a Transaction,
    field: impl Fn(&'a Content) -> Option<&'a Span>,
) -> Option<Bytes<'a>> {
    mqtt(transaction)?
        .messages
        .iter()
        .find_map(|message| Some(message.bytes(field(&message.content)?)))
        .filter(|bytes| !bytes.is_empty())
        .map(Bytes::whole)
}

fn of_connect<'a>(
    transaction: &'a Transaction,
    field: impl Fn(&'a Connect) -> Option<&'a Span>,
) -> Option<Bytes<'a>> {
    first(transaction, |content| match content {
        Content::Connect(connect) => field(connect),
        _ => None,
    })
}

/// A topic by its number, over all messages.
fn topic(
    transaction: &Transaction,
    nth: usize,
    of: for<'a> fn(&'a Content, usize) -> Option<&'a Span>,
) -> Option<Bytes<'_>> {
    mqtt(transaction)?
        .messages
        .iter()
        .flat_map(|message| {
            (0..).map_while(move |at| Some(message.bytes(of(&message.content, at)?)))
        })
        .take(MAX_TOPICS)
        .nth(nth)
        .map(Bytes::whole)
}

pub const BUFFERS: &[BufferRow] = &[
    buffer(
        "mqtt.connect.clientid",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| of_connect(tx, |connect| Some(&connect.client_id))),
    ),
    buffer(
        "mqtt.connect.username",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| of_connect(tx, |connect| connect.username.as_ref())),
    ),
    buffer(
        "mqtt.connect.password",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| of_connect(tx, |connect| connect.password.as_ref())),
    ),
    buffer(
        "mqtt.connect.willtopic",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| of_connect(tx, |connect| Some(&connect.will.as_ref()?.topic))),
    ),
    buffer(
        "mqtt.connect.willmessage",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| of_connect(tx, |connect| Some(&connect.will.as_ref()?.message))),
    ),
    buffer(
        "mqtt.connect.protocol_string",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| of_connect(tx, |connect| Some(&connect.protocol))),
    ),
    buffer(
        "mqtt.publish.topic",
        BufferSide::Both,
        BufferGetter::One(|tx, _| {
            first(tx, |content| match content {
                Content::Publish { topic, .. } => Some(topic),
                _ => None,
            })
        }),
    ),
    buffer(
        "mqtt.publish.message",
        BufferSide::Both,
        BufferGetter::One(|tx, _| {
            first(tx, |content| match content {
                Content::Publish { message, .. } => Some(message),
                _ => None,
            })
        }),
    ),
    buffer(
        "mqtt.subscribe.topic",
        BufferSide::ToServer,
        BufferGetter::Many(|tx, _, nth| {
            topic(tx, nth, |content, at| match content {
                Content::Subscribe { topics, .. } => topics.get(at).map(|topic| &topic.0),
                _ => None,
            })
        }),
    ),
    buffer(
        "mqtt.unsubscribe.topic",
        BufferSide::ToServer,
        BufferGetter::Many(|tx, _, nth| {
            topic(tx, nth, |content, at| match content {
                Content::Unsubscribe { topics, .. } => topics.get(at),
                _ => None,
            })
        }),
    ),
];

const fn number(
    name: &'static str,
    side: BufferSide,
    names: &'static [(&'static str, u64)],
    getter: fn(&Transaction, sensor_flow::Direction, usize) -> Option<u64>,
) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms: &[],
        side,
        ready_at: 0,
        bits: 8,
        names,
        getter,
    }
}

/// A number of the nth message.
fn header(transaction: &Transaction, nth: usize, of: fn(&Message) -> u8) -> Option<u64> {
    mqtt(transaction)?
        .messages
        .get(nth)
        .map(|message| u64::from(of(message)))
}

/// The first code of an acknowledgement, then every code of SUBACK and UNSUBACK.
fn reason_code(mqtt: &MqttTransaction, nth: usize) -> Option<u8> {
    let single = mqtt
        .messages
        .iter()
        .find_map(|message| match message.content {
            Content::Acknowledgement { code, .. } | Content::Disconnect { code, .. } => code,
            Content::Connack { code, .. } | Content::Auth { code, .. } => Some(code),
            _ => None,
        });
    let lists = mqtt
        .messages
        .iter()
        .flat_map(|message| match &message.content {
            Content::Suback { codes, .. } | Content::Unsuback { codes, .. } => message.bytes(codes),
            _ => &[],
        });
    single.into_iter().chain(lists.copied()).nth(nth)
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    number("mqtt.type", BufferSide::Both, TYPES, |tx, _, nth| {
        header(tx, nth, |message| message.header.kind.0)
    }),
    number("mqtt.flags", BufferSide::ToServer, &[], |tx, _, nth| {
        // DUP and RETAIN; the quality of service has a keyword of its own.
        header(tx, nth, |message| message.header.flags & 0x09)
    }),
    number("mqtt.qos", BufferSide::ToServer, &[], |tx, _, nth| {
        header(tx, nth, |message| message.header.qos())
    }),
    number(
        "mqtt.protocol_version",
        BufferSide::ToServer,
        &[],
        |tx, _, nth| (nth == 0).then_some(u64::from(mqtt(tx)?.version)),
    ),
    IntFieldRow {
        synonyms: &["mqtt.connack.return_code"],
        ..number("mqtt.reason_code", BufferSide::Both, &[], |tx, _, nth| {
            reason_code(mqtt(tx)?, nth).map(u64::from)
        })
    },
    number(
        "mqtt.connect.flags",
        BufferSide::ToServer,
        &[],
        |tx, _, nth| {
            let flags = |message: &Message| match &message.content {
                Content::Connect(connect) => Some(u64::from(connect.flags)),
                _ => None,
            };
            mqtt(tx)?.messages.iter().filter_map(flags).nth(nth)
        },
    ),
    // The transaction is the client's, and so is the side on which rules look at it.
    number(
        "mqtt.connack.session_present",
        BufferSide::Both,
        &[],
        |tx, _, nth| {
            let present = |message: &Message| match &message.content {
                Content::Connack {
                    session_present, ..
                } => Some(u64::from(*session_present)),
                _ => None,
            };
            mqtt(tx)?.messages.iter().filter_map(present).nth(nth)
        },
    ),
];
