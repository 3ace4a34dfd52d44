//! What a guest is told: real and written down, or served from an earlier record. Clocks and random
//! numbers are here, other functions in `recorder/through.rs`, requests in `recorder/exchange.rs`.

mod exchange;
mod through;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use crate::record::{
    Divergence, HostRecord, MAX_CLOCK_READINGS, MAX_RANDOM_BYTES, MAX_RECORD_BYTES, Under,
};
use crate::refusal::Refusal;

pub(crate) use exchange::{Answer, Answering, Exchange, Turn};
pub(crate) use through::Diverged;

/// The most random bytes that a guest may ask for at once.
const MAX_RANDOM_REQUEST: u64 = 1 << 20;
/// What both clocks say about their resolution: fine enough for programs.
const RESOLUTION: Duration = Duration::from_micros(1);

/// The most characters of one side of a divergence.
const MAX_SHOWN_CHARS: usize = 4000;

/// What one instance is told. Cheap to clone.
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
    /// When the call began.
    began: Instant,
    record: HostRecord,
    /// How many bytes of [`MAX_RECORD_BYTES`] are left.
    room: usize,
    replay: Option<Replay>,
    divergence: Option<Divergence>,
    refusal: Option<Refusal>,
}

/// A record that is served, and how much of it was.
#[derive(Default)]
struct Replay {
    record: HostRecord,
    wall: usize,
    monotonic: usize,
    remaining: usize,
    random: usize,
    http: usize,
    calls: usize,
}

impl Inner {
    /// Takes so much of the room; where there is not enough, the record is truncated.
    fn take_room(&mut self, bytes: usize) -> bool {
        match self.room.checked_sub(bytes) {
            Some(left) => {
                self.room = left;
                true
            }
            None => {
                self.record.truncated = true;
                false
            }
        }
    }

    /// Remembers the first place at which a replay is not what its record is.
    fn diverged(&mut self, function: &str, recorded: String, now: String) {
        let cut = |text: String| match text.char_indices().nth(MAX_SHOWN_CHARS) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        };
        if self.divergence.is_none() {
            self.divergence = Some(Divergence {
                function: function.to_owned(),
                recorded: cut(recorded),
                now: cut(now),
            });
        }
    }

    /// What a record says where it has nothing more.
    fn nothing_more(&self) -> String {
        let is_truncated = self
            .replay
            .as_ref()
            .is_some_and(|replay| replay.record.truncated);
        if is_truncated {
            "nothing: the record was cut here, at its limit".to_owned()
        } else {
            "nothing more".to_owned()
        }
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The next of a list of numbers: from the record in a replay, `real` otherwise.
    fn number(
        &mut self,
        function: &'static str,
        list: fn(&mut HostRecord) -> &mut Vec<u64>,
        place: fn(&mut Replay) -> &mut usize,
        real: impl FnOnce() -> u64,
    ) -> (u64, bool) {
        let mut value = None;
        if let Some(replay) = &mut self.replay {
            let at = *place(replay);
            *place(replay) += 1;
            value = list(&mut replay.record).get(at).copied();
            if value.is_none() {
                let recorded = self.nothing_more();
                self.diverged(function, recorded, format!("reading {}", at + 1));
            }
        }
        (value.unwrap_or_else(real), value.is_some())
    }

    fn keep_number(&mut self, list: fn(&mut HostRecord) -> &mut Vec<u64>, value: u64) {
        let list = list(&mut self.record);
        if list.len() < MAX_CLOCK_READINGS {
            list.push(value);
        } else {
            self.record.truncated = true;
        }
    }
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder {
            inner: Arc::new(Mutex::new(Inner {
                started: Instant::now(),
                offset_ns: 0,
                last_monotonic_ns: 0,
                seed: None,
                began: Instant::now(),
                record: HostRecord::default(),
                room: MAX_RECORD_BYTES,
                replay: None,
                divergence: None,
                refusal: None,
            })),
        }
    }

    /// Before a call, whose guest is told that it speaks to a person of this language.
    pub(crate) fn begin(&self, replay: Option<HostRecord>, locale: &str, under: Option<Under>) {
        let mut inner = self.lock();
        inner.began = Instant::now();
        inner.record = HostRecord {
            under,
            locale: locale.to_owned(),
            ..HostRecord::default()
        };
        inner.room = MAX_RECORD_BYTES;
        inner.divergence = None;
        inner.refusal = None;
        inner.replay = replay.map(|record| Replay {
            record,
            ..Replay::default()
        });
    }

    /// After a call: its record, and where a replay first left the one that it was given.
    pub(crate) fn take(&self) -> (HostRecord, Option<Divergence>) {
        let mut inner = self.lock();
        inner.replay = None;
        (std::mem::take(&mut inner.record), inner.divergence.take())
    }

    /// How many milliseconds are left.
    pub(crate) fn remaining_ms(&self, real: impl FnOnce() -> u64) -> u64 {
        let mut inner = self.lock();
        let (ms, _) = inner.number(
            "alcove:tool/session.remaining-ms",
            |record| &mut record.remaining_ms,
            |replay| &mut replay.remaining,
            real,
        );
        inner.keep_number(|record| &mut record.remaining_ms, ms);
        ms
    }

    /// Remembers what was refused; a later success forgets it.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.lock().refusal = Some(refusal);
    }

    pub(crate) fn succeeded(&self) {
        self.lock().refusal = None;
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.lock().refusal.clone()
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
            if served < length {
                let recorded = inner.nothing_more();
                let now = format!("{length} bytes");
                inner.diverged("wasi:random/random.get-random-bytes", recorded, now);
            }
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
        let (ns, _) = inner.number(
            "wasi:clocks/wall-clock.now",
            |record| &mut record.wall_ns,
            |replay| &mut replay.wall,
            || {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
            },
        );
        inner.keep_number(|record| &mut record.wall_ns, ns);
        Duration::from_nanos(ns)
    }
}

impl HostMonotonicClock for Recorder {
    fn resolution(&self) -> u64 {
        u64::try_from(RESOLUTION.as_nanos()).unwrap_or(1)
    }

    fn now(&self) -> u64 {
        let mut inner = self.lock();
        let real = u64::try_from(inner.started.elapsed().as_nanos())
            .unwrap_or(u64::MAX)
            .saturating_add(inner.offset_ns);
        let (ns, is_served) = inner.number(
            "wasi:clocks/monotonic-clock.now",
            |record| &mut record.monotonic_ns,
            |replay| &mut replay.monotonic,
            || real,
        );
        if is_served {
            inner.offset_ns += ns.saturating_sub(real);
        }
        let ns = ns.max(inner.last_monotonic_ns);
        inner.last_monotonic_ns = ns;
        inner.keep_number(|record| &mut record.monotonic_ns, ns);
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
        first.begin(None, "en", None);
        let wall = HostWallClock::now(&first);
        let bytes = first.random_bytes(20).unwrap();
        let seed = first.seed().unwrap();
        let (mut record, _) = first.take();
        record.monotonic_ns = vec![7_000_000_000_000];

        let second = Recorder::new();
        second.begin(Some(record.clone()), "en", None);
        assert_eq!(HostWallClock::now(&second), wall);
        assert_eq!(second.random_bytes(12).unwrap(), bytes[..12]);
        assert_eq!(second.random_bytes(8).unwrap(), bytes[12..]);
        assert_eq!(second.seed().unwrap(), seed);
        assert_eq!(HostMonotonicClock::now(&second), 7_000_000_000_000);
        assert_eq!(second.take(), (record, None));

        // Beyond the record the values are fresh, and time does not go back.
        second.begin(None, "en", None);
        assert!(HostMonotonicClock::now(&second) >= 7_000_000_000_000);
        assert_ne!(second.random_bytes(20).unwrap(), bytes);
        assert_eq!(second.seed().unwrap(), seed, "an instance has one seed");
    }

    #[test]
    fn a_record_is_bounded_and_says_so() {
        let recorder = Recorder::new();
        recorder.begin(None, "en", None);
        recorder.random_bytes(MAX_RANDOM_BYTES).unwrap();
        for _ in 0..=MAX_CLOCK_READINGS {
            HostMonotonicClock::now(&recorder);
        }
        recorder.random_bytes(1).unwrap();
        let (record, _) = recorder.take();
        assert_eq!(record.random.len(), MAX_RANDOM_BYTES);
        assert_eq!(record.monotonic_ns.len(), MAX_CLOCK_READINGS);
        assert!(record.truncated);
    }
}
