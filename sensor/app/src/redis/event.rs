//! Transaction → the `redis` object.

use sensor_event::{AppRecord, Redis, RedisReply, Text};

use super::state::RedisTransaction;

impl RedisTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Redis(Box::new(Redis {
            command: &self.command,
            args: self.arguments.iter().map(|word| Text(word)).collect(),
            argument_count: self.argument_count,
            user: self.user.as_deref().map(Text),
            password_in_clear: self.password,
            reply: self.reply.as_ref().map(|reply| RedisReply {
                kind: reply.kind,
                length: reply.length,
                text: Some(reply.text.as_slice())
                    .filter(|text| !text.is_empty())
                    .map(Text),
            }),
        }))
    }
}
