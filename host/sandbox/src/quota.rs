//! How many calls may start and run at once, for each plugin under each policy.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use alcove_policies::{Authority, ByteRate, Count, Limits, Rate};

use crate::report::LimitHit;

/// The most pairs of plugin and policy that are remembered; idle ones are forgotten first.
const MAX_ENTRIES: usize = 4096;
/// The most events of one rate that are remembered one by one. A higher rate is counted in windows
/// that follow each other, which at most doubles it across a border.
const MAX_EVENTS: u32 = 10_000;
/// How finely the time of a rate of bytes is cut.
const BYTE_SLICES: u32 = 60;

/// Counts calls and requests.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    entries: Mutex<HashMap<Key, Entry>>,
}

/// A rule of an authority: the grant or narrower that holds it, where there are several, and its
/// line.
pub(crate) type Rule = (Option<Arc<str>>, u32);

/// A rate of a rule, and where it is counted.
#[derive(Debug, Clone)]
pub(crate) struct Counted<R> {
    pub(crate) key: Key,
    pub(crate) rule: Rule,
    pub(crate) rate: R,
}

/// In words.
impl<R: fmt::Display> fmt::Display for Counted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (grant, line) = &self.rule;
        write!(f, "{} by the rule in line {line}", self.rate)?;
        match grant {
            Some(grant) => write!(f, " ({grant})"),
            None => Ok(()),
        }
    }
}

/// A plugin and what it runs under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    plugin: String,
    authority: [u8; 32],
}

impl Key {
    pub(crate) fn new(plugin: &str, identity: [u8; 32]) -> Key {
        Key {
            plugin: plugin.to_owned(),
            authority: identity,
        }
    }

    /// The same plugin, under something else.
    pub(crate) fn under(&self, identity: [u8; 32]) -> Key {
        Key::new(&self.plugin, identity)
    }
}

#[derive(Debug, Default)]
struct Entry {
    running: u32,
    calls: Window,
    requests: HashMap<Rule, Window>,
    bytes: HashMap<Rule, ByteWindow>,
    used: Option<Instant>,
}

/// When the latest events were.
#[derive(Debug, Default)]
struct Window {
    events: VecDeque<Instant>,
    /// For rates above [`MAX_EVENTS`]: when the window began, and how many events it has had.
    began: Option<Instant>,
    count: u32,
}

impl Window {
    /// Whether one more event is within `rate` now; if so it is counted.
    fn admit(&mut self, rate: Rate, now: Instant) -> bool {
        if rate.count > MAX_EVENTS {
            return self.admit_counted(rate, now);
        }
        while let Some(first) = self.events.front() {
            if now.duration_since(*first) < rate.per {
                break;
            }
            self.events.pop_front();
        }
        if self.events.len() >= rate.count as usize {
            return false;
        }
        self.events.push_back(now);
        true
    }

    fn admit_counted(&mut self, rate: Rate, now: Instant) -> bool {
        if self
            .began
            .is_none_or(|began| now.duration_since(began) >= rate.per)
        {
            self.began = Some(now);
            self.count = 0;
        }
        let admitted = self.count < rate.count;
        self.count += u32::from(admitted);
        admitted
    }
}

/// How many bytes there were lately: the time of a rate is cut in slices, and a slice counts until
/// all of it is past.
#[derive(Debug, Default)]
struct ByteWindow {
    slices: VecDeque<(Instant, u64)>,
}

impl ByteWindow {
    /// Counts bytes; whether they are within `rate`.
    fn admit(&mut self, rate: ByteRate, bytes: u64, now: Instant) -> bool {
        let slice = rate.per / BYTE_SLICES;
        while let Some((began, _)) = self.slices.front() {
            if now.duration_since(*began) < rate.per + slice {
                break;
            }
            self.slices.pop_front();
        }
        let used: u64 = self.slices.iter().map(|(_, bytes)| bytes).sum();
        if used.saturating_add(bytes) > rate.bytes {
            return false;
        }
        match self.slices.back_mut() {
            Some((began, sum)) if now.duration_since(*began) < slice => *sum += bytes,
            _ => self.slices.push_back((now, bytes)),
        }
        true
    }
}

/// A call that runs; its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    quota: Arc<Quota>,
    /// Wherever it is counted.
    keys: Vec<Key>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut entries = self.quota.lock();
        for key in &self.keys {
            if let Some(entry) = entries.get_mut(key) {
                entry.running = entry.running.saturating_sub(1);
            }
        }
    }
}

impl Quota {
    /// A place for one more call, if there may be one now wherever it is counted: a call that its
    /// narrower refuses is none of the grants' calls. A call that only replays an earlier one takes
    /// a place but was counted when it first ran.
    pub(crate) fn start(
        self: &Arc<Self>,
        plugin: &str,
        policy: &Authority,
        is_replay: bool,
    ) -> Result<Place, LimitHit> {
        // What was taken is free again where a later count refuses.
        let mut place = Place {
            quota: Arc::clone(self),
            keys: Vec::new(),
        };
        for Count { identity, limits } in policy.counts() {
            let key = Key::new(plugin, *identity);
            self.enter(&key, limits, is_replay)?;
            place.keys.push(key);
        }
        Ok(place)
    }

    fn enter(&self, key: &Key, limits: &Limits, is_replay: bool) -> Result<(), LimitHit> {
        let now = Instant::now();
        let mut entries = self.lock();
        make_room(&mut entries, key);
        let entry = entries.entry(key.clone()).or_default();
        entry.used = Some(now);
        if entry.running >= limits.concurrency {
            return Err(LimitHit {
                name: "concurrency",
                allowed: format!("{} at once", limits.concurrency),
            });
        }
        if !is_replay && !entry.calls.admit(limits.calls, now) {
            return Err(LimitHit {
                name: "calls",
                allowed: limits.calls.to_string(),
            });
        }
        entry.running += 1;
        Ok(())
    }

    /// Whether one more request is within the rate of a rule.
    pub(crate) fn request(&self, counted: &Counted<Rate>) -> bool {
        let now = Instant::now();
        let mut entries = self.lock();
        let entry = entries.entry(counted.key.clone()).or_default();
        entry.used = Some(now);
        let window = entry.requests.entry(counted.rule.clone()).or_default();
        window.admit(counted.rate, now)
    }

    /// Whether so many bytes more are within the rate of a rule.
    pub(crate) fn bytes(&self, counted: &Counted<ByteRate>, bytes: u64) -> bool {
        let now = Instant::now();
        let mut entries = self.lock();
        let entry = entries.entry(counted.key.clone()).or_default();
        entry.used = Some(now);
        let window = entry.bytes.entry(counted.rule.clone()).or_default();
        window.admit(counted.rate, bytes, now)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the entry that was idle longest when there are too many.
fn make_room(entries: &mut HashMap<Key, Entry>, key: &Key) {
    if entries.len() < MAX_ENTRIES || entries.contains_key(key) {
        return;
    }
    let oldest = entries
        .iter()
        .filter(|(_, entry)| entry.running == 0)
        .min_by_key(|(_, entry)| entry.used)
        .map(|(key, _)| key.clone());
    if let Some(oldest) = oldest {
        entries.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alcove_policies::Policy;

    use super::*;

    #[test]
    fn a_rate_lets_so_many_through_and_then_more_when_time_has_passed() {
        let rate = Rate {
            count: 2,
            per: Duration::from_secs(60),
        };
        let start = Instant::now();
        let mut window = Window::default();
        assert!(window.admit(rate, start));
        assert!(window.admit(rate, start + Duration::from_secs(30)));
        assert!(!window.admit(rate, start + Duration::from_secs(59)));
        assert!(window.admit(rate, start + Duration::from_secs(60)));
        assert!(!window.admit(rate, start + Duration::from_secs(61)));
        assert!(window.admit(rate, start + Duration::from_secs(90)));
    }

    #[test]
    fn a_high_rate_is_counted_and_not_remembered() {
        let rate = Rate {
            count: 20_000,
            per: Duration::from_secs(1),
        };
        let start = Instant::now();
        let mut window = Window::default();
        assert!((0..20_000).all(|_| window.admit(rate, start)));
        assert!(!window.admit(rate, start + Duration::from_millis(999)));
        assert!(window.admit(rate, start + Duration::from_secs(1)));
        assert!(window.events.is_empty());
    }

    #[test]
    fn bytes_come_back_as_time_passes() {
        let rate = ByteRate {
            bytes: 100,
            per: Duration::from_secs(60),
        };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = ByteWindow::default();
        assert!(window.admit(rate, 60, at(0)));
        assert!(window.admit(rate, 40, at(30)));
        assert!(!window.admit(rate, 1, at(59)));
        assert!(window.admit(rate, 60, at(62)));
        assert!(!window.admit(rate, 1, at(63)));
        for second in 64..2000 {
            window.admit(rate, 1, at(second));
        }
        assert!(window.slices.len() <= BYTE_SLICES as usize + 2);
        assert!(!window.admit(rate, 101, at(9000)));
    }

    #[test]
    fn places_are_per_plugin_and_policy_and_come_back() {
        let text = |concurrency| {
            format!("version = 1\nplugin = \"local/a\"\n[limits]\nconcurrency = {concurrency}\n")
        };
        let one = Authority::from(Policy::parse(&text(1)).unwrap());
        let two = Authority::from(Policy::parse(&text(2)).unwrap());
        let quota = Arc::new(Quota::default());
        let start = |plugin, policy| quota.start(plugin, policy, false);
        let place = start("local/a", &one).unwrap();
        assert_eq!(start("local/a", &one).unwrap_err().name, "concurrency");
        let _other_plugin = start("local/b", &one).unwrap();
        let _other_policy = start("local/a", &two).unwrap();
        drop(place);
        assert!(start("local/a", &one).is_ok());
    }

    #[test]
    fn a_replayed_call_is_not_counted_again() {
        let text = "version = 1\nplugin = \"local/a\"\n[limits]\ncalls = \"1/h\"\n";
        let policy = Authority::from(Policy::parse(text).unwrap());
        let quota = Arc::new(Quota::default());
        let start = |is_replay| quota.start("local/a", &policy, is_replay);
        for _ in 0..3 {
            assert!(start(true).is_ok());
        }
        assert!(start(false).is_ok());
        assert_eq!(start(false).unwrap_err().name, "calls");
        assert!(start(true).is_ok());
    }

    #[test]
    fn a_narrowed_call_counts_for_its_narrower_and_for_the_grant() {
        let policy = |limits: &str| {
            let text = format!("version = 1\nplugin = \"local/a\"\n[limits]\n{limits}\n");
            Policy::parse(&text).unwrap()
        };
        let whole = Authority::from(policy("calls = \"3/h\"\nconcurrency = 2"));
        let narrowed = |name: &str, limits: &str| {
            let within = Arc::new(policy(limits));
            whole.clone().attenuated(name.into(), within)
        };
        let (one, other) = (
            narrowed("one", "calls = \"1/h\""),
            narrowed("other", "concurrency = 1"),
        );
        let quota = Arc::new(Quota::default());
        let start = |policy| quota.start("local/a", policy, false);
        drop(start(&one).unwrap());
        assert_eq!(start(&one).unwrap_err().name, "calls", "its own");
        let place = start(&other).unwrap();
        assert_eq!(start(&other).unwrap_err().name, "concurrency");
        drop(start(&whole).expect("nothing but the two that ran is counted"));
        drop(place);
        assert_eq!(start(&whole).unwrap_err().name, "calls", "everybody's");
        assert_eq!(start(&other).unwrap_err().name, "calls");
    }
}
