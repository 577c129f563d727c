//! What the screen of `top` shows, apart from how it is drawn.

use std::collections::VecDeque;

use crate::health::status::{Counts, Status};
use crate::health::words::Language;

/// Points of the graph.
const POINTS: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Overview,
    Talkers,
    Alerts,
    Findings,
}

impl Tab {
    pub const ALL: [Tab; 4] = [Tab::Overview, Tab::Talkers, Tab::Alerts, Tab::Findings];

    pub fn index(self) -> usize {
        Tab::ALL.iter().position(|tab| *tab == self).unwrap_or(0)
    }

    pub fn next(self) -> Tab {
        Tab::ALL[(self.index() + 1) % Tab::ALL.len()]
    }

    pub fn before(self) -> Tab {
        Tab::ALL[(self.index() + Tab::ALL.len() - 1) % Tab::ALL.len()]
    }
}

/// What came in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    pub packets: u64,
    pub bits: u64,
    pub dropped: u64,
    pub records: u64,
    pub acked: u64,
}

pub struct View {
    pub language: Language,
    pub tab: Tab,
    pub paused: bool,
    /// Rows that are left out at the top.
    pub scroll: usize,
    pub status: Status,
    /// Why there is nothing newer than the status.
    pub trouble: Option<String>,
    pub rates: Rates,
    /// Bits a second, oldest first.
    pub history: VecDeque<u64>,
}

impl View {
    pub fn new(language: Language) -> Self {
        View {
            language,
            tab: Tab::Overview,
            paused: false,
            scroll: 0,
            status: Status::default(),
            trouble: None,
            rates: Rates::default(),
            history: VecDeque::new(),
        }
    }

    /// Words of the language.
    pub fn say<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        match self.language {
            Language::Vi => vi,
            Language::En => en,
        }
    }

    pub fn other_language(&mut self) {
        self.language = match self.language {
            Language::Vi => Language::En,
            Language::En => Language::Vi,
        };
    }

    /// Takes what the sensor answered.
    pub fn take(&mut self, answer: anyhow::Result<Option<Status>>) {
        match answer {
            Ok(Some(status)) => {
                let span_ms = status.now_ms.saturating_sub(self.status.now_ms);
                if self.status.process == status.process && span_ms > 0 {
                    self.rates = rates(&status.counts.since(&self.status.counts), span_ms);
                    if self.history.len() >= POINTS {
                        self.history.pop_front();
                    }
                    self.history.push_back(self.rates.bits);
                } else if self.status.process != status.process {
                    self.rates = Rates::default();
                    self.history.clear();
                }
                // A stretch of time is over every other second: until then the last one is shown.
                let window = status.window.clone().or_else(|| self.status.window.take());
                self.status = Status { window, ..status };
                self.trouble = None;
            }
            Ok(None) => {
                let gone = self.say("cảm biến đã dừng", "the sensor has stopped");
                self.trouble = Some(gone.to_owned());
            }
            Err(error) => self.trouble = Some(format!("{error:#}")),
        }
    }
}

fn rates(counts: &Counts, span_ms: u64) -> Rates {
    let a_second = |count: u64| count.saturating_mul(1_000) / span_ms.max(1);
    Rates {
        packets: a_second(counts.traffic.packets),
        bits: a_second(counts.traffic.bytes.saturating_mul(8)),
        dropped: a_second(counts.ring_drops + counts.card_drops),
        records: a_second(counts.records_made),
        acked: a_second(counts.records_acked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(process: u32, now_ms: u64, packets: u64) -> Status {
        let mut status = Status {
            process,
            now_ms,
            ..Status::default()
        };
        status.counts.traffic.packets = packets;
        status.counts.traffic.bytes = packets * 100;
        status
    }

    #[test]
    fn rates_come_from_two_answers_and_begin_anew_with_another_process() {
        let mut view = View::new(Language::Vi);
        view.take(Ok(Some(status(7, 1_000, 50))));
        view.take(Ok(Some(status(7, 3_000, 250))));
        assert_eq!((view.rates.packets, view.rates.bits), (100, 80_000));
        assert_eq!(view.history.len(), 1);
        view.take(Ok(Some(status(8, 4_000, 1))));
        assert_eq!((view.rates, view.history.len()), (Rates::default(), 0));
        view.take(Ok(None));
        assert_eq!(view.trouble.as_deref(), Some("cảm biến đã dừng"));
        assert_eq!(view.status.process, 8);
    }

    #[test]
    fn tabs_go_round() {
        let mut tab = Tab::Overview;
        for _ in 0..Tab::ALL.len() {
            assert_eq!(tab.next().before(), tab);
            tab = tab.next();
        }
        assert_eq!(tab, Tab::Overview);
    }
}
