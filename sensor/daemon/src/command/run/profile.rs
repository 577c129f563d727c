//! How much of its machine a sensor takes.

use serde::Deserialize;

use crate::settings::Settings;

/// Machines with less memory than this, in bytes, are old office computers with other work to do.
const SMALL_MACHINE_BYTES: u64 = 1_536 << 20;
/// Flows that a small machine follows at once; an eighth of the usual.
const COMMUNE_FLOWS: usize = 32_768;
/// Other programs go first (setpriority(2)).
const COMMUNE_NICENESS: i32 = 10;

/// The profile as it is written: `[run] profile`.
#[derive(Debug, Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// As the machine is.
    #[default]
    Auto,
    Commune,
    Standard,
}

impl Asked {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Asked::Auto => "auto",
            Asked::Commune => "commune",
            Asked::Standard => "standard",
        }
    }
}

/// How much of its machine a sensor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// One worker, few flows, behind the machine's other programs.
    Commune,
    Standard,
}

impl Profile {
    /// The profile for a machine with this memory, in bytes; unknown memory is enough memory.
    pub fn of(asked: Asked, memory_bytes: Option<u64>) -> Profile {
        let small = memory_bytes.is_some_and(|bytes| bytes < SMALL_MACHINE_BYTES);
        match asked {
            Asked::Commune => Profile::Commune,
            Asked::Auto if small => Profile::Commune,
            Asked::Auto | Asked::Standard => Profile::Standard,
        }
    }

    /// Changes what a file's own settings may change again.
    pub fn ease(self, settings: &mut Settings) {
        if self == Profile::Commune {
            settings.flow_limit = COMMUNE_FLOWS;
        }
    }

    /// Lets other programs go first. Call it before there is another thread: each takes its priority from the one
    /// that starts it.
    pub fn step_back(self) {
        if self == Profile::Commune
            && let Err(error) = rustix::process::setpriority_process(None, COMMUNE_NICENESS)
        {
            tracing::warn!(%error, "the sensor does not step back behind other programs");
        }
    }
}

/// Memory of this machine, in bytes (proc_meminfo(5)).
pub fn memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_machines_are_spared_unless_told_otherwise() {
        for (asked, megabytes, expected) in [
            (Asked::Auto, Some(1_000), Profile::Commune),
            (Asked::Auto, Some(4_000), Profile::Standard),
            (Asked::Auto, None, Profile::Standard),
            (Asked::Commune, Some(4_000), Profile::Commune),
            (Asked::Standard, Some(1_000), Profile::Standard),
        ] {
            let memory = megabytes.map(|megabytes: u64| megabytes << 20);
            assert_eq!(Profile::of(asked, memory), expected, "{asked:?} {memory:?}");
        }
        assert!(memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
