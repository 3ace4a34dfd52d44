//! Clock and random as a guest sees them: real and written down, or served from an earlier record.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use crate::record::{
    HostRecord, HttpExchange, MAX_CLOCK_READINGS, MAX_HTTP_EXCHANGES, MAX_RANDOM_BYTES,
};

/// The most random bytes that a guest may ask for at once.
const MAX_RANDOM_REQUEST: u64 = 1 << 20;
/// What both clocks say about their resolution: fine enough for programs.
const RESOLUTION: Duration = Duration::from_micros(1);

/// The clocks and the random numbers of one instance. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    started: Instant,
    /// Added to the real monotonic clock, so that it goes on from where a replayed one stopped.
    offset_ns: u64,
    last_monotonic_ns: u64,
    seed: Option<u128>,
    record: HostRecord,
    replay: Option<Replay>,
}

struct Replay {
    record: HostRecord,
    wall: usize,
    monotonic: usize,
    random: usize,
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder {
            inner: Arc::new(Mutex::new(Inner {
                started: Instant::now(),
                offset_ns: 0,
                last_monotonic_ns: 0,
                seed: None,
                record: HostRecord::default(),
                replay: None,
            })),
        }
    }

    /// Before a call.
    pub(crate) fn begin(&self, replay: Option<HostRecord>) {
        let mut inner = self.lock();
        inner.record = HostRecord::default();
        inner.replay = replay.map(|record| Replay {
            record,
            wall: 0,
            monotonic: 0,
            random: 0,
        });
    }

    /// After a call.
    pub(crate) fn take(&self) -> HostRecord {
        let mut inner = self.lock();
        inner.replay = None;
        std::mem::take(&mut inner.record)
    }

    /// Lists a request; answers with its place, for [`Recorder::http_ended`].
    pub(crate) fn http_began(&self, exchange: HttpExchange) -> Option<usize> {
        let mut inner = self.lock();
        if inner.record.http.len() >= MAX_HTTP_EXCHANGES {
            inner.record.truncated = true;
            return None;
        }
        inner.record.http.push(exchange);
        Some(inner.record.http.len() - 1)
    }

    pub(crate) fn http_ended(&self, place: Option<usize>, result: Result<u16, String>) {
        let mut inner = self.lock();
        let Some(exchange) = place.and_then(|place| inner.record.http.get_mut(place)) else {
            return;
        };
        match result {
            Ok(status) => exchange.status = Some(status),
            Err(error) => exchange.error = Some(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn random_bytes(&self, length: usize) -> wasmtime::Result<Vec<u8>> {
        let mut inner = self.lock();
        let mut bytes = vec![0; length];
        let mut served = 0;
        if let Some(replay) = &mut inner.replay {
            let left = &replay.record.random[replay.random..];
            served = left.len().min(length);
            bytes[..served].copy_from_slice(&left[..served]);
            replay.random += served;
        }
        getrandom::fill(&mut bytes[served..])
            .map_err(|error| wasmtime::format_err!("no random bytes: {error}"))?;
        let room = MAX_RANDOM_BYTES - inner.record.random.len().min(MAX_RANDOM_BYTES);
        inner.record.truncated |= length > room;
        inner
            .record
            .random
            .extend_from_slice(&bytes[..length.min(room)]);
        Ok(bytes)
    }

    fn seed(&self) -> wasmtime::Result<u128> {
        let mut inner = self.lock();
        if let Some(seed) = inner.seed {
            return Ok(seed);
        }
        let replayed = inner
            .replay
            .as_ref()
            .and_then(|replay| replay.record.seed.as_deref())
            .and_then(|seed| u128::from_str_radix(seed, 16).ok());
        let seed = match replayed {
            Some(seed) => seed,
            None => {
                let mut bytes = [0; 16];
                getrandom::fill(&mut bytes)
                    .map_err(|error| wasmtime::format_err!("no random bytes: {error}"))?;
                u128::from_le_bytes(bytes)
            }
        };
        inner.seed = Some(seed);
        inner.record.seed = Some(format!("{seed:032x}"));
        Ok(seed)
    }
}

impl HostWallClock for Recorder {
    fn resolution(&self) -> Duration {
        RESOLUTION
    }

    fn now(&self) -> Duration {
        let mut inner = self.lock();
        let replayed = inner.replay.as_mut().and_then(|replay| {
            let value = replay.record.wall_ns.get(replay.wall).copied();
            replay.wall += 1;
            value
        });
        let ns = replayed.unwrap_or_else(|| {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
        });
        if inner.record.wall_ns.len() < MAX_CLOCK_READINGS {
            inner.record.wall_ns.push(ns);
        } else {
            inner.record.truncated = true;
        }
        Duration::from_nanos(ns)
    }
}

impl HostMonotonicClock for Recorder {
    fn resolution(&self) -> u64 {
        u64::try_from(RESOLUTION.as_nanos()).unwrap_or(1)
    }

    fn now(&self) -> u64 {
        let mut inner = self.lock();
        let replayed = inner.replay.as_mut().and_then(|replay| {
            let value = replay.record.monotonic_ns.get(replay.monotonic).copied();
            replay.monotonic += 1;
            value
        });
        let real = u64::try_from(inner.started.elapsed().as_nanos())
            .unwrap_or(u64::MAX)
            .saturating_add(inner.offset_ns);
        let ns = match replayed {
            Some(ns) => {
                inner.offset_ns += ns.saturating_sub(real);
                ns
            }
            None => real,
        }
        .max(inner.last_monotonic_ns);
        inner.last_monotonic_ns = ns;
        if inner.record.monotonic_ns.len() < MAX_CLOCK_READINGS {
            inner.record.monotonic_ns.push(ns);
        } else {
            inner.record.truncated = true;
        }
        ns
    }
}

impl random::Host for Recorder {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > MAX_RANDOM_REQUEST {
            wasmtime::bail!("more random bytes were asked for than may be at once");
        }
        self.random_bytes(usize::try_from(len)?)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        let mut word = [0; 8];
        word.copy_from_slice(&self.random_bytes(8)?);
        Ok(u64::from_le_bytes(word))
    }
}

impl insecure::Host for Recorder {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        random::Host::get_random_bytes(self, len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        random::Host::get_random_u64(self)
    }
}

impl insecure_seed::Host for Recorder {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        let seed = self.seed()?;
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
        let halves = (seed as u64, (seed >> 64) as u64);
        Ok(halves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_told_the_same_and_then_goes_on() {
        let first = Recorder::new();
        first.begin(None);
        let wall = HostWallClock::now(&first);
        let bytes = first.random_bytes(20).unwrap();
        let seed = first.seed().unwrap();
        let mut record = first.take();
        record.monotonic_ns = vec![7_000_000_000_000];

        let second = Recorder::new();
        second.begin(Some(record.clone()));
        assert_eq!(HostWallClock::now(&second), wall);
        assert_eq!(second.random_bytes(12).unwrap(), bytes[..12]);
        assert_eq!(second.random_bytes(8).unwrap(), bytes[12..]);
        assert_eq!(second.seed().unwrap(), seed);
        assert_eq!(HostMonotonicClock::now(&second), 7_000_000_000_000);
        assert_eq!(second.take(), record);

        // Beyond the record the values are fresh, and time does not go back.
        second.begin(None);
        assert!(HostMonotonicClock::now(&second) >= 7_000_000_000_000);
        assert_ne!(second.random_bytes(20).unwrap(), bytes);
        assert_eq!(second.seed().unwrap(), seed, "an instance has one seed");
    }

    #[test]
    fn a_record_is_bounded_and_says_so() {
        let recorder = Recorder::new();
        recorder.begin(None);
        recorder.random_bytes(MAX_RANDOM_BYTES).unwrap();
        for _ in 0..=MAX_CLOCK_READINGS {
            HostMonotonicClock::now(&recorder);
        }
        recorder.random_bytes(1).unwrap();
        let record = recorder.take();
        assert_eq!(record.random.len(), MAX_RANDOM_BYTES);
        assert_eq!(record.monotonic_ns.len(), MAX_CLOCK_READINGS);
        assert!(record.truncated);
    }
}
