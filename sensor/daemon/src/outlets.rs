//! `[[output]]` of the configuration: places that records go to beside the collector.

use anyhow::{Context as _, bail};
use sensor_event::Class;
use sensor_ship::{OutletPlan, OutletState};
use serde::Deserialize;

use crate::health::status::OutputState;

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOutlet {
    /// `file:/PATH`, `unix:/PATH`, `unix-datagram:/PATH`, `syslog:/dev/log`, `syslog+udp://ADDRESS:PORT`,
    /// `syslog+tcp://ADDRESS:PORT`.
    to: String,
    /// Some of alert, context, record, flow; without it, all.
    classes: Option<Vec<String>>,
    /// What may wait while the other side takes nothing.
    queue_megabytes: Option<usize>,
    /// Of a file, before it becomes `NAME.1`.
    file_megabytes: Option<u64>,
}

/// More outlets than anybody needs.
const MOST: usize = 16;

/// # Errors
/// When one makes no sense; tells which, why, and what may be written.
pub fn check(raw: &[RawOutlet]) -> anyhow::Result<Vec<OutletPlan>> {
    if raw.len() > MOST {
        bail!("[[output]]: {} of them; there may be {MOST}", raw.len());
    }
    raw.iter()
        .map(|one| {
            one.check()
                .with_context(|| format!("[[output]] to = {:?}", one.to))
        })
        .collect()
}

impl RawOutlet {
    fn check(&self) -> anyhow::Result<OutletPlan> {
        let mut plan = OutletPlan::new(self.to.parse().map_err(anyhow::Error::msg)?);
        if let Some(names) = &self.classes {
            let class = |name: &String| {
                Class::from_name(name).with_context(|| {
                    let known: Vec<&str> = Class::ALL.map(Class::name).to_vec();
                    format!("classes: {name:?} is none of {}", known.join(", "))
                })
            };
            plan.classes = Some(names.iter().map(class).collect::<anyhow::Result<_>>()?);
        }
        if let Some(megabytes) = self.queue_megabytes {
            if !(1..=1_024).contains(&megabytes) {
                bail!("queue_megabytes is not between 1 and 1024");
            }
            plan.queue_bytes = megabytes << 20;
        }
        if let Some(megabytes) = self.file_megabytes {
            if megabytes == 0 {
                bail!("file_megabytes is 0; to write no file, leave the output out");
            }
            plan.file_bytes = megabytes.saturating_mul(1 << 20);
        }
        Ok(plan)
    }
}

impl From<OutletState> for OutputState {
    fn from(state: OutletState) -> Self {
        OutputState {
            name: state.name,
            written: state.written,
            lost: state.lost,
            queued_bytes: state.queued_bytes,
            faults: state.faults,
            reason: state.reason,
            lost_ago_ms: state
                .last_loss
                .map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Only {
        output: Vec<RawOutlet>,
    }

    #[test]
    fn outputs_are_checked() {
        for (text, told) in [
            ("to = \"file:/var/log/eve.json\"", None),
            (
                "to = \"syslog:/dev/log\"\nclasses = [\"alert\"]\nqueue_megabytes = 1",
                None,
            ),
            ("to = \"eve.json\"", Some("syslog+udp://ADDRESS:PORT")),
            (
                "to = \"file:/eve.json\"\nclasses = [\"alerts\"]",
                Some("none of heartbeat, alert"),
            ),
            (
                "to = \"file:/eve.json\"\nfile_megabytes = 0",
                Some("leave the output out"),
            ),
            (
                "to = \"file:/eve.json\"\nqueue_megabytes = 0",
                Some("between 1 and 1024"),
            ),
        ] {
            let raw: Only = toml::from_str(&format!("[[output]]\n{text}")).expect(text);
            match (check(&raw.output), told) {
                (Ok(plans), None) => assert_eq!(plans.len(), 1),
                (Err(error), Some(told)) => {
                    let error = format!("{error:#}");
                    assert!(error.contains(told), "{error}");
                }
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
    }
}
