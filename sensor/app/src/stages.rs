//! Names of the stages through which the sides of a transaction pass: hooks of rules name them, and alerts tell them.

use crate::transaction::Transaction;
use crate::{Protocol, http1, ssh, tls};
use sensor_flow::Direction;

/// Stages by name, the lowest first.
type Stages = &'static [(&'static str, u8)];

const HTTP_REQUEST: Stages = &[
    ("request_started", 0),
    ("request_line", http1::stage::LINE),
    ("request_headers", http1::stage::HEADERS),
    ("request_body", http1::stage::BODY),
    ("request_trailer", http1::stage::TRAILER),
    ("request_complete", Transaction::COMPLETE),
];

const HTTP_RESPONSE: Stages = &[
    ("response_started", 0),
    ("response_line", http1::stage::LINE),
    ("response_headers", http1::stage::HEADERS),
    ("response_body", http1::stage::BODY),
    ("response_trailer", http1::stage::TRAILER),
    ("response_complete", Transaction::COMPLETE),
];

const TLS_CLIENT: Stages = &[
    ("client_in_progress", 0),
    ("client_hello_done", tls::stage::HELLO),
    ("client_cert_done", tls::stage::CERTIFICATE),
    ("client_handshake_done", tls::stage::HANDSHAKE_DONE),
    ("client_finished", Transaction::COMPLETE),
];

const TLS_SERVER: Stages = &[
    ("server_in_progress", 0),
    ("server_hello", tls::stage::HELLO),
    ("server_cert_done", tls::stage::CERTIFICATE),
    ("server_hello_done", tls::stage::HELLO_DONE),
    ("server_handshake_done", tls::stage::HANDSHAKE_DONE),
    ("server_finished", Transaction::COMPLETE),
];

const SSH_CLIENT: Stages = &[
    ("request_in_progress", 0),
    ("request_banner_wait_eol", ssh::BANNER_DONE),
    ("request_banner_done", ssh::BANNER_DONE),
    ("request_finished", Transaction::COMPLETE),
];

const SSH_SERVER: Stages = &[
    ("response_in_progress", 0),
    ("response_banner_wait_eol", ssh::BANNER_DONE),
    ("response_banner_done", ssh::BANNER_DONE),
    ("response_finished", Transaction::COMPLETE),
];

/// The named stages of a side; empty for a protocol that has none.
fn stages(protocol: Protocol, direction: Direction) -> Stages {
    match (protocol, direction) {
        (Protocol::Http1, Direction::ToServer) => HTTP_REQUEST,
        (Protocol::Http1, Direction::ToClient) => HTTP_RESPONSE,
        (Protocol::Tls, Direction::ToServer) => TLS_CLIENT,
        (Protocol::Tls, Direction::ToClient) => TLS_SERVER,
        (Protocol::Ssh, Direction::ToServer) => SSH_CLIENT,
        (Protocol::Ssh, Direction::ToClient) => SSH_SERVER,
        _ => &[],
    }
}

/// The progress ([`Transaction::progress`]) at which a side has come to the stage of this name.
pub fn stage(protocol: Protocol, name: &str) -> Option<u8> {
    [Direction::ToServer, Direction::ToClient]
        .iter()
        .flat_map(|direction| stages(protocol, *direction))
        .find(|row| row.0 == name)
        .map(|row| row.1)
}

/// The last named stage that a side has reached.
pub(crate) fn stage_name(
    protocol: Protocol,
    direction: Direction,
    progress: u8,
) -> Option<&'static str> {
    let reached = stages(protocol, direction)
        .iter()
        .rev()
        .find(|row| row.1 <= progress);
    reached.map(|row| row.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_stages_agree() {
        for (protocol, direction, progress, name) in [
            (Protocol::Http1, Direction::ToServer, 0, "request_started"),
            (
                Protocol::Http1,
                Direction::ToClient,
                http1::stage::BODY,
                "response_body",
            ),
            // A client passes no stage between its certificate and the end of its handshake.
            (
                Protocol::Tls,
                Direction::ToServer,
                tls::stage::HELLO_DONE,
                "client_cert_done",
            ),
            (
                Protocol::Ssh,
                Direction::ToClient,
                Transaction::COMPLETE,
                "response_finished",
            ),
        ] {
            assert_eq!(stage_name(protocol, direction, progress), Some(name));
            assert!(stage(protocol, name).is_some_and(|stage| stage <= progress));
        }
        assert_eq!(stage_name(Protocol::Dns, Direction::ToServer, 0), None);
        assert_eq!(stage(Protocol::Tls, "request_line"), None);
    }
}
