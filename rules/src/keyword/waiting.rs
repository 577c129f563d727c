//! Keywords of protocols without a parser here. Rules with them load and wait; their arguments are not looked at.

/// Prefixes and names, with the protocol.
const NAMES: &[(&str, &str)] = &[
    ("rpc", "rpc"),
    ("arp.", "arp"),
    ("igmp.", "igmp"),
    ("template.", "template"),
    ("l3_proto", "l3_proto"),
];

/// The protocol that a keyword waits for.
pub(super) fn protocol(keyword: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(prefix, _)| keyword.starts_with(prefix))
        .map(|(_, protocol)| *protocol)
}
