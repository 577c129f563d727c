//! `mqtt`: the object of a mqtt transaction.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::{Limited, Text};

/// The messages of a transaction, each under the name of its type.
#[derive(Debug, Clone)]
pub struct Mqtt<'a>(pub Vec<(&'static str, MqttMessage<'a>)>);

impl Serialize for Mqtt<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (kind, message) in &self.0 {
            map.serialize_entry(kind, message)?;
        }
        map.end()
    }
}

/// Fixed header and what the type adds.
#[derive(Debug, Clone, Serialize)]
pub struct MqttMessage<'a> {
    pub qos: u8,
    pub retain: bool,
    pub dup: bool,
    #[serde(flatten)]
    pub body: MqttBody<'a>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum MqttBody<'a> {
    Connect(Box<MqttConnect<'a>>),
    Connack {
        session_present: bool,
        return_code: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<MqttProperties<'a>>,
    },
    Publish {
        topic: Limited<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<u16>,
        message: Limited<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<MqttProperties<'a>>,
    },
    /// `puback`, `pubrec`, `pubrel`, `pubcomp`.
    Acknowledgement {
        message_id: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_code: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<MqttProperties<'a>>,
    },
    Subscribe {
        message_id: u16,
        topics: Vec<MqttTopic<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<MqttProperties<'a>>,
    },
    Suback {
        message_id: u16,
        qos_granted: &'a [u8],
    },
    Unsubscribe {
        message_id: u16,
        topics: Vec<Text<'a>>,
    },
    Unsuback {
        message_id: u16,
        #[serde(skip_serializing_if = "<[u8]>::is_empty")]
        reason_codes: &'a [u8],
    },
    /// `disconnect` and `auth`.
    Reason {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_code: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<MqttProperties<'a>>,
    },
    /// `pingreq`, `pingresp`.
    Nothing {},
    /// A message longer than the sensor reads.
    Truncated {
        truncated: bool,
        skipped_length: u64,
    },
}

#[derive(Debug, Clone, Serialize)]
pub struct MqttConnect<'a> {
    pub protocol_string: Text<'a>,
    pub protocol_version: u8,
    pub client_id: Limited<'a>,
    pub flags: MqttConnectFlags,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<Limited<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub will: Option<MqttWill<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<MqttProperties<'a>>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct MqttConnectFlags {
    pub username: bool,
    pub password: bool,
    pub will_retain: bool,
    pub will: bool,
    pub clean_session: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct MqttWill<'a> {
    pub topic: Limited<'a>,
    pub message: Limited<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<MqttProperties<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct MqttTopic<'a> {
    pub topic: Limited<'a>,
    pub qos: u8,
}

/// Properties of version 5 under their names; those of the user's choice under theirs.
#[derive(Debug, Clone)]
pub struct MqttProperties<'a>(pub Vec<(Text<'a>, MqttPropertyValue<'a>)>);

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum MqttPropertyValue<'a> {
    Number(u32),
    Text(Limited<'a>),
}

impl Serialize for MqttProperties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stand_under_their_types() {
        let header = |body| MqttMessage {
            qos: 1,
            retain: false,
            dup: true,
            body,
        };
        let mqtt = Mqtt(vec![
            (
                "publish",
                header(MqttBody::Publish {
                    topic: Limited(b"t", 9),
                    message_id: Some(3),
                    message: Limited(b"too long", 3),
                    properties: Some(MqttProperties(vec![
                        (Text(b"topic_alias"), MqttPropertyValue::Number(4)),
                        (Text(b"mine"), MqttPropertyValue::Text(Limited(b"x", 9))),
                    ])),
                }),
            ),
            ("pingreq", header(MqttBody::Nothing {})),
        ]);
        assert_eq!(
            serde_json::to_string(&mqtt).expect("it serialises"),
            concat!(
                r#"{"publish":{"qos":1,"retain":false,"dup":true,"topic":"t","message_id":3,"#,
                r#""message":"too[truncated 5 additional bytes]","#,
                r#""properties":{"topic_alias":4,"mine":"x"}},"#,
                r#""pingreq":{"qos":1,"retain":false,"dup":true}}"#,
            )
        );
    }
}
