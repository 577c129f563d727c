//! One hunt: stored records in the order of their time, a slice of it after the other, through the rules' own engine.

use std::collections::BTreeMap;

use collector_search::{ClassFilter, Hits, Node, Request, SearchError, Sort};
use collector_state::{ExportStatus, UnixMillis};
use rules::sigma::{Correlated, Detector, Finding, SharedState, is_judged};
use serde_json::Value;

use super::plan::Plan;
use super::{Example, Found, FoundRule};
use crate::archive::{self, ArchivedBody};
use crate::{ApiState, times};

/// Records that are in memory at a time.
const PAGE: usize = 2_000;
/// Records of one hunt that are looked at; what is beyond is left out, and the hunt is marked so.
const MAX_LOOKED_AT: u64 = 20_000_000;
/// Records that are shown of each rule.
const MAX_EXAMPLES: usize = 20;
/// Slices of time. One with more records than these is cut into smaller ones, for every page costs as much as its
/// slice is large.
const SLICE: i64 = 86_400_000_000;
const SMALL_SLICE: i64 = 3_600_000_000;
const MANY: u64 = 50_000;

type Fault = Box<dyn std::error::Error + Send + Sync>;

pub struct Job {
    pub id: String,
    pub plan: Plan,
    pub from: UnixMillis,
    pub to: UnixMillis,
    pub sensors: Option<Vec<String>>,
    /// All records of the rules' kinds, whatever the query would find.
    pub scan: bool,
}

/// What goes from page to page.
struct Work {
    detector: Detector,
    found: Found,
    rules: usize,
}

impl Job {
    pub async fn run(self, state: ApiState) {
        let Ok(_place) = state.hunting().acquire().await else {
            return;
        };
        let id = self.id.clone();
        let status = match self.hunt(&state).await {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%error, hunt = %id, "a hunt with rules failed");
                ExportStatus::Failed
            }
        };
        if let Err(error) = state.store.end_rule_hunt(&id, status).await {
            tracing::warn!(%error, hunt = %id, "the end of a hunt is not noted");
        }
    }

    async fn hunt(&self, state: &ApiState) -> Result<ExportStatus, Fault> {
        let ruleset = &self.plan.ruleset;
        let mut work = Work {
            detector: Detector::new(ruleset.clone(), SharedState::default()),
            found: Found::begun(&self.plan.rules),
            rules: ruleset.rules.len(),
        };
        let (from, to) = (self.from.0 * 1_000, self.to.0 * 1_000);
        work.found.archived = self.away(state).await?;
        let mut slices: Vec<(i64, i64)> = slices(from, to, SLICE);
        // The next one is the last of the list.
        slices.reverse();
        while let Some((start, end)) = slices.pop() {
            let mut is_narrow = !self.scan;
            let first = loop {
                let page = self.page(state, (start, end), is_narrow, None).await?;
                // A pattern that stands for too many values finds only some of them.
                if page.partial && is_narrow {
                    is_narrow = false;
                    continue;
                }
                break page;
            };
            if first.next_cursor.is_some() && first.total > MANY && end - start >= SMALL_SLICE {
                slices.extend(
                    self::slices(start, end, (end - start) / 24 + 1)
                        .into_iter()
                        .rev(),
                );
                continue;
            }
            if !is_narrow && !self.scan {
                work.found.slices_scanned += 1;
            }
            let mut page = first;
            loop {
                work.found.complete &= !page.partial;
                let cursor = page.next_cursor.take();
                work = tokio::task::spawn_blocking(move || work.look(page.events)).await?;
                let is_full = work.found.looked_at >= MAX_LOOKED_AT;
                if is_full {
                    work.found.complete = false;
                    return self.told(state, work, start).await;
                }
                let Some(cursor) = cursor else { break };
                if !self.tell(state, &work.found).await? {
                    return Ok(ExportStatus::Cancelled);
                }
                page = self
                    .page(state, (start, end), is_narrow, Some(cursor))
                    .await?;
            }
            work.found.through = times::write(UnixMillis(end.div_euclid(1_000)));
            work.found.share = share(from, to, end);
            if !self.tell(state, &work.found).await? {
                return Ok(ExportStatus::Cancelled);
            }
        }
        self.told(state, work, to).await
    }

    /// The end, with windows of correlations that were still open.
    async fn told(
        &self,
        state: &ApiState,
        mut work: Work,
        through: i64,
    ) -> Result<ExportStatus, Fault> {
        work.finish();
        let away = work.found.archived.take();
        work.found.archived = archive::greater(away, self.away(state).await?);
        let (forgotten, late) = work.detector.left_out();
        work.found.complete &= forgotten == 0 && late == 0;
        work.found.through = times::write(UnixMillis(through.div_euclid(1_000)));
        Ok(if self.tell(state, &work.found).await? {
            ExportStatus::Ready
        } else {
            ExportStatus::Cancelled
        })
    }

    /// What of the range lies in the archive.
    async fn away(&self, state: &ApiState) -> Result<Option<ArchivedBody>, Fault> {
        let range = (Some(self.from.0 * 1_000), Some(self.to.0 * 1_000));
        Ok(archive::unseen(state, range, ClassFilter::All).await?)
    }

    async fn page(
        &self,
        state: &ApiState,
        (start, end): (i64, i64),
        is_narrow: bool,
        cursor: Option<String>,
    ) -> Result<Hits, SearchError> {
        let query: &Node = if is_narrow {
            &self.plan.query
        } else {
            &self.plan.kinds
        };
        let request = Request {
            query: query.clone(),
            from: Some(start),
            to: Some(end),
            class: ClassFilter::All,
            sensors: self.sensors.clone(),
        };
        state
            .engine
            .search(request, Sort::OldestFirst, PAGE, cursor)
            .await
    }

    async fn tell(&self, state: &ApiState, found: &Found) -> Result<bool, Fault> {
        let text = serde_json::to_string(found)?;
        Ok(state.store.rule_hunt_found(&self.id, &text).await?)
    }
}

/// Stretches of time, both ends included, that touch and do not overlap.
fn slices(from: i64, to: i64, length: i64) -> Vec<(i64, i64)> {
    let mut out = Vec::new();
    let mut start = from;
    while start <= to {
        let end = start.saturating_add(length.max(1) - 1).min(to);
        out.push((start, end));
        start = end + 1;
    }
    out
}

fn share(from: i64, to: i64, at: i64) -> f64 {
    let whole = (to - from).max(1) as f64;
    ((at - from) as f64 / whole).clamp(0.0, 1.0)
}

impl Work {
    fn look(mut self, events: Vec<String>) -> Work {
        for text in events {
            self.found.looked_at += 1;
            let read: Head = match serde_json::from_str(&text) {
                Ok(head) => head,
                Err(_) => continue,
            };
            if !is_judged(&read.event_type) {
                continue;
            }
            let findings = match self.detector.run(&text, None) {
                Ok(findings) => findings.to_vec(),
                Err(_) => {
                    self.found.unreadable += 1;
                    continue;
                }
            };
            for finding in &findings {
                self.note(finding, Some((&text, &read)));
            }
        }
        self
    }

    fn finish(&mut self) {
        let findings = self.detector.finish().to_vec();
        for finding in &findings {
            self.note(finding, None);
        }
    }

    fn note(&mut self, finding: &Finding, record: Option<(&str, &Head)>) {
        let (at, group, is_of_record) = match finding {
            Finding::Rule(index) => (*index, Vec::new(), true),
            Finding::Correlation(found) => (
                self.rules + found.correlation as usize,
                found.group.clone(),
                !found.ended,
            ),
        };
        let when = match (finding, record.filter(|_| is_of_record)) {
            (Finding::Correlation(found), None) => of_window(found),
            (_, Some((_, head))) => head.timestamp.clone(),
            _ => String::new(),
        };
        let Some(own) = self.found.rules.get_mut(at) else {
            return;
        };
        own.count(&when);
        if own.examples.len() < MAX_EXAMPLES {
            let event: Value = record
                .filter(|_| is_of_record)
                .and_then(|(text, _)| serde_json::from_str(text).ok())
                .unwrap_or_default();
            let text = |path: &str| {
                event
                    .pointer(path)
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            own.examples.push(Example {
                at: when,
                event_id: text("/matluoi/id"),
                event_type: text("/event_type"),
                src_ip: text("/src_ip"),
                dest_ip: text("/dest_ip"),
                group: group.into_iter().collect::<BTreeMap<_, _>>(),
            });
        }
    }
}

fn of_window(found: &Correlated) -> String {
    times::write(UnixMillis(found.last_ns.div_euclid(1_000_000)))
}

/// What is read of a record beside what rules do.
#[derive(serde::Deserialize)]
struct Head {
    #[serde(default)]
    event_type: String,
    #[serde(default)]
    timestamp: String,
}

impl FoundRule {
    fn count(&mut self, at: &str) {
        self.hits += 1;
        if self.first.is_none() {
            self.first = Some(at.to_owned());
        }
        self.last = Some(at.to_owned());
        let day = at.get(..10).unwrap_or(at).to_owned();
        *self.days.entry(day).or_insert(0) += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_a_range_without_overlap() {
        assert_eq!(slices(0, 9, 4), [(0, 3), (4, 7), (8, 9)]);
        assert_eq!(slices(5, 5, 4), [(5, 5)]);
        assert_eq!(slices(6, 5, 4), []);
    }
}
