//! Community ID v1 (<https://github.com/corelight/community-id-spec>).

use std::net::IpAddr;

use base64::Engine as _;
use sha1::{Digest, Sha1};

/// `1:` and the hash of the ordered five-tuple. Ports are ICMP type and its counterpart for ICMP; protocols that have none
/// hash zeros, as Suricata does and the specification does not.
pub fn community_id(
    seed: u16,
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
    protocol: u8,
) -> String {
    let (first, second) = if source <= destination {
        (source, destination)
    } else {
        (destination, source)
    };
    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    for address in [first.0, second.0] {
        match address {
            IpAddr::V4(v4) => hash.update(v4.octets()),
            IpAddr::V6(v6) => hash.update(v6.octets()),
        }
    }
    hash.update([protocol, 0]);
    hash.update(first.1.to_be_bytes());
    hash.update(second.1.to_be_bytes());
    format!(
        "1:{}",
        base64::engine::general_purpose::STANDARD.encode(hash.finalize())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ids() {
        // Examples of the specification's baseline.
        let tcp = ("128.232.110.120".parse().expect("an address"), 34_855);
        let server = ("66.35.250.204".parse().expect("an address"), 80);
        assert_eq!(
            community_id(0, tcp, server, 6),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            community_id(0, server, tcp, 6),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            community_id(1, tcp, server, 6),
            "1:3V71V58M3Ksw/yuFALMcW0LAHvc="
        );
    }
}
