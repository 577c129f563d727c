//! Transaction → the `mqtt` object.

use sensor_event::{
    Limited, Mqtt, MqttBody, MqttConnect, MqttConnectFlags, MqttMessage, MqttProperties,
    MqttPropertyValue, MqttTopic, MqttWill, Text,
};

use super::property::{Properties, PropertyValue, property_name};
use super::state::MqttTransaction;
use super::wire::{Connect, Content, Message, Span};

/// Bytes of a string that are logged.
const MAX_STRING_BYTES: usize = 1024;

pub fn record(transaction: &MqttTransaction) -> Mqtt<'_> {
    Mqtt(
        transaction
            .messages
            .iter()
            .filter_map(|message| {
                Some((
                    message.header.kind.name(),
                    MqttMessage {
                        qos: message.header.qos(),
                        retain: message.header.retain(),
                        dup: message.header.dup(),
                        body: body(message)?,
                    },
                ))
            })
            .collect(),
    )
}

/// What is told behind the header; nothing at all of a type that is not assigned.
fn body(message: &Message) -> Option<MqttBody<'_>> {
    Some(match &message.content {
        Content::Connect(one) => MqttBody::Connect(Box::new(connect(message, one))),
        Content::Connack {
            session_present,
            code,
            properties: list,
        } => MqttBody::Connack {
            session_present: *session_present,
            return_code: *code,
            properties: properties(message, list),
        },
        Content::Publish {
            topic,
            id,
            message: payload,
            properties: list,
        } => MqttBody::Publish {
            topic: limited(message, topic),
            message_id: *id,
            message: limited(message, payload),
            properties: properties(message, list),
        },
        Content::Acknowledgement {
            id,
            code,
            properties: list,
        } => MqttBody::Acknowledgement {
            message_id: *id,
            reason_code: *code,
            properties: properties(message, list),
        },
        Content::Subscribe {
            id,
            topics,
            properties: list,
        } => MqttBody::Subscribe {
            message_id: *id,
            topics: subscribed(message, topics),
            properties: properties(message, list),
        },
        Content::Suback { id, codes } => MqttBody::Suback {
            message_id: *id,
            qos_granted: message.bytes(codes),
        },
        Content::Unsubscribe { id, topics } => MqttBody::Unsubscribe {
            message_id: *id,
            topics: topics
                .iter()
                .map(|topic| Text(message.bytes(topic)))
                .collect(),
        },
        Content::Unsuback { id, codes } => MqttBody::Unsuback {
            message_id: *id,
            reason_codes: message.bytes(codes),
        },
        Content::Disconnect {
            code,
            properties: list,
        } => MqttBody::Reason {
            reason_code: *code,
            properties: properties(message, list),
        },
        Content::Auth {
            code,
            properties: list,
        } => MqttBody::Reason {
            reason_code: Some(*code),
            properties: properties(message, list),
        },
        Content::Nothing if message.header.kind == super::wire::MessageType::UNASSIGNED => {
            return None;
        }
        Content::Nothing => MqttBody::Nothing {},
        Content::Truncated { skipped } => MqttBody::Truncated {
            truncated: true,
            skipped_length: *skipped,
        },
    })
}

fn limited<'a>(message: &'a Message, span: &Span) -> Limited<'a> {
    Limited(message.bytes(span), MAX_STRING_BYTES)
}

fn connect<'a>(message: &'a Message, connect: &'a Connect) -> MqttConnect<'a> {
    let has = |flag: u8| connect.flags & flag != 0;
    MqttConnect {
        protocol_string: Text(message.bytes(&connect.protocol)),
        protocol_version: connect.version,
        client_id: limited(message, &connect.client_id),
        flags: MqttConnectFlags {
            username: has(Connect::USERNAME),
            password: has(Connect::PASSWORD),
            will_retain: has(Connect::WILL_RETAIN),
            will: has(Connect::WILL),
            clean_session: has(Connect::CLEAN_SESSION),
        },
        username: connect.username.as_ref().map(|span| limited(message, span)),
        password: connect
            .password
            .as_ref()
            .map(|span| Text(message.bytes(span))),
        will: connect.will.as_ref().map(|will| MqttWill {
            topic: limited(message, &will.topic),
            message: limited(message, &will.message),
            properties: properties(message, &will.properties),
        }),
        properties: properties(message, &connect.properties),
    }
}

/// Topics until their names together are as long as one string may be.
fn subscribed<'a>(message: &'a Message, topics: &'a [(Span, u8)]) -> Vec<MqttTopic<'a>> {
    let mut left = MAX_STRING_BYTES;
    let mut out = Vec::new();
    for (span, qos) in topics {
        let name = message.bytes(span);
        let length = name.len().min(MAX_STRING_BYTES);
        if length > left {
            out.push(MqttTopic {
                topic: Limited(name, left),
                qos: *qos,
            });
            break;
        }
        out.push(MqttTopic {
            topic: Limited(name, MAX_STRING_BYTES),
            qos: *qos,
        });
        left -= length;
    }
    out
}

fn properties<'a>(message: &'a Message, list: &'a Properties) -> Option<MqttProperties<'a>> {
    let list = list.as_ref()?;
    Some(MqttProperties(
        list.iter()
            .filter_map(|property| {
                Some(match &property.value {
                    PropertyValue::Number(number) => (
                        Text(property_name(property.identifier)?.as_bytes()),
                        MqttPropertyValue::Number(*number),
                    ),
                    PropertyValue::Bytes(span) => (
                        Text(property_name(property.identifier)?.as_bytes()),
                        MqttPropertyValue::Text(limited(message, span)),
                    ),
                    PropertyValue::Pair(name, value) => (
                        Text(message.bytes(name)),
                        MqttPropertyValue::Text(limited(message, value)),
                    ),
                })
            })
            .collect(),
    ))
}
