//! `smtp` and `email`: the objects of a mail.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Hex16, Text};

/// Both objects of one transaction.
#[derive(Debug, Clone, Serialize)]
pub struct SmtpRecord<'a> {
    pub smtp: Smtp<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Email<'a>>,
}

/// What the client said around the mail.
#[derive(Debug, Clone, Serialize)]
pub struct Smtp<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helo: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rcpt_to: Vec<Text<'a>>,
}

/// The mail itself.
#[derive(Debug, Clone, Serialize)]
pub struct Email<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Cow<'a, str>>,
    /// `PARSE_DONE`.
    pub status: &'static str,
    /// Names of attached files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachment: Vec<Cow<'a, str>>,
    /// Addresses in the text, without their scheme, the last one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub url: Vec<Cow<'a, str>>,
    /// In records of mail; alerts and files do without.
    #[serde(flatten)]
    pub details: Option<EmailDetails<'a>>,
}

/// The other header fields, and digests.
#[derive(Debug, Clone, Serialize)]
pub struct EmailDetails<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_mailer: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_originating_ip: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_md5: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Cow<'a, str>>,
    /// Of the subject as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_md5: Option<Hex16>,
    /// Of the body as it was sent, all parts together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_md5: Option<Hex16>,
}
