//! Asking for a URL: the one place here that knows how.

use std::time::Duration;

use alcove_egress::{Egress, Limits, ResponseBody, Scope};
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use url::Url;

use super::SourceError;

/// How long one connection may take to bring a file; a cut one goes on in the next.
const TOTAL: Duration = Duration::from_secs(24 * 60 * 60);
/// No model file is as large.
const MAX_FILE_BYTES: u64 = 1 << 40;

/// A way to the web.
#[derive(Clone)]
pub(super) struct Http {
    egress: Egress,
}

/// An answer whose body is still to come.
pub(super) struct Reply {
    pub(super) status: u16,
    /// Who answered, for messages.
    pub(super) host: String,
    headers: HeaderMap,
    body: ResponseBody,
}

impl Http {
    pub(super) fn new(egress: Egress) -> Http {
        Http { egress }
    }

    /// Follows redirects.
    pub(super) async fn get(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
    ) -> Result<Reply, SourceError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| SourceError::Request(format!("{name} can't be sent")))?;
            map.insert(HeaderName::from_static(name), value);
        }
        let limits = Limits {
            total: TOTAL,
            response_bytes: MAX_FILE_BYTES,
            ..Limits::default()
        };
        // Sources are the catalogue's and the index that this machine's admin set up.
        let (url, response) = self
            .egress
            .get_following(url, &map, &Scope::Configured, &limits)
            .await
            .map_err(|error| SourceError::Request(error.to_string()))?;
        let (head, body) = response.into_parts();
        Ok(Reply {
            status: head.status.as_u16(),
            host: url.host_str().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
        })
    }
}

impl Reply {
    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header as a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }

    /// The next piece of the body.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        match self.body.next().await {
            None => Ok(None),
            Some(Ok(piece)) => Ok(Some(piece)),
            Some(Err(error)) => Err(SourceError::Request(format!("{}: {error}", self.host))),
        }
    }

    /// The whole body.
    pub(super) async fn bytes(mut self, most: usize) -> Result<Vec<u8>, SourceError> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await? {
            if all.len() + piece.len() > most {
                return Err(SourceError::Request(format!(
                    "{} answered with more than {most} bytes",
                    self.host
                )));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// What to say of an answer that is a no.
    pub(super) fn refusal(&self) -> SourceError {
        let reason = StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        SourceError::Status {
            host: self.host.clone(),
            status: format!("{} {reason}", self.status).trim_end().to_owned(),
        }
    }
}
