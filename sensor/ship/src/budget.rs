//! The link's budget: what the sensor may send, by the hour of the day, and what it does send.
//!
//! A bucket fills at the rate of the hour. Heartbeats are never held back, but they are paid for; everything else waits
//! until the bucket is not empty, the best class first, so that an alert waits for one batch at most. Batches are cut to
//! half a second of the rate for that. What is held back stays in the spool.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The lowest rate: heartbeats alone take several kbit/s of it.
const MIN_KILOBITS: u32 = 16;
const MAX_KILOBITS: u32 = 10_000_000;
/// Rates for hours of the day.
const MAX_HOURS: usize = 24;
const MINUTES_OF_DAY: u16 = 24 * 60;
const LAST_MINUTE: u16 = MINUTES_OF_DAY - 1;
/// What the bucket holds at most, so that a quiet hour is not made up for.
const BURST: Duration = Duration::from_millis(500);
/// Of content, a batch may have as many bytes as the link carries packed in half a second; records pack to an eighth.
const CONTENT_BYTES_PER_BYTE: u64 = 4;
const MIN_CONTENT_BYTES: u64 = 4 * 1_024;
/// On the wire a message is a twenty-fourth longer, for headers of IP and TCP in each packet and of TLS and HTTP/2 in
/// each record and frame, and has a packet's worth of them at least.
const WIRE_SHARE: u64 = 24;
const WIRE_BYTES: u64 = 160;
/// Of what was sent, the last seconds are told.
const TOLD: Duration = Duration::from_secs(30);

/// What may be sent, in kbit/s; 0: anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkPlan {
    kilobits: u32,
    hours: Vec<HourRate>,
}

/// Another rate from a minute of the day until before another; the first that fits counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourRate {
    pub from_minute: u16,
    /// At or before `from_minute`: on the next day.
    pub to_minute: u16,
    pub kilobits: u32,
}

/// Why a plan makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("a rate is 0, for no limit, or {MIN_KILOBITS} to {MAX_KILOBITS} kbit/s, and not {0}")]
    Rate(u32),
    #[error("a minute of the day is 0 to {LAST_MINUTE}, and not {0}")]
    Minute(u16),
    #[error("no more than {MAX_HOURS} stretches of hours have rates of their own")]
    TooMany,
}

impl LinkPlan {
    /// # Errors
    /// When a rate, a time or the number of times is out of its bounds.
    pub fn new(kilobits: u32, hours: Vec<HourRate>) -> Result<LinkPlan, PlanError> {
        if hours.len() > MAX_HOURS {
            return Err(PlanError::TooMany);
        }
        for rate in std::iter::once(kilobits).chain(hours.iter().map(|one| one.kilobits)) {
            if rate != 0 && !(MIN_KILOBITS..=MAX_KILOBITS).contains(&rate) {
                return Err(PlanError::Rate(rate));
            }
        }
        for minute in hours
            .iter()
            .flat_map(|one| [one.from_minute, one.to_minute])
        {
            if minute >= MINUTES_OF_DAY {
                return Err(PlanError::Minute(minute));
            }
        }
        Ok(LinkPlan { kilobits, hours })
    }

    /// The rate at a minute of the day.
    fn at(&self, minute: u16) -> u32 {
        let covers = |one: &&HourRate| match one.from_minute < one.to_minute {
            true => (one.from_minute..one.to_minute).contains(&minute),
            false => minute >= one.from_minute || minute < one.to_minute,
        };
        let own = self.hours.iter().find(covers);
        own.map_or(self.kilobits, |one| one.kilobits)
    }
}

/// The budget and its use, for heartbeats and for people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkUse {
    /// Of this hour, kbit/s; 0: no limit.
    pub kilobits: u32,
    /// Sent in the last seconds, with an estimate of what the wire adds, kbit/s.
    pub used_kilobits: f64,
    /// Since the start, with that estimate.
    pub sent_bytes: u64,
    /// Since the start, so long something waited for the budget alone.
    pub held: Duration,
    /// The collector set it; else this sensor's configuration.
    pub ordered: bool,
}

/// One per sensor, over all links.
pub struct LinkBudget {
    own: LinkPlan,
    /// Of local time to UTC.
    offset_s: i32,
    clock: fn() -> u64,
    state: Mutex<Account>,
    changed: watch::Sender<()>,
}

struct Account {
    ordered: Option<LinkPlan>,
    /// Bytes; below zero: to be waited for.
    balance: f64,
    at: Instant,
    sent_bytes: u64,
    held: Duration,
    held_since: Option<Instant>,
    /// Bytes sent until a moment, the oldest first; the newest of these is the last to be told.
    samples: std::collections::VecDeque<(Instant, u64)>,
}

impl Default for LinkBudget {
    fn default() -> Self {
        LinkBudget::new(LinkPlan::default(), 0)
    }
}

impl LinkBudget {
    /// With the plan of the configuration, and the offset of local time to UTC in seconds.
    pub fn new(own: LinkPlan, offset_s: i32) -> LinkBudget {
        LinkBudget::at(own, offset_s, crate::spool::unix_millis)
    }

    fn at(own: LinkPlan, offset_s: i32, clock: fn() -> u64) -> LinkBudget {
        LinkBudget {
            own,
            offset_s,
            clock,
            state: Mutex::new(Account {
                ordered: None,
                balance: 0.0,
                at: Instant::now(),
                sent_bytes: 0,
                held: Duration::ZERO,
                held_since: None,
                samples: std::collections::VecDeque::new(),
            }),
            changed: watch::Sender::new(()),
        }
    }

    /// The collector's plan, in the place of the configuration's; none: that one holds.
    pub(crate) fn order(&self, plan: Option<LinkPlan>) {
        let mut account = self.account();
        if account.ordered != plan {
            tracing::info!(?plan, "the link's budget is set by the collector");
            account.ordered = plan;
            drop(account);
            self.changed.send_replace(());
        }
    }

    /// Wakes when the plan is another.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Bytes a second; none: no limit.
    pub(crate) fn bytes_per_second(&self) -> Option<u64> {
        self.rate(&self.account())
    }

    /// How many bytes of records a batch may have.
    pub(crate) fn content_bytes(&self) -> usize {
        let bytes = match self.bytes_per_second() {
            Some(rate) => rate
                .saturating_mul(CONTENT_BYTES_PER_BYTE)
                .max(MIN_CONTENT_BYTES),
            None => u64::MAX,
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// When something may be sent; none: now.
    pub(crate) fn wait(&self) -> Option<Instant> {
        let mut account = self.account();
        let rate = self.rate(&account);
        account.fill(rate);
        match rate {
            Some(rate) if account.balance < 0.0 => {
                let seconds = -account.balance / rate as f64;
                Some(account.at + Duration::from_secs_f64(seconds) + Duration::from_millis(1))
            }
            _ => None,
        }
    }

    /// Something waits for the budget, or does not any more.
    pub(crate) fn holds(&self, holds: bool) {
        let mut account = self.account();
        match (holds, account.held_since) {
            (true, None) => account.held_since = Some(Instant::now()),
            (false, Some(since)) => {
                account.held += since.elapsed();
                account.held_since = None;
            }
            _ => {}
        }
    }

    /// A message of this size goes.
    pub(crate) fn spend(&self, bytes: usize) {
        let bytes = bytes as u64;
        let on_wire = bytes + bytes / WIRE_SHARE + WIRE_BYTES;
        let mut account = self.account();
        let rate = self.rate(&account);
        account.fill(rate);
        account.sent_bytes += on_wire;
        if rate.is_some() {
            account.balance -= on_wire as f64;
        }
    }

    pub fn now(&self) -> LinkUse {
        let mut account = self.account();
        let rate = self.kilobits(&account);
        let now = Instant::now();
        let sent_bytes = account.sent_bytes;
        account.samples.push_back((now, sent_bytes));
        while account.samples.len() > 2
            && account
                .samples
                .get(1)
                .is_some_and(|(at, _)| now.duration_since(*at) >= TOLD)
        {
            account.samples.pop_front();
        }
        // Asked often, it keeps no more than this.
        while account.samples.len() > 64 {
            account.samples.remove(1);
        }
        let (since, before) = account.samples.front().copied().unwrap_or((now, 0));
        let seconds = now.duration_since(since).as_secs_f64();
        let waiting = account.held_since.map_or(Duration::ZERO, |at| at.elapsed());
        LinkUse {
            kilobits: rate,
            used_kilobits: match seconds > 0.0 {
                true => (sent_bytes - before) as f64 * 8.0 / 1_000.0 / seconds,
                false => 0.0,
            },
            sent_bytes,
            held: account.held + waiting,
            ordered: account.ordered.is_some(),
        }
    }

    fn kilobits(&self, account: &Account) -> u32 {
        let seconds = i64::try_from((self.clock)() / 1_000).unwrap_or(i64::MAX);
        let local = seconds.saturating_add(i64::from(self.offset_s));
        let minute = local.div_euclid(60).rem_euclid(i64::from(MINUTES_OF_DAY));
        let plan = account.ordered.as_ref().unwrap_or(&self.own);
        plan.at(u16::try_from(minute).unwrap_or(0))
    }

    fn rate(&self, account: &Account) -> Option<u64> {
        match self.kilobits(account) {
            0 => None,
            kilobits => Some(u64::from(kilobits) * 125),
        }
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn fill(&mut self, rate: Option<u64>) {
        let now = Instant::now();
        let gone = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        self.balance = match rate {
            Some(rate) => {
                let most = rate as f64 * BURST.as_secs_f64();
                (self.balance + gone * rate as f64).min(most)
            }
            None => 0.0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from_minute: u16, to_minute: u16, kilobits: u32) -> HourRate {
        HourRate {
            from_minute,
            to_minute,
            kilobits,
        }
    }

    #[test]
    fn hours_have_their_rates() {
        let night = hours(22 * 60, 6 * 60, 512);
        let noon = hours(12 * 60, 13 * 60, 0);
        let plan = LinkPlan::new(64, vec![night, noon]).expect("it makes sense");
        let rows = [
            (0, 512),
            (6 * 60 - 1, 512),
            (6 * 60, 64),
            (12 * 60, 0),
            (13 * 60, 64),
            (22 * 60, 512),
        ];
        for (minute, expected) in rows {
            assert_eq!(plan.at(minute), expected, "{minute}");
        }
        let all_day = LinkPlan::new(64, vec![hours(60, 60, 32)]).expect("it makes sense");
        assert_eq!((all_day.at(0), all_day.at(60)), (32, 32));
        let rows = [
            (LinkPlan::new(1, Vec::new()), PlanError::Rate(1)),
            (
                LinkPlan::new(u32::MAX, Vec::new()),
                PlanError::Rate(u32::MAX),
            ),
            (LinkPlan::new(64, vec![hours(0, 1, 5)]), PlanError::Rate(5)),
            (
                LinkPlan::new(64, vec![hours(0, 1_440, 64)]),
                PlanError::Minute(1_440),
            ),
            (
                LinkPlan::new(64, vec![night; MAX_HOURS + 1]),
                PlanError::TooMany,
            ),
        ];
        for (plan, error) in rows {
            assert_eq!(plan, Err(error));
        }
    }

    /// Sends what may be sent for so long; bytes on the wire, as estimated.
    async fn send(budget: &LinkBudget, message: usize, time: Duration) -> u64 {
        let end = Instant::now() + time;
        let before = budget.now().sent_bytes;
        loop {
            match budget.wait() {
                Some(at) if at >= end => {
                    tokio::time::sleep_until(end).await;
                    return budget.now().sent_bytes - before;
                }
                Some(at) => tokio::time::sleep_until(at).await,
                None => budget.spend(message),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_and_changes_with_the_plan() {
        let plan = |kilobits| LinkPlan::new(kilobits, Vec::new()).expect("it makes sense");
        let budget = LinkBudget::new(plan(64), 0);
        assert_eq!(budget.content_bytes(), 32_000);
        let minute = Duration::from_secs(60);
        for message in [100, 4_000, 30_000] {
            // A minute of 8,000 bytes a second, and what was owed or saved at its ends.
            let sent = send(&budget, message, minute).await;
            assert!((440_000..=520_000).contains(&sent), "{message}: {sent}");
        }
        let told = budget.now();
        assert!((60.0..72.0).contains(&told.used_kilobits), "{told:?}");
        assert_eq!((told.kilobits, told.ordered), (64, false));
        let changed = budget.subscribe();
        budget.order(Some(plan(640)));
        assert!(changed.has_changed().expect("it is there"));
        let sent = send(&budget, 4_000, minute).await;
        assert!((4_700_000..=4_900_000).contains(&sent), "{sent}");
        budget.order(None);
        assert_eq!(budget.now().kilobits, 64);
    }

    #[tokio::test(start_paused = true)]
    async fn heartbeats_are_paid_for_and_time_held_is_counted() {
        let plan = LinkPlan::new(16, Vec::new()).expect("it makes sense");
        let budget = LinkBudget::new(plan, 0);
        assert_eq!(budget.wait(), None);
        budget.spend(20_000);
        let wait = budget.wait().expect("it is owed") - Instant::now();
        assert!((10..=11).contains(&wait.as_secs()), "{wait:?}");
        budget.holds(true);
        tokio::time::sleep(Duration::from_secs(3)).await;
        budget.holds(true);
        assert_eq!(budget.now().held.as_secs(), 3);
        budget.holds(false);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(budget.now().held.as_secs(), 3);
        let free = LinkBudget::default();
        free.spend(1 << 30);
        assert_eq!(free.wait(), None);
        assert_eq!(free.bytes_per_second(), None);
    }

    #[test]
    fn hours_are_those_of_the_place() {
        // 2026-11-27 23:30 UTC is 06:30 at seven hours east.
        let clock = || 1_795_822_200_000;
        let plan = LinkPlan::new(64, vec![hours(6 * 60, 7 * 60, 128)]).expect("it makes sense");
        assert_eq!(
            LinkBudget::at(plan.clone(), 7 * 3_600, clock)
                .now()
                .kilobits,
            128
        );
        assert_eq!(LinkBudget::at(plan, 0, clock).now().kilobits, 64);
    }
}
