//! Keeps a link to the collector, and sends what is spooled.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::budget::LinkBudget;
use crate::evidence::EvidenceSource;
use crate::fleet::FleetDesk;
use crate::hunt::HuntSource;
use crate::identity::Identity;
use crate::link::{Link, LinkEnd, LinkError};
use crate::recorder::Recorder;
use crate::renewal::Renewal;
use crate::rules::RulesDesk;
use crate::spool::{Shared, Spool};
use crate::tls::COLLECTOR_NAME;

const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LAST_BACKOFF: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Takes a command of the collector: a JSON object.
pub type CommandHandler = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Sigma rules that this sensor runs over its records, so that the collector need not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SigmaInUse {
    /// Since when, Unix milliseconds.
    pub since_ms: u64,
    /// Signature ids of their alerts, sorted.
    pub sids: Vec<u32>,
}

/// What the shipper tells the collector besides records.
#[derive(Clone)]
pub struct ShipperOptions {
    pub sensor_version: String,
    pub hostname: String,
    /// Pause between heartbeats.
    pub heartbeat: Duration,
    /// Longest pause between attempts to connect.
    pub longest_backoff: Duration,
    /// A JSON object with the sensor's counters, for each heartbeat.
    pub stats: Arc<dyn Fn() -> String + Send + Sync>,
    /// The rule set in use now.
    pub ruleset_hash: Arc<dyn Fn() -> String + Send + Sync>,
    /// The Sigma rules in use now.
    pub sigma: Arc<dyn Fn() -> Arc<SigmaInUse> + Send + Sync>,
    pub command: CommandHandler,
    /// Rules that the collector may publish; none: they are not taken.
    pub rules: Option<RulesDesk>,
    /// Frames that the collector may ask for; none: no ring is kept.
    pub evidence: Option<EvidenceSource>,
    /// Records that the collector may search; none: no archive is kept.
    pub hunt: Option<HuntSource>,
    /// Settings and orders of the centre; none: they are not taken.
    pub fleet: Option<FleetDesk>,
    /// Tells this program from others with the same certificate. Made by chance; 0: it is not told.
    pub instance: u64,
    /// Where the identity lies, so that it can be renewed; none: it is not.
    pub state_dir: Option<PathBuf>,
    /// What may be sent, over all links.
    pub budget: Arc<LinkBudget>,
}

impl Default for ShipperOptions {
    fn default() -> Self {
        ShipperOptions {
            sensor_version: env!("CARGO_PKG_VERSION").to_owned(),
            hostname: String::new(),
            heartbeat: Duration::from_secs(5),
            longest_backoff: LAST_BACKOFF,
            stats: Arc::new(|| "{}".to_owned()),
            ruleset_hash: Arc::new(String::new),
            sigma: Arc::new(Arc::default),
            command: Arc::new(|_| {}),
            rules: None,
            evidence: None,
            hunt: None,
            fleet: None,
            instance: fastrand::u64(1..=u64::MAX),
            state_dir: None,
            budget: Arc::default(),
        }
    }
}

/// Sends a spool's records. One per spool.
pub struct Shipper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) recorder: Recorder,
    pub(crate) options: ShipperOptions,
    /// The collector's address, for the log.
    address: String,
    dial: Dial,
    connected: watch::Sender<bool>,
    contact: Mutex<Contact>,
    pub(crate) renewal: Option<Arc<Renewal>>,
}

/// What the last attempts to reach the collector gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    pub connected: bool,
    /// Why there is no link, in words; none while there is one.
    pub failure: Option<String>,
    /// How far this clock is before the collector's, in milliseconds, at the last welcome; an answer takes its time, so
    /// that a fraction of a second means nothing.
    pub ahead_ms: Option<i64>,
}

/// Makes a connection to the collector.
pub type Dial = Arc<dyn Fn() -> Dialling + Send + Sync>;
type Dialling = Pin<Box<dyn Future<Output = Result<Channel, LinkError>> + Send>>;

impl Shipper {
    pub fn new(spool: &Spool, identity: Identity, options: ShipperOptions) -> Shipper {
        let address = identity.address.clone();
        let renewal = Arc::new(Renewal::new(identity, options.state_dir.clone()));
        let with = Arc::clone(&renewal);
        let dial: Dial = Arc::new(move || {
            let identity = with.identity();
            Box::pin(async move { Ok(channel(&identity).await?) })
        });
        Shipper {
            address,
            renewal: Some(renewal),
            ..Shipper::over(spool, dial, options)
        }
    }

    /// Over connections that somebody else makes: for a simulated network.
    pub fn over(spool: &Spool, dial: Dial, options: ShipperOptions) -> Shipper {
        Shipper {
            shared: Arc::clone(spool.shared()),
            recorder: spool.handle(),
            options,
            address: String::new(),
            dial,
            connected: watch::Sender::new(false),
            contact: Mutex::default(),
            renewal: None,
        }
    }

    /// Whether the collector has welcomed this sensor, now and as it changes.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    pub fn contact(&self) -> Contact {
        self.contact_now().clone()
    }

    fn contact_now(&self) -> MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, sends, and connects again, until `shutdown` completes.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = shutdown => {}
            () = self.keep_connected() => {}
        }
        self.connected.send_replace(false);
    }

    /// Waits until everything that is spooled now has been acknowledged. [`Shipper::run`] must be
    /// running. Call [`Spool::flush`] before, for what is not spooled yet.
    pub async fn drain(&self) {
        let mut changed = self.shared.changed.subscribe();
        while self.shared.state().backlog().total() > 0 {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    async fn keep_connected(&self) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let end = self.connect().await;
            let welcomed = self.connected.send_replace(false);
            self.contact_now().connected = false;
            let pause = match end {
                Ok(LinkEnd::RetryAfter(pause)) => pause.min(self.options.longest_backoff),
                Ok(LinkEnd::Closed) => FIRST_BACKOFF,
                Err(error) => {
                    let failure = chain(&*error);
                    tracing::warn!(address = %self.address, error = failure, "no link to the collector");
                    self.contact_now().failure = Some(failure);
                    if welcomed {
                        backoff = FIRST_BACKOFF;
                    }
                    let pause = backoff;
                    backoff = (backoff * 2).min(self.options.longest_backoff);
                    pause
                }
            };
            // Half to whole: sensors that lost the same collector do not come back in step.
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        }
    }

    async fn connect(&self) -> Result<LinkEnd, Box<dyn std::error::Error + Send + Sync>> {
        let channel = (self.dial)().await?;
        let mut link = Link::open(self, channel).await?;
        self.connected.send_replace(true);
        *self.contact_now() = Contact {
            connected: true,
            failure: None,
            ahead_ms: link.ahead_ms,
        };
        tracing::info!(address = %self.address, "connected to the collector");
        link.run().await
    }
}

async fn channel(identity: &Identity) -> Result<Channel, tonic::transport::Error> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&identity.ca_pem))
        .identity(tonic::transport::Identity::from_pem(
            &identity.certificate_pem,
            &identity.key_pem,
        ))
        .domain_name(COLLECTOR_NAME);
    Endpoint::from_shared(format!("https://{}", identity.address))?
        .tls_config(tls)?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(20))
        .keep_alive_while_idle(true)
        .connect()
        .await
}

/// An error with its causes; the outermost alone often says only "transport error".
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
