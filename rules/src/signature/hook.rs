//! The action of a rule, and the moment at which it is inspected: `pass:flow`, `tls:client_hello_done`.

use super::{Action, ActionScope, Hook, HookState, RejectTo};

pub(super) fn parse_action(word: &str) -> Result<(Action, Option<RejectTo>, ActionScope), String> {
    let (name, scope) = match word.split_once(':') {
        Some((name, scope)) => (name, Some(scope)),
        None => (word, None),
    };
    let (action, reject) = match name.to_ascii_lowercase().as_str() {
        "alert" => (Action::Alert, None),
        "pass" => (Action::Pass, None),
        "drop" => (Action::Drop, None),
        "reject" | "rejectsrc" => (Action::Reject, Some(RejectTo::Source)),
        "rejectdst" => (Action::Reject, Some(RejectTo::Destination)),
        "rejectboth" => (Action::Reject, Some(RejectTo::Both)),
        "config" => (Action::Config, None),
        "accept" => {
            return Err(
                "action accept belongs to firewall rules, which this sensor does not run: it only listens"
                    .to_owned(),
            );
        }
        other => {
            return Err(format!(
                "unknown action {other:?}: write alert, pass, drop or reject"
            ));
        }
    };
    let scope = match (scope, action) {
        (None, _) => ActionScope::Auto,
        (Some("packet"), Action::Pass | Action::Drop | Action::Reject | Action::Config) => {
            ActionScope::Packet
        }
        (Some("flow"), Action::Pass | Action::Drop | Action::Reject) => ActionScope::Flow,
        (Some(scope), Action::Pass | Action::Drop | Action::Reject) => {
            return Err(format!(
                "{scope:?}: an action reaches the packet or the flow ({name}:packet, {name}:flow)"
            ));
        }
        (Some(scope), _) => return Err(format!("{name} takes no {scope:?} behind a colon")),
    };
    Ok((action, reject, scope))
}

/// `flow_start`, `all`: hooks of packets.
pub(super) fn packet_hook(hook: &str) -> Result<Hook, String> {
    match hook {
        "all" => Ok(Hook::All),
        "flow_start" => Ok(Hook::FlowStart),
        "pre_flow" | "pre_stream" => Err(format!(
            "hook {hook:?} belongs to firewall rules, which this sensor does not run"
        )),
        other => Err(format!("{other:?} is no hook of packets: all, flow_start")),
    }
}

/// States of transactions that rules may name, by protocol and side (true: of the request).
const STATES: &[(&str, bool, &[&str])] = &[
    (
        "http1",
        true,
        &[
            "request_line",
            "request_headers",
            "request_body",
            "request_trailer",
        ],
    ),
    (
        "http1",
        false,
        &[
            "response_line",
            "response_headers",
            "response_body",
            "response_trailer",
        ],
    ),
    (
        "tls",
        true,
        &[
            "client_in_progress",
            "client_hello_done",
            "client_cert_done",
            "client_handshake_done",
            "client_finished",
        ],
    ),
    (
        "tls",
        false,
        &[
            "server_in_progress",
            "server_hello",
            "server_cert_done",
            "server_hello_done",
            "server_handshake_done",
            "server_finished",
        ],
    ),
    (
        "ssh",
        true,
        &[
            "request_in_progress",
            "request_banner_wait_eol",
            "request_banner_done",
            "request_finished",
        ],
    ),
    (
        "ssh",
        false,
        &[
            "response_in_progress",
            "response_banner_wait_eol",
            "response_banner_done",
            "response_finished",
        ],
    ),
];

/// `request_started`, `response_complete`, `client_hello_done`: hooks of transactions.
pub(crate) fn transaction_hook(protocol: &str, hook: &str) -> Result<Hook, String> {
    if hook.starts_with('<') {
        return Err(format!(
            "hook {hook:?} belongs to firewall rules, which this sensor does not run"
        ));
    }
    // The stages of the two versions differ.
    if protocol == "http" {
        return Err(format!("http has no hooks: write http1:{hook}"));
    }
    let (to_server, state) = match hook {
        "request_started" => (true, HookState::Started),
        "response_started" => (false, HookState::Started),
        "request_complete" => (true, HookState::Complete),
        "response_complete" => (false, HookState::Complete),
        name => {
            let known = || STATES.iter().filter(|row| row.0 == protocol);
            let row = known().find(|row| row.2.contains(&name));
            match row {
                Some(row) => (row.1, HookState::Named(name.to_owned())),
                None => {
                    let names = known().flat_map(|row| row.2.iter().copied()).chain([
                        "request_started",
                        "request_complete",
                        "response_started",
                        "response_complete",
                    ]);
                    let hint = super::fault::nearest(name, names)
                        .map_or_else(String::new, |near| format!(": is it {near:?}?"));
                    return Err(format!("{protocol} has no hook {name:?}{hint}"));
                }
            }
        }
    };
    Ok(Hook::Transaction { to_server, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_belong_to_protocols() {
        for (protocol, hook, to_server) in [
            ("http1", "request_line", Some(true)),
            ("http1", "response_started", Some(false)),
            ("tls", "server_hello_done", Some(false)),
            ("dns", "request_complete", Some(true)),
            // Either version: they have no stage in common.
            ("http", "request_line", None),
            ("http", "request_started", None),
            ("dns", "request_line", None),
            ("tls", "<client_hello_done", None),
        ] {
            let found = match transaction_hook(protocol, hook) {
                Ok(Hook::Transaction { to_server, .. }) => Some(to_server),
                _ => None,
            };
            assert_eq!(found, to_server, "{protocol}:{hook}");
        }
    }
}
