//! Streams of files: what is read comes from the file and is written down, or from the record; what
//! is written goes to the file, or nowhere.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use super::kept;
use super::room::Room;
use crate::record;
use crate::recorder::Recorder;
use crate::shared::Shared;

/// What a stream answers instead of a result.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ended {
    Closed,
    /// The name of an error.
    Failed(String),
}

/// Hands an answer through the recorder. An error that ends the guest is no answer.
fn told<T, K>(
    recorder: &Recorder,
    function: &'static str,
    input: &impl Serialize,
    run: impl FnOnce() -> StreamResult<T>,
    keep: impl FnOnce(T) -> K,
) -> StreamResult<K>
where
    K: Serialize + serde::de::DeserializeOwned,
{
    let mut trap = None;
    let answer = recorder.through_now(function, input, || {
        run().map(keep).map_err(|error| match error {
            StreamError::Closed => Ended::Closed,
            StreamError::LastOperationFailed(error) => {
                let code = error.downcast_ref::<ErrorCode>().copied();
                Ended::Failed(kept::name(code.unwrap_or(ErrorCode::Io)))
            }
            StreamError::Trap(error) => {
                trap = Some(error);
                Ended::Closed
            }
        })
    });
    if let Some(error) = trap {
        return Err(StreamError::Trap(error));
    }
    answer
        .map_err(StreamError::Trap)?
        .map_err(|ended| match ended {
            Ended::Closed => StreamError::Closed,
            Ended::Failed(name) => StreamError::LastOperationFailed(kept::code(&name).into()),
        })
}

/// A stream to read from; without a file it is served from the record.
pub(super) struct Reading {
    pub(super) recorder: Recorder,
    pub(super) file: Option<DynInputStream>,
}

#[async_trait]
impl Pollable for Reading {
    async fn ready(&mut self) {
        if let Some(file) = &mut self.file {
            file.ready().await;
        }
    }
}

#[async_trait]
impl InputStream for Reading {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let Reading { recorder, file } = self;
        let read = told(
            recorder,
            "wasi:io/streams.input-stream.read",
            &size,
            || match file {
                Some(file) => file.read(size),
                None => Err(StreamError::Closed),
            },
            record::Bytes,
        );
        Ok(read?.0)
    }

    async fn cancel(&mut self) {
        if let Some(file) = &mut self.file {
            file.cancel().await;
        }
    }
}

/// A stream to write to; without a file what is written goes nowhere.
pub(super) struct Writing {
    pub(super) shared: Arc<Shared>,
    pub(super) file: Option<DynOutputStream>,
    /// What may still be written, where that is limited.
    pub(super) room: Option<Room>,
}

#[async_trait]
impl Pollable for Writing {
    async fn ready(&mut self) {
        if let Some(file) = &mut self.file {
            file.ready().await;
        }
    }
}

#[async_trait]
impl OutputStream for Writing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let Writing { shared, file, room } = self;
        let input = super::digest(&bytes);
        told(
            &shared.recorder,
            "wasi:io/streams.output-stream.write",
            &input,
            || match file {
                Some(file) => {
                    if let Some(room) = room {
                        room.take(bytes.len() as u64, shared)
                            .map_err(|code| StreamError::LastOperationFailed(code.into()))?;
                    }
                    file.write(bytes)
                }
                None => Err(StreamError::Closed),
            },
            |()| (),
        )
    }

    fn flush(&mut self) -> StreamResult<()> {
        let Writing { shared, file, .. } = self;
        told(
            &shared.recorder,
            "wasi:io/streams.output-stream.flush",
            &(),
            || match file {
                Some(file) => file.flush(),
                None => Err(StreamError::Closed),
            },
            |()| (),
        )
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let Writing { shared, file, .. } = self;
        told(
            &shared.recorder,
            "wasi:io/streams.output-stream.check-write",
            &(),
            || match file {
                Some(file) => file.check_write(),
                None => Err(StreamError::Closed),
            },
            |room| room,
        )
    }

    async fn cancel(&mut self) {
        if let Some(file) = &mut self.file {
            file.cancel().await;
        }
    }
}
