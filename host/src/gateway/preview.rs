//! `GET /preview`: an empty page in which the chat shows HTML that a model wrote.
//!
//! What runs there is hostile. The page has an origin of its own that is nobody's (`sandbox`, also
//! where the page is opened by itself), so it reaches no cookie, storage or element of ours; it
//! loads nothing and sends nothing (`default-src 'none'`), and our own pages' `frame-src` keeps it
//! from leaving for another site. What remains: a browser may look up a host's name, or open a
//! connection to it, ahead of a request that it then refuses.

use axum::response::IntoResponse;
use http::header;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; font-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'self'; webrtc 'block'; \
    sandbox allow-scripts";

/// Becomes the first text that the page around it sends.
const PAGE: &str = "<!doctype html><meta charset=\"utf-8\"><title>Preview</title><script>\
    addEventListener('message', function (event) {\
      if (event.source !== parent || parent === window) return;\
      document.open(); document.write(event.data); document.close();\
    }, { once: true });</script>";

/// The page. Whoever asks gets the same, signed in or not.
pub(super) async fn preview() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        // Names of hosts are a way out as well.
        (
            http::HeaderName::from_static("x-dns-prefetch-control"),
            "off",
        ),
        (
            http::HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), clipboard-read=(), clipboard-write=()",
        ),
    ];
    (headers, PAGE)
}
