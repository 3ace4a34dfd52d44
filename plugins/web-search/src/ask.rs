//! Sending an engine its request through the host.

use std::time::Duration;

use alcove_sdk::{Failure, http, session};

use crate::engines::{Answer, Asking, Trouble};

/// An answer is read to this many bytes; no list of twenty results comes near.
const MAX_BODY_BYTES: usize = 2 << 20;
/// How long an engine may take to answer, and between bytes of its answer.
const TIMEOUT: Duration = Duration::from_secs(8);
const USER_AGENT: &str = concat!("Alcove-web-search/", env!("CARGO_PKG_VERSION"));

/// Sends a request and reads its answer.
pub(crate) fn ask(asking: &Asking) -> Result<Answer, Trouble> {
    let url = &asking.url;
    let host = url.host_str().unwrap_or_default();
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let path_and_query = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    session::progress(None, host);
    let mut headers = vec![
        ("user-agent", USER_AGENT),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
    ];
    if !asking.body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    let request = http::Request {
        method: asking.method,
        scheme: url.scheme(),
        authority: &authority,
        path_and_query: &path_and_query,
        headers: &headers,
        timeout: TIMEOUT.min(session::remaining()),
    };
    let response = http::send_body(&request, &asking.body).map_err(trouble)?;
    let status = response.status;
    let retry_after = response.header("retry-after").map(str::to_owned);
    let body = response.body(MAX_BODY_BYTES).map_err(trouble)?;
    Ok(Answer {
        status,
        retry_after,
        body: body.bytes,
        is_cut: body.cut,
    })
}

fn trouble(failure: Failure) -> Trouble {
    if failure.kind == "denied" {
        Trouble::NotSetUp(failure)
    } else {
        Trouble::Broken(failure.message)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use url::Url;

    use crate::engines::Query;
    use crate::settings::SafeSearch;

    pub(crate) fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    /// A query with everything that a query can have, on 1 March 2026.
    pub(crate) fn query() -> Query<'static> {
        Query {
            text: "tides & moon",
            recency: Some("week"),
            site: Some("example.org"),
            safe_search: SafeSearch::Strict,
            language: "de",
            now: 1_772_323_200,
        }
    }
}
