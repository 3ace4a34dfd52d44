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

/// What a table says, key by key: a policy's limits, or a ceiling's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Maxima {
    memory_bytes: Option<u64>,
    cpu: Option<Duration>,
    wall: Option<Duration>,
    output_bytes: Option<u64>,
    calls: Option<Rate>,
    concurrency: Option<u32>,
    logs: Option<u32>,
    handles: Option<u32>,
    http_requests: Option<u32>,
    http_bytes: Option<u64>,
}

impl Maxima {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        let bytes = |key, range| read_with(section, key, |entry| read_bytes(entry, range));
        let time = |key, range| read_with(section, key, |entry| read_duration(entry, range));
        let count =
            |key, (min, max)| read_with(section, key, |entry: &Entry<'_>| entry.integer(min, max));
        Ok(Self {
            memory_bytes: bytes("memory", MEMORY_BYTES)?,
            cpu: time("cpu", CPU)?,
            wall: time("wall", WALL)?,
            output_bytes: bytes("output", OUTPUT_BYTES)?,
            calls: read_with(section, "calls", read_rate)?,
            concurrency: count("concurrency", CONCURRENCY)?,
            logs: count("logs", LOGS)?,
            handles: count("handles", HANDLES)?,
            http_requests: count("http_requests", HTTP_REQUESTS)?,
            http_bytes: bytes("http_bytes", HTTP_BYTES)?,
        })
    }

    /// `limits`, none above what is said here.
    pub(crate) fn lower(&self, limits: &Limits) -> Limits {
        Limits {
            memory_bytes: least(limits.memory_bytes, self.memory_bytes),
            cpu: least(limits.cpu, self.cpu),
            wall: least(limits.wall, self.wall),
            output_bytes: least(limits.output_bytes, self.output_bytes),
            calls: match self.calls {
                Some(most) if limits.calls.is_above(most) => most,
                _ => limits.calls,
            },
            concurrency: least(limits.concurrency, self.concurrency),
            logs: least(limits.logs, self.logs),
            handles: least(limits.handles, self.handles),
            http_requests: least(limits.http_requests, self.http_requests),
            http_bytes: least(limits.http_bytes, self.http_bytes),
        }
    }
}

fn least<T: Ord>(value: T, most: Option<T>) -> T {
    match most {
        Some(most) => value.min(most),
        None => value,
    }
}

fn read_with<T>(
    section: &Section<'_>,
    key: &'static str,
    read: impl FnOnce(&Entry<'_>) -> Result<T, PolicyError>,
) -> Result<Option<T>, PolicyError> {
    section.get(key).map(|entry| read(&entry)).transpose()
}

impl Rate {
    /// Whether it lets more through than `other`, in the long run or at once.
    #[must_use]
    pub fn is_above(self, other: Rate) -> bool {
        let of = |rate: Rate, per: Duration| u128::from(rate.count) * per.as_millis();
        of(self, other.per) > of(other, self.per)
    }
}

impl ByteRate {
    /// Whether it lets more through than `other`.
    #[must_use]
    pub fn is_above(self, other: ByteRate) -> bool {
        let of = |rate: ByteRate, per: Duration| u128::from(rate.bytes) * per.as_millis();
        of(self, other.per) > of(other, self.per)
    }
}

impl Limits {
    /// What is said, and the default where nothing is.
    pub(crate) fn of(said: &Maxima) -> Self {
        let default = Self::default();
        Self {
            memory_bytes: said.memory_bytes.unwrap_or(default.memory_bytes),
            cpu: said.cpu.unwrap_or(default.cpu),
            wall: said.wall.unwrap_or(default.wall),
            output_bytes: said.output_bytes.unwrap_or(default.output_bytes),
            calls: said.calls.unwrap_or(default.calls),
            concurrency: said.concurrency.unwrap_or(default.concurrency),
            logs: said.logs.unwrap_or(default.logs),
            handles: said.handles.unwrap_or(default.handles),
            http_requests: said.http_requests.unwrap_or(default.http_requests),
            http_bytes: said.http_bytes.unwrap_or(default.http_bytes),
        }
    }

    /// For each limit the more generous of the two.
    #[must_use]
    pub fn or(&self, other: &Limits) -> Limits {
        Limits {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            cpu: self.cpu.max(other.cpu),
            wall: self.wall.max(other.wall),
            output_bytes: self.output_bytes.max(other.output_bytes),
            calls: match other.calls.is_above(self.calls) {
                true => other.calls,
                false => self.calls,
            },
            concurrency: self.concurrency.max(other.concurrency),
            logs: self.logs.max(other.logs),
            handles: self.handles.max(other.handles),
            http_requests: self.http_requests.max(other.http_requests),
            http_bytes: self.http_bytes.max(other.http_bytes),
        }
    }

    /// The names of the limits that are above `other`'s, with both values.
    #[must_use]
    pub fn above(&self, other: &Limits) -> Vec<String> {
        let mut above = Vec::new();
        let mut note = |is_above: bool, name: &str, own: String, others: String| {
            if is_above {
                above.push(format!("limits.{name}: {own} instead of {others}"));
            }
        };
        let size =
            |name, own: u64, others: u64| (own > others, name, show_bytes(own), show_bytes(others));
        let time = |name, own: Duration, others: Duration| {
            (
                own > others,
                name,
                show_duration(own),
                show_duration(others),
            )
        };
        let count =
            |name, own: u32, others: u32| (own > others, name, own.to_string(), others.to_string());
        for (is_above, name, own, others) in [
            size("memory", self.memory_bytes, other.memory_bytes),
            time("cpu", self.cpu, other.cpu),
            time("wall", self.wall, other.wall),
            size("output", self.output_bytes, other.output_bytes),
            (
                self.calls.is_above(other.calls),
                "calls",
                self.calls.to_string(),
                other.calls.to_string(),
            ),
            count("concurrency", self.concurrency, other.concurrency),
            count("logs", self.logs, other.logs),
            count("handles", self.handles, other.handles),
            count("http_requests", self.http_requests, other.http_requests),
            size("http_bytes", self.http_bytes, other.http_bytes),
        ] {
            note(is_above, name, own, others);
        }
        above
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
