//! Downloads one URL into one file, going on where an earlier attempt was cut.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::SourceError;
use super::http::{Http, Reply};

/// How many attempts in a row may end without a single new byte.
const MAX_ATTEMPTS_WITHOUT_PROGRESS: u32 = 4;
/// The same where nothing ever came: the source is probably not to be reached from here.
const MAX_ATTEMPTS_WITHOUT_ANYTHING: u32 = 2;
/// The pause after the first of them; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How much is gathered before it is written.
const WRITE_BYTES: usize = 256 << 10;

/// What to download.
pub(super) struct Transfer<'a> {
    pub(super) http: &'a Http,
    pub(super) url: &'a Url,
    /// The value of an `Authorization` header.
    pub(super) authorization: Option<&'a str>,
    pub(super) target: &'a Path,
    /// How large the file is, where that is known.
    pub(super) expected_bytes: Option<u64>,
    pub(super) cancel: &'a CancellationToken,
    /// Told how many bytes came, or with a negative number were given up.
    pub(super) moved: &'a (dyn Fn(i64) + Send + Sync),
    /// Told why the same source is asked again.
    pub(super) retried: &'a (dyn Fn(&str) + Send + Sync),
}

/// Why a download ended.
#[derive(Debug)]
pub(super) enum TransferError {
    Source(SourceError),
    Write(io::Error),
    Cancelled,
}

/// How one attempt ended.
enum Attempt {
    Whole,
    /// Asking again may help.
    Cut(SourceError),
}

impl Transfer<'_> {
    /// Returns when the file is whole. What came is kept whatever happens.
    pub(super) async fn run(&self) -> Result<(), TransferError> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.target)
            .await
            .map_err(TransferError::Write)?;
        let mut fruitless = 0;
        let mut came = false;
        loop {
            let before = length(&file).await?;
            if self.expected_bytes == Some(before) {
                return Ok(());
            }
            let outcome = self.attempt(&mut file, before).await;
            file.flush().await.map_err(TransferError::Write)?;
            let error = match outcome? {
                Attempt::Whole => return Ok(()),
                Attempt::Cut(error) => error,
            };
            if length(&file).await? > before {
                (fruitless, came) = (0, true);
            } else {
                fruitless += 1;
            }
            let most = if came {
                MAX_ATTEMPTS_WITHOUT_PROGRESS
            } else {
                MAX_ATTEMPTS_WITHOUT_ANYTHING
            };
            if fruitless >= most {
                return Err(TransferError::Source(error));
            }
            (self.retried)(&error.to_string());
            let pause = FIRST_PAUSE * 2_u32.pow(fruitless);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.cancel.cancelled() => return Err(TransferError::Cancelled),
            }
        }
    }

    async fn attempt(&self, file: &mut File, have: u64) -> Result<Attempt, TransferError> {
        let mut headers = Vec::new();
        if have > 0 {
            headers.push(("range", format!("bytes={have}-")));
        }
        if let Some(authorization) = self.authorization {
            headers.push(("authorization", authorization.to_owned()));
        }
        let reply = tokio::select! {
            reply = self.http.get(self.url, &headers) => reply,
            () = self.cancel.cancelled() => return Err(TransferError::Cancelled),
        };
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Ok(Attempt::Cut(error)),
        };
        match reply.status {
            206 if have > 0 => self.check_range(&reply, have)?,
            200 => {
                self.check_length(&reply)?;
                // The server has no ranges: it sends everything again.
                self.give_up(file, have).await?;
            }
            416 if reply.header("content-range") == Some(&format!("bytes */{have}")) => {
                return Ok(Attempt::Whole);
            }
            416 => {
                self.give_up(file, have).await?;
                return Ok(Attempt::Cut(reply.refusal()));
            }
            408 | 425 | 429 | 500..=599 => return Ok(Attempt::Cut(reply.refusal())),
            _ => return Err(TransferError::Source(reply.refusal())),
        }
        self.receive(file, reply).await
    }

    async fn receive(&self, file: &mut File, mut reply: Reply) -> Result<Attempt, TransferError> {
        let mut buffer = BytesMut::with_capacity(WRITE_BYTES);
        let cut = loop {
            let next = tokio::select! {
                next = reply.next() => next,
                () = self.cancel.cancelled() => {
                    // What came is written before anything else.
                    self.write(file, &mut buffer).await?;
                    return Err(TransferError::Cancelled);
                }
            };
            match next {
                Ok(Some(piece)) => {
                    buffer.extend_from_slice(&piece);
                    if buffer.len() >= WRITE_BYTES {
                        self.write(file, &mut buffer).await?;
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        self.write(file, &mut buffer).await?;
        if let Some(error) = cut {
            return Ok(Attempt::Cut(error));
        }
        let length = length(file).await?;
        Ok(match self.expected_bytes {
            Some(expected) if length < expected => Attempt::Cut(SourceError::Request(format!(
                "{} closed the connection after {length} of {expected} bytes",
                reply.host
            ))),
            _ => Attempt::Whole,
        })
    }

    async fn write(&self, file: &mut File, buffer: &mut BytesMut) -> Result<(), TransferError> {
        if buffer.is_empty() {
            return Ok(());
        }
        let before = length(file).await?;
        if let Some(expected) = self.expected_bytes
            && before + buffer.len() as u64 > expected
        {
            return Err(altered(format!("more than {expected} bytes")));
        }
        file.write_all(buffer).await.map_err(TransferError::Write)?;
        file.flush().await.map_err(TransferError::Write)?;
        (self.moved)(buffer.len() as i64);
        buffer.clear();
        Ok(())
    }

    async fn give_up(&self, file: &File, have: u64) -> Result<(), TransferError> {
        if have > 0 {
            file.set_len(0).await.map_err(TransferError::Write)?;
            (self.moved)(-(have as i64));
        }
        Ok(())
    }

    fn check_length(&self, reply: &Reply) -> Result<(), TransferError> {
        match (self.expected_bytes, reply.number("content-length")) {
            (Some(expected), Some(length)) if length != expected => Err(altered(format!(
                "{length} bytes where {expected} are expected"
            ))),
            _ => Ok(()),
        }
    }

    fn check_range(&self, reply: &Reply, have: u64) -> Result<(), TransferError> {
        let text = reply.header("content-range").unwrap_or_default();
        let parsed = parse_range(text);
        let Some((start, total)) = parsed else {
            return Err(altered(format!("a range that can't be read: {text:?}")));
        };
        if start != have {
            return Err(altered(format!(
                "bytes from {start} where {have} was asked for"
            )));
        }
        match (self.expected_bytes, total) {
            (Some(expected), Some(total)) if total != expected => Err(altered(format!(
                "{total} bytes where {expected} are expected"
            ))),
            _ => Ok(()),
        }
    }
}

fn altered(detail: String) -> TransferError {
    TransferError::Source(SourceError::Altered { detail })
}

async fn length(file: &File) -> Result<u64, TransferError> {
    let metadata = file.metadata().await.map_err(TransferError::Write)?;
    Ok(metadata.len())
}

/// Start and total of `bytes START-END/TOTAL`; a total of `*` is unknown.
fn parse_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    Some((start.parse().ok()?, total))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(parse_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(parse_range("bytes */10"), None);
        assert_eq!(parse_range("5-9/10"), None);
    }
}
