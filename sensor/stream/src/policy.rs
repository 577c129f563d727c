//! How hosts of different systems resolve what the standard leaves open: overlaps, resets, timestamps.

use std::net::IpAddr;

/// A family of TCP implementations, by its name under `host-os-policy` in Suricata's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OsPolicy {
    First,
    Last,
    Bsd,
    Hpux10,
    Hpux11,
    Irix,
    Linux,
    MacOs,
    OldLinux,
    Solaris,
    Vista,
    Windows,
    Windows2003,
}

impl OsPolicy {
    /// The policy with this name.
    pub fn from_name(name: &str) -> Option<OsPolicy> {
        Some(match name {
            "first" => OsPolicy::First,
            "last" => OsPolicy::Last,
            // Their datagrams differ from BSD's and Solaris', their streams do not.
            "bsd" | "bsd-right" => OsPolicy::Bsd,
            "hpux10" => OsPolicy::Hpux10,
            "hpux11" => OsPolicy::Hpux11,
            "irix" => OsPolicy::Irix,
            "linux" => OsPolicy::Linux,
            "macos" => OsPolicy::MacOs,
            "old-linux" => OsPolicy::OldLinux,
            "solaris" | "old-solaris" => OsPolicy::Solaris,
            "vista" => OsPolicy::Vista,
            "windows" => OsPolicy::Windows,
            "windows2k3" => OsPolicy::Windows2003,
            _ => return None,
        })
    }

    /// Whether new data replaces old data where a new segment overlaps an old one.
    pub(crate) fn takes_new(self, new: (i64, i64), old: (i64, i64)) -> bool {
        use OsPolicy::*;
        let (starts, ends) = (new.0.cmp(&old.0), new.1.cmp(&old.1));
        match self {
            First | Vista => false,
            Last => true,
            Bsd | Hpux10 | Irix | MacOs | Windows | Windows2003 => starts.is_lt(),
            OldLinux => starts.is_lt() || starts.is_eq() && ends.is_ge(),
            Linux => starts.is_lt() || starts.is_eq() && ends.is_gt(),
            Solaris | Hpux11 => {
                if starts.is_gt() {
                    ends.is_gt()
                } else {
                    ends.is_ge()
                }
            }
        }
    }
}

/// Which hosts follow which policy; the longest prefix counts.
#[derive(Debug, Clone)]
pub struct HostPolicies(Vec<(IpAddr, u8, OsPolicy)>);

impl Default for HostPolicies {
    /// Windows for IPv4, BSD for the rest.
    fn default() -> Self {
        HostPolicies(vec![(IpAddr::from([0, 0, 0, 0]), 0, OsPolicy::Windows)])
    }
}

impl HostPolicies {
    /// Hosts of a network follow a policy.
    pub fn add(&mut self, network: IpAddr, prefix: u8, policy: OsPolicy) {
        self.0.push((network, prefix, policy));
        self.0
            .sort_by_key(|(_, prefix, _)| std::cmp::Reverse(*prefix));
    }

    pub fn of(&self, host: IpAddr) -> OsPolicy {
        self.0
            .iter()
            .find(|(network, prefix, _)| within(host, *network, *prefix))
            .map_or(OsPolicy::Bsd, |(.., policy)| *policy)
    }
}

fn within(host: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (host, network) {
        (IpAddr::V4(host), IpAddr::V4(network)) => {
            let mask = u32::MAX
                .checked_shl(u32::from(32 - prefix.min(32)))
                .unwrap_or(0);
            (u32::from(host) ^ u32::from(network)) & mask == 0
        }
        (IpAddr::V6(host), IpAddr::V6(network)) => {
            let mask = u128::MAX
                .checked_shl(u32::from(128 - prefix.min(128)))
                .unwrap_or(0);
            (u128::from(host) ^ u128::from(network)) & mask == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_names_the_policy() {
        let mut hosts = HostPolicies::default();
        let ten = |last| IpAddr::from([10, 0, 0, last]);
        hosts.add(ten(0), 24, OsPolicy::Linux);
        hosts.add(ten(7), 32, OsPolicy::Solaris);
        assert_eq!(hosts.of(ten(7)), OsPolicy::Solaris);
        assert_eq!(hosts.of(ten(8)), OsPolicy::Linux);
        assert_eq!(hosts.of(IpAddr::from([8, 8, 8, 8])), OsPolicy::Windows);
        assert_eq!(
            hosts.of(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])),
            OsPolicy::Bsd
        );
    }

    #[test]
    fn overlaps_are_resolved_by_policy() {
        let old = (10, 20);
        let rows = [
            // New segment, and who takes it.
            ((10, 20), OsPolicy::OldLinux, true),
            ((10, 20), OsPolicy::Linux, false),
            ((10, 20), OsPolicy::Windows, false),
            ((10, 25), OsPolicy::Linux, true),
            ((5, 15), OsPolicy::Windows, true),
            ((5, 15), OsPolicy::First, false),
            ((5, 15), OsPolicy::Solaris, false),
            ((5, 20), OsPolicy::Solaris, true),
            ((15, 25), OsPolicy::Solaris, true),
            ((15, 25), OsPolicy::Bsd, false),
            ((12, 18), OsPolicy::Last, true),
        ];
        for (new, policy, takes) in rows {
            assert_eq!(policy.takes_new(new, old), takes, "{new:?} {policy:?}");
        }
    }
}
