//! Channels and rules as people write them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MAX_RECIPIENTS: usize = 50;
const MAX_TEXT_BYTES: usize = 1_024;
const MAX_LISTED: usize = 500;
const MAX_DELAY_MINUTES: u32 = 7 * 24 * 60;

/// Where and how messages of a channel are sent. Secrets are left empty when it is read back; an empty
/// secret in a change keeps the one that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChannelConfig {
    Email {
        server: String,
        port: u16,
        security: MailSecurity,
        #[serde(default)]
        username: String,
        #[serde(default)]
        password: String,
        from: String,
        to: Vec<String>,
        #[serde(default)]
        language: Language,
    },
    /// A POST of JSON; `X-Matluoi-Signature: sha256=` and the HMAC of `X-Matluoi-Timestamp`, a full stop
    /// and the body, under the secret.
    Webhook {
        url: String,
        #[serde(default)]
        secret: String,
    },
    Syslog {
        server: String,
        port: u16,
        transport: SyslogTransport,
        format: SyslogFormat,
    },
    /// The Bot API of Telegram, or what speaks like it.
    Telegram {
        #[serde(default = "telegram")]
        base_url: String,
        #[serde(default)]
        token: String,
        chat_id: String,
        #[serde(default)]
        language: Language,
    },
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// In the clear: for a server on this machine or network.
    None,
    /// STARTTLS, required.
    StartTls,
    Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyslogTransport {
    Udp,
    /// Octet counting, RFC 6587 §3.4.1.
    Tcp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyslogFormat {
    /// RFC 5424 with structured data.
    Rfc5424,
    /// ArcSight's Common Event Format in an RFC 5424 message.
    Cef,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    Vi,
    En,
}

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// New groups of alerts.
    Alerts,
    /// What is wrong with sensors and the collector.
    Alarms,
}

/// Whom to tell what, and when. A rule sees its unit and those below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    pub about: Vec<Told>,
    /// Only what is as bad as this or worse: 1 (worst) to 4.
    pub severity: u8,
    /// Only alerts of these signatures; all when empty.
    #[serde(default)]
    pub sids: Vec<u32>,
    /// Only alerts whose signature or category contains this, whatever the case and accents.
    #[serde(default)]
    pub text: String,
    /// Only alarms of these kinds; all when empty.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// Ids of channels.
    pub channels: Vec<i64>,
    /// Gather what happens during this time into one message; 0: tell at once.
    #[serde(default)]
    pub digest_minutes: u32,
    #[serde(default)]
    pub quiet: Option<QuietHours>,
    #[serde(default)]
    pub escalation: Option<Escalation>,
}

/// Hours in which messages wait for their end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// `22:00`.
    pub from: String,
    /// `06:30`; before `from`: on the next day.
    pub to: String,
    /// 1 (Monday) to 7 on which quiet hours begin; every day when empty.
    #[serde(default)]
    pub days: Vec<u8>,
    /// Local time minus UTC.
    #[serde(default = "vietnam")]
    pub utc_offset_minutes: i32,
    /// What is as bad as this or worse is told all the same; 0: nothing is.
    #[serde(default)]
    pub unless_severity: u8,
}

fn vietnam() -> i32 {
    7 * 60
}

/// Tells others of a group that nobody has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    pub after_minutes: u32,
    /// Ids of channels.
    pub channels: Vec<i64>,
}

/// A value that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ConfigFault {
    pub field: &'static str,
    pub reason: &'static str,
}

fn fault<T>(field: &'static str, reason: &'static str) -> Result<T, ConfigFault> {
    Err(ConfigFault { field, reason })
}

impl ChannelConfig {
    pub fn kind(&self) -> &'static str {
        match self {
            ChannelConfig::Email { .. } => "email",
            ChannelConfig::Webhook { .. } => "webhook",
            ChannelConfig::Syslog { .. } => "syslog",
            ChannelConfig::Telegram { .. } => "telegram",
        }
    }

    pub fn check(&self) -> Result<(), ConfigFault> {
        let host = |server: &str| {
            let valid = !server.is_empty()
                && server.len() <= 253
                && server
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
            if valid {
                Ok(())
            } else {
                fault("server", "not_a_host")
            }
        };
        let url = |field, url: &str| {
            let valid = url.len() <= MAX_TEXT_BYTES
                && (url.starts_with("http://") || url.starts_with("https://"))
                && url
                    .parse::<hyper::Uri>()
                    .is_ok_and(|uri| uri.host().is_some());
            if valid {
                Ok(())
            } else {
                fault(field, "not_a_url")
            }
        };
        match self {
            ChannelConfig::Email {
                server, from, to, ..
            } => {
                host(server)?;
                if from.parse::<lettre::Address>().is_err() {
                    return fault("from", "not_a_mail_address");
                }
                if to.is_empty() || to.len() > MAX_RECIPIENTS {
                    return fault("to", "number_of_recipients");
                }
                if to.iter().any(|to| to.parse::<lettre::Address>().is_err()) {
                    return fault("to", "not_a_mail_address");
                }
                Ok(())
            }
            ChannelConfig::Webhook { url: to, secret } => {
                if secret.len() > MAX_TEXT_BYTES {
                    return fault("secret", "too_long");
                }
                url("url", to)
            }
            ChannelConfig::Syslog { server, .. } => host(server),
            ChannelConfig::Telegram {
                base_url,
                token,
                chat_id,
                ..
            } => {
                let is_name = |text: &str| {
                    text.len() <= 128
                        && text
                            .chars()
                            .all(|c| c.is_ascii_alphanumeric() || "_-:@".contains(c))
                };
                if !is_name(token) {
                    return fault("token", "not_a_token");
                }
                if chat_id.is_empty() || !is_name(chat_id) {
                    return fault("chat_id", "not_a_chat");
                }
                url("base_url", base_url)
            }
        }
    }

    fn secret(&mut self) -> Option<&mut String> {
        match self {
            ChannelConfig::Email { password, .. } => Some(password),
            ChannelConfig::Webhook { secret, .. } => Some(secret),
            ChannelConfig::Telegram { token, .. } => Some(token),
            ChannelConfig::Syslog { .. } => None,
        }
    }

    /// Without its secret, to be shown.
    pub fn masked(mut self) -> ChannelConfig {
        if let Some(secret) = self.secret() {
            secret.clear();
        }
        self
    }

    /// With the secret of what it replaces, where it has none of its own.
    pub fn with_secret_of(mut self, mut before: ChannelConfig) -> ChannelConfig {
        if self.kind() == before.kind()
            && let Some(secret) = self.secret()
            && secret.is_empty()
            && let Some(kept) = before.secret()
        {
            std::mem::swap(secret, kept);
        }
        self
    }
}

impl RuleConfig {
    pub fn check(&self) -> Result<(), ConfigFault> {
        if self.about.is_empty() || self.about.len() > 8 {
            return fault("about", "empty");
        }
        if !(1..=4).contains(&self.severity) {
            return fault("severity", "not_a_severity");
        }
        let lists = [self.sids.len(), self.alarms.len(), self.channels.len()];
        if lists.iter().any(|&length| length > MAX_LISTED) || self.text.len() > MAX_TEXT_BYTES {
            return fault("config", "too_long");
        }
        if self.channels.is_empty() {
            return fault("channels", "empty");
        }
        let unknown = |name: &String| collector_state::AlarmKind::from_name(name).is_none();
        if self.alarms.iter().any(unknown) {
            return fault("alarms", "unknown_kind");
        }
        if self.digest_minutes > MAX_DELAY_MINUTES {
            return fault("digest_minutes", "too_long");
        }
        if let Some(quiet) = &self.quiet {
            quiet.check()?;
        }
        if let Some(escalation) = &self.escalation {
            if !(1..=MAX_DELAY_MINUTES).contains(&escalation.after_minutes) {
                return fault("escalation", "after_minutes");
            }
            if escalation.channels.is_empty() || escalation.channels.len() > MAX_LISTED {
                return fault("escalation", "channels");
            }
        }
        Ok(())
    }
}

impl QuietHours {
    fn check(&self) -> Result<(), ConfigFault> {
        if clock_minutes(&self.from).is_none() || clock_minutes(&self.to).is_none() {
            return fault("quiet", "not_a_clock_time");
        }
        if self.days.iter().any(|day| !(1..=7).contains(day)) || self.days.len() > 7 {
            return fault("quiet", "not_a_day");
        }
        if !(-14 * 60..=14 * 60).contains(&self.utc_offset_minutes) || self.unless_severity > 4 {
            return fault("quiet", "out_of_range");
        }
        Ok(())
    }
}

/// Minutes since midnight of `22:05`.
pub(crate) fn clock_minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(json: &str) -> ChannelConfig {
        serde_json::from_str(json).expect("it is a channel")
    }

    #[test]
    fn faults_of_channels_are_named() {
        let rows = [
            (r#"{"kind":"webhook","url":"https://a/b"}"#, None),
            (r#"{"kind":"webhook","url":"ftp://a/b"}"#, Some("url")),
            (r#"{"kind":"webhook","url":"http:///b"}"#, Some("url")),
            (
                r#"{"kind":"email","server":"m","port":25,"security":"none","from":"a@b.vn","to":["c@d.vn"]}"#,
                None,
            ),
            (
                r#"{"kind":"email","server":"m","port":25,"security":"none","from":"a","to":["c@d.vn"]}"#,
                Some("from"),
            ),
            (
                r#"{"kind":"email","server":"m","port":25,"security":"none","from":"a@b.vn","to":[]}"#,
                Some("to"),
            ),
            (
                r#"{"kind":"syslog","server":"a b","port":514,"transport":"udp","format":"cef"}"#,
                Some("server"),
            ),
            (r#"{"kind":"telegram","token":"1:a","chat_id":"-5"}"#, None),
            (
                r#"{"kind":"telegram","token":"1/a","chat_id":"-5"}"#,
                Some("token"),
            ),
        ];
        for (json, expected) in rows {
            let fault = channel(json).check().err().map(|fault| fault.field);
            assert_eq!(fault, expected, "{json}");
        }
    }

    #[test]
    fn secrets_are_kept_and_not_shown() {
        let before = channel(r#"{"kind":"webhook","url":"https://a/b","secret":"s"}"#);
        let shown = before.clone().masked();
        assert_eq!(shown, channel(r#"{"kind":"webhook","url":"https://a/b"}"#));
        assert_eq!(shown.with_secret_of(before.clone()), before);
    }
}
