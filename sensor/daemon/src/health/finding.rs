//! What can be wrong with a sensor, as data: a code, its figures, since when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The sensor does not see, detect or ship what it should.
    Bad,
    /// It soon will not, or in part.
    Warning,
}

macro_rules! codes {
    ($($code:ident $name:literal $severity:ident,)*) => {
        /// One thing that can be wrong. Its words are in `sensor/event/findings`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $(#[serde(rename = $name)] $code,)*
        }

        impl Code {
            #[cfg(test)]
            pub const ALL: &'static [Code] = &[$(Code::$code,)*];

            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$code => $name,)*
                }
            }

            pub fn severity(self) -> Severity {
                match self {
                    $(Code::$code => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    Configuration "configuration" Bad,
    NotRunning "not_running" Bad,
    NotEnrolled "not_enrolled" Bad,
    CaptureRefused "capture_refused" Bad,
    InterfaceMissing "interface_missing" Bad,
    InterfaceDown "interface_down" Bad,
    NoPackets "no_packets" Bad,
    OneDirection "one_direction" Bad,
    VlanStripped "vlan_stripped" Warning,
    OffloadsOn "offloads_on" Warning,
    ChecksumsBad "checksums_bad" Warning,
    DropsRing "drops_ring" Bad,
    DropsCard "drops_card" Bad,
    DropsShed "drops_shed" Warning,
    DropsFlows "drops_flows" Warning,
    DropsQueue "drops_queue" Bad,
    DropsSpool "drops_spool" Bad,
    DropsOutput "drops_output" Bad,
    ClockAhead "clock_ahead" Bad,
    ClockBehind "clock_behind" Bad,
    DiskSlow "disk_slow" Warning,
    DiskFull "disk_full" Bad,
    CertificateEnds "certificate_ends" Warning,
    CertificateEnded "certificate_ended" Bad,
    LinkDown "link_down" Bad,
    LinkThin "link_thin" Warning,
    RulesNone "rules_none" Bad,
    RulesFailing "rules_failing" Warning,
    RulesRefused "rules_refused" Warning,
    HomeNetUnseen "home_net_unseen" Bad,
    HomeNetAny "home_net_any" Warning,
    ConfinementGaps "confinement_gaps" Warning,
}

/// A number, or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    Number(u64),
    Text(String),
}

impl From<u64> for Figure {
    fn from(number: u64) -> Self {
        Figure::Number(number)
    }
}

impl From<&str> for Figure {
    fn from(text: &str) -> Self {
        Figure::Text(text.to_owned())
    }
}

impl From<String> for Figure {
    fn from(text: String) -> Self {
        Figure::Text(text)
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    /// When it was first noticed, in Unix milliseconds.
    pub since_ms: u64,
    /// What its words name.
    pub figures: BTreeMap<String, Figure>,
}

impl Finding {
    pub fn new(code: Code, at_ms: u64) -> Self {
        Finding {
            code,
            severity: code.severity(),
            since_ms: at_ms,
            figures: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, figure: impl Into<Figure>) -> Self {
        self.figures.insert(name.to_owned(), figure.into());
        self
    }
}
