//! Which Sigma rules run here, and since when: the collector leaves them to this sensor.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use sensor_ship::SigmaInUse;

use crate::sigma::SigmaRules;

/// In the state folder: a time in milliseconds, and signature ids.
const FILE: &str = "sigma-rules";

/// The rules that the collector is told of. When they are the same after a restart, the time stays: what waits in the
/// spool has been judged by them.
pub struct SigmaTold {
    path: PathBuf,
    clock: fn() -> u64,
    last: Mutex<Arc<SigmaInUse>>,
}

impl SigmaTold {
    /// `judges_all`: records of any time are judged by these rules, as when files are read.
    pub fn open(state_dir: &Path, judges_all: bool, sigma: Option<&SigmaRules>) -> SigmaTold {
        let clock = if judges_all { || 0 } else { unix_millis };
        let path = state_dir.join(FILE);
        let last = std::fs::read_to_string(&path)
            .ok()
            .and_then(|text| read(&text))
            .unwrap_or_default();
        let told = SigmaTold {
            path,
            clock,
            last: Mutex::new(Arc::new(last)),
        };
        if judges_all {
            *told.last.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        }
        told.now(sigma);
        told
    }

    /// What runs now.
    pub fn now(&self, sigma: Option<&SigmaRules>) -> Arc<SigmaInUse> {
        let sids = sigma.map_or_else(Vec::new, SigmaRules::sids);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.sids != sids {
            let since_ms = (self.clock)();
            let now = SigmaInUse { since_ms, sids };
            if let Err(error) = std::fs::write(&self.path, written(&now)) {
                // After a restart some alerts may then be made by the collector as well.
                tracing::warn!(path = %self.path.display(), %error, "since when rules run is not kept");
            }
            *last = Arc::new(now);
        }
        Arc::clone(&last)
    }
}

fn written(in_use: &SigmaInUse) -> String {
    let numbers =
        std::iter::once(in_use.since_ms.to_string()).chain(in_use.sids.iter().map(u32::to_string));
    numbers.collect::<Vec<String>>().join("\n")
}

fn read(text: &str) -> Option<SigmaInUse> {
    let mut lines = text.lines();
    let since_ms = lines.next()?.parse().ok()?;
    let sids: Result<Vec<u32>, _> = lines.map(str::parse).collect();
    Some(SigmaInUse {
        since_ms,
        sids: sids.ok()?,
    })
}

fn unix_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use rules::signature::SourceFile;

    use super::*;
    use crate::settings::Settings;

    fn rules(title: &str) -> SigmaRules {
        let text = format!(
            "title: {title}\nlogsource: {{category: dns}}\ndetection:\n  a: {{query: x.vn}}\n  condition: a\n"
        );
        let source = SourceFile {
            name: "rule.yml".to_owned(),
            text,
        };
        crate::sigma::of_sources(vec![source], &Settings::default()).expect("no file is read")
    }

    #[test]
    fn the_same_rules_keep_their_time_over_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (rules("one"), rules("other"));
        let first = SigmaTold::open(folder.path(), false, Some(&one));
        let before = first.now(Some(&one));
        assert!(before.since_ms > 0 && before.sids.len() == 1);
        let again = SigmaTold::open(folder.path(), false, Some(&one));
        assert_eq!(again.now(Some(&one)), before);
        let changed = again.now(Some(&other));
        assert!(changed.sids != before.sids && changed.since_ms >= before.since_ms);
        assert!(again.now(None).sids.is_empty());
        let of_files = SigmaTold::open(folder.path(), true, Some(&one));
        assert_eq!(of_files.now(Some(&one)).since_ms, 0);
        assert_eq!(read("x"), None);
    }
}
