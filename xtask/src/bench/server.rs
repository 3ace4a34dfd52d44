//! A server of our own build on a data folder of its own, for measuring from outside.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{paths, shell};

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    address: String,
    key: String,
}

impl Server {
    /// Starts a server with a model and waits until it is ready.
    pub(crate) fn start(model: &str) -> Result<Server> {
        crate::model::fetch(&[model])?;
        let folder = paths::target().join("bench-data");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let child = shell::command(paths::alcove())
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--model",
                model,
                "--data-dir",
            ])
            .arg(&folder)
            .env("ALCOVE_MODELS_DIR", models_folder()?)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let mut server = Server {
            child,
            folder,
            address: String::new(),
            key: String::new(),
        };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(180);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            if self.look().is_ok() && self.get("/readyz").is_ok_and(|text| text.contains(" 200 ")) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server was not ready after three minutes")
    }

    /// Reads the address and the key that the server wrote down.
    fn look(&mut self) -> Result<()> {
        let text = std::fs::read_to_string(self.folder.join("server.json"))?;
        let value: serde_json::Value = serde_json::from_str(&text)?;
        let address = value["address"].as_str().context("no address")?;
        self.address = address.trim_start_matches("http://").to_owned();
        self.key = std::fs::read_to_string(self.folder.join("local.key"))?
            .trim()
            .to_owned();
        Ok(())
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }

    /// Posts a JSON body to a streaming endpoint; returns the time until `marker` came and reads
    /// the rest.
    pub(crate) fn time_until(&self, path: &str, body: &str, marker: &str) -> Result<Duration> {
        let started = Instant::now();
        let mut answer = self.post(path, body)?;
        answer.read_until(marker)?;
        let first = started.elapsed();
        answer.read_to_end()?;
        Ok(first)
    }

    /// Posts a JSON body with the local key.
    pub(crate) fn post(&self, path: &str, body: &str) -> Result<Answer> {
        self.post_with(path, body, &[])
    }

    /// The same, with further headers.
    pub(crate) fn post_with(
        &self,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(300)))?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/json\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        )?;
        Ok(Answer {
            stream,
            seen: Vec::new(),
        })
    }

    /// Resident memory in MiB: all of it, and the part that no file backs.
    pub(crate) fn memory_mib(&self) -> Result<(f64, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Result<f64> {
            let line = status
                .lines()
                .find(|line| line.starts_with(name))
                .context("no such field")?;
            let kib = line.split_whitespace().nth(1).context("no value")?;
            Ok(kib.parse::<f64>()? / 1024.0)
        };
        Ok((field("VmRSS:")?, field("RssAnon:")?))
    }
}

/// An answer that is being read.
pub(crate) struct Answer {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Answer {
    /// Reads until `marker` is there; what has come so far.
    pub(crate) fn read_until(&mut self, marker: &str) -> Result<String> {
        loop {
            let text = String::from_utf8_lossy(&self.seen);
            if text.contains(marker) {
                return Ok(text.into_owned());
            }
            let mut buffer = [0; 16384];
            let read = self.stream.read(&mut buffer)?;
            if read == 0 {
                bail!("no {marker} in: {text}");
            }
            self.seen.extend_from_slice(&buffer[..read]);
        }
    }

    /// Reads to the end.
    pub(crate) fn read_to_end(mut self) -> Result<String> {
        self.stream.read_to_end(&mut self.seen)?;
        Ok(String::from_utf8_lossy(&self.seen).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the user's models lie, as `alcove config explain models_dir` says.
pub(crate) fn models_folder() -> Result<PathBuf> {
    let text =
        shell::output(shell::command(paths::alcove()).args(["config", "explain", "models_dir"]))?;
    let path = text
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'', ',']))
        .find(|word| word.starts_with('/') && Path::new(word).is_dir());
    path.map(PathBuf::from)
        .with_context(|| format!("no folder of models in: {text}"))
}
