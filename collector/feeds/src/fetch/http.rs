//! One request, with what may go wrong on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{
    ACCEPT, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use reqwest::{Proxy, Response, StatusCode, Url, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{FetchError, Fetched, Limits, Request, Seen, Settings};

const CONNECT: Duration = Duration::from_secs(15);
/// A service that says nothing for so long is not waited for.
const READ: Duration = Duration::from_secs(60);
/// A server that asks for more patience than this is asked again at the next run.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Asks for the content of one source.
pub struct Client {
    inner: reqwest::Client,
    header: Option<(HeaderName, HeaderValue)>,
    /// Where the header goes, and nowhere else.
    home: Url,
    pub limits: Limits,
    /// Bytes that all answers together may still have.
    left: AtomicU64,
}

/// Why one attempt failed, and when the server wants to be asked again.
struct Attempt {
    error: FetchError,
    after: Option<Duration>,
}

impl From<FetchError> for Attempt {
    fn from(error: FetchError) -> Attempt {
        Attempt { error, after: None }
    }
}

impl Client {
    pub fn new(request: &Request, settings: &Settings) -> Result<Client, FetchError> {
        let home = address(&request.address)?;
        let limits = settings.limits;
        // Redirects are followed by hand: the header stays at home, and cipher is not given up.
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("matluoi/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls(&settings.authorities)?)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT.min(limits.idle))
            .read_timeout(limits.idle)
            .no_proxy();
        if let Some(proxy) = request.proxy.as_ref().or(settings.proxy.as_ref()) {
            let wrong = || FetchError::Proxy(without_password(proxy));
            let url = Url::parse(proxy).map_err(|_| wrong())?;
            if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
                return Err(wrong());
            }
            builder = builder.proxy(Proxy::all(url).map_err(|_| wrong())?);
        }
        let header = match &request.header {
            None => None,
            Some((name, value)) => {
                let wrong = || FetchError::Header(name.clone());
                let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
                Some((name.parse().map_err(|_| wrong())?, value))
            }
        };
        let inner = builder.build().map_err(|error| FetchError::Unreachable {
            address: request.address.clone(),
            reason: told(&error),
        })?;
        Ok(Client {
            inner,
            header,
            home,
            left: AtomicU64::new(limits.bytes),
            limits,
        })
    }

    /// Asks until it works, or is known not to.
    pub async fn get(&self, target: &str, seen: &Seen) -> Result<Fetched, FetchError> {
        self.get_as(target, seen, "*/*").await
    }

    pub async fn get_as(
        &self,
        target: &str,
        seen: &Seen,
        accept: &'static str,
    ) -> Result<Fetched, FetchError> {
        let mut pause = self.limits.pause;
        for attempt in 1.. {
            let failed = match self.attempt(target, seen, accept).await {
                Ok(fetched) => return Ok(fetched),
                Err(failed) => failed,
            };
            if attempt >= self.limits.attempts || !failed.error.may_pass() {
                return Err(failed.error);
            }
            tracing::debug!(error = %failed.error, attempt, "a source is asked again");
            tokio::time::sleep(failed.after.unwrap_or(pause).min(LONGEST_PAUSE)).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    async fn attempt(
        &self,
        target: &str,
        seen: &Seen,
        accept: &'static str,
    ) -> Result<Fetched, Attempt> {
        let mut url = address(target)?;
        for _ in 0..=self.limits.redirects {
            let asked = self
                .inner
                .get(url.clone())
                .headers(self.headers(&url, seen));
            let response = asked.header(ACCEPT, accept).send().await;
            let response = response.map_err(|error| self.failed(&url, &error))?;
            let status = response.status();
            if status == StatusCode::NOT_MODIFIED {
                return Ok(Fetched::NotModified);
            }
            if !status.is_redirection() {
                return self.content(&url, response).await;
            }
            let next = header(&response, LOCATION).and_then(|next| url.join(&next).ok());
            let next = next.ok_or_else(|| FetchError::Malformed {
                address: url.to_string(),
                reason: "a redirect that leads nowhere".to_owned(),
            })?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(Attempt::from(FetchError::Downgrade {
                    from: url.to_string(),
                    to: next.to_string(),
                }));
            }
            url = address(next.as_str())?;
        }
        let most = self.limits.redirects;
        Err(Attempt::from(FetchError::Redirects(
            target.to_owned(),
            most,
        )))
    }

    fn headers(&self, url: &Url, seen: &Seen) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = &self.header
            && url.origin() == self.home.origin()
        {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in [
            (IF_NONE_MATCH, &seen.etag),
            (IF_MODIFIED_SINCE, &seen.last_modified),
        ] {
            if let Some(value) = value
                .as_ref()
                .and_then(|text| HeaderValue::from_str(text).ok())
            {
                headers.insert(name, value);
            }
        }
        headers
    }

    async fn content(&self, url: &Url, mut response: Response) -> Result<Fetched, Attempt> {
        let status = response.status();
        if !status.is_success() {
            let after = header(&response, RETRY_AFTER).and_then(|after| after.parse().ok());
            return Err(Attempt {
                error: FetchError::Refused {
                    address: url.to_string(),
                    status: status.as_u16(),
                },
                after: after.map(Duration::from_secs),
            });
        }
        let seen = Seen {
            etag: header(&response, ETAG),
            last_modified: header(&response, LAST_MODIFIED),
        };
        let left = self.left.load(Ordering::Relaxed);
        let too_large = || FetchError::TooLarge {
            address: url.to_string(),
            most: self.limits.bytes,
        };
        if response
            .content_length()
            .is_some_and(|length| length > left)
        {
            return Err(Attempt::from(too_large()));
        }
        let mut bytes = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|error| self.failed(url, &error))?;
            let Some(chunk) = chunk else { break };
            if (bytes.len() + chunk.len()) as u64 > left {
                return Err(Attempt::from(too_large()));
            }
            bytes.extend_from_slice(&chunk);
        }
        self.left.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
        let name = url.path_segments().and_then(|mut all| all.next_back());
        Ok(Fetched::Content {
            name: name.unwrap_or_default().to_owned(),
            bytes,
            seen,
            checked_by: None,
        })
    }

    fn failed(&self, url: &Url, error: &reqwest::Error) -> FetchError {
        if error.is_timeout() {
            return FetchError::Slow {
                address: url.to_string(),
                idle: self.limits.idle,
            };
        }
        FetchError::Unreachable {
            address: url.to_string(),
            reason: told(error),
        }
    }
}

/// An address that can be asked. A password in it would be shown with it: the header is for that.
fn address(text: &str) -> Result<Url, FetchError> {
    let wrong = || FetchError::Address(without_password(text));
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    let is_sound = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none();
    is_sound.then_some(url).ok_or_else(wrong)
}

fn without_password(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}://…{}", &text[..scheme], &text[at..])
        }
        _ => text.to_owned(),
    }
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    (value.len() <= 500).then(|| value.to_owned())
}

/// A client for other services than sources, which trusts public authorities and these (PEM), follows no redirects and
/// waits for no answer without end.
pub fn client(authorities: &[u8]) -> Result<reqwest::Client, FetchError> {
    let built = reqwest::Client::builder()
        .user_agent(concat!("matluoi/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls(authorities)?)
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .no_proxy()
        .build();
    built.map_err(|error| FetchError::Authorities(told(&error)))
}

fn tls(authorities: &[u8]) -> Result<ClientConfig, FetchError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let wrong = |reason: String| FetchError::Authorities(reason);
    for certificate in CertificateDer::pem_slice_iter(authorities) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| wrong(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// An error with its causes; the address is told beside it.
fn told(error: &reqwest::Error) -> String {
    let mut source = std::error::Error::source(error);
    let mut causes = Vec::new();
    while let Some(cause) = source {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        source = cause.source();
    }
    if causes.is_empty() {
        causes.push(error.to_string());
    }
    causes.join(": ")
}
