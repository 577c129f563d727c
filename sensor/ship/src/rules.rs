//! Rules that the collector publishes: asked for part by part, checked, and what came of them told with each heartbeat.
//!
//! The collector offers a text; the sensor asks for one part after the other, each as long as the link carries in a
//! moment, so that acknowledgements behind it wait no longer than that. Parts are appended to a file: after a cut, the
//! next link goes on where it ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::budget::LinkBudget;
use crate::link::LinkError;
use crate::seal::{MAX_PACKED_BYTES, Manifest, SealError, SealedRules};
use crate::wire;
use crate::wire::sensor_message::Message;

/// Of a reason, this is told.
const MAX_REASON_BYTES: usize = 2_000;
/// Bytes that are asked for at a time.
const PART_BYTES: std::ops::RangeInclusive<u32> = (2 << 10)..=(256 << 10);
const FIRST_PART_BYTES: u32 = 8 << 10;
/// A part that came within this time is followed by one twice as long.
const QUICK: Duration = Duration::from_secs(1);
/// And one that took longer than this, by one half as long.
const SLOW: Duration = Duration::from_secs(2);
/// What a file of parts is called: this, the digest of the whole, and the ending.
const PARTS_PREFIX: &str = "published-";
const PARTS_ENDING: &str = ".part";

/// Where published rules go, and what came of them.
#[derive(Clone)]
pub struct RulesDesk {
    /// Takes a text in the place of the one before; does not wait until it runs.
    pub take: Arc<dyn Fn(SealedRules) + Send + Sync>,
    /// Hears the hash of a text that cannot be taken, and why.
    pub refuse: Arc<dyn Fn(String, String) + Send + Sync>,
    pub state: Arc<dyn Fn() -> RulesState + Send + Sync>,
    /// The authority whose seals count, PEM.
    pub authority: String,
    /// Where parts lie until they are a whole.
    pub folder: PathBuf,
}

/// What came of published rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RulesState {
    /// SHA-256 of the text that runs, hexadecimal; empty for none.
    pub hash: String,
    /// Of the text that was refused last, and why.
    pub refused: Option<(String, String)>,
}

/// What the collector says of published rules.
#[derive(Debug)]
pub(crate) enum Told {
    Offer(wire::RulesOffer),
    Part(wire::RulesPart),
    /// In one message, as collectors did before rules were signed.
    Unsigned(String),
}

impl RulesDesk {
    pub(crate) fn told(&self) -> wire::RulesState {
        let state = (self.state)();
        let (refused_hash, mut refused_reason) = state.refused.unwrap_or_default();
        refused_reason.truncate(refused_reason.floor_char_boundary(MAX_REASON_BYTES));
        wire::RulesState {
            hash: state.hash,
            refused_hash,
            refused_reason,
            takes_parts: true,
        }
    }
}

/// Takes what the collector publishes on one link, until it ends.
pub(crate) async fn serve(
    desk: Option<RulesDesk>,
    budget: Arc<LinkBudget>,
    mut told: mpsc::Receiver<Told>,
    outbound: mpsc::Sender<wire::SensorMessage>,
) {
    let mut fetch: Option<Fetch> = None;
    while let Some(told) = told.recv().await {
        let Some(desk) = desk.clone() else { continue };
        // The disk may be slow, and a whole text takes its time to be unpacked.
        let before = fetch.take();
        let step = tokio::task::spawn_blocking(move || match told {
            Told::Offer(offer) => Fetch::begin(&desk, offer),
            Told::Part(part) => match before {
                Some(fetch) => fetch.go_on(&desk, part),
                None => Ok(None),
            },
            Told::Unsigned(hash) => {
                (desk.refuse)(hash, SealError::Unsigned.to_string());
                Ok(before)
            }
        });
        fetch = match step.await {
            Ok(Ok(fetch)) => fetch,
            Ok(Err(error)) => {
                // The collector offers it again after a while.
                tracing::warn!(%error, "published rules are not fetched");
                None
            }
            Err(_) => return,
        };
        if let Some(fetch) = &mut fetch
            && let Some(pause) = fetch.pause(budget.bytes_per_second())
        {
            tokio::time::sleep(pause).await;
            let ask = fetch.ask();
            let message = wire::SensorMessage {
                message: Some(Message::RulesAsk(ask)),
            };
            if outbound.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// A text on its way.
struct Fetch {
    seal: wire::RulesSeal,
    manifest: Manifest,
    sha256: hyper::body::Bytes,
    path: PathBuf,
    total: u64,
    have: u64,
    part_bytes: u32,
    /// When the next part was asked for; none: it is to be.
    asked: Option<Instant>,
    /// The last part, and how long it took.
    last: (u64, Duration),
}

impl Fetch {
    /// Looks at an offer; what is there of it already is not asked for again. None: there is nothing to wait for.
    fn begin(desk: &RulesDesk, offer: wire::RulesOffer) -> Result<Option<Fetch>, LinkError> {
        let seal = offer.seal.unwrap_or_default();
        let total = offer.packed_bytes;
        let checked = Manifest::check(&seal, &desk.authority).and_then(|manifest| {
            if total > MAX_PACKED_BYTES {
                return Err(SealError::TooLarge {
                    bytes: total,
                    limit: MAX_PACKED_BYTES,
                });
            }
            Ok(manifest)
        });
        let manifest = match checked {
            Ok(manifest) => manifest,
            Err(error) => {
                tracing::warn!(%error, "published rules are refused");
                // What it says of itself, so that it is not offered again.
                let hash = Manifest::of_kept(&prost::Message::encode_to_vec(&seal))
                    .map(|manifest| manifest.hash)
                    .unwrap_or_default();
                (desk.refuse)(hash, error.to_string());
                return Ok(None);
            }
        };
        let digits: String = offer
            .packed_sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let path = desk
            .folder
            .join(format!("{PARTS_PREFIX}{digits}{PARTS_ENDING}"));
        remove_others(&desk.folder, &path)?;
        let have = std::fs::metadata(&path).map_or(0, |about| about.len());
        tracing::info!(
            hash = manifest.hash,
            total,
            have,
            "rules are published to this sensor"
        );
        let fetch = Fetch {
            seal,
            manifest,
            sha256: offer.packed_sha256,
            path,
            total,
            have,
            part_bytes: FIRST_PART_BYTES,
            asked: None,
            last: (0, Duration::ZERO),
        };
        if fetch.have >= fetch.total {
            return fetch.finish(desk);
        }
        Ok(Some(fetch))
    }

    /// How long to wait before the next part is asked for; none: it is. Down, as up, no more comes than the link's
    /// budget.
    fn pause(&mut self, bytes_per_second: Option<u64>) -> Option<Duration> {
        if self.asked.is_some() {
            return None;
        }
        let Some(rate) = bytes_per_second else {
            return Some(Duration::ZERO);
        };
        let half_a_second = u32::try_from(rate / 2).unwrap_or(u32::MAX);
        self.part_bytes = self.part_bytes.min(half_a_second).max(*PART_BYTES.start());
        let (bytes, took) = self.last;
        let fair = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        Some(fair.saturating_sub(took))
    }

    fn ask(&mut self) -> wire::RulesAsk {
        self.asked = Some(Instant::now());
        wire::RulesAsk {
            packed_sha256: self.sha256.clone(),
            from: self.have,
            at_most_bytes: self.part_bytes,
        }
    }

    /// Takes a part, if it is the next one.
    fn go_on(
        mut self,
        desk: &RulesDesk,
        part: wire::RulesPart,
    ) -> Result<Option<Fetch>, LinkError> {
        let bytes = part.packed.len() as u64;
        let is_next = part.packed_sha256 == self.sha256 && part.from == self.have;
        if !is_next || bytes == 0 || bytes > self.total - self.have {
            return Ok(Some(self));
        }
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.path)?;
        file.write_all(&part.packed)?;
        self.have += bytes;
        if let Some(asked) = self.asked.take() {
            self.last = (bytes, asked.elapsed());
            self.part_bytes = next_part_bytes(self.part_bytes, asked.elapsed());
        }
        if self.have == self.total {
            return self.finish(desk);
        }
        Ok(Some(self))
    }

    /// Hands over what is whole. The file stays until another text comes: who loads it may be killed.
    fn finish(self, desk: &RulesDesk) -> Result<Option<Fetch>, LinkError> {
        let packed = match self.total {
            0 => Vec::new(),
            _ => std::fs::read(&self.path)?,
        };
        if self.total > 0 && Sha256::digest(&packed)[..] != self.sha256[..] {
            std::fs::remove_file(&self.path)?;
            return Err("their parts are not those of the whole; they are fetched anew".into());
        }
        let hash = self.manifest.hash.clone();
        match SealedRules::open(&self.seal, self.manifest, &packed) {
            Ok(rules) => (desk.take)(rules),
            Err(error) => {
                tracing::warn!(%error, "published rules are refused");
                (desk.refuse)(hash, error.to_string());
            }
        }
        Ok(None)
    }
}

/// How many bytes to ask for after a part that took so long.
fn next_part_bytes(bytes: u32, took: Duration) -> u32 {
    let next = match took {
        took if took < QUICK => bytes.saturating_mul(2),
        took if took > SLOW => bytes / 2,
        _ => bytes,
    };
    next.clamp(*PART_BYTES.start(), *PART_BYTES.end())
}

/// Removes the parts of texts that are not wanted any more.
fn remove_others(folder: &Path, wanted: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_parts = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(PARTS_PREFIX) && name.ends_with(PARTS_ENDING));
        if is_parts && path != wanted {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::seal::tests::{Collector, packed};

    #[derive(Default)]
    struct Heard {
        taken: Mutex<Vec<String>>,
        refused: Mutex<Vec<String>>,
    }

    impl Heard {
        fn desk(self: &Arc<Heard>, authority: &str, folder: &Path) -> RulesDesk {
            let (taking, refusing) = (Arc::clone(self), Arc::clone(self));
            RulesDesk {
                take: Arc::new(move |rules| {
                    taking.taken.lock().expect("not poisoned").push(rules.text);
                }),
                refuse: Arc::new(move |_, reason| {
                    refusing.refused.lock().expect("not poisoned").push(reason);
                }),
                state: Arc::new(RulesState::default),
                authority: authority.to_owned(),
                folder: folder.to_owned(),
            }
        }

        fn taken(&self) -> Vec<String> {
            self.taken.lock().expect("not poisoned").clone()
        }
    }

    /// A text that does not pack well.
    fn text(seed: u64, words: usize) -> String {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..words)
            .map(|_| format!("{:x}\n", random.u64(..)))
            .collect()
    }

    fn offer(collector: &Collector, text: &str) -> wire::RulesOffer {
        let packed = if text.is_empty() {
            hyper::body::Bytes::new()
        } else {
            packed(text)
        };
        wire::RulesOffer {
            seal: Some(collector.seal(text)),
            packed_bytes: packed.len() as u64,
            packed_sha256: Sha256::digest(&packed).to_vec().into(),
        }
    }

    /// Answers what is asked on one link, at most so many times; how many bytes were sent.
    async fn converse(desk: &RulesDesk, offer: wire::RulesOffer, text: &str, parts: usize) -> u64 {
        let (tell, told) = mpsc::channel(4);
        let (outbound, mut asked) = mpsc::channel(4);
        let serving = tokio::spawn(serve(Some(desk.clone()), Arc::default(), told, outbound));
        tell.send(Told::Offer(offer)).await.expect("it is served");
        let packed = packed(text);
        let mut sent = 0;
        for _ in 0..parts {
            let Some(wire::SensorMessage {
                message: Some(Message::RulesAsk(ask)),
            }) = asked.recv().await
            else {
                panic!("it is asked for");
            };
            let from = usize::try_from(ask.from).expect("within the frame");
            let end = packed.len().min(from + ask.at_most_bytes as usize);
            sent += (end - from) as u64;
            let part = wire::RulesPart {
                packed_sha256: ask.packed_sha256,
                from: ask.from,
                packed: packed.slice(from..end),
            };
            tell.send(Told::Part(part)).await.expect("it is served");
            if end == packed.len() {
                break;
            }
        }
        drop(tell);
        serving.await.expect("it ends");
        sent
    }

    #[tokio::test]
    async fn a_text_goes_on_after_a_cut_and_is_taken_once_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let (collector, heard) = (Collector::new(), Arc::new(Heard::default()));
        let desk = heard.desk(&collector.authority, folder.path());
        let long = text(1, 20_000);
        let mut sent = 0;
        for _ in 0..3 {
            sent += converse(&desk, offer(&collector, &long), &long, 2).await;
        }
        assert!(heard.taken().is_empty());
        sent += converse(&desk, offer(&collector, &long), &long, usize::MAX).await;
        assert_eq!(sent, packed(&long).len() as u64, "no byte comes twice");
        assert!(heard.taken() == [long.as_str()]);
        // Whoever was killed while loading it has it already.
        assert_eq!(converse(&desk, offer(&collector, &long), &long, 0).await, 0);
        assert_eq!(heard.taken().len(), 2);
        // Another text has the place of the one before, and none has no parts.
        let other = text(2, 100);
        converse(&desk, offer(&collector, &other), &other, usize::MAX).await;
        converse(&desk, offer(&collector, ""), "", 0).await;
        assert!(heard.taken()[2..] == [other, String::new()]);
        let left = std::fs::read_dir(folder.path())
            .expect("the folder")
            .count();
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn parts_that_are_not_those_of_the_whole_are_fetched_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (collector, heard) = (Collector::new(), Arc::new(Heard::default()));
        let desk = heard.desk(&collector.authority, folder.path());
        let long = text(3, 5_000);
        converse(&desk, offer(&collector, &long), &long, 1).await;
        let entry = std::fs::read_dir(folder.path()).expect("the folder").next();
        let path = entry.expect("parts").expect("readable").path();
        std::fs::write(&path, [0; 100]).expect("damaged");
        converse(&desk, offer(&collector, &long), &long, usize::MAX).await;
        assert!(heard.taken().is_empty() && !path.exists());
        converse(&desk, offer(&collector, &long), &long, usize::MAX).await;
        assert!(heard.taken() == [long]);
    }

    #[tokio::test]
    async fn what_is_not_the_collectors_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (collector, other) = (Collector::new(), Collector::new());
        let heard = Arc::new(Heard::default());
        let desk = heard.desk(&collector.authority, folder.path());
        let huge = wire::RulesOffer {
            packed_bytes: MAX_PACKED_BYTES + 1,
            ..offer(&collector, "luật\n")
        };
        for wrong in [offer(&other, "luật\n"), huge, wire::RulesOffer::default()] {
            converse(&desk, wrong, "luật\n", 0).await;
        }
        let (tell, told) = mpsc::channel(4);
        let serving = tokio::spawn(serve(Some(desk), Arc::default(), told, mpsc::channel(1).0));
        let unsigned = Told::Unsigned("0f".to_owned());
        tell.send(unsigned).await.expect("it is served");
        drop(tell);
        serving.await.expect("it ends");
        let reasons = heard.refused.lock().expect("not poisoned").clone();
        assert_eq!(reasons.len(), 4, "{reasons:?}");
        assert!(heard.taken().is_empty());
    }

    #[test]
    fn parts_are_as_long_as_the_link_carries_in_a_moment() {
        let rows = [
            (8 << 10, 10, 16 << 10),
            (8 << 10, 1_500, 8 << 10),
            (8 << 10, 2_500, 4 << 10),
            (2 << 10, 9_000, 2 << 10),
            (256 << 10, 1, 256 << 10),
        ];
        for (bytes, millis, expected) in rows {
            let next = next_part_bytes(bytes, Duration::from_millis(millis));
            assert_eq!(next, expected, "{bytes} in {millis} ms");
        }
    }
}
