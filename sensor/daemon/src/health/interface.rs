//! What the system tells of an interface (`/sys/class/net`).

use std::path::Path;

use sensor_capture::Card;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    pub exists: bool,
    /// There is a link; none where the system does not tell.
    pub carrier: Option<bool>,
    /// Bytes of the largest IP packet.
    pub mtu: Option<u32>,
    /// Interfaces of single VLANs that lie on it: tags are expected.
    pub vlans: Vec<String>,
    /// Offloads that change what the sensor sees, as `ethtool -K` names them.
    pub offloads: Vec<String>,
}

impl Interface {
    pub fn look(name: &str, card: Option<&Card>) -> Self {
        let folder = Path::new("/sys/class/net").join(name);
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
        let exists = folder.exists();
        let flags = read("flags")
            .and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok());
        // An interface that is switched off does not tell of its cable.
        let up = flags.map(|flags| flags & IFF_UP != 0);
        let carrier = read("carrier").map(|text| text.trim() == "1");
        Interface {
            name: name.to_owned(),
            exists,
            carrier: match up {
                Some(false) => Some(false),
                _ => carrier,
            },
            mtu: read("mtu").and_then(|text| text.trim().parse().ok()),
            vlans: vlans(&folder),
            offloads: card.map_or_else(Vec::new, |card| {
                card.offloads().names().map(str::to_owned).collect()
            }),
        }
    }
}

/// netdevice(7)
const IFF_UP: u32 = 1;
/// Names that are told.
const VLAN_LIMIT: usize = 8;

fn vlans(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| {
            let about = std::fs::read_to_string(entry.path().join("uevent"));
            about.is_ok_and(|text| text.lines().any(|line| line == "DEVTYPE=vlan"))
        })
        .filter_map(|entry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_prefix("upper_")?
                    .to_owned(),
            )
        })
        .collect();
    names.sort_unstable();
    names.truncate(VLAN_LIMIT);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_there_and_others_are_not() {
        let here = Interface::look("lo", None);
        assert!(here.exists && here.mtu.is_some() && here.vlans.is_empty());
        let gone = Interface::look("no-such-card", None);
        assert_eq!((gone.exists, gone.carrier), (false, None));
    }
}
