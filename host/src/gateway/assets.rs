//! The web client, from the binary itself.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use sha2::{Digest as _, Sha256};

use super::error::ApiError;

/// `(path, bytes)` of every file below web/dist; empty where it was not built.
static WEB: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/web_assets.rs"));

/// Shown in place of the client by a server that was built without it.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>Alcove</title>\
    <p>This server was built without its web client. <code>cargo xtask run</code> builds both.";

struct Asset {
    bytes: &'static [u8],
    gzipped: Option<&'static [u8]>,
    content_type: &'static str,
    etag: HeaderValue,
    /// Its name changes when its content does.
    is_hashed: bool,
}

static ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| index(WEB));

fn index(files: &'static [(&'static str, &'static [u8])]) -> HashMap<&'static str, Asset> {
    let plain: HashMap<&str, &'static [u8]> = files.iter().copied().collect();
    let shown = files.iter().filter(|(path, _)| {
        // `x.js.gz` beside `x.js` is the same file, packed.
        let unpacked = path.strip_suffix(".gz");
        !unpacked.is_some_and(|path| plain.contains_key(path))
    });
    let asset = |(path, bytes): &(&'static str, &'static [u8])| {
        let gzipped = plain.get(format!("{path}.gz").as_str()).copied();
        let asset = Asset {
            bytes,
            gzipped,
            content_type: content_type(path),
            etag: etag(bytes),
            is_hashed: has_hash(path),
        };
        (*path, asset)
    };
    shown.map(asset).collect()
}

fn etag(bytes: &[u8]) -> HeaderValue {
    let digest = hex::encode(&Sha256::digest(bytes)[..16]);
    // Weak, since the packed form has the same one. Hex digits are always a valid header value.
    HeaderValue::from_str(&format!("W/\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether a part of the file's name is a hash: at least eight hex digits, one of them a number.
fn has_hash(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['.', '-', '_']).any(|part| {
        part.len() >= 8
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    })
}

/// Files by their path; every other path without a dot is a page of the client.
pub(super) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let is_ours = path.split('/').next().is_some_and(|first| {
        // A mistyped endpoint must not look like a page.
        matches!(first, "api" | "v1" | "livez" | "readyz")
    });
    if is_ours {
        return unknown(&uri);
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return ApiError::MethodNotAllowed.into_response();
    }
    let last = path.rsplit('/').next().unwrap_or("");
    let asset = match ASSETS.get(path) {
        Some(asset) => Some(asset),
        None if !last.contains('.') => ASSETS.get("index.html"),
        None => return unknown(&uri),
    };
    match asset {
        Some(asset) => answer(asset, &headers),
        None => page_without_client(),
    }
}

fn unknown(uri: &Uri) -> Response {
    let path: String = uri.path().chars().take(128).collect();
    ApiError::NotFound(format!("there is nothing at {path}")).into_response()
}

fn page_without_client() -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], NOT_BUILT).into_response()
}

fn answer(asset: &Asset, headers: &HeaderMap) -> Response {
    let caching = match asset.is_hashed {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let common: [(HeaderName, HeaderValue); 4] = [
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::ETAG, asset.etag.clone()),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.content_type),
        ),
    ];
    if is_known(headers, &asset.etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    match asset.gzipped.filter(|_| takes_gzip(headers)) {
        Some(packed) => {
            let encoding = HeaderValue::from_static("gzip");
            (common, [(header::CONTENT_ENCODING, encoding)], packed).into_response()
        }
        None => (common, asset.bytes).into_response(),
    }
}

fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let sent = headers.get(header::IF_NONE_MATCH);
    let tags = sent.and_then(|value| value.to_str().ok()).unwrap_or("");
    tags.split(',')
        .any(|tag| tag.trim().as_bytes() == etag.as_bytes())
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let sent = headers.get(header::ACCEPT_ENCODING);
    let encodings = sent.and_then(|value| value.to_str().ok()).unwrap_or("");
    encodings.split(',').any(|encoding| {
        let mut parts = encoding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|part| part == "q=0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILES: &[(&str, &[u8])] = &[
        ("index.html", b"<p>"),
        ("app-0a1b2c3d4e5f6071.js", b"js"),
        ("app-0a1b2c3d4e5f6071.js.gz", b"packed"),
    ];

    #[test]
    fn packed_files_belong_to_the_plain_ones() {
        let assets = index(FILES);
        assert_eq!(assets.len(), 2);
        let script = &assets["app-0a1b2c3d4e5f6071.js"];
        assert_eq!(script.gzipped, Some(&b"packed"[..]));
        assert!(script.is_hashed);
        assert!(!assets["index.html"].is_hashed);
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let assets = index(FILES);
        let script = &assets["app-0a1b2c3d4e5f6071.js"];
        let mut headers = HeaderMap::new();
        let packed = HeaderValue::from_static("br, gzip");
        headers.insert(header::ACCEPT_ENCODING, packed);
        let first = answer(script, &headers);
        assert_eq!(first.headers()[header::CONTENT_ENCODING], "gzip");
        headers.insert(header::IF_NONE_MATCH, script.etag.clone());
        let second = answer(script, &headers);
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_word_is_no_hash() {
        assert!(!has_hash("fonts/inter-variable.woff2"));
        assert!(!has_hash("defaced.css"));
        assert!(has_hash("fonts/inter-12ab34cd.woff2"));
    }
}
