//! One run of a source: fetched, read, filtered, checked by the sensor's engine, compared, kept as a version, and
//! published where the source says so. Whatever fails leaves the version before as it is.

use collector_feeds::{
    Carried, ChangeCounts, Fetched, FilterTexts, Filters, Naming, Reading, Request, Rule, SIDS,
    Seen, compose, diff, fetch, files, read,
};
use collector_state::{AuditEntry, Feed, FeedRunStatus, RunEnd, Scope, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::{FeedConfig, FilteredBody, RuleFaultBody, RunError, RunReport};
use super::failure::{Done, Failure};
use super::schedule::{due, failed_report};
use super::store;
use crate::engine::{Checked, Question, Tongue, ask};
use crate::{ApiState, times};

/// Rules that a version leaves out because the engine refuses them, of all: more means that something else is wrong.
const MOST_FAULTY_PERCENT: u64 = 10;
/// Leaving out a rule may show a fault of another; so often it is looked at.
const CHECKS: usize = 3;
/// Faults that a report names.
const NAMED_FAULTS: usize = 100;
const NAMED_IDLE: usize = 200;
const MAX_WORDS: usize = 500;
/// Where numbers of rules for lists begin, and for how many sources there are some.
const FIRST_SID: u32 = 8_000_000;
const SID_BLOCKS: i64 = 900;

/// Where the content of a run comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Fetch,
    /// What was fetched before.
    Stored,
    /// A file that somebody gave.
    Given,
}

/// What was seen of a source, as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    etag: Option<String>,
    last_modified: Option<String>,
    /// Of the source, when its content became the newest version.
    revision: i64,
}

pub struct Job {
    pub id: i64,
    pub feed: Feed,
    pub config: FeedConfig,
    pub origin: Origin,
    /// In the history of versions.
    pub who: String,
    pub report: RunReport,
}

/// What came, and what its source said of it.
struct Came {
    name: String,
    bytes: Vec<u8>,
    known: Known,
}

/// Rules of a version, ready to be written.
struct Made {
    rules: Vec<Rule>,
    lists: Vec<Carried>,
    text: String,
}

struct Compared {
    /// Rules of the published version.
    published_rules: u64,
    /// None: no rule and no list is other than in the newest version.
    text: Option<String>,
}

impl Job {
    pub async fn run(mut self, state: ApiState) {
        let Ok(_place) = state.feeding().acquire().await else {
            return;
        };
        let (status, number) = match self.work(&state).await {
            Ok(done) => done,
            Err(failure) => {
                let mut detail = failure.detail;
                detail.truncate(detail.floor_char_boundary(MAX_WORDS));
                tracing::warn!(
                    feed = self.feed.name,
                    code = failure.code,
                    detail,
                    "a source failed"
                );
                self.report.error = Some(RunError {
                    code: failure.code.to_owned(),
                    detail,
                });
                (FeedRunStatus::Failed, None)
            }
        };
        self.report.step = "done".to_owned();
        let report = serde_json::to_string(&self.report);
        let report = report.unwrap_or_else(|_| failed_report("internal"));
        let now = state.now();
        let end = RunEnd {
            status,
            number,
            report: &report,
            due: due(&self.feed, status, now),
        };
        if let Err(error) = state.store.end_feed_run(self.id, &end, now).await {
            tracing::error!(%error, feed = self.feed.name, "the end of a run is not noted");
        }
    }

    async fn work(&mut self, state: &ApiState) -> Done<(FeedRunStatus, Option<i64>)> {
        let Some(came) = self.content(state).await? else {
            return Ok((FeedRunStatus::Unchanged, None));
        };
        self.step(state, "reading").await;
        self.report.bytes = came.bytes.len() as u64;
        let mut made = self.read(state.now(), came.name, came.bytes).await?;
        self.step(state, "checking").await;
        self.check(state, &mut made).await?;
        self.step(state, "keeping").await;
        let compared = self.compare(state, made).await?;
        let who = (self.who.as_str(), state.now());
        let why = self.why();
        let kept = match compared.text {
            Some(text) => {
                let rules = self.report.rules_on;
                let set = self.feed.set_id;
                state
                    .store
                    .keep_fed_version(set, &text, rules, &why, who)
                    .await?
            }
            None => None,
        };
        let known = serde_json::to_string(&came.known).ok();
        state
            .store
            .note_feed_seen(self.feed.id, known.as_deref())
            .await?;
        // What somebody has taken back is not published again by itself: only what is new is.
        let Some(number) = kept else {
            return Ok((FeedRunStatus::Unchanged, None));
        };
        if !self.feed.publishes {
            return Ok((FeedRunStatus::Kept, kept));
        }
        let gone = self.report.changes.removed + self.report.changes.disabled;
        if gone * 2 > compared.published_rules {
            self.report.withheld = Some("shrunk".to_owned());
            return Ok((FeedRunStatus::Kept, Some(number)));
        }
        state
            .store
            .publish_rules(self.feed.set_id, None, Some(number), &why, &Scope::All, who)
            .await?;
        let detail = json!({ "sensor": null, "number": number, "why": why });
        let entry = AuditEntry {
            at: state.now(),
            user: &self.who,
            address: "local",
            action: "rule_set.publish",
            target: &self.feed.set_id.to_string(),
            detail: &detail.to_string(),
        };
        state.store.audit(entry).await?;
        Ok((FeedRunStatus::Published, Some(number)))
    }

    /// What the source has; none: what it had when the newest version was made.
    async fn content(&mut self, state: &ApiState) -> Done<Option<Came>> {
        let mut known: Known = self
            .feed
            .seen
            .as_ref()
            .and_then(|seen| serde_json::from_str(seen).ok())
            .unwrap_or_default();
        let revision = self.feed.revision;
        let is_current = known.revision == revision && self.feed.newest.is_some();
        known.revision = revision;
        let stored = store::kept(state, self.feed.id).await?;
        if self.origin != Origin::Fetch || self.config.address.is_empty() {
            let given = if self.origin == Origin::Given {
                "given"
            } else {
                "stored"
            };
            self.report.content = given.to_owned();
            let (name, bytes) = stored.ok_or_else(|| Failure {
                code: "no_content",
                detail: String::new(),
            })?;
            return Ok(Some(Came { name, bytes, known }));
        }
        let secret = state.store.feed_secret(self.feed.id).await?;
        let request = Request {
            address: self.config.address.clone(),
            proxy: self.config.proxy.clone(),
            header: self.config.header.clone().zip(secret),
            seen: match stored {
                Some(_) => Seen {
                    etag: known.etag.take(),
                    last_modified: known.last_modified.take(),
                },
                None => Seen::default(),
            },
        };
        let kind = self.config.kind()?;
        let fetched = fetch(kind, &request, &state.feeds.fetch).await;
        match fetched.map_err(|error| Failure {
            code: error.code(),
            detail: error.to_string(),
        })? {
            Fetched::NotModified => {
                self.report.content = "not_modified".to_owned();
                known.etag = request.seen.etag;
                known.last_modified = request.seen.last_modified;
                if is_current {
                    return Ok(None);
                }
                Ok(stored.map(|(name, bytes)| Came { name, bytes, known }))
            }
            Fetched::Content {
                name,
                bytes,
                seen,
                checked_by,
            } => {
                self.report.content = "fetched".to_owned();
                self.report.checked_by = checked_by;
                store::keep(state, self.feed.id, &name, &bytes).await?;
                known.etag = seen.etag;
                known.last_modified = seen.last_modified;
                Ok(Some(Came { name, bytes, known }))
            }
        }
    }

    async fn read(&mut self, now: UnixMillis, name: String, bytes: Vec<u8>) -> Done<Made> {
        let block = u32::try_from(self.feed.id % SID_BLOCKS).unwrap_or(0);
        let how = Reading {
            kind: self.config.kind()?,
            indicator: self.config.indicator()?,
            naming: Naming {
                name: self.feed.name.clone(),
                key: format!("feed{}", self.feed.id),
                first_sid: FIRST_SID + block * SIDS,
            },
            now: times::write(now),
        };
        let texts: FilterTexts = serde_json::from_str(&self.feed.filters).unwrap_or_default();
        let filters = Filters::parse(&texts).map_err(|faults| Failure {
            code: "filters",
            detail: faults.first().map_or_else(String::new, |fault| {
                format!("{}.conf:{}: {}", fault.filter, fault.line, fault.reason)
            }),
        })?;
        let work = move || {
            let files = files(&name, &bytes).map_err(|error| Failure {
                code: "archive",
                detail: error.to_string(),
            })?;
            let mut content = read(&files, &how).map_err(|error| Failure {
                code: "content",
                detail: error.to_string(),
            })?;
            let filtered = filters.apply(&mut content.rules);
            Ok::<_, Failure>((content, filtered))
        };
        let (content, filtered) = tokio::task::spawn_blocking(work).await??;
        self.report.rules = content.rules.len() as u64;
        self.report.indicators = content.indicators;
        self.report.left_out = content.left_out;
        let idle = filtered.idle.into_iter().take(NAMED_IDLE);
        self.report.filtered = FilteredBody {
            enabled: filtered.enabled,
            disabled: filtered.disabled,
            modified: filtered.modified,
            dropped: filtered.dropped,
            for_flowbits: filtered.for_flowbits,
            idle: idle.map(Into::into).collect(),
        };
        Ok(Made {
            rules: content.rules,
            lists: content.lists,
            text: String::new(),
        })
    }

    /// Leaves out the rules that the engine refuses, until it takes all.
    async fn check(&mut self, state: &ApiState, made: &mut Made) -> Done<()> {
        let wanted = made.rules.iter().filter(|rule| rule.enabled).count() as u64;
        for _ in 0..CHECKS {
            made.text = compose(&made.rules, &made.lists);
            let on = made.rules.iter().filter(|rule| rule.enabled).count() as u64;
            self.report.rules_on = on;
            if on == 0 {
                return Err(Failure {
                    code: "no_rules_on",
                    detail: String::new(),
                });
            }
            let checked: Checked =
                ask(state, Question::Check, &made.text, Tongue::default()).await?;
            if checked.failures.is_empty() {
                return Ok(());
            }
            // The text has a line for each rule that is switched on, in their order.
            let mut on: Vec<&mut Rule> =
                made.rules.iter_mut().filter(|rule| rule.enabled).collect();
            let mut found = 0;
            for failure in checked.failures {
                let at = usize::try_from(failure.line).unwrap_or(0).wrapping_sub(1);
                let Some(rule) = on.get_mut(at) else { continue };
                if !rule.enabled {
                    continue;
                }
                rule.enabled = false;
                found += 1;
                if self.report.faults.len() < NAMED_FAULTS {
                    let mut reason = failure.reason;
                    reason.truncate(reason.floor_char_boundary(MAX_WORDS));
                    self.report.faults.push(RuleFaultBody {
                        sid: rule.sid,
                        msg: rule.msg.clone(),
                        reason,
                    });
                }
            }
            self.report.faulty += found;
            if found == 0 || self.report.faulty * 100 > wanted * MOST_FAULTY_PERCENT {
                break;
            }
        }
        let first = self.report.faults.first();
        Err(Failure {
            code: "faulty_rules",
            detail: first.map_or_else(String::new, |fault| {
                format!(
                    "{} / {wanted}; sid {}: {}",
                    self.report.faulty, fault.sid, fault.reason
                )
            }),
        })
    }

    /// What changes against the published version, and whether anything does against the newest.
    async fn compare(&mut self, state: &ApiState, made: Made) -> Done<Compared> {
        self.report.against = self.feed.everywhere;
        let set = self.feed.set_id;
        let text = async |number: Option<i64>| match number {
            None => Ok(String::new()),
            Some(number) => {
                state
                    .store
                    .rule_version_text(set, number, &Scope::All)
                    .await
            }
        };
        let published = text(self.feed.everywhere).await?;
        // Mostly they are one.
        let newest = match self.feed.newest == self.feed.everywhere {
            true => None,
            false => Some(text(self.feed.newest).await?),
        };
        let work = move || {
            let counts = diff(&published, &made.text).counts;
            let since_newest = match newest {
                Some(newest) => diff(&newest, &made.text).counts,
                None => counts,
            };
            let compared = Compared {
                published_rules: published.lines().filter(|line| is_rule(line)).count() as u64,
                text: (since_newest != ChangeCounts::default()).then_some(made.text),
            };
            (counts, compared)
        };
        let (counts, compared) = tokio::task::spawn_blocking(work).await?;
        self.report.changes = counts.into();
        Ok(compared)
    }

    fn why(&self) -> String {
        let changes = &self.report.changes;
        format!(
            "{}: +{} −{} ~{}",
            self.feed.name,
            changes.added + changes.enabled,
            changes.removed + changes.disabled,
            changes.changed
        )
    }

    async fn step(&mut self, state: &ApiState, step: &str) {
        self.report.step = step.to_owned();
        let Ok(report) = serde_json::to_string(&self.report) else {
            return;
        };
        if let Err(error) = state.store.tell_feed_run(self.id, &report).await {
            tracing::warn!(%error, feed = self.feed.name, "how far a run is is not told");
        }
    }
}

fn is_rule(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}
