//! Sources fetched from servers of this machine: what is asked, what is refused, and what is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::routing::get;
use collector_feeds::{
    FeedKind, FetchError, Fetched, Limits, Request, Seen, Settings, fetch, files,
};
use tokio::net::TcpListener;

/// What was asked: the address and the headers.
type Asked = Arc<Mutex<Vec<(Uri, HeaderMap)>>>;

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Serves answers by path, and notes what is asked.
async fn answers(rows: &[(&str, StatusCode, &[u8])]) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let rows: HashMap<String, (StatusCode, Vec<u8>)> = rows
        .iter()
        .map(|(path, status, body)| ((*path).to_owned(), (*status, body.to_vec())))
        .collect();
    let noted = Arc::clone(&asked);
    let router = Router::new().fallback(move |request: HttpRequest| {
        let place = request.uri().path_and_query().map(ToString::to_string);
        let found = rows.get(&place.unwrap_or_default()).cloned();
        let mut all = noted.lock().expect("nobody fails");
        all.push((request.uri().clone(), request.headers().clone()));
        async move { found.unwrap_or((StatusCode::NOT_FOUND, Vec::new())) }
    });
    (serve(router).await, asked)
}

fn settings() -> Settings {
    Settings {
        limits: Limits {
            bytes: 100_000,
            idle: Duration::from_millis(400),
            pause: Duration::from_millis(1),
            requests: 3,
            ..Limits::default()
        },
        ..Settings::default()
    }
}

fn request(address: SocketAddr, path: &str) -> Request {
    Request {
        address: format!("http://{address}{path}"),
        ..Request::default()
    }
}

fn content(fetched: Result<Fetched, FetchError>) -> (Vec<u8>, Seen, Option<String>) {
    match fetched.expect("it is fetched") {
        Fetched::Content {
            bytes,
            seen,
            checked_by,
            ..
        } => (bytes, seen, checked_by),
        Fetched::NotModified => panic!("nothing came"),
    }
}

async fn code(kind: FeedKind, request: &Request) -> &'static str {
    let fetched = fetch(kind, request, &settings()).await;
    fetched.expect_err("it is refused").code()
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let router = Router::new().route(
        "/list",
        get(|headers: HeaderMap| async move {
            let known = |name: &str, value: &str| headers.get(name).is_some_and(|own| own == value);
            let response = Response::builder()
                .header("etag", "\"one\"")
                .header("last-modified", "Thu, 26 Nov 2026 00:00:00 GMT");
            if known("if-none-match", "\"one\"")
                && known("if-modified-since", "Thu, 26 Nov 2026 00:00:00 GMT")
            {
                response.status(304).body(Body::empty())
            } else {
                response.body(Body::from("evil.example"))
            }
            .expect("a response")
        }),
    );
    let address = serve(router).await;
    let mut ask = request(address, "/list");
    let (bytes, seen, _) = content(fetch(FeedKind::List, &ask, &settings()).await);
    assert_eq!(bytes, b"evil.example");
    ask.seen = seen;
    let again = fetch(FeedKind::List, &ask, &settings()).await;
    assert_eq!(again.expect("it is asked"), Fetched::NotModified);
}

#[tokio::test]
async fn proxies_are_gone_by() {
    let (proxy, asked) = answers(&[("/list", StatusCode::OK, b"by proxy")]).await;
    let mut ask = Request {
        address: "http://lists.example/list".to_owned(),
        proxy: Some(format!("http://{proxy}")),
        ..Request::default()
    };
    let (bytes, _, _) = content(fetch(FeedKind::List, &ask, &settings()).await);
    assert_eq!(bytes, b"by proxy");
    let told = asked.lock().expect("nobody fails")[0].0.to_string();
    assert_eq!(
        told, "http://lists.example/list",
        "the proxy is told the whole address"
    );
    let with_general = Settings {
        proxy: ask.proxy.take(),
        ..settings()
    };
    let (bytes, _, _) = content(fetch(FeedKind::List, &ask, &with_general).await);
    assert_eq!(bytes, b"by proxy");
    ask.proxy = Some("ftp://x".to_owned());
    assert_eq!(code(FeedKind::List, &ask).await, "proxy");
}

async fn leads(to: String) -> Response<Body> {
    let response = Response::builder().status(302).header("location", to);
    response.body(Body::empty()).expect("a response")
}

#[tokio::test]
async fn redirects_end_and_headers_stay_at_home() {
    let (other, asked) = answers(&[("/list", StatusCode::OK, b"moved")]).await;
    let target = format!("http://{other}/list");
    let router = Router::new()
        .route("/away", get(move || leads(target)))
        .route("/here", get(|| leads("/near".to_owned())))
        .route(
            "/near",
            get(|headers: HeaderMap| async move {
                headers
                    .get("auth-key")
                    .cloned()
                    .map_or(String::new(), |key| {
                        key.to_str().unwrap_or_default().to_owned()
                    })
            }),
        )
        .route("/round", get(|| leads("/round".to_owned())));
    let address = serve(router).await;
    let ask = |path: &str| Request {
        header: Some(("Auth-Key".to_owned(), "secret".to_owned())),
        ..request(address, path)
    };
    let (bytes, _, _) = content(fetch(FeedKind::List, &ask("/here"), &settings()).await);
    assert_eq!(bytes, b"secret");
    let (bytes, _, _) = content(fetch(FeedKind::List, &ask("/away"), &settings()).await);
    assert_eq!(bytes, b"moved");
    let headers = asked.lock().expect("nobody fails")[0].1.clone();
    assert!(!headers.contains_key("auth-key"), "{headers:?}");
    assert_eq!(code(FeedKind::List, &ask("/round")).await, "redirect");
}

#[tokio::test]
async fn what_is_too_large_slow_or_refused_is_told() {
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        "late"
    };
    let endless = || async {
        let chunks = std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 8_192]));
        Body::from_stream(Chunks(chunks))
    };
    let router = Router::new()
        .route("/large", get(|| async { vec![b'x'; 100_001] }))
        .route("/endless", get(endless))
        .route("/slow", get(slow));
    let address = serve(router).await;
    for (path, expected) in [
        ("/large", "too_large"),
        ("/endless", "too_large"),
        ("/slow", "slow"),
        ("/none", "refused"),
    ] {
        assert_eq!(
            code(FeedKind::List, &request(address, path)).await,
            expected,
            "{path}"
        );
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    assert_eq!(
        code(FeedKind::List, &request(address, "/")).await,
        "unreachable"
    );
    for (address, expected) in [
        ("file:///etc/passwd", "address"),
        ("http://user:secret@host/", "address"),
        ("nonsense", "address"),
    ] {
        let ask = Request {
            address: address.to_owned(),
            ..Request::default()
        };
        let error = fetch(FeedKind::List, &ask, &settings())
            .await
            .expect_err(address);
        assert_eq!(error.code(), expected);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

/// An iterator as a stream.
struct Chunks<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Chunks<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again() {
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    let router = Router::new().route(
        "/list",
        get(move || {
            let mut count = counted.lock().expect("nobody fails");
            *count += 1;
            let status = if *count < 3 { 503 } else { 200 };
            async move { (StatusCode::from_u16(status).expect("a status"), "there") }
        }),
    );
    let address = serve(router).await;
    let (bytes, _, _) =
        content(fetch(FeedKind::List, &request(address, "/list"), &settings()).await);
    assert_eq!(bytes, b"there");
    assert_eq!(*count.lock().expect("nobody fails"), 3);
}

#[tokio::test]
async fn checksums_are_compared_where_they_are_offered() {
    // printf rules | md5sum; printf rules2 | sha256sum
    let md5 = b"a4f86f7bfc24194b276c22e0ef158197  a.rules\n";
    let sha256 = b"25b23229e70e6545d6e0e5cf7280f6d7e3af20f868cf8a3ae12f4f0e025211f3";
    let (address, asked) = answers(&[
        ("/a.rules", StatusCode::OK, b"rules"),
        ("/a.rules.md5", StatusCode::OK, md5),
        ("/b.rules", StatusCode::OK, b"rules"),
        ("/b.rules.sha256", StatusCode::OK, sha256),
        ("/c.rules", StatusCode::OK, b"rules"),
        ("/c.rules.sha256", StatusCode::OK, b"<html>not found</html>"),
    ])
    .await;
    let (_, _, by) =
        content(fetch(FeedKind::Rules, &request(address, "/a.rules"), &settings()).await);
    assert_eq!(by, Some(format!("http://{address}/a.rules.md5")));
    assert_eq!(
        code(FeedKind::Rules, &request(address, "/b.rules")).await,
        "checksum"
    );
    let count = |path: &str| {
        let asked = asked.lock().expect("nobody fails");
        asked.iter().filter(|(uri, _)| uri.path() == path).count()
    };
    assert_eq!(count("/b.rules"), 3, "it may have changed meanwhile");
    let (_, _, by) =
        content(fetch(FeedKind::Rules, &request(address, "/c.rules"), &settings()).await);
    assert_eq!(by, None);
}

#[tokio::test]
async fn events_of_a_misp_feed_come_with_their_manifest() {
    let (address, _) = answers(&[
        (
            "/feed/manifest.json",
            StatusCode::OK,
            br#"{"aa-1":{"timestamp":"5"},"bb-2":{"timestamp":9}}"#,
        ),
        ("/feed/aa-1.json", StatusCode::OK, b"{}"),
        ("/feed/bb-2.json", StatusCode::OK, b"{}"),
        ("/odd/manifest.json", StatusCode::OK, br#"{"../../x":{}}"#),
        (
            "/many/manifest.json",
            StatusCode::OK,
            br#"{"a":{},"b":{},"c":{},"d":{}}"#,
        ),
    ])
    .await;
    let (bytes, _, _) =
        content(fetch(FeedKind::Misp, &request(address, "/feed/"), &settings()).await);
    let names: Vec<String> = files("x", &bytes)
        .expect("a tar")
        .into_iter()
        .map(|file| file.name)
        .collect();
    assert_eq!(names, ["manifest.json", "bb-2.json", "aa-1.json"]);
    assert_eq!(
        code(FeedKind::Misp, &request(address, "/odd")).await,
        "malformed"
    );
    assert_eq!(
        code(FeedKind::Misp, &request(address, "/many")).await,
        "too_many"
    );
}

#[tokio::test]
async fn pages_of_a_taxii_collection_are_followed() {
    let first = "/api/collections/1/objects/?match%5Btype%5D=indicator&limit=1000";
    let second = format!("{first}&next=a%2Fb");
    let (address, asked) = answers(&[
        (
            first,
            StatusCode::OK,
            br#"{"more":true,"next":"a/b","objects":[]}"#,
        ),
        (&second, StatusCode::OK, br#"{"more":false,"objects":[]}"#),
    ])
    .await;
    let ask = request(address, "/api/collections/1/");
    let (bytes, _, _) = content(fetch(FeedKind::Taxii, &ask, &settings()).await);
    assert_eq!(files("x", &bytes).expect("a tar").len(), 2);
    let headers = asked.lock().expect("nobody fails")[0].1.clone();
    assert_eq!(headers["accept"], "application/taxii+json;version=2.1");
}

/// Serves one answer over TLS, with a certificate of its own; gives the port and the certificate.
async fn serve_tls(answer: &'static str) -> (u16, String) {
    use rcgen::{CertificateParams, KeyPair};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("signed");
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not trust the certificate goes away.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut asked = [0; 4_096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (port, certificate.pem())
}

#[tokio::test]
async fn own_authorities_are_trusted_and_cipher_is_not_given_up() {
    let plain = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlist";
    let (port, pem) = serve_tls(plain).await;
    let ask = |port: u16| Request {
        address: format!("https://localhost:{port}/list"),
        ..Request::default()
    };
    assert_eq!(code(FeedKind::List, &ask(port)).await, "unreachable");
    let trusting = |pem: String| Settings {
        authorities: pem.into_bytes(),
        ..settings()
    };
    let (bytes, _, _) = content(fetch(FeedKind::List, &ask(port), &trusting(pem)).await);
    assert_eq!(bytes, b"list");
    let away = "HTTP/1.1 302 Found\r\nlocation: http://localhost/\r\ncontent-length: 0\r\n\r\n";
    let (port, pem) = serve_tls(away).await;
    let refused = fetch(FeedKind::List, &ask(port), &trusting(pem)).await;
    assert!(
        matches!(refused, Err(FetchError::Downgrade { .. })),
        "{refused:?}"
    );
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let refused = fetch(FeedKind::List, &ask(port), &trusting(broken)).await;
    assert_eq!(
        refused.expect_err("it is no certificate").code(),
        "authorities"
    );
}
