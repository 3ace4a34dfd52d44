//! A client of the public protocol.

use std::path::Path;
use std::time::Duration;

use alcove_api_types::{OpenAiError, Problem};
use alcove_egress::{
    Body, Egress, EgressConfig, Limits, ResponseBody, Scope, empty_body, full_body,
};
use anyhow::{Context, bail};
use bytes::Bytes;
use futures::stream;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt as _;

/// How long an answer may take. A large model on a small machine thinks for minutes.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long a stream may last.
const STREAM_TOTAL: Duration = Duration::from_secs(24 * 60 * 60);
/// The largest answer.
const MAX_ANSWER_BYTES: u64 = 256 << 20;
/// The largest request.
const MAX_REQUEST_BYTES: u64 = 256 << 20;
/// A file is read in pieces of this length.
const PIECE_BYTES: usize = 64 << 10;

/// Speaks to one server.
#[derive(Clone)]
pub(super) struct Client {
    egress: Egress,
    address: String,
    key: String,
}

impl Client {
    pub(super) fn new(address: &str, key: &str) -> anyhow::Result<Client> {
        Ok(Client {
            egress: Egress::new(EgressConfig::default())?,
            address: address.trim_end_matches('/').to_owned(),
            key: key.to_owned(),
        })
    }

    /// Where the server is, as `host:port`, and the key to it.
    pub(super) fn place(&self) -> (&str, &str) {
        let host = self.address.trim_start_matches("http://");
        (host, &self.key)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.send(Method::GET, path, None).await?;
        read(response).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let body = serde_json::to_vec(body)?;
        let response = self.send(Method::POST, path, Some(body)).await?;
        read(response).await
    }

    pub(super) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let body = serde_json::to_vec(body)?;
        let response = self.send(Method::PUT, path, Some(body)).await?;
        read(response).await
    }

    /// Sends a file as it lies on the disk.
    pub(super) async fn put_file(&self, path: &str, file: &Path) -> anyhow::Result<()> {
        let file = tokio::fs::File::open(file).await?;
        let pieces = stream::try_unfold(file, async |mut file| {
            let mut piece = vec![0; PIECE_BYTES];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            Ok((read != 0).then(|| (Frame::data(Bytes::from(piece)), file)))
        });
        let body = (
            "application/octet-stream",
            StreamBody::new(pieces).boxed_unsync(),
        );
        let response = self.request(Method::PUT, path, Some(body)).await?;
        accepted(response).await.map(drop)
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let response = self.send(Method::DELETE, path, None).await?;
        Ok(response.into_body().read_all().await?)
    }

    /// A body that comes piece by piece.
    pub(super) async fn stream(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<ResponseBody> {
        Ok(self.send(method, path, body).await?.into_body())
    }

    /// Sends whatever the status of the answer; for questions where a no is an answer too.
    pub(super) async fn ask<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.request(Method::GET, path, None).await?;
        read(response).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<Response<ResponseBody>> {
        let body = body.map(|json| ("application/json", full_body(json)));
        accepted(self.request(method, path, body).await?).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Body)>,
    ) -> anyhow::Result<Response<ResponseBody>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if let Some((kind, _)) = body {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(body.map_or_else(empty_body, |(_, body)| body))?;
        let limits = Limits {
            first_byte: PATIENCE,
            idle: PATIENCE,
            total: STREAM_TOTAL,
            request_bytes: MAX_REQUEST_BYTES,
            response_bytes: MAX_ANSWER_BYTES,
            ..Limits::default()
        };
        // The address is in a file that only the server's owner can write.
        self.egress
            .send(request, &Scope::Configured, &limits)
            .await
            .with_context(|| format!("cannot speak to the server at {}", self.address))
    }
}

/// An answer that is a yes; what the server said otherwise is the error.
async fn accepted(response: Response<ResponseBody>) -> anyhow::Result<Response<ResponseBody>> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.into_body().read_all().await.unwrap_or_default();
    if let Ok(error) = serde_json::from_slice::<OpenAiError>(&text) {
        bail!("{}", error.error.message);
    }
    if let Ok(problem) = serde_json::from_slice::<Problem>(&text) {
        bail!("{}", problem.detail);
    }
    bail!("the server answered {status}");
}

async fn read<T: DeserializeOwned>(response: Response<ResponseBody>) -> anyhow::Result<T> {
    let text = response.into_body().read_all().await?;
    serde_json::from_slice(&text)
        .context("the server's answer is not what this version of alcove expects")
}

/// A part of a path.
pub(super) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_plugins_slash_does_not_split_the_path() {
        assert_eq!(segment("alcove/web-fetch"), "alcove%2Fweb-fetch");
        assert_eq!(segment("a?b #%"), "a%3Fb%20%23%25");
    }
}
