//! `alcove mcp --stdio`.
//!
//! Where a server runs on this machine, standard input and output become the two ends of a
//! connection to it; otherwise this process is the server for as long as its client lives.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::Server;
use crate::mcp::stdio;

use super::arguments::Global;
use super::connect::Connection;
use super::standard_io;

/// The longest head of an answer.
const MAX_HEAD_BYTES: usize = 16 << 10;

pub(super) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let connection = Connection::open(global).await?;
    let served = match connection.own() {
        Some(server) => serve(server).await,
        None => {
            let (host, key) = connection.client.place();
            pipe(host, key).await
        }
    };
    connection.close().await;
    served.map(|()| ExitCode::SUCCESS)
}

/// In this process.
async fn serve(server: &Server) -> anyhow::Result<()> {
    let app = server.app();
    let principal = app.accounts.local_principal().await?;
    let mcp = app.mcp.clone();
    let (input, output) = (standard_io::input()?, standard_io::output()?);
    let ended = app.shutdown.clone();
    // On a thread of the runtime, which hears of a message first; this one would have to be woken.
    let serving = stdio::serve(mcp, principal, input, output, ended.clone());
    let mut serving = tokio::spawn(serving);
    let served = tokio::select! {
        served = &mut serving => served,
        // The client may stop this process instead of closing its side.
        () = crate::app::termination() => {
            ended.cancel();
            serving.await
        }
    };
    served.context("serving ended early")
}

/// Through a connection to the server that runs.
async fn pipe(host: &str, key: &str) -> anyhow::Result<()> {
    let unreachable = || format!("cannot speak to the server at {host}");
    let mut stream = TcpStream::connect(host).await.with_context(unreachable)?;
    stream.set_nodelay(true)?;
    let head = format!(
        "GET /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Connection: upgrade\r\nUpgrade: mcp-lines\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let answer = read_head(&mut stream).await.with_context(unreachable)?;
    if !answer.starts_with("HTTP/1.1 101 ") {
        let first = answer.lines().next().unwrap_or_default();
        bail!("the server at {host} does not take this connection: {first}");
    }
    let (mut input, mut output) = (standard_io::input()?, standard_io::output()?);
    let (mut from, mut to) = stream.into_split();
    let up = tokio::spawn(async move {
        let copied = tokio::io::copy(&mut input, &mut to).await;
        // The server answers what it has, then closes its side.
        let _ = to.shutdown().await;
        copied
    });
    let down = tokio::spawn(async move { tokio::io::copy(&mut from, &mut output).await });
    let down = down.await.context("copying ended early")?;
    up.abort();
    down.context("the connection to the server broke off")?;
    Ok(())
}

/// The answer's head; not a byte more, for what follows are messages.
async fn read_head(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD_BYTES {
            bail!("its answer is too long");
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
