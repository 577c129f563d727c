//! Settings that a centre may change from afar: their names, what they may say, and when they take effect. The collector
//! offers and checks them by this list, the sensor takes nothing that is not on it.
//!
//! Names are those of the sensor's own configuration file: `vars.address-groups.HOME_NET` stands there under `[set]`, the
//! others are `table.key`. Values are text on their way; numbers are decimal, lists have commas.

/// What a value may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// One of these words.
    Choice(&'static [&'static str]),
    Number {
        least: u64,
        most: u64,
        /// What is counted: `MB`, `s`, `kbit/s`.
        unit: &'static str,
    },
    /// Some of these words, or none.
    Words(&'static [&'static str]),
    /// Addresses as rules write them.
    Addresses,
    /// Ports as rules write them.
    Ports,
}

/// When a change takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingEffect {
    /// At once; flows go on.
    Live,
    /// With the sensor's next start, which it brings about itself.
    Restart,
}

/// A setting that a centre may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// With `*` at its end for those that somebody names.
    pub name: &'static str,
    pub kind: SettingKind,
    pub effect: SettingEffect,
}

/// Why a value cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingFault {
    /// No setting has this name.
    Unknown,
    /// It is the sensor's own: changing it from afar could cut the sensor off.
    NotFromAfar,
    NotAChoice,
    OutOfRange,
    Malformed,
    TooLong,
}

impl SettingFault {
    /// A stable name.
    pub fn code(self) -> &'static str {
        match self {
            SettingFault::Unknown => "unknown",
            SettingFault::NotFromAfar => "not_from_afar",
            SettingFault::NotAChoice => "not_a_choice",
            SettingFault::OutOfRange => "out_of_range",
            SettingFault::Malformed => "malformed",
            SettingFault::TooLong => "too_long",
        }
    }
}

/// The longest name and value.
pub const MAX_SETTING_NAME_BYTES: usize = 100;
pub const MAX_SETTING_BYTES: usize = 8_192;
/// Settings of one sensor, those that somebody names too.
pub const MAX_SETTINGS: usize = 200;

/// Event types of which a sensor can be told to write no records. Alerts, counters and canaries are always written.
pub const RECORD_KINDS: &[&str] = &[
    "anomaly",
    "arp",
    "bittorrent_dht",
    "dcerpc",
    "dhcp",
    "dnp3",
    "dns",
    "enip",
    "fact",
    "fileinfo",
    "flow",
    "frame",
    "ftp",
    "ftp_data",
    "http",
    "ike",
    "imap",
    "irc",
    "krb5",
    "ldap",
    "llmnr",
    "mdns",
    "metadata",
    "modbus",
    "mqtt",
    "mysql",
    "netflow",
    "nfs",
    "ntp",
    "packet",
    "pgsql",
    "pop3",
    "quic",
    "rdp",
    "redis",
    "rfb",
    "sip",
    "smb",
    "smtp",
    "snmp",
    "socks",
    "ssh",
    "syslog",
    "telnet",
    "tftp",
    "tls",
    "websocket",
];

/// In the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "vars.address-groups.*",
        kind: SettingKind::Addresses,
        effect: SettingEffect::Live,
    },
    Setting {
        name: "vars.port-groups.*",
        kind: SettingKind::Ports,
        effect: SettingEffect::Live,
    },
    Setting {
        name: "records.disabled",
        kind: SettingKind::Words(RECORD_KINDS),
        effect: SettingEffect::Live,
    },
    Setting {
        name: "run.shedding",
        kind: SettingKind::Choice(&["on", "off"]),
        effect: SettingEffect::Live,
    },
    Setting {
        name: "log.level",
        kind: SettingKind::Choice(&["error", "warn", "info", "debug"]),
        effect: SettingEffect::Live,
    },
    Setting {
        name: "run.profile",
        kind: SettingKind::Choice(&["auto", "commune", "standard"]),
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "evidence.mode",
        kind: SettingKind::Choice(&["alerts", "full", "off"]),
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "evidence.disk_megabytes",
        kind: SettingKind::Number {
            least: 16,
            most: 16 << 20,
            unit: "MB",
        },
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "evidence.before_seconds",
        kind: SettingKind::Number {
            least: 0,
            most: 3_600,
            unit: "s",
        },
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "evidence.flow_megabytes",
        kind: SettingKind::Number {
            least: 1,
            most: 65_536,
            unit: "MB",
        },
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "evidence.link_kilobits",
        kind: SettingKind::Number {
            least: 1,
            most: 10_000_000,
            unit: "kbit/s",
        },
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "archive.stay",
        kind: SettingKind::Words(RECORD_KINDS),
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "archive.disk_megabytes",
        kind: SettingKind::Number {
            least: 0,
            most: 16 << 20,
            unit: "MB",
        },
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "archive.days",
        kind: SettingKind::Number {
            least: 1,
            most: 3_660,
            unit: "d",
        },
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "spool.disk_megabytes",
        kind: SettingKind::Number {
            least: 16,
            most: 16 << 20,
            unit: "MB",
        },
        effect: SettingEffect::Restart,
    },
    Setting {
        name: "canary.seconds",
        kind: SettingKind::Number {
            least: 0,
            most: 86_400,
            unit: "s",
        },
        effect: SettingEffect::Restart,
    },
];

/// What only somebody at the sensor may change: where it captures, whom it tells, with which keys, as whom it runs.
const OWN: &[&str] = &[
    "state_dir",
    "input",
    "rules",
    "output",
    "metrics",
    "run",
    "set",
    "collector",
    "address",
    "identity",
    "key",
    "certificate",
    "ca",
];

impl Setting {
    /// The setting of this name.
    ///
    /// # Errors
    /// [`SettingFault::NotFromAfar`] for what is the sensor's own, [`SettingFault::Unknown`] for what is nothing.
    pub fn of(name: &str) -> Result<&'static Setting, SettingFault> {
        if name.len() > MAX_SETTING_NAME_BYTES {
            return Err(SettingFault::TooLong);
        }
        let found = SETTINGS
            .iter()
            .find(|setting| match setting.name.strip_suffix('*') {
                Some(prefix) => name.strip_prefix(prefix).is_some_and(is_variable),
                None => setting.name == name,
            });
        found.ok_or_else(|| {
            let table = name.split('.').next().unwrap_or_default();
            if OWN.contains(&table) {
                SettingFault::NotFromAfar
            } else {
                SettingFault::Unknown
            }
        })
    }

    /// Whether the value is one; of addresses and ports, only the outside is looked at.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, value: &str) -> Result<(), SettingFault> {
        if value.len() > MAX_SETTING_BYTES {
            return Err(SettingFault::TooLong);
        }
        match self.kind {
            SettingKind::Choice(words) if words.contains(&value) => Ok(()),
            SettingKind::Choice(_) => Err(SettingFault::NotAChoice),
            SettingKind::Words(words) => {
                let mut named = list(value);
                match named.all(|word| words.contains(&word)) {
                    true => Ok(()),
                    false => Err(SettingFault::NotAChoice),
                }
            }
            SettingKind::Number { least, most, .. } => match value.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(()),
                Ok(_) => Err(SettingFault::OutOfRange),
                Err(_) => Err(SettingFault::Malformed),
            },
            SettingKind::Addresses | SettingKind::Ports => {
                let is_of_rules = |c: char| c.is_ascii_alphanumeric() || "[]!,.:/$_- ".contains(c);
                match !value.trim().is_empty() && value.chars().all(is_of_rules) {
                    true => Ok(()),
                    false => Err(SettingFault::Malformed),
                }
            }
        }
    }
}

/// The words of a list.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

/// A name of a variable as rules write it.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_their_settings_say() {
        use SettingFault::*;
        let long = "x".repeat(MAX_SETTING_BYTES + 1);
        for (name, value, expected) in [
            (
                "vars.address-groups.HOME_NET",
                "[10.0.0.0/8, !10.1.0.0/16]",
                Ok(()),
            ),
            ("vars.address-groups.HOME_NET", "", Err(Malformed)),
            (
                "vars.address-groups.HOME_NET",
                "any\"; drop",
                Err(Malformed),
            ),
            ("vars.address-groups.HOME_NET", &long, Err(TooLong)),
            ("vars.address-groups.", "any", Err(Unknown)),
            ("vars.address-groups.A-B", "any", Err(Unknown)),
            ("vars.port-groups.HTTP_PORTS", "[80,8080]", Ok(())),
            ("records.disabled", "flow, netflow", Ok(())),
            ("records.disabled", "", Ok(())),
            ("records.disabled", "alert", Err(NotAChoice)),
            ("evidence.mode", "full", Ok(())),
            ("evidence.mode", "some", Err(NotAChoice)),
            ("evidence.disk_megabytes", "16", Ok(())),
            ("evidence.disk_megabytes", "15", Err(OutOfRange)),
            ("evidence.disk_megabytes", "-1", Err(Malformed)),
            ("input.interface", "eth0", Err(NotFromAfar)),
            ("run.user", "root", Err(NotFromAfar)),
            ("state_dir", "/", Err(NotFromAfar)),
            ("collector.address", "a:1", Err(NotFromAfar)),
            ("log.colour", "red", Err(Unknown)),
        ] {
            let found = Setting::of(name).and_then(|setting| setting.check(value));
            assert_eq!(found, expected, "{name} = {value}");
        }
    }

    #[test]
    fn every_setting_is_found_by_its_name() {
        for setting in SETTINGS {
            let name = setting.name.replace('*', "NAME");
            assert_eq!(Setting::of(&name), Ok(setting));
        }
        assert!(RECORD_KINDS.is_sorted() && RECORD_KINDS.len() < 64);
    }
}
