//! What people must be told: alarms of the system's own, and messages about them and about alerts.
//!
//! [`watch`] looks at sensors, ledger and disk for what is wrong and keeps the alarms in the state store.
//! [`Notifier`] looks at new alert groups and alarms, asks the rules ([`RuleConfig`]) whom to tell and
//! when, and queues messages in the state store; another part of it sends what is due over the channels
//! ([`ChannelConfig`]): e-mail, webhook, syslog, Telegram. The queue survives restarts, tries again with
//! growing pauses, and keeps what could not be sent where people see it.

mod config;
mod item;
mod notifier;
mod schedule;
mod send;
mod watch;

pub use config::{
    ChannelConfig, ConfigFault, Escalation, Language, MailSecurity, QuietHours, RuleConfig,
    SyslogFormat, SyslogTransport, Told,
};
pub use item::Item;
pub use notifier::Notifier;
pub use send::{SendError, Sender};
pub use watch::{DiskSeen, REFUSED_MS, Surroundings, WatchSettings, conditions, watch};
