//! An echo tool over MCP on standard input and output, against the protocol's own ping.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::result::Row;
use super::statistics::{median, median_ratio};
use crate::{paths, shell};

const GROUP: &str = "mcp";
const ROUNDS: usize = 5;
/// Requests of each kind in a round, one after the other.
const REQUESTS: usize = 2_000;
/// Requests before those that are measured.
const WARM_UP: usize = 200;
/// Calls at once, and in all, where throughput is measured.
const IN_FLIGHT: usize = 1_000;
const CALLS: usize = 10_000;
/// Limits that no benchmark reaches.
const POLICY: &str =
    "version = 1\nplugin = \"local/echo\"\n[limits]\ncalls = \"1000000/s\"\nconcurrency = 1000\n";

pub(crate) fn measure() -> Result<Vec<Row>> {
    let folder = paths::target().join("bench-mcp");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    prepare(&folder)?;
    let mut speaker = Speaker::start(&folder)?;
    let ping = json!({"jsonrpc": "2.0", "method": "ping"});
    let echo = json!({
        "jsonrpc": "2.0", "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": "hello"}},
    });
    speaker.one_by_one(&ping, WARM_UP)?;
    speaker.one_by_one(&echo, WARM_UP)?;
    let (mut pings, mut echoes, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pings.push(speaker.one_by_one(&ping, REQUESTS)?);
        echoes.push(speaker.one_by_one(&echo, REQUESTS)?);
        rates.push(speaker.at_once(&echo)?);
    }
    drop(speaker);
    let (near_pings, near_echoes) = on_one_core(&folder, &ping, &echo)?;
    let ratio = median_ratio(&echoes, &pings);
    Ok(vec![
        Row::new(GROUP, "ping over stdio, p50", median(&pings), "µs")?,
        Row::new(GROUP, "echo tool over stdio, p50", median(&echoes), "µs")?.against(
            "ping",
            median(&pings),
            ratio,
        ),
        Row::new(
            GROUP,
            "echo tool above ping",
            median(&above(&echoes, &pings)),
            "µs",
        )?,
        Row::new(
            GROUP,
            "ping over stdio, client and server on one core, p50",
            median(&near_pings),
            "µs",
        )?,
        Row::new(
            GROUP,
            "echo tool above ping, client and server on one core",
            median(&above(&near_echoes, &near_pings)),
            "µs",
        )?,
        Row::new(
            GROUP,
            "echo tool, 1,000 in flight",
            median(&rates),
            "calls/s",
        )?,
    ])
}

fn above(echoes: &[f64], pings: &[f64]) -> Vec<f64> {
    let pairs = echoes.iter().zip(pings);
    pairs.map(|(echo, ping)| echo - ping).collect()
}

/// The same with both processes on one core. Elsewhere the scheduler may put a quick ping on one
/// core and an echo on two, and waking a core that sleeps, in a virtual machine tens of
/// microseconds, is counted for one of them alone.
fn on_one_core(folder: &Path, ping: &Value, echo: &Value) -> Result<(Vec<f64>, Vec<f64>)> {
    let own = std::process::id().to_string();
    let before = shell::output(Command::new("taskset").args(["-p", &own]))?;
    let before = before
        .trim()
        .rsplit(' ')
        .next()
        .context("no cores")?
        .to_owned();
    shell::output(Command::new("taskset").args(["-p", "1", &own]))?;
    let mut speaker = Speaker::start(folder)?;
    speaker.one_by_one(ping, WARM_UP)?;
    speaker.one_by_one(echo, WARM_UP)?;
    let (mut pings, mut echoes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pings.push(speaker.one_by_one(ping, REQUESTS)?);
        echoes.push(speaker.one_by_one(echo, REQUESTS)?);
    }
    shell::output(Command::new("taskset").args(["-p", &before, &own]))?;
    Ok((pings, echoes))
}

fn alcove(folder: &Path) -> Command {
    let mut command = shell::command(paths::alcove());
    command.env("ALCOVE_DATA_DIR", folder.join("data"));
    // The tools are measured, not a model that loads beside them.
    command.env("ALCOVE_MODEL", "/nowhere/none.gguf");
    command
}

fn prepare(folder: &Path) -> Result<()> {
    let echo: PathBuf = paths::root().join("plugins/dist/fixtures/echo.wasm");
    let policy = folder.join("policy.toml");
    std::fs::write(&policy, POLICY)?;
    shell::output(alcove(folder).args(["plugin", "install"]).arg(echo))?;
    shell::output(
        alcove(folder)
            .args(["grant", "local/echo", "--beyond-request", "--policy"])
            .arg(policy),
    )?;
    Ok(())
}

/// A client of `alcove mcp --stdio`.
struct Speaker {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    next: u64,
}

impl Speaker {
    fn start(folder: &Path) -> Result<Speaker> {
        let mut child = alcove(folder)
            .args(["mcp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the program")?;
        let input = child.stdin.take().context("no input")?;
        let output = child.stdout.take().context("no output")?;
        Ok(Speaker {
            child,
            input,
            output: BufReader::new(output).lines(),
            next: 0,
        })
    }

    fn numbered(&mut self, message: &Value) -> String {
        let mut message = message.clone();
        message["id"] = json!(self.next);
        self.next += 1;
        format!("{message}\n")
    }

    fn hear(&mut self) -> Result<()> {
        let line = self.output.next().context("the program ended")??;
        let answer: Value = serde_json::from_str(&line)?;
        let is_good = answer["result"].is_object() && answer["result"]["isError"] != true;
        ensure!(is_good, "not answered: {line}");
        Ok(())
    }

    /// The median in microseconds.
    fn one_by_one(&mut self, message: &Value, count: usize) -> Result<f64> {
        let mut took = Vec::with_capacity(count);
        for _ in 0..count {
            let line = self.numbered(message);
            let started = Instant::now();
            self.input.write_all(line.as_bytes())?;
            self.hear()?;
            took.push(started.elapsed().as_secs_f64() * 1e6);
        }
        Ok(median(&took))
    }

    /// Calls a second, with so many of them in flight at any time.
    fn at_once(&mut self, message: &Value) -> Result<f64> {
        let started = Instant::now();
        for _ in 0..IN_FLIGHT {
            let line = self.numbered(message);
            self.input.write_all(line.as_bytes())?;
        }
        for answered in 0..CALLS {
            self.hear()?;
            if answered + IN_FLIGHT < CALLS {
                let line = self.numbered(message);
                self.input.write_all(line.as_bytes())?;
            }
        }
        Ok(CALLS as f64 / started.elapsed().as_secs_f64())
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
