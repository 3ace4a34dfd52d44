//! `[limits]`: what one call may use.

use std::fmt;
use std::time::Duration;

use crate::PolicyError;
use crate::quantity::{byte_rate, bytes, duration, rate, show_bytes, show_duration};
use crate::section::{Entry, Section};

/// What a plugin's calls may use. A key that the policy leaves out has the value of
/// [`Limits::default`]: small enough to be safe, large enough for a simple tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `memory`, summed over all linear memories and tables of an instance. Default `64 MiB`.
    pub memory_bytes: u64,
    /// `cpu`, the processor time of one call. Default `2 s`.
    pub cpu: Duration,
    /// `wall`, from start to end of one call, also while the guest waits. Default `20 s`.
    pub wall: Duration,
    /// `output`, the bytes of one call's result. Default `256 KiB`.
    pub output_bytes: u64,
    /// `calls`, how many calls may start. Default `60/min`.
    pub calls: Rate,
    /// `concurrency`, how many calls may run at once. Default 4.
    pub concurrency: u32,
    /// `logs`, the lines that one call may log. Default 1000.
    pub logs: u32,
    /// `handles`, the files, streams and requests that an instance holds at once. Default 1024.
    pub handles: u32,
    /// `http_requests`, the requests that one call may send. Default 64.
    pub http_requests: u32,
    /// `http_bytes`, the bytes of all requests and responses of one call. Default `32 MiB`.
    pub http_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(20),
            output_bytes: 256 << 10,
            calls: Rate {
                count: 60,
                per: Duration::from_secs(60),
            },
            concurrency: 4,
            logs: 1_000,
            handles: 1_024,
            http_requests: 64,
            http_bytes: 32 << 20,
        }
    }
}

/// So many in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, Per(self.per))
    }
}

/// So many bytes in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRate {
    /// How many bytes.
    pub bytes: u64,
    /// In which time.
    pub per: Duration,
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", show_bytes(self.bytes), Per(self.per))
    }
}

/// The time of a rate, in the language's words.
struct Per(Duration);

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            1 => f.write_str("s"),
            60 => f.write_str("min"),
            3_600 => f.write_str("h"),
            86_400 => f.write_str("day"),
            seconds => write!(f, "{seconds} s"),
        }
    }
}

/// What an admin can set at most, and at least: outside of it is a mistake.
const MEMORY_BYTES: (u64, u64) = (64 << 10, 4 << 30);
const OUTPUT_BYTES: (u64, u64) = (1, 64 << 20);
const CPU: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(3_600));
const WALL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(86_400));
const RATE_COUNT: (u32, u32) = (1, 1_000_000);
const CONCURRENCY: (u32, u32) = (1, 1_000);
const LOGS: (u32, u32) = (0, 100_000);
/// Language runtimes open some handles before they run a line.
const HANDLES: (u32, u32) = (16, 65_536);
const HTTP_REQUESTS: (u32, u32) = (1, 10_000);
const HTTP_BYTES: (u64, u64) = (1, 4 << 30);

impl Limits {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        let mut limits = Self::default();
        if let Some(entry) = section.get("memory") {
            limits.memory_bytes = read_bytes(&entry, MEMORY_BYTES)?;
        }
        if let Some(entry) = section.get("cpu") {
            limits.cpu = read_duration(&entry, CPU)?;
        }
        if let Some(entry) = section.get("wall") {
            limits.wall = read_duration(&entry, WALL)?;
        }
        if let Some(entry) = section.get("output") {
            limits.output_bytes = read_bytes(&entry, OUTPUT_BYTES)?;
        }
        if let Some(entry) = section.get("calls") {
            limits.calls = read_rate(&entry)?;
        }
        if let Some(entry) = section.get("concurrency") {
            limits.concurrency = entry.integer(CONCURRENCY.0, CONCURRENCY.1)?;
        }
        if let Some(entry) = section.get("logs") {
            limits.logs = entry.integer(LOGS.0, LOGS.1)?;
        }
        if let Some(entry) = section.get("handles") {
            limits.handles = entry.integer(HANDLES.0, HANDLES.1)?;
        }
        if let Some(entry) = section.get("http_requests") {
            limits.http_requests = entry.integer(HTTP_REQUESTS.0, HTTP_REQUESTS.1)?;
        }
        if let Some(entry) = section.get("http_bytes") {
            limits.http_bytes = read_bytes(&entry, HTTP_BYTES)?;
        }
        Ok(limits)
    }
}

/// A size within bounds.
pub(crate) fn read_bytes(entry: &Entry<'_>, (min, max): (u64, u64)) -> Result<u64, PolicyError> {
    let value = bytes(entry.text()?).ok_or_else(|| {
        entry.error("is not a size; write a whole number and B, KiB, MiB or GiB, as in \"64 MiB\"")
    })?;
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(entry.error(format!(
        "must be from {} to {}",
        show_bytes(min),
        show_bytes(max)
    )))
}

fn read_duration(
    entry: &Entry<'_>,
    (min, max): (Duration, Duration),
) -> Result<Duration, PolicyError> {
    let value = duration(entry.text()?).ok_or_else(|| {
        entry.error("is not a duration; write a whole number and ms, s, min or h, as in \"2 s\"")
    })?;
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(entry.error(format!(
        "must be from {} to {}",
        show_duration(min),
        show_duration(max)
    )))
}

pub(crate) fn read_rate(entry: &Entry<'_>) -> Result<Rate, PolicyError> {
    let (count, per) = rate(entry.text()?).ok_or_else(|| {
        entry.error("is not a rate; write a count per s, min, h or day, as in \"60/min\"")
    })?;
    if (RATE_COUNT.0..=RATE_COUNT.1).contains(&count) {
        return Ok(Rate { count, per });
    }
    Err(entry.error(format!(
        "must count from {} to {}",
        RATE_COUNT.0, RATE_COUNT.1
    )))
}

pub(crate) fn read_byte_rate(entry: &Entry<'_>) -> Result<ByteRate, PolicyError> {
    let (bytes, per) = byte_rate(entry.text()?).ok_or_else(|| {
        entry.error("is not a rate; write a size per s, min, h or day, as in \"10 MiB/min\"")
    })?;
    if (HTTP_BYTES.0..=HTTP_BYTES.1).contains(&bytes) {
        return Ok(ByteRate { bytes, per });
    }
    Err(entry.error(format!(
        "must be from {} to {}",
        show_bytes(HTTP_BYTES.0),
        show_bytes(HTTP_BYTES.1)
    )))
}
