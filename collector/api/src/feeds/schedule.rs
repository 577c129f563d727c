//! When sources run, and how a run begins.

use collector_state::{Feed, FeedRunStatus, RunEnd, StateError, UnixMillis};

use super::body::{RunError, RunReport, config};
use super::job::{Job, Origin};
use crate::ApiState;
use crate::error::{ApiError, Result};

const HOUR: i64 = 3_600_000;
/// After a failure a source is asked again, the first time after so long; doubled with each further one.
const FIRST_RETRY: i64 = 15 * 60_000;

/// Begins the runs whose time has come. Call it every minute or so.
pub async fn begin(state: &ApiState) {
    // What they bring needs room that only alerts have.
    if state.machine().ready().await.is_err() {
        return;
    }
    let due = match state.store.due_feeds(state.now()).await {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(%error, "nobody knows which sources are due");
            return;
        }
    };
    for feed in due {
        let name = feed.name.clone();
        match start(state, feed, Origin::Fetch, None).await {
            // One that goes on is due until it ends.
            Ok(_) | Err(ApiError::State(StateError::InUse { .. })) => {}
            Err(error) => tracing::warn!(?error, feed = name, "a source is not fetched"),
        }
    }
}

/// Notes that runs ended with the collector. Call it once, at the start.
pub async fn fail_interrupted(state: &ApiState) {
    let report = failed_report("interrupted");
    let noted = state
        .store
        .fail_interrupted_feed_runs(&report, state.now())
        .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "runs of sources that were interrupted are not noted");
    }
}

pub fn failed_report(code: &str) -> String {
    let report = RunReport {
        step: "done".to_owned(),
        error: Some(RunError {
            code: code.to_owned(),
            detail: String::new(),
        }),
        ..RunReport::default()
    };
    serde_json::to_string(&report).unwrap_or_else(|_| "{}".to_owned())
}

/// Begins a run in the background, and gives its id.
pub async fn start(
    state: &ApiState,
    feed: Feed,
    origin: Origin,
    user: Option<&str>,
) -> Result<i64> {
    let config = config(&feed.config)?;
    let report = RunReport {
        step: "fetching".to_owned(),
        ..RunReport::default()
    };
    let begun = serde_json::to_string(&report);
    let begun = begun.map_err(|error| ApiError::Broken(error.to_string()))?;
    let id = state
        .store
        .begin_feed_run(feed.id, user, &begun, state.now())
        .await?;
    let job = Job {
        id,
        who: user.map_or_else(|| format!("feed:{}", feed.name), str::to_owned),
        feed,
        config,
        origin,
        report,
    };
    let state = state.clone();
    tokio::spawn(async move {
        let feed = job.feed.clone();
        if let Err(error) = tokio::spawn(job.run(state.clone())).await {
            tracing::error!(%error, feed = feed.name, "a run of a source broke off");
            broke_off(&state, id, &feed).await;
        }
    });
    Ok(id)
}

/// A run that did not come to its end would keep the source from running again.
async fn broke_off(state: &ApiState, run: i64, feed: &Feed) {
    let (now, report) = (state.now(), failed_report("internal"));
    let end = RunEnd {
        status: FeedRunStatus::Failed,
        number: None,
        report: &report,
        due: due(feed, FeedRunStatus::Failed, now),
    };
    if let Err(error) = state.store.end_feed_run(run, &end, now).await {
        tracing::error!(%error, feed = feed.name, "the end of a run is not noted");
    }
}

/// When a source runs again: after its hours, or sooner after a failure; not all at one moment.
pub fn due(feed: &Feed, status: FeedRunStatus, now: UnixMillis) -> Option<UnixMillis> {
    let usual = i64::from(feed.every_hours?) * HOUR;
    let pause = if status == FeedRunStatus::Failed {
        let doubled = FIRST_RETRY.saturating_mul(1 << feed.failures.min(10));
        doubled.min(usual)
    } else {
        usual
    };
    // Up to a tenth later, by source and time.
    let spread = (feed.id.wrapping_mul(7_919) ^ (now.0 / 1_000)).rem_euclid(100);
    Some(now.plus(pause + pause / 1_000 * spread))
}

#[cfg(test)]
mod tests {
    use collector_state::UnitId;

    use super::*;

    fn feed(every_hours: Option<u32>, failures: u32) -> Feed {
        Feed {
            id: 7,
            set_id: 1,
            name: String::new(),
            unit_id: UnitId::ROOT,
            unit_name: String::new(),
            config: String::new(),
            has_secret: false,
            filters: String::new(),
            enabled: true,
            every_hours,
            publishes: false,
            due: None,
            failures,
            seen: None,
            revision: 1,
            changed: UnixMillis(0),
            changed_by: String::new(),
            newest: None,
            everywhere: None,
            last_run: None,
        }
    }

    #[test]
    fn failures_are_tried_again_sooner_and_sooner_less() {
        const MINUTE: i64 = 60_000;
        let rows = [
            (Some(24), FeedRunStatus::Kept, 5, Some(24 * 60)),
            (Some(24), FeedRunStatus::Failed, 0, Some(15)),
            (Some(24), FeedRunStatus::Failed, 2, Some(60)),
            (Some(1), FeedRunStatus::Failed, 9, Some(60)),
            (None, FeedRunStatus::Failed, 0, None),
        ];
        for (hours, status, failures, minutes) in rows {
            let now = UnixMillis(1_764_000_000_000);
            let found = due(&feed(hours, failures), status, now);
            match (found, minutes) {
                (None, None) => {}
                (Some(found), Some(minutes)) => {
                    let least = now.0 + minutes * MINUTE;
                    let most = least + minutes * MINUTE / 10;
                    assert!((least..=most).contains(&found.0), "{minutes}: {found:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
