//! Sending one message over its channel, once.

mod email;
mod http;
mod syslog;

use std::time::Duration;

use collector_state::UnixMillis;

use crate::config::ChannelConfig;
use crate::item::Item;

/// A message that is not away by then has failed.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the channel is not configured as this version knows it: {0}")]
    Config(String),
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("{0}")]
    Refused(String),
    #[error("mail: {0}")]
    Mail(String),
    #[error("{address}: {source}")]
    Network {
        address: String,
        source: std::io::Error,
    },
    #[error("{0}")]
    Http(String),
}

/// Sends messages; keeps connections for the next.
#[derive(Clone)]
pub struct Sender {
    http: http::Client,
    /// The collector's name in syslog messages.
    hostname: String,
}

impl Sender {
    pub fn new(hostname: &str) -> Sender {
        Sender {
            http: http::client(),
            hostname: if hostname.is_empty() {
                "-".to_owned()
            } else {
                hostname.to_owned()
            },
        }
    }

    pub async fn send(
        &self,
        channel: &ChannelConfig,
        items: &[Item],
        now: UnixMillis,
    ) -> Result<(), SendError> {
        let sending = async {
            match channel {
                ChannelConfig::Email { .. } => email::send(channel, items).await,
                ChannelConfig::Webhook { url, secret } => {
                    http::webhook(&self.http, url, secret, items, now).await
                }
                ChannelConfig::Telegram {
                    base_url,
                    token,
                    chat_id,
                    language,
                } => {
                    let (_, text) = crate::item::message(items, *language);
                    http::telegram(&self.http, base_url, token, chat_id, &text).await
                }
                ChannelConfig::Syslog {
                    server,
                    port,
                    transport,
                    format,
                } => {
                    let address = (server.as_str(), *port);
                    syslog::send(address, *transport, *format, &self.hostname, items, now).await
                }
            }
        };
        match tokio::time::timeout(TIMEOUT, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(SendError::Timeout),
        }
    }
}
