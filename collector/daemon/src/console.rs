//! The console's files, embedded from `web/dist` at build time.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Bundle;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Mắt Lưới</title>\
    <h1>Mắt Lưới</h1><p>Bản dựng này không kèm giao diện. Hãy chạy <code>npm run build</code> trong \
    <code>web</code> rồi dựng lại.<p>This build has no console in it. Run <code>npm run build</code> in \
    <code>web</code>, then build the collector again.";

/// Scripts only from here; styles also inline, for chart libraries set them on elements.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

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
        Some((name, file)) => {
            let kind = HeaderValue::from_str(file.metadata.mimetype())
                .unwrap_or(HeaderValue::from_static("application/octet-stream"));
            // Names of assets contain a digest of their content.
            let cache = if name.starts_with("assets/") {
                "public, max-age=31536000, immutable"
            } else {
                "no-cache"
            };
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
            ];
            (headers, file.data).into_response()
        }
        None => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            ([(header::CONTENT_TYPE, kind)], NOT_BUILT).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}
