//! Records of a hunt on sensors, put among the collector's own.

use collector_state::{RemoteState, Scope, StateError, limits};
use serde::Deserialize;

use crate::ApiState;
use crate::{remote_hunts, times};

/// What a hunt has found, newest first.
pub struct Kept {
    /// Nanoseconds since 1970, and the record; the next one last.
    rows: Vec<(i64, String)>,
    /// Every sensor has looked through all that it holds.
    pub complete: bool,
}

impl Kept {
    /// # Errors
    /// When it cannot be read.
    pub async fn of_hunt(state: &ApiState, hunt: i64, scope: &Scope) -> Result<Kept, StateError> {
        let most = u32::try_from(limits::MAX_REMOTE_HUNT_ROWS).unwrap_or(u32::MAX);
        let sensors = state.store.remote_sensors(hunt, scope).await?;
        let rows = state.store.remote_rows(hunt, scope, most).await?;
        Ok(Kept {
            rows: rows
                .into_iter()
                .map(|(sensor, row)| {
                    let at_ns = row.at_us.saturating_mul(1_000);
                    (at_ns, remote_hunts::event(&sensor, row).to_string())
                })
                .rev()
                .collect(),
            complete: sensors.iter().all(|sensor| {
                sensor.state == RemoteState::Done && sensor.reason.as_deref() == Some("complete")
            }),
        })
    }

    /// Without a hunt.
    pub fn all_here() -> Kept {
        Kept {
            rows: Vec::new(),
            complete: true,
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The next page, newest first, with what belongs into it; after the last page, the rest.
    pub fn among(&mut self, events: Vec<String>, is_last: bool) -> Vec<String> {
        let mut page = Vec::with_capacity(events.len());
        for event in events {
            if let Some(at_ns) = time(&event) {
                while let Some((_, row)) = self.rows.pop_if(|(newer, _)| *newer > at_ns) {
                    page.push(row);
                }
            }
            page.push(event);
        }
        if is_last {
            page.extend(self.rows.drain(..).rev().map(|(_, row)| row));
        }
        page
    }
}

fn time(event: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct At {
        timestamp: String,
    }
    let at: At = serde_json::from_str(event).ok()?;
    times::eve_ns(&at.timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_time_says() {
        let event = |second: i64| format!(r#"{{"timestamp":"1970-01-01T00:00:{second:02}Z"}}"#);
        let events = |seconds: &[i64]| seconds.iter().map(|second| event(*second)).collect();
        let row = |second: i64| (second * 1_000_000_000, format!("kept {second}"));
        let mut kept = Kept {
            rows: vec![row(1), row(4), row(5), row(7)],
            complete: true,
        };
        assert_eq!(
            kept.among(events(&[9, 6, 5]), false),
            [event(9), "kept 7".to_owned(), event(6), event(5)]
        );
        let rest = ["kept 5".to_owned(), event(4), "kept 4".to_owned()];
        assert_eq!(
            kept.among(events(&[4]), true)[..],
            [&rest[..], &["kept 1".to_owned()]].concat()
        );
        assert_eq!(kept.len(), 0);
        // Without records of the collector there are those of the sensors.
        let mut kept = Kept {
            rows: vec![row(1), row(2)],
            complete: true,
        };
        assert_eq!(kept.among(Vec::new(), true), ["kept 2", "kept 1"]);
    }
}
