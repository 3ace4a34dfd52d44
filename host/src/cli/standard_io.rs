//! Standard input and output, read and written by the runtime itself where the system can say when
//! they are ready: tokio's own hand every line to a second thread and wait for it, which costs more
//! than most messages do.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe::{Receiver, Sender};

pub(super) type Input = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// What a program that starts this one gives it: a pipe, or a socket as Node does. Whoever else
/// holds the same end finds it non-blocking from now on.
enum Given {
    Pipe(OwnedFd),
    Socket(tokio::net::UnixStream),
    Other,
}

impl Given {
    fn of(stream: impl AsFd) -> io::Result<Given> {
        let file = std::fs::File::from(stream.as_fd().try_clone_to_owned()?);
        let kind = file.metadata()?.file_type();
        Ok(if kind.is_fifo() {
            Given::Pipe(file.into())
        } else if kind.is_socket() {
            let socket = std::os::unix::net::UnixStream::from(OwnedFd::from(file));
            socket.set_nonblocking(true)?;
            Given::Socket(tokio::net::UnixStream::from_std(socket)?)
        } else {
            Given::Other
        })
    }
}

/// Standard input.
pub(super) fn input() -> io::Result<Input> {
    Ok(match Given::of(io::stdin())? {
        Given::Pipe(pipe) => Box::new(Receiver::from_owned_fd(pipe)?),
        Given::Socket(socket) => Box::new(socket),
        Given::Other => Box::new(tokio::io::stdin()),
    })
}

/// Standard output.
pub(super) fn output() -> io::Result<Output> {
    Ok(match Given::of(io::stdout())? {
        Given::Pipe(pipe) => Box::new(Sender::from_owned_fd(pipe)?),
        Given::Socket(socket) => Box::new(socket),
        Given::Other => Box::new(tokio::io::stdout()),
    })
}
