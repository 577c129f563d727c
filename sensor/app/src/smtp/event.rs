//! Mail → the `smtp` and `email` objects.

use std::borrow::Cow;

use md5::{Digest, Md5};
use sensor_event::{Email, EmailDetails, Hex16, Smtp, SmtpRecord, Text};

use super::message::Message;
use super::state::SmtpTransaction;

impl SmtpTransaction {
    /// What stands beside alerts and files.
    pub fn summary(&self) -> SmtpRecord<'_> {
        SmtpRecord {
            smtp: Smtp {
                helo: self.helo.as_deref().map(Text),
                mail_from: self.mail_from.as_deref().map(Text),
                rcpt_to: self.rcpt_to.iter().map(|to| Text(to)).collect(),
            },
            email: self.message.as_deref().map(email),
        }
    }

    /// The record of its own.
    pub fn record(&self) -> SmtpRecord<'_> {
        let mut record = self.summary();
        if let (Some(email), Some(message)) = (&mut record.email, &self.message) {
            email.details = Some(details(message));
        }
        record
    }
}

fn email(message: &Message) -> Email<'_> {
    Email {
        from: value(message, b"from"),
        to: addresses(message, b"to"),
        cc: addresses(message, b"cc"),
        status: "PARSE_DONE",
        attachment: message
            .attachments()
            .iter()
            .map(|name| lossy(name))
            .collect(),
        // The newest first.
        url: message.urls().iter().rev().map(|url| lossy(url)).collect(),
        details: None,
    }
}

fn details(message: &Message) -> EmailDetails<'_> {
    EmailDetails {
        reply_to: value(message, b"reply-to"),
        bcc: addresses(message, b"bcc"),
        message_id: value(message, b"message-id"),
        subject: value(message, b"subject"),
        x_mailer: value(message, b"x-mailer"),
        user_agent: value(message, b"user-agent"),
        received: message.values(b"received").map(lossy).collect(),
        x_originating_ip: value(message, b"x-originating-ip"),
        in_reply_to: value(message, b"in-reply-to"),
        references: value(message, b"references"),
        importance: value(message, b"importance"),
        priority: value(message, b"priority"),
        sensitivity: value(message, b"sensitivity"),
        organization: value(message, b"organization"),
        content_md5: value(message, b"content-md5"),
        date: value(message, b"date"),
        subject_md5: message
            .values(b"subject")
            .next()
            .map(|subject| Hex16(Md5::digest(subject).into())),
        body_md5: message.body_md5().copied().map(Hex16),
    }
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn value<'a>(message: &'a Message, name: &'static [u8]) -> Option<Cow<'a, str>> {
    message.values(name).next().map(lossy)
}

/// Addresses between commas, those in quotes aside (RFC 5322 §3.4).
fn addresses<'a>(message: &'a Message, name: &'static [u8]) -> Vec<Cow<'a, str>> {
    let Some(value) = message.values(name).next() else {
        return Vec::new();
    };
    let mut quoted = false;
    value
        .split(|&byte| {
            quoted ^= byte == b'"';
            byte == b',' && !quoted
        })
        .map(|part| {
            let begin = part.iter().position(|byte| !b" \t".contains(byte));
            lossy(begin.map_or(&[][..], |begin| &part[begin..]))
        })
        .filter(|address| !address.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::message::Ending;
    use super::*;

    #[test]
    fn addresses_stand_between_commas() {
        let rows: &[(&str, &[&str])] = &[
            ("a@b", &["a@b"]),
            ("a@b, c <d@e>,\tf", &["a@b", "c <d@e>", "f"]),
            ("\"x, y\" <a@b>,c", &["\"x, y\" <a@b>", "c"]),
            ("a, ,", &["a"]),
            ("", &[]),
        ];
        for (value, expected) in rows {
            let mut message = Message::default();
            let field = format!("To: {value}\r\n\r\n");
            message.push(field.as_bytes(), Ending::Dot, &mut |_| {});
            assert_eq!(addresses(&message, b"to"), *expected, "{value}");
        }
    }
}
