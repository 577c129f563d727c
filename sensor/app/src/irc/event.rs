//! Transaction → the `irc` object.

use sensor_event::{AppRecord, Irc, Text};

use super::state::IrcTransaction;

impl IrcTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        let Some(message) = self.message() else {
            return AppRecord::Irc(Box::default());
        };
        let password = message.command.eq_ignore_ascii_case(b"PASS");
        let nick = message.prefix.and_then(|prefix| {
            let end = prefix.iter().position(|&byte| byte == b'!')?;
            Some(Text(&prefix[..end]))
        });
        AppRecord::Irc(Box::new(Irc {
            prefix: message.prefix.map(Text),
            nick,
            command: String::from_utf8_lossy(message.command).to_ascii_uppercase(),
            params: match password {
                true => Vec::new(),
                false => message.parameters.into_iter().map(Text).collect(),
            },
            password_in_clear: password,
        }))
    }
}
