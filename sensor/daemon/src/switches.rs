//! What running workers let be changed without a new start.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sensor_event::RECORD_KINDS;

/// Shared by all workers of a sensor.
#[derive(Debug)]
pub struct Switches {
    shedding: AtomicBool,
    /// Bits of [`RECORD_KINDS`].
    disabled: AtomicU64,
    /// Records that were not written for this.
    left_out: AtomicU64,
}

impl Default for Switches {
    fn default() -> Self {
        Switches {
            shedding: AtomicBool::new(true),
            disabled: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }
}

impl Switches {
    /// `disabled` are event types.
    ///
    /// # Errors
    /// When one of them is none that can be left out.
    pub fn new(shedding: bool, disabled: &[String]) -> Result<Self, String> {
        let mut bits = 0;
        for kind in disabled {
            let known = RECORD_KINDS.binary_search(&kind.as_str());
            bits |= 1
                << known
                    .map_err(|_| format!("{kind:?} is no type of records that can be left out"))?;
        }
        Ok(Switches {
            shedding: AtomicBool::new(shedding),
            disabled: AtomicU64::new(bits),
            left_out: AtomicU64::new(0),
        })
    }

    /// Takes what others say.
    pub fn follow(&self, others: &Switches) {
        let shedding = others.shedding.load(Ordering::Relaxed);
        self.shedding.store(shedding, Ordering::Relaxed);
        let disabled = others.disabled.load(Ordering::Relaxed);
        self.disabled.store(disabled, Ordering::Relaxed);
    }

    /// Whether workers that cannot keep up leave flows out.
    pub fn sheds(&self) -> bool {
        self.shedding.load(Ordering::Relaxed)
    }

    /// Whether a record of this type is not to be written; counted if so.
    pub fn leaves_out(&self, event_type: &str) -> bool {
        let disabled = self.disabled.load(Ordering::Relaxed);
        if disabled == 0 {
            return false;
        }
        let known = RECORD_KINDS.binary_search(&event_type);
        let leaves_out = known.is_ok_and(|at| disabled >> at & 1 == 1);
        if leaves_out {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        leaves_out
    }

    /// Records that were not written.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use sensor_app::PROTOCOLS;

    use super::*;

    #[test]
    fn types_are_left_out_until_told_otherwise() {
        let switches = Switches::default();
        assert!(!switches.leaves_out("flow") && switches.sheds());
        let others = Switches::new(false, &["flow".to_owned(), "websocket".to_owned()]);
        switches.follow(&others.expect("known"));
        for (event_type, expected) in [
            ("flow", true),
            ("websocket", true),
            ("dns", false),
            ("alert", false),
        ] {
            assert_eq!(switches.leaves_out(event_type), expected, "{event_type}");
        }
        assert_eq!((switches.left_out(), switches.sheds()), (2, false));
        switches.follow(&Switches::default());
        assert!(!switches.leaves_out("flow"));
        for wrong in ["alert", "stats", "nothing"] {
            Switches::new(true, &[wrong.to_owned()]).expect_err(wrong);
        }
    }

    #[test]
    fn records_of_every_protocol_can_be_left_out() {
        for row in PROTOCOLS {
            assert!(
                RECORD_KINDS.contains(&row.protocol.event_type()),
                "{}",
                row.name
            );
        }
    }
}
