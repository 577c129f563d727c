//! From what happens to messages in the queue, and from the queue to the world.

use std::time::Duration;

use collector_state::{
    Alarm, Channel, DueMessage, Enqueued, GroupTold, NotificationRule, Result, Scope, Store,
    UnixMillis, fold,
};

use crate::config::{ChannelConfig, RuleConfig, Told};
use crate::item::Item;
use crate::schedule::due;
use crate::send::Sender;

/// Groups looked at, and messages sent, in one go.
const AT_ONCE: u32 = 200;
/// Attempts with growing pauses: a little over a day.
const ATTEMPTS: u32 = 30;
const FIRST_PAUSE_MS: i64 = 15_000;
const LAST_PAUSE_MS: i64 = 3_600_000;
/// Messages under way at a time.
const PARALLEL: usize = 8;

const GROUPS: &str = "groups";
const ALARMS: &str = "alarms";

/// Tells people.
#[derive(Clone)]
pub struct Notifier {
    store: Store,
    sender: Sender,
    clock: fn() -> UnixMillis,
}

/// A rule as it is applied.
struct Rule {
    id: i64,
    config: RuleConfig,
    scope: Scope,
}

impl Notifier {
    pub fn new(store: Store, hostname: &str, clock: fn() -> UnixMillis) -> Notifier {
        Notifier {
            store,
            sender: Sender::new(hostname),
            clock,
        }
    }

    /// Looks and sends until the future is dropped. What fails is tried again at the next round.
    pub async fn run(&self, pause: Duration) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "notifications are held up");
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One round: what is new into the queue, what is due out of it.
    pub async fn round(&self) -> Result<()> {
        let rules = self.rules().await?;
        self.look_at_groups(&rules).await?;
        self.look_at_alarms(&rules).await?;
        self.escalate(&rules).await?;
        self.send_due().await
    }

    /// Queues a message that shows whether a channel works.
    pub async fn test(&self, channel: &Channel, by: &str) -> Result<()> {
        let now = (self.clock)();
        self.enqueue(None, channel, &Item::test(by, now), now, now)
            .await
    }

    async fn rules(&self) -> Result<Vec<Rule>> {
        let mut rules = Vec::new();
        for rule in self.store.notification_rules(&Scope::All).await? {
            let NotificationRule {
                id,
                enabled,
                config,
                unit_id,
                ..
            } = rule;
            match serde_json::from_str(&config) {
                Ok(config) if enabled => rules.push(Rule {
                    id,
                    config,
                    scope: self.store.scope_of(unit_id).await?,
                }),
                Ok(_) => {}
                Err(error) => tracing::warn!(rule = id, %error, "a notification rule is not read"),
            }
        }
        Ok(rules)
    }

    async fn look_at_groups(&self, rules: &[Rule]) -> Result<()> {
        let Some(mut through) = self.store.notification_mark(GROUPS).await? else {
            // What was there before anybody asked is not news.
            let newest = self.store.newest_group().await?;
            return self.store.set_notification_mark(GROUPS, newest).await;
        };
        loop {
            let groups = self.store.groups_made_after(through, AT_ONCE).await?;
            let Some(last) = groups.last() else {
                return Ok(());
            };
            let newest = last.id.0;
            for group in groups.iter().filter(|group| group.is_open_and_untaken) {
                let now = (self.clock)();
                for rule in rules.iter().filter(|rule| rule.tells_group(group)) {
                    let item = Item::alert(group, false);
                    let due = due(&rule.config, group.severity, now);
                    self.tell(Some(rule.id), &rule.config.channels, &item, due)
                        .await?;
                    if let Some(escalation) = &rule.config.escalation {
                        let at = now.plus(i64::from(escalation.after_minutes) * 60_000);
                        self.store.plan_escalation(rule.id, group.id, at).await?;
                    }
                }
            }
            // A crash before this tells a few groups twice; one after it would leave some out.
            through = newest;
            self.store.set_notification_mark(GROUPS, through).await?;
        }
    }

    async fn look_at_alarms(&self, rules: &[Rule]) -> Result<()> {
        let Some(after) = self.store.notification_mark(ALARMS).await? else {
            return self
                .store
                .set_notification_mark(ALARMS, (self.clock)().0)
                .await;
        };
        let mut through = after;
        for alarm in self.store.alarms_changed(UnixMillis(after)).await? {
            // An alarm that opened before and closes now is over; one that did both is not worth two.
            // Nobody is told of one that was under a silence all the time.
            let loud = alarm.loud.map(|at| at.0);
            let is_news = loud.is_some_and(|at| at > after) && alarm.closed.is_none();
            let is_over = loud.is_some_and(|at| at <= after) && alarm.closed.is_some();
            through = through
                .max(loud.unwrap_or(0))
                .max(alarm.closed.map_or(0, |at| at.0));
            if !is_news && !is_over {
                continue;
            }
            let now = (self.clock)();
            for rule in rules.iter().filter(|rule| rule.tells_alarm(&alarm)) {
                let due = due(&rule.config, alarm.kind.severity(), now);
                let item = Item::alarm(&alarm);
                self.tell(Some(rule.id), &rule.config.channels, &item, due)
                    .await?;
            }
        }
        if through > after {
            self.store.set_notification_mark(ALARMS, through).await?;
        }
        Ok(())
    }

    async fn escalate(&self, rules: &[Rule]) -> Result<()> {
        let now = (self.clock)();
        for (rule_id, group) in self.store.due_escalations(now, AT_ONCE).await? {
            let rule = rules.iter().find(|rule| rule.id == rule_id);
            if let Some(escalation) = rule.and_then(|rule| rule.config.escalation.as_ref())
                && group.is_open_and_untaken
            {
                let item = Item::alert(&group, true);
                self.tell(None, &escalation.channels, &item, now).await?;
            }
            self.store.end_escalation(rule_id, group.id).await?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        rule: Option<i64>,
        channels: &[i64],
        item: &Item,
        due: UnixMillis,
    ) -> Result<()> {
        let now = (self.clock)();
        for channel in self.store.channels(&Scope::All).await? {
            if channel.enabled && channels.contains(&channel.id) {
                self.enqueue(rule, &channel, item, due, now).await?;
            }
        }
        Ok(())
    }

    async fn enqueue(
        &self,
        rule: Option<i64>,
        channel: &Channel,
        item: &Item,
        due: UnixMillis,
        now: UnixMillis,
    ) -> Result<()> {
        let json = serde_json::to_string(item).expect("an item is plain data");
        let message = Enqueued {
            rule_id: rule,
            channel_id: channel.id,
            unit: channel.unit_id,
            item: &json,
            severity: item.severity(),
            due,
        };
        self.store.enqueue(message, now).await
    }

    async fn send_due(&self) -> Result<()> {
        let due = self.store.due_messages((self.clock)(), AT_ONCE).await?;
        for some in due.chunks(PARALLEL) {
            let mut sending = tokio::task::JoinSet::new();
            for message in some {
                let (notifier, message) = (self.clone(), message.clone());
                sending.spawn(async move { notifier.send(&message).await });
            }
            while let Some(sent) = sending.join_next().await {
                match sent {
                    Ok(noted) => noted?,
                    Err(error) => tracing::error!(%error, "sending a message ended in a panic"),
                }
            }
        }
        Ok(())
    }

    async fn send(&self, message: &DueMessage) -> Result<()> {
        let channel: std::result::Result<ChannelConfig, _> =
            serde_json::from_str(&message.channel.config);
        let items: std::result::Result<Vec<Item>, _> = serde_json::from_str(&message.items);
        let sent = match (channel, items) {
            (Ok(channel), Ok(items)) => self
                .sender
                .send(&channel, &items, (self.clock)())
                .await
                .map_err(|error| error.to_string()),
            (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
        };
        let now = (self.clock)();
        match sent {
            Ok(()) => self.store.message_sent(message.id, now).await,
            Err(error) => {
                tracing::warn!(channel = %message.channel.name, error, "a message is not sent");
                let again =
                    (message.attempts + 1 < ATTEMPTS).then(|| now.plus(pause_ms(message.attempts)));
                self.store
                    .message_failed(message.id, &error, again, now)
                    .await
            }
        }
    }
}

/// The pause after so many failed attempts before this one.
fn pause_ms(attempts: u32) -> i64 {
    (FIRST_PAUSE_MS << attempts.min(20)).min(LAST_PAUSE_MS)
}

impl Rule {
    fn tells_group(&self, group: &GroupTold) -> bool {
        let config = &self.config;
        config.about.contains(&Told::Alerts)
            && group.severity <= config.severity
            && self.scope.contains(group.unit_id)
            && (config.sids.is_empty() || config.sids.contains(&group.sid))
            && (config.text.is_empty() || {
                let wanted = fold(&config.text);
                fold(&group.signature).contains(&wanted) || fold(&group.category).contains(&wanted)
            })
    }

    fn tells_alarm(&self, alarm: &Alarm) -> bool {
        let config = &self.config;
        config.about.contains(&Told::Alarms)
            && alarm.kind.severity() <= config.severity
            && self.scope.contains(alarm.unit_id)
            && (config.alarms.is_empty()
                || config.alarms.iter().any(|kind| kind == alarm.kind.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses = [0, 1, 5, 29].map(pause_ms);
        assert_eq!(pauses, [15_000, 30_000, 480_000, 3_600_000]);
    }
}
