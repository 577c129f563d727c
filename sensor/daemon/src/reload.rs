//! The rules that run, and how others take their place while packets flow.
//!
//! One thread loads and compiles; it puts the finished rule set where every worker sees it ([`Follower`]: one
//! comparison of a pointer a packet, no lock). Each worker takes it between two packets; flows translate what they
//! remember when their next packet is inspected. A rule set that is no longer used is freed by the loading thread,
//! for that takes longer than a packet may wait.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rules::signature::{Environment, Failure};
use sensor_detect::Engine;
use serde::Serialize;

use crate::ruleset::Ruleset;
use crate::sigma::SigmaRules;

/// Between two looks at the signal's flag and at rule sets that may be freed.
const TICK: Duration = Duration::from_millis(100);

/// Faults that a refusal names; the log has them all.
const NAMED_FAULTS: usize = 5;

/// Faults that heartbeats tell: about 2 kB each time, and only while there are some.
const TOLD_FAULTS: usize = 10;
/// Of each of them; the log has the whole.
const REASON_CHARS: usize = 200;

/// What is wrong with a rule that did not load, as heartbeats tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleFault {
    pub file: String,
    /// From 1; of the rule's first line.
    pub line: usize,
    pub sid: Option<u32>,
    pub keyword: Option<String>,
    pub reason: String,
}

impl RuleFault {
    fn of(failure: &Failure) -> Self {
        RuleFault {
            file: failure.file.clone(),
            line: failure.line,
            sid: failure.sid,
            keyword: failure.keyword.as_deref().map(cut),
            reason: cut(&failure.reason),
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(REASON_CHARS).collect()
}

/// What to do with a rule set that has faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFault {
    /// Load the sound rules.
    #[default]
    Skip,
    /// Load nothing: what ran goes on.
    Refuse,
}

/// A rule set in use.
pub struct Running {
    pub engine: Arc<Engine>,
    /// Their correlations begin anew with every load.
    pub sigma: Option<Arc<SigmaRules>>,
    /// Of the text as loaded ([`rules::signature::TextHash`]).
    pub hash: String,
    /// Of those of them that the collector publishes; empty: none.
    pub published: String,
    pub loaded: usize,
    pub failed: usize,
    /// The first of what is wrong with those that failed.
    pub faults: Vec<RuleFault>,
    pub environment: Arc<Environment>,
}

impl Running {
    fn of(rules: &Ruleset) -> Self {
        Running {
            faults: rules
                .failures
                .iter()
                .take(TOLD_FAULTS)
                .map(RuleFault::of)
                .collect(),
            engine: Arc::clone(&rules.engine),
            sigma: rules.sigma.clone(),
            hash: rules.hash.clone(),
            published: rules.published.clone(),
            loaded: rules.loaded,
            failed: rules.failed,
            environment: Arc::clone(&rules.environment),
        }
    }

    /// Whether somebody works with them yet.
    fn is_used(&self) -> bool {
        let sigma = self.sigma.as_ref().map_or(1, Arc::strong_count);
        Arc::strong_count(&self.engine) > 1 || sigma > 1
    }
}

/// The rules that run, for all who ask.
pub struct Rules {
    running: Arc<ArcSwap<Running>>,
    reloads: AtomicU64,
    refusals: AtomicU64,
    /// Why the last reload changed nothing.
    refusal: Mutex<Option<String>>,
}

/// Why other rules did not take the place of those that run.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{0:#}")]
    Unreadable(anyhow::Error),
    #[error("{count} faults: {first}")]
    Faulty { count: usize, first: String },
}

/// Says no to a rule set with faults, if that is wanted; tells the faults in any case.
///
/// # Errors
/// [`Refused::Faulty`]
pub fn accept(rules: &Ruleset, on_fault: OnFault) -> Result<(), Refused> {
    for failure in &rules.failures {
        tracing::warn!("{failure}");
    }
    for warning in &rules.warnings {
        tracing::debug!("{warning}");
    }
    if on_fault == OnFault::Skip || rules.failures.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = rules
        .failures
        .iter()
        .take(NAMED_FAULTS)
        .map(ToString::to_string)
        .collect();
    Err(Refused::Faulty {
        count: rules.failures.len(),
        first: named.join("; "),
    })
}

impl Rules {
    pub fn new(rules: &Ruleset) -> Self {
        tell(rules, "rules");
        Rules {
            running: Arc::new(ArcSwap::from_pointee(Running::of(rules))),
            reloads: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            refusal: Mutex::default(),
        }
    }

    pub fn running(&self) -> Arc<Running> {
        self.running.load_full()
    }

    /// Times that rules took the place of others, and times that they were refused.
    pub fn counts(&self) -> (u64, u64) {
        (
            self.reloads.load(Ordering::Relaxed),
            self.refusals.load(Ordering::Relaxed),
        )
    }

    /// Why the last reload changed nothing; none when it did, or when there was none.
    pub fn last_refusal(&self) -> Option<String> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// For a worker that has the rules of now.
    pub fn follow(&self) -> (Arc<Running>, Follower) {
        let running = self.running();
        let generation = running.engine.generation();
        let cache = Cache::new(Arc::clone(&self.running));
        (running, Follower { cache, generation })
    }

    /// Loads rules, and lets them take the place of those that run, which are given back.
    ///
    /// # Errors
    /// When they cannot be read, or have faults and shall not.
    pub fn replace(
        &self,
        load: impl FnOnce(&Engine) -> anyhow::Result<(Ruleset, OnFault)>,
    ) -> Result<Arc<Running>, Refused> {
        let outcome = self.load(load);
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) =
            outcome.as_ref().err().map(ToString::to_string);
        match &outcome {
            Ok(_) => self.reloads.fetch_add(1, Ordering::Relaxed),
            Err(reason) => {
                tracing::error!("rules were not reloaded, those before go on: {reason}");
                self.refusals.fetch_add(1, Ordering::Relaxed)
            }
        };
        outcome
    }

    fn load(
        &self,
        load: impl FnOnce(&Engine) -> anyhow::Result<(Ruleset, OnFault)>,
    ) -> Result<Arc<Running>, Refused> {
        let (rules, on_fault) = load(&self.running().engine).map_err(Refused::Unreadable)?;
        accept(&rules, on_fault)?;
        tell(&rules, "rules reloaded");
        Ok(self.running.swap(Arc::new(Running::of(&rules))))
    }
}

fn tell(rules: &Ruleset, what: &str) {
    tracing::info!(
        loaded = rules.loaded,
        failed = rules.failed,
        waiting = rules.engine.summary().waiting,
        sigma = rules.sigma.as_ref().map_or(0, |own| own.ruleset.running()),
        generation = rules.engine.generation(),
        hash = rules.hash,
        "{what}"
    );
}

/// Reads the configured rules anew, as successor of an engine.
pub type Loader = dyn FnMut(&Engine) -> anyhow::Result<(Ruleset, OnFault)> + Send;

/// A worker's look at the rules that run.
pub struct Follower {
    cache: Cache<Arc<ArcSwap<Running>>, Arc<Running>>,
    generation: u32,
}

impl Follower {
    /// Other rules, if some have taken the place of those that the worker has.
    pub fn other(&mut self) -> Option<Arc<Running>> {
        let running = self.cache.load();
        if running.engine.generation() == self.generation {
            return None;
        }
        self.generation = running.engine.generation();
        Some(Arc::clone(running))
    }
}

/// Asks for a reload; may be cloned to whoever may ask (the signal, an order of the collector).
#[derive(Clone)]
pub struct Reloader {
    requests: Sender<Sender<Result<String, String>>>,
}

impl Reloader {
    /// Asks; what comes of it (the hash of the rules that run now, or why they were refused) is told later.
    pub fn reload(&self) -> Receiver<Result<String, String>> {
        let (answer, told) = crossbeam_channel::bounded(1);
        // Without the loading thread the sensor is ending; when several orders wait, one more changes nothing.
        let _ = self.requests.try_send(answer);
        told
    }

    /// Starts the loading thread. It ends with `stop`, or when all who may ask are gone.
    pub fn start(
        rules: Arc<Rules>,
        mut load: Box<Loader>,
        signalled: Arc<AtomicBool>,
        stop: Arc<AtomicBool>,
    ) -> (Reloader, std::thread::JoinHandle<()>) {
        let (requests, asked) = crossbeam_channel::bounded::<Sender<Result<String, String>>>(4);
        let thread = std::thread::spawn(move || {
            let mut retired: Vec<Arc<Running>> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let answer = match asked.recv_timeout(TICK) {
                    Ok(answer) => Some(answer),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let signal = signalled.swap(false, Ordering::Relaxed);
                if answer.is_some() || signal {
                    let outcome = rules.replace(&mut *load);
                    if let Some(answer) = answer {
                        let told = match &outcome {
                            Ok(_) => Ok(rules.running().hash.clone()),
                            Err(reason) => Err(reason.to_string()),
                        };
                        let _ = answer.send(told);
                    }
                    retired.extend(outcome.ok());
                }
                // Whoever lets go last frees it: that shall not be a worker.
                retired.retain(|one| Arc::strong_count(one) > 1 || one.is_used());
            }
        });
        (Reloader { requests }, thread)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use sensor_capture::CaptureFile;
    use sensor_event::Class;

    use super::*;
    use crate::output::Output;
    use crate::ruleset;
    use crate::settings::{Checksums, Settings};
    use crate::worker::Worker;

    /// Keeps the sid of each alert.
    #[derive(Default)]
    struct Sids(Vec<u64>);

    impl Output for Sids {
        fn record(&mut self, class: Class, line: &[u8]) {
            if class == Class::Alert
                && let Ok(record) = serde_json::from_slice::<serde_json::Value>(line)
                && let Some(sid) = record["alert"]["signature_id"].as_u64()
            {
                self.0.push(sid);
            }
        }
    }

    fn capture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/pcap")
            .join(name)
            .join("input.pcap")
    }

    fn settings() -> Settings {
        Settings {
            checksums: Checksums::None,
            ..Settings::default()
        }
    }

    fn compiled(text: &str, before: Option<&Engine>) -> Ruleset {
        let folder = Path::new(".");
        ruleset::of_text(text, folder, &settings(), before).expect("no file is needed")
    }

    /// Sids of the alerts of a capture; rules of `steps` take over in front of the frames that they name.
    fn replayed(name: &str, first: &str, steps: &[(u64, &str)]) -> Vec<u64> {
        let rules = Rules::new(&compiled(first, None));
        let (running, mut follower) = rules.follow();
        let engine = Arc::clone(&running.engine);
        let mut worker = Worker::new(0, Arc::new(settings()), Some(engine), None, Sids::default());
        worker.set_sigma(running.sigma.as_ref());
        let mut capture = CaptureFile::open(&capture(name)).expect("the capture is there");
        let mut number = 0;
        while let Ok(Some(frame)) = capture.next_frame() {
            number += 1;
            for (_, text) in steps.iter().filter(|(at, _)| *at == number) {
                let load = |engine: &Engine| Ok((compiled(text, Some(engine)), OnFault::Skip));
                rules.replace(load).expect("sound rules");
            }
            if let Some(running) = follower.other() {
                worker.replace_all(&running);
            }
            worker.frame(&frame);
        }
        worker.finish();
        let mut sids = worker.into_output().0;
        sids.sort_unstable();
        sids
    }

    fn frames(name: &str) -> u64 {
        let mut capture = CaptureFile::open(&capture(name)).expect("the capture is there");
        let mut number = 0;
        while let Ok(Some(_)) = capture.next_frame() {
            number += 1;
        }
        number
    }

    /// Bits, settled and partly matched signatures, data half seen: a reload at any frame changes nothing.
    #[test]
    fn the_same_rules_under_other_numbers_say_the_same_at_every_frame() {
        const RULES: [&str; 5] = [
            r#"alert http any any -> any any (msg:"a"; flow:to_server; http.method; content:"GET"; flowbits:set,asked; sid:501; rev:1;)"#,
            r#"alert http any any -> any any (msg:"b"; flow:to_client; flowbits:isset,asked; http.stat_code; content:"200"; sid:502; rev:1;)"#,
            r#"alert tcp any any -> any any (msg:"c"; flow:established; content:"HTTP/1."; sid:503; rev:1;)"#,
            r#"alert ip any any -> any any (msg:"d"; sid:504; rev:1;)"#,
            r#"alert http any any -> any any (msg:"e"; flow:to_server; http.host; content:"."; threshold:type limit, track by_rule, count 1, seconds 3600; sid:505; rev:1;)"#,
        ];
        let first = RULES.join("\n");
        // Rules in front shift every number; another name comes before the flow bit.
        let other = format!(
            "alert tcp any any -> any any (msg:\"x\"; flowbits:isset,never; content:\"nowhere to be found\"; sid:3; rev:1;)\n{}\n",
            RULES
                .map(|rule| rule.to_owned())
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
                .join("\n")
        );
        let name = "web/browse";
        let expected = replayed(name, &first, &[]);
        assert!(
            expected.contains(&501) && expected.contains(&502) && expected.contains(&505),
            "{expected:?}"
        );
        let count = frames(name);
        for at in 1..=count.min(60) {
            assert_eq!(
                replayed(name, &first, &[(at, &other)]),
                expected,
                "reload at frame {at}"
            );
        }
        let often: Vec<(u64, &str)> = (1..=count)
            .map(|at| {
                (
                    at,
                    if at % 2 == 0 {
                        first.as_str()
                    } else {
                        other.as_str()
                    },
                )
            })
            .collect();
        assert_eq!(
            replayed(name, &first, &often),
            expected,
            "a reload at every frame"
        );
    }

    #[test]
    fn new_rules_see_flows_that_are_under_way() {
        let before =
            r#"alert tcp any any -> any any (msg:"a"; content:"not there at all"; sid:1; rev:1;)"#;
        let after = r#"alert ip any any -> any any (msg:"addresses"; sid:2; rev:1;)
alert http any any -> any any (msg:"request"; http.method; content:"GET"; sid:3; rev:1;)"#;
        let name = "web/browse";
        let sids = replayed(name, before, &[(3, after)]);
        let whole = replayed(name, after, &[]);
        let count = |sids: &[u64], wanted| sids.iter().filter(|&&sid| sid == wanted).count();
        assert_eq!(count(&sids, 3), count(&whole, 3));
        assert!(count(&sids, 2) > 0 && count(&sids, 2) <= count(&whole, 2));
    }

    #[test]
    fn faulty_rules_are_refused_or_left_out() {
        let sound = "alert tcp any any -> any any (msg:\"a\"; content:\"abcd\"; sid:1; rev:1;)\n";
        let faulty = format!("{sound}alert tcp any any -> any any (contnet:\"a\"; sid:2;)\n");
        for (on_fault, generation, counts) in
            [(OnFault::Refuse, 0, (0, 1)), (OnFault::Skip, 1, (1, 0))]
        {
            let rules = Rules::new(&compiled(sound, None));
            let hash = rules.running().hash.clone();
            let outcome = rules.replace(|engine| Ok((compiled(&faulty, Some(engine)), on_fault)));
            assert_eq!(outcome.is_ok(), on_fault == OnFault::Skip);
            assert_eq!(rules.running().engine.generation(), generation);
            assert_eq!(rules.running().hash == hash, on_fault == OnFault::Refuse);
            assert_eq!(rules.counts(), counts);
            let running = rules.running();
            let told: Vec<_> = running
                .faults
                .iter()
                .map(|one| (one.line, one.sid))
                .collect();
            let expected = if outcome.is_ok() {
                vec![(2, Some(2))]
            } else {
                vec![]
            };
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn told_faults_are_few_and_short() {
        let long = "x".repeat(2 * REASON_CHARS);
        let faulty: String = (1..=3 * TOLD_FAULTS)
            .map(|sid| format!("alert tcp any any -> any any ({long}:\"a\"; sid:{sid};)\n"))
            .collect();
        let rules = Rules::new(&compiled(&faulty, None));
        let running = rules.running();
        assert_eq!(
            (running.failed, running.faults.len()),
            (3 * TOLD_FAULTS, TOLD_FAULTS)
        );
        let keyword = |one: &RuleFault| one.keyword.as_ref().map_or(0, |name| name.chars().count());
        assert!(
            running
                .faults
                .iter()
                .all(|one| one.reason.chars().count() <= REASON_CHARS
                    && keyword(one) <= REASON_CHARS)
        );
    }

    fn with_sigma(title: &str, before: Option<&Engine>) -> Ruleset {
        let text = format!(
            "title: {title}\nlogsource: {{category: webserver}}\ndetection:\n  s: {{cs-method: GET}}\n  condition: s\n"
        );
        let source = rules::signature::SourceFile {
            name: "a.yml".to_owned(),
            text,
        };
        let mut rules = compiled("", before);
        rules.join(crate::sigma::of_sources(vec![source], &settings()).expect("no file is read"));
        rules
    }

    #[test]
    fn sigma_rules_change_with_the_signatures() {
        let rules = Rules::new(&with_sigma("a", None));
        let first = rules.running();
        let sid = |running: &Running| {
            let own = running.sigma.as_ref().expect("Sigma rules");
            own.ruleset.rules[0].rule.meta.sid()
        };
        let (running, mut follower) = rules.follow();
        let engine = Arc::clone(&running.engine);
        let mut worker = Worker::new(0, Arc::new(settings()), Some(engine), None, Sids::default());
        worker.set_sigma(running.sigma.as_ref());
        let mut capture = CaptureFile::open(&capture("web/browse")).expect("the capture is there");
        let mut number = 0;
        while let Ok(Some(frame)) = capture.next_frame() {
            number += 1;
            if number == 20 {
                let load = |engine: &Engine| Ok((with_sigma("b", Some(engine)), OnFault::Skip));
                rules.replace(load).expect("sound rules");
            }
            if let Some(running) = follower.other() {
                worker.replace_all(&running);
            }
            worker.frame(&frame);
        }
        worker.finish();
        let told: std::collections::BTreeSet<u64> = worker.into_output().0.into_iter().collect();
        let second = rules.running();
        assert_eq!(told, [sid(&first), sid(&second)].map(u64::from).into());
        assert_ne!(first.hash, second.hash);
        assert_eq!((second.loaded, second.failed), (1, 0));
    }

    #[test]
    fn orders_and_signals_reload() {
        let text = |n: u32| {
            format!("alert tcp any any -> any any (msg:\"{n}\"; content:\"abcd\"; sid:{n}; rev:1;)")
        };
        let rules = Arc::new(Rules::new(&compiled(&text(1), None)));
        let mut next = 1;
        let load = move |engine: &Engine| {
            next += 1;
            Ok((compiled(&text(next), Some(engine)), OnFault::Skip))
        };
        let (signalled, stop) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (reloader, thread) = Reloader::start(
            Arc::clone(&rules),
            Box::new(load),
            Arc::clone(&signalled),
            Arc::clone(&stop),
        );
        let told = reloader
            .reload()
            .recv_timeout(Duration::from_secs(10))
            .expect("an answer");
        assert_eq!(told.as_deref(), Ok(rules.running().hash.as_str()));
        signalled.store(true, Ordering::Relaxed);
        for _ in 0..200 {
            if rules.running().engine.generation() == 2 {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(rules.counts(), (2, 0));
        stop.store(true, Ordering::Relaxed);
        thread.join().expect("the thread ends");
    }
}
