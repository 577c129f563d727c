//! What a centre tells one sensor on its stream beside asking for evidence: settings, orders, a new certificate.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tonic::Status;

use crate::authority::Authority;
use crate::error::PortError;
use crate::limits::{
    MAX_BUNDLE_BYTES, MAX_CSR_BYTES, MAX_NAME_BYTES, MAX_REASON_BYTES, MAX_STATS_BYTES,
    PUBLISH_AGAIN,
};
use crate::wire;
use crate::wire::collector_message::Message as FromCollector;

/// What a sensor says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    pub sensor: String,
    /// Made by chance when its program started; 0: not told.
    pub instance: u64,
    pub hostname: String,
    pub remote_addr: String,
}

/// What a sensor made of the centre's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigurationState {
    /// Of the text that runs; empty for none.
    pub hash: String,
    /// Of the text that was refused last, and why.
    pub refused: Option<(String, String)>,
    /// Of a text that takes effect with the next start.
    pub waiting: Option<String>,
    /// Of everything that it runs with.
    pub running_hash: String,
    /// JSON object; none: as it was told before.
    pub running: Option<String>,
}

/// Settings that a sensor is to run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    pub hash: String,
    /// A JSON object of strings; empty for none.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FleetOrder {
    Restart,
    Bundle,
}

/// What becomes of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderTold {
    /// To the program of this number.
    Sent(u64),
    Working,
    Failed(String),
    /// A support bundle, whole.
    Came(Vec<u8>),
}

/// What the centre wants of its sensors.
#[async_trait]
pub trait FleetDesk: Send + Sync + 'static {
    /// Changes when other things are wanted.
    fn changed(&self) -> watch::Receiver<u64>;

    async fn greeted(&self, greeting: Greeting) -> Result<(), PortError>;

    /// The settings that the sensor is to run with, unless it does, has refused them, or waits to be started with them.
    async fn configuration_for(
        &self,
        sensor: &str,
        told: &ConfigurationState,
    ) -> Result<Option<Configuration>, PortError>;

    /// Open orders to a sensor, oldest first.
    async fn orders(&self, sensor: &str) -> Result<Vec<(i64, FleetOrder)>, PortError>;

    async fn order_told(&self, id: i64, told: OrderTold) -> Result<(), PortError>;
}

/// A collector that wants nothing.
pub struct NoFleet(watch::Sender<u64>);

impl Default for NoFleet {
    fn default() -> Self {
        NoFleet(watch::Sender::new(0))
    }
}

#[async_trait]
impl FleetDesk for NoFleet {
    fn changed(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    async fn greeted(&self, _: Greeting) -> Result<(), PortError> {
        Ok(())
    }

    async fn configuration_for(
        &self,
        _: &str,
        _: &ConfigurationState,
    ) -> Result<Option<Configuration>, PortError> {
        Ok(None)
    }

    async fn orders(&self, _: &str) -> Result<Vec<(i64, FleetOrder)>, PortError> {
        Ok(Vec::new())
    }

    async fn order_told(&self, _: i64, _: OrderTold) -> Result<(), PortError> {
        Ok(())
    }
}

/// Which stream of each sensor is the newest. One that another has taken the place of ends: its sensor has gone, or there are
/// two.
#[derive(Default)]
pub(crate) struct Speakers {
    newest: Mutex<HashMap<String, (u64, Arc<Notify>)>>,
}

impl Speakers {
    fn held(&self) -> MutexGuard<'_, HashMap<String, (u64, Arc<Notify>)>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the place of the stream before; told when another takes this one's.
    pub fn begin(&self, sensor: &str) -> (u64, Arc<Notify>) {
        let mut newest = self.held();
        let told = Arc::new(Notify::new());
        let before = newest.remove(sensor);
        let number = before.as_ref().map_or(1, |(number, _)| number + 1);
        if let Some((_, before)) = before {
            before.notify_one();
        }
        newest.insert(sensor.to_owned(), (number, Arc::clone(&told)));
        (number, told)
    }

    /// Whether it was the newest to its end.
    pub fn end(&self, sensor: &str, number: u64) -> bool {
        let mut newest = self.held();
        let is_newest = newest.get(sensor).is_some_and(|(one, _)| *one == number);
        if is_newest {
            newest.remove(sensor);
        }
        is_newest
    }
}

/// What is wanted on one stream.
pub(crate) struct Fleet {
    desk: Arc<dyn FleetDesk>,
    authority: Option<Arc<Authority>>,
    sensor: String,
    instance: u64,
    /// What it said last of its settings; none: it takes none.
    told: Option<ConfigurationState>,
    /// Settings that were sent last, and when.
    sent: Option<(String, Instant)>,
    /// Told on this stream, and not over.
    orders: BTreeSet<i64>,
    /// What has come of a bundle.
    bundle: Option<(i64, Vec<u8>)>,
}

impl Fleet {
    pub fn new(
        desk: Arc<dyn FleetDesk>,
        authority: Option<Arc<Authority>>,
        sensor: String,
    ) -> Fleet {
        Fleet {
            desk,
            authority,
            sensor,
            instance: 0,
            told: None,
            sent: None,
            orders: BTreeSet::new(),
            bundle: None,
        }
    }

    pub fn changed(&self) -> watch::Receiver<u64> {
        self.desk.changed()
    }

    pub async fn greeted(&mut self, hello: &wire::Hello, remote_addr: &str) -> Result<(), Status> {
        self.instance = hello.instance;
        let greeting = Greeting {
            sensor: self.sensor.clone(),
            instance: hello.instance,
            hostname: cut(&hello.hostname, MAX_NAME_BYTES),
            remote_addr: remote_addr.to_owned(),
        };
        self.desk.greeted(greeting).await.map_err(internal)
    }

    /// Says what is wanted and was not said.
    pub async fn refresh(&mut self) -> Result<Vec<FromCollector>, Status> {
        let mut say = Vec::new();
        // A sensor that has said nothing of settings has just come, or takes none and no orders.
        let Some(told) = &self.told else {
            return Ok(say);
        };
        let wanted = self.desk.configuration_for(&self.sensor, told).await;
        match wanted.map_err(internal)? {
            None => self.sent = None,
            Some(configuration) => {
                let is_sent = self.sent.as_ref().is_some_and(|(hash, at)| {
                    *hash == configuration.hash && at.elapsed() < PUBLISH_AGAIN
                });
                if !is_sent {
                    tracing::info!(sensor = %self.sensor, hash = configuration.hash, "settings are sent");
                    self.sent = Some((configuration.hash.clone(), Instant::now()));
                    say.push(FromCollector::Configuration(wire::Configuration {
                        hash: configuration.hash,
                        text: configuration.text.into_bytes().into(),
                    }));
                }
            }
        }
        let open = self.desk.orders(&self.sensor).await.map_err(internal)?;
        self.orders
            .retain(|id| open.iter().any(|(one, _)| one == id));
        for (id, order) in open {
            if self.orders.insert(id) {
                let told = OrderTold::Sent(self.instance);
                self.desk.order_told(id, told).await.map_err(internal)?;
                let kind = match order {
                    FleetOrder::Restart => wire::OrderKind::Restart,
                    FleetOrder::Bundle => wire::OrderKind::Bundle,
                };
                say.push(FromCollector::Order(wire::Order {
                    id: id.cast_unsigned(),
                    kind: kind.into(),
                }));
            }
        }
        Ok(say)
    }

    /// Takes what a heartbeat says of settings.
    pub async fn heard(
        &mut self,
        state: Option<wire::ConfigurationState>,
    ) -> Result<Vec<FromCollector>, Status> {
        self.told = state.map(configuration_state);
        self.refresh().await
    }

    pub async fn order_state(&mut self, state: wire::OrderState) -> Result<(), Status> {
        let id = state.id.cast_signed();
        if !self.orders.contains(&id) {
            return Ok(());
        }
        let told = match state.phase() {
            wire::OrderPhase::Working => OrderTold::Working,
            wire::OrderPhase::Failed => OrderTold::Failed(cut(&state.reason, MAX_NAME_BYTES)),
            wire::OrderPhase::Unspecified => return Ok(()),
        };
        self.desk.order_told(id, told).await.map_err(internal)
    }

    /// Takes a part of a bundle; the sensor may send the next.
    pub async fn chunk(&mut self, chunk: wire::BundleChunk) -> Result<Vec<FromCollector>, Status> {
        let taken = FromCollector::BundleTaken(wire::BundleTaken { id: chunk.id });
        let id = chunk.id.cast_signed();
        if !self.orders.contains(&id) {
            // It was on its way when nobody wanted it any more.
            return Ok(vec![taken]);
        }
        let mut content = match self.bundle.take() {
            Some((one, content)) if one == id && chunk.offset > 0 => content,
            _ => Vec::new(),
        };
        if chunk.offset != content.len() as u64 {
            return Err(Status::invalid_argument("a part of a bundle is missing"));
        }
        if content.len() + chunk.data.len() > MAX_BUNDLE_BYTES {
            let told = OrderTold::Failed("too_large".to_owned());
            self.desk.order_told(id, told).await.map_err(internal)?;
            self.orders.remove(&id);
            return Ok(vec![taken]);
        }
        content.extend_from_slice(&chunk.data);
        if chunk.last {
            self.orders.remove(&id);
            let told = OrderTold::Came(content);
            self.desk.order_told(id, told).await.map_err(internal)?;
        } else {
            self.bundle = Some((id, content));
        }
        Ok(vec![taken])
    }

    /// Signs the sensor's new key; gives its certificate and that certificate's digest.
    pub fn certify(
        &self,
        request: &wire::CertificateRequest,
    ) -> Result<Option<(FromCollector, String)>, Status> {
        let Some(authority) = &self.authority else {
            return Ok(None);
        };
        if request.csr_pem.len() > MAX_CSR_BYTES || !Authority::accepts(&request.csr_pem) {
            return Err(Status::invalid_argument("no certificate request"));
        }
        let signed = authority.sign(&request.csr_pem, &self.sensor);
        let (certificate_pem, digest) = signed.map_err(|error| {
            tracing::error!(%error, "a certificate is not signed");
            Status::internal("a certificate could not be signed")
        })?;
        let certificate = wire::Certificate {
            certificate_pem,
            ca_pem: authority.ca_pem().to_owned(),
        };
        Ok(Some((FromCollector::Certificate(certificate), digest)))
    }
}

fn configuration_state(told: wire::ConfigurationState) -> ConfigurationState {
    let refused = (
        cut(&told.refused_hash, MAX_NAME_BYTES),
        cut(&told.refused_reason, MAX_REASON_BYTES),
    );
    let running = std::str::from_utf8(&told.running).ok().map(str::to_owned);
    ConfigurationState {
        hash: cut(&told.hash, MAX_NAME_BYTES),
        refused: Some(refused).filter(|(hash, _)| !hash.is_empty()),
        waiting: Some(cut(&told.waiting_hash, MAX_NAME_BYTES)).filter(|hash| !hash.is_empty()),
        running_hash: cut(&told.running_hash, MAX_NAME_BYTES),
        running: running.filter(|text| text.starts_with('{') && text.len() <= MAX_STATS_BYTES),
    }
}

fn internal(error: PortError) -> Status {
    tracing::error!(%error, "what sensors are to do is not readable");
    Status::unavailable("the collector's state is not readable")
}

/// The longest prefix of at most `limit` bytes.
fn cut(text: &str, limit: usize) -> String {
    text.get(..text.floor_char_boundary(limit))
        .unwrap_or(text)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Desk {
        open: Mutex<Vec<(i64, FleetOrder)>>,
        told: Mutex<Vec<(i64, OrderTold)>>,
        wanted: Mutex<Option<Configuration>>,
    }

    #[async_trait]
    impl FleetDesk for Desk {
        fn changed(&self) -> watch::Receiver<u64> {
            watch::Sender::new(0).subscribe()
        }

        async fn greeted(&self, _: Greeting) -> Result<(), PortError> {
            Ok(())
        }

        async fn configuration_for(
            &self,
            _: &str,
            told: &ConfigurationState,
        ) -> Result<Option<Configuration>, PortError> {
            let wanted = self.wanted.lock().expect("not poisoned").clone();
            Ok(wanted.filter(|wanted| wanted.hash != told.hash))
        }

        async fn orders(&self, _: &str) -> Result<Vec<(i64, FleetOrder)>, PortError> {
            Ok(self.open.lock().expect("not poisoned").clone())
        }

        async fn order_told(&self, id: i64, told: OrderTold) -> Result<(), PortError> {
            if matches!(told, OrderTold::Came(_) | OrderTold::Failed(_)) {
                let mut open = self.open.lock().expect("not poisoned");
                open.retain(|(one, _)| *one != id);
            }
            self.told.lock().expect("not poisoned").push((id, told));
            Ok(())
        }
    }

    fn fleet() -> (Arc<Desk>, Fleet) {
        let desk = Arc::new(Desk::default());
        let fleet = Fleet::new(Arc::clone(&desk) as _, None, "sensor".to_owned());
        (desk, fleet)
    }

    fn chunk(id: u64, offset: u64, bytes: usize, last: bool) -> wire::BundleChunk {
        wire::BundleChunk {
            id,
            offset,
            data: vec![7; bytes].into(),
            last,
        }
    }

    #[tokio::test]
    async fn settings_are_said_once_to_those_who_take_them() {
        let (desk, mut fleet) = fleet();
        let wanted = Configuration {
            hash: "h".to_owned(),
            text: "{}".to_owned(),
        };
        *desk.wanted.lock().expect("not poisoned") = Some(wanted);
        desk.open
            .lock()
            .expect("not poisoned")
            .push((1, FleetOrder::Restart));
        assert!(fleet.heard(None).await.expect("heard").is_empty());
        let state = wire::ConfigurationState::default();
        let said = fleet.heard(Some(state.clone())).await.expect("heard");
        assert!(matches!(
            said.as_slice(),
            [FromCollector::Configuration(_), FromCollector::Order(_)]
        ));
        assert!(fleet.heard(Some(state)).await.expect("heard").is_empty());
        let runs = wire::ConfigurationState {
            hash: "h".to_owned(),
            ..wire::ConfigurationState::default()
        };
        assert!(fleet.heard(Some(runs)).await.expect("heard").is_empty());
    }

    #[tokio::test]
    async fn a_bundle_is_put_together_within_its_bounds() {
        let (desk, mut fleet) = fleet();
        let order = |id| {
            desk.open
                .lock()
                .expect("not poisoned")
                .push((id, FleetOrder::Bundle))
        };
        let state = || Some(wire::ConfigurationState::default());
        order(1);
        fleet.heard(state()).await.expect("heard");
        // One that nobody asked for is taken, and kept nowhere.
        fleet.chunk(chunk(9, 0, 10, true)).await.expect("taken");
        fleet.chunk(chunk(1, 0, 10, false)).await.expect("taken");
        // The sensor began anew.
        fleet.chunk(chunk(1, 0, 20, false)).await.expect("taken");
        fleet.chunk(chunk(1, 20, 5, true)).await.expect("taken");
        order(2);
        fleet.heard(state()).await.expect("heard");
        fleet
            .chunk(chunk(2, 5, 5, true))
            .await
            .expect_err("there is a gap");
        fleet
            .chunk(chunk(2, 0, MAX_BUNDLE_BYTES, false))
            .await
            .expect("taken");
        fleet
            .chunk(chunk(2, MAX_BUNDLE_BYTES as u64, 1, true))
            .await
            .expect("taken");
        let told = desk.told.lock().expect("not poisoned").clone();
        let ends: Vec<_> = told
            .into_iter()
            .filter(|(_, told)| *told != OrderTold::Sent(0))
            .collect();
        assert_eq!(
            ends,
            [
                (1, OrderTold::Came(vec![7; 25])),
                (2, OrderTold::Failed("too_large".to_owned())),
            ]
        );
    }

    #[test]
    fn the_newest_stream_takes_the_place_of_the_one_before() {
        let speakers = Speakers::default();
        let (first, _) = speakers.begin("a");
        let (second, _) = speakers.begin("a");
        let (other, _) = speakers.begin("b");
        assert!(!speakers.end("a", first), "another has taken its place");
        assert!(speakers.end("a", second));
        assert!(speakers.end("b", other));
    }
}
