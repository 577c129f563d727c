//! The console's files, embedded from `web/dist` at build time.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Bundle;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Mắt Lưới</title>\
    <h1>Mắt Lưới</h1><p>Bản dựng này không kèm giao diện. Hãy chạy <code>npm ci &amp;&amp; npm run build</code> \
    trong <code>web</code> rồi dựng lại.<p lang=en>This build has no console in it. Run \
    <code>npm ci &amp;&amp; npm run build</code> in <code>web</code>, then build the collector again.";

/// Scripts, styles and data from here alone, none of them inline. `blob:` and `data:` are for what the
/// page itself makes: files to save, and its icon.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// Encodings that the build writes beside a file, best first: what a browser calls it, the ending.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Adds the console to the API's routes: whatever is no route of the API is a file or a page of it.
pub fn with_console(api: Router) -> Router {
    api.fallback(page)
}

async fn page(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    if !matches!(request.method().as_str(), "GET" | "HEAD") {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    // A page of the console has no file: its address is read in the browser.
    let found = match Bundle::get(path) {
        Some(file) if !path.is_empty() => Some((path, file)),
        _ if path.starts_with("assets/") => return StatusCode::NOT_FOUND.into_response(),
        _ => Bundle::get("index.html").map(|file| ("index.html", file)),
    };
    let mut response = match found {
        Some((name, file)) => file_response(name, file, request.headers()),
        None => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            ([(header::CONTENT_TYPE, kind)], NOT_BUILT).into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn file_response(name: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let kind = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    // Names of assets contain a digest of their content; other files are asked for again, by their digest.
    let cache = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let digest: String = file.metadata.sha256_hash()[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag =
        HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if asked.get(header::IF_NONE_MATCH) == Some(&tag) {
        headers.insert(header::ETAG, tag);
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::ETAG, tag);
    headers.insert(header::CONTENT_TYPE, kind);
    for (encoding, ending) in ENCODINGS {
        if accepts(asked, encoding)
            && let Some(packed) = Bundle::get(&format!("{name}{ending}"))
        {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            return (headers, packed.data).into_response();
        }
    }
    (headers, file.data).into_response()
}

/// Whether `Accept-Encoding` names it, and not with a weight of nought.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| {
            let (name, weight) = part.split_once(';').unwrap_or((part, ""));
            let refused = weight
                .trim()
                .strip_prefix("q=")
                .and_then(|weight| weight.trim().parse::<f32>().ok())
                .is_some_and(|weight| weight <= 0.0);
            name.trim().eq_ignore_ascii_case(encoding) && !refused
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_chosen_by_the_browser() {
        for (header, encoding, expected) in [
            ("gzip, deflate, br", "br", true),
            ("gzip, deflate", "br", false),
            ("br;q=0, gzip;q=0.5", "br", false),
            ("br;q=0, GZIP;q=0.5", "gzip", true),
            ("", "gzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(header));
            assert_eq!(accepts(&headers, encoding), expected, "{header}");
        }
    }

    #[tokio::test]
    async fn pages_are_the_console_and_the_api_is_not() {
        for (path, status) in [
            ("/", StatusCode::OK),
            ("/alerts/7?tab=json", StatusCode::OK),
            ("/assets/none.js", StatusCode::NOT_FOUND),
            ("/api/v1/none", StatusCode::NOT_FOUND),
        ] {
            let request = Request::builder().uri(path).body(axum::body::Body::empty());
            let response = page(request.expect("a request")).await;
            assert_eq!(response.status(), status, "{path}");
            if status == StatusCode::OK {
                let policy = &response.headers()[header::CONTENT_SECURITY_POLICY];
                assert_eq!(policy, POLICY);
            }
        }
    }
}
