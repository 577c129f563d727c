//! What is logged, and traces for OpenTelemetry: off unless `[traces] endpoint` tells where they go.
//!
//! Spans are for traces alone and events for the log alone, so that a span costs nothing where nobody asked for traces. They
//! tell routes, kinds, counts and identifiers of sensors; never what a request or a record holds.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::archive;
use crate::settings::{ServicesConfig, TracesConfig};

/// Of a receiver's answer no more is read; it says at most what it has refused.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Longer than this the end of the program does not wait for traces.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// Traces under way; what is left of them is sent when this is dropped.
pub struct Traces(Option<SdkTracerProvider>);

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown_with_timeout(LAST_WAIT)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Begins to log to standard error, at `level` unless `MATLUOI_LOG` says otherwise.
pub fn log(level: &str) {
    registry().with(to_log(level)).init();
}

/// Begins to log, and to send traces if they are wanted. Sends from the runtime that this is called in.
pub fn log_and_trace(
    level: &str,
    config: Option<&TracesConfig>,
    services: &ServicesConfig,
) -> Result<Traces> {
    let provider = config
        .map(|config| provider(config, services))
        .transpose()?;
    let layer = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("matluoi"))
            .with_filter(filter_fn(|metadata| {
                metadata.is_span() && is_ours(metadata.target())
            }))
    });
    registry().with(to_log(level)).with(layer).init();
    Ok(Traces(provider))
}

/// Libraries have spans as well, those that send traces among them.
fn is_ours(target: &str) -> bool {
    target.starts_with("collector_") || target.starts_with("matluoi_")
}

fn to_log<S>(level: &str) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> registry::LookupSpan<'span>,
{
    let filter = EnvFilter::try_from_env("MATLUOI_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    fmt::layer()
        .with_writer(std::io::stderr)
        .with_filter(filter.and(filter_fn(|metadata| metadata.is_event())))
}

fn provider(config: &TracesConfig, services: &ServicesConfig) -> Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!(
            "{}/v1/traces",
            config.endpoint.trim_end_matches('/')
        ))
        .with_http_client(Client {
            client: archive::client(services)?,
            runtime: Handle::current(),
        })
        .build()
        .context("[traces] endpoint")?;
    let resource = Resource::builder_empty()
        .with_service_name("matluoi-collector")
        .with_attribute(opentelemetry::KeyValue::new(
            "service.version",
            env!("CARGO_PKG_VERSION"),
        ))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            f64::from(config.percent) / 100.0,
        ))))
        .with_resource(resource)
        .build())
}

/// The collector's own client: it trusts what other services are trusted by. The exporter has a thread without a runtime.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(
        &self,
        request: Request<Bytes>,
    ) -> std::result::Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let mut answer = client.execute(request.try_into()?).await?;
            let mut body = Vec::new();
            while body.len() < MAX_ANSWER_BYTES
                && let Some(chunk) = answer.chunk().await?
            {
                body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER_BYTES - body.len())]);
            }
            Ok::<_, reqwest::Error>((answer.status(), Bytes::from(body)))
        });
        let (status, body) = sent.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}
