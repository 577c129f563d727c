//! The sockets: delivery over gRPC with mutual TLS, enrolment over HTTPS.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::authority::{Authority, common_name};
use crate::committer::Ingest;
use crate::connection::Connection;
use crate::enrolment;
use crate::error::{IngestError, Result};
use crate::limits::{ANSWERS, MAX_MESSAGE_BYTES, MAX_STREAMS};
use crate::wire;
use crate::wire::delivery_server::{Delivery, DeliveryServer};

/// Open connections have this long to end when the service stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where the service listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    pub delivery: SocketAddr,
    pub enrolment: SocketAddr,
}

/// Serves both sockets until `shutdown` completes.
pub async fn serve(
    ingest: Arc<Ingest>,
    authority: Arc<Authority>,
    delivery: TcpListener,
    enrolment: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let registry = Arc::clone(&ingest.registry);
    let stopping = ingest.stopping.clone();
    let service = service(ingest, Some(Arc::clone(&authority)), by_certificate);
    let mut stopped = stopping.subscribe();
    let delivering = Server::builder()
        .tls_config(authority.delivery_tls())?
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .max_concurrent_streams(4)
        // A window takes a batch whole.
        .initial_stream_window_size(1_024 * 1_024)
        .initial_connection_window_size(2 * 1_024 * 1_024)
        .add_service(service)
        .serve_with_incoming_shutdown(TcpIncoming::from(delivery), async move {
            // An error means that the sender is gone, which is the end as well.
            let _ = stopped.wait_for(|&stopping| stopping).await;
        });
    let mut delivering = std::pin::pin!(delivering);
    tokio::select! {
        done = &mut delivering => return done.map_err(IngestError::from),
        done = enrolment::serve(enrolment, authority, registry) => return done,
        () = shutdown => {}
    }
    stopping.send_replace(true);
    match tokio::time::timeout(FAREWELL, delivering).await {
        Ok(done) => Ok(done?),
        Err(_) => Ok(()),
    }
}

/// The delivery service, for sensors that `identify` names. It renews no certificates.
pub fn delivery_service(
    ingest: Arc<Ingest>,
    identify: fn(&Request<Streaming<wire::SensorMessage>>) -> Option<String>,
) -> DeliveryServer<DeliveryService> {
    service(ingest, None, identify)
}

fn service(
    ingest: Arc<Ingest>,
    authority: Option<Arc<Authority>>,
    identify: fn(&Request<Streaming<wire::SensorMessage>>) -> Option<String>,
) -> DeliveryServer<DeliveryService> {
    DeliveryServer::new(DeliveryService {
        ingest,
        authority,
        identify,
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
    })
    .max_decoding_message_size(MAX_MESSAGE_BYTES)
}

/// A sensor's id is the name in its certificate.
fn by_certificate(request: &Request<Streaming<wire::SensorMessage>>) -> Option<String> {
    request
        .peer_certs()
        .and_then(|chain| common_name(chain.first()?))
}

pub struct DeliveryService {
    ingest: Arc<Ingest>,
    authority: Option<Arc<Authority>>,
    identify: fn(&Request<Streaming<wire::SensorMessage>>) -> Option<String>,
    streams: Arc<Semaphore>,
}

#[tonic::async_trait]
impl Delivery for DeliveryService {
    type DeliverStream = ReceiverStream<std::result::Result<wire::CollectorMessage, Status>>;

    async fn deliver(
        &self,
        request: Request<Streaming<wire::SensorMessage>>,
    ) -> std::result::Result<Response<Self::DeliverStream>, Status> {
        let place = Arc::clone(&self.streams)
            .try_acquire_owned()
            .map_err(|_| Status::resource_exhausted("too many sensors are connected"))?;
        let sensor = (self.identify)(&request)
            .ok_or_else(|| Status::unauthenticated("the certificate names no sensor"))?;
        let remote_addr = request
            .remote_addr()
            .map(|address| address.to_string())
            .unwrap_or_default();
        let may_deliver = self
            .ingest
            .registry
            .may_deliver(&sensor)
            .await
            .map_err(|error| {
                tracing::error!(%error, "state is not readable");
                Status::unavailable("the collector's state is not readable")
            })?;
        if !may_deliver {
            tracing::warn!(%sensor, %remote_addr, "a sensor that is revoked or unknown is refused");
            return Err(Status::permission_denied("this sensor is not enrolled"));
        }
        let (answers, outbound) = mpsc::channel(ANSWERS);
        let (ingest, authority) = (Arc::clone(&self.ingest), self.authority.clone());
        let connection = Connection::new(ingest, sensor, remote_addr, answers, authority);
        tokio::spawn(async move {
            connection.run(request.into_inner()).await;
            drop(place);
        });
        Ok(Response::new(ReceiverStream::new(outbound)))
    }
}
