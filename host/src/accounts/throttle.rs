//! Slows down the guessing of passwords: after some wrong ones, the next try must wait, and each
//! further wrong one doubles the wait.
//!
//! Three counts are kept: for a name from one address, for an address over all names, and for a
//! name over all addresses. The last waits least, or anybody could lock somebody out.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Too many wrong passwords: the next try must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong passwords; try again in {} s", retry_after.as_secs().max(1))]
pub struct TooManyAttempts {
    /// For how long.
    pub retry_after: Duration,
}

/// How a count turns into a wait.
struct Rule {
    /// So many wrong passwords are free.
    free: u32,
    /// The longest wait.
    longest: Duration,
}

const BY_NAME_AND_ADDRESS: Rule = Rule {
    free: 5,
    longest: Duration::from_secs(15 * 60),
};
const BY_ADDRESS: Rule = Rule {
    free: 20,
    longest: Duration::from_secs(15 * 60),
};
const BY_NAME: Rule = Rule {
    free: 20,
    longest: Duration::from_secs(30),
};
/// The first wait.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// A count is forgotten when nothing wrong came for so long.
const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);
/// The most entries of a table. A full one forgets the entry that waits least.
const MAX_ENTRIES: usize = 10_000;

/// Counts of wrong passwords, in memory.
#[derive(Default)]
pub(super) struct Throttle {
    by_both: Table<(String, IpAddr)>,
    by_address: Table<IpAddr>,
    by_name: Table<String>,
}

impl Throttle {
    /// Takes a try: counted as wrong before the password is checked, so that many at once do not
    /// get in together. [`Throttle::succeeded`] takes it back.
    pub(super) fn attempt(
        &mut self,
        name: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<(), TooManyAttempts> {
        let (both, address, name) = keys(name, address);
        let wait = [
            self.by_both.wait(&both, now),
            self.by_address.wait(&address, now),
            self.by_name.wait(&name, now),
        ]
        .into_iter()
        .max()
        .unwrap_or_default();
        if wait > Duration::ZERO {
            return Err(TooManyAttempts { retry_after: wait });
        }
        self.by_both.count(both, &BY_NAME_AND_ADDRESS, now);
        self.by_address.count(address, &BY_ADDRESS, now);
        self.by_name.count(name, &BY_NAME, now);
        Ok(())
    }

    /// The right password came: the name is known to be at home at this address.
    pub(super) fn succeeded(&mut self, name: &str, address: IpAddr) {
        let (both, address, name) = keys(name, address);
        self.by_both.entries.remove(&both);
        self.by_address.take_back(&address);
        self.by_name.take_back(&name);
    }
}

/// An IPv6 client has a whole /64 to itself, so that is what counts as its address.
fn keys(name: &str, address: IpAddr) -> ((String, IpAddr), IpAddr, String) {
    let address = match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (!0 << 64)).into()),
    };
    // Names that are longer than a name can be count as one.
    let name: String = name.trim().to_lowercase().chars().take(64).collect();
    ((name.clone(), address), address, name)
}

struct Entry {
    wrong: u32,
    last: Instant,
    until: Instant,
}

struct Table<K> {
    entries: HashMap<K, Entry>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table {
            entries: HashMap::new(),
        }
    }
}

impl<K: Clone + Eq + Hash> Table<K> {
    fn wait(&self, key: &K, now: Instant) -> Duration {
        match self.entries.get(key) {
            Some(entry) => entry.until.saturating_duration_since(now),
            None => Duration::ZERO,
        }
    }

    fn count(&mut self, key: K, rule: &Rule, now: Instant) {
        if !self.entries.contains_key(&key) && self.entries.len() >= MAX_ENTRIES {
            self.make_room(now);
        }
        let entry = self.entries.entry(key).or_insert(Entry {
            wrong: 0,
            last: now,
            until: now,
        });
        if now.saturating_duration_since(entry.last) >= FORGET_AFTER {
            entry.wrong = 0;
        }
        entry.wrong = entry.wrong.saturating_add(1);
        entry.last = now;
        if let Some(doublings) = entry.wrong.checked_sub(rule.free) {
            let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
            entry.until = now + FIRST_WAIT.saturating_mul(factor).min(rule.longest);
        }
    }

    fn take_back(&mut self, key: &K) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.wrong = entry.wrong.saturating_sub(1);
            entry.until = entry.last;
        }
    }

    /// Drops what is forgotten anyway; where that is nothing, the entry that waits least.
    fn make_room(&mut self, now: Instant) {
        self.entries
            .retain(|_, entry| now.saturating_duration_since(entry.last) < FORGET_AFTER);
        if self.entries.len() < MAX_ENTRIES {
            return;
        }
        let least = self
            .entries
            .iter()
            .min_by_key(|(_, entry)| (entry.until, entry.last))
            .map(|(key, _)| key.clone());
        if let Some(least) = least {
            self.entries.remove(&least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// How long the next try must wait after `wrong` wrong ones, each made as soon as it may be.
    fn wait_after(throttle: &mut Throttle, wrong: u32, start: Instant) -> (Duration, Instant) {
        let mut now = start;
        for _ in 0..wrong {
            if let Err(wait) = throttle.attempt("ann", HOME, now) {
                now += wait.retry_after;
                throttle.attempt("ann", HOME, now).unwrap();
            }
        }
        let wait = throttle.by_both.wait(&keys("ann", HOME).0, now);
        (wait, now)
    }

    #[test]
    fn the_wait_doubles_up_to_a_limit() {
        let start = Instant::now();
        for (wrong, seconds) in [(1, 0), (4, 0), (5, 1), (6, 2), (7, 4), (30, 900), (99, 900)] {
            let (wait, _) = wait_after(&mut Throttle::default(), wrong, start);
            assert_eq!(wait, Duration::from_secs(seconds), "after {wrong}");
        }
    }

    #[test]
    fn the_right_password_clears_and_an_hour_forgets() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        wait_after(&mut throttle, 4, start);
        throttle.attempt("ann", HOME, start).unwrap();
        throttle.succeeded("ANN ", HOME);
        throttle.attempt("ann", HOME, start).unwrap();

        let (_, now) = wait_after(&mut throttle, 8, start);
        let later = now + FORGET_AFTER + Duration::from_secs(900);
        throttle.attempt("ann", HOME, later).unwrap();
        throttle.attempt("ann", HOME, later).unwrap();
    }

    #[test]
    fn somebody_elsewhere_is_locked_out_briefly_at_most() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        for host in 0..200 {
            let address = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, host));
            let _ = throttle.attempt("ann", address, now);
        }
        let wait = throttle.attempt("ann", HOME, now).unwrap_err().retry_after;
        assert!(wait <= BY_NAME.longest, "{wait:?}");
    }

    #[test]
    fn one_address_cannot_try_many_names() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        let refused = (0..100)
            .filter(|n| throttle.attempt(&format!("user{n}"), HOME, now).is_err())
            .count();
        assert_eq!(refused, 80);
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        assert!(throttle.attempt("other", mapped, now).is_err());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        for host in 0..20 {
            let address = format!("2001:db8::{host:x}").parse().unwrap();
            throttle
                .attempt(&format!("user{host}"), address, now)
                .unwrap();
        }
        let neighbour = "2001:db8::ffff:1".parse().unwrap();
        assert!(throttle.attempt("ann", neighbour, now).is_err());
        let stranger = "2001:db8:0:1::1".parse().unwrap();
        assert!(throttle.attempt("ann", stranger, now).is_ok());
    }

    #[test]
    fn the_tables_are_bounded_and_keep_who_waits() {
        let now = Instant::now();
        let mut throttle = Throttle::default();
        wait_after(&mut throttle, 8, now);
        let count = u32::try_from(MAX_ENTRIES).unwrap() + 50;
        for host in 0..count {
            let address = IpAddr::V4(std::net::Ipv4Addr::from(0x0a00_0000 + host));
            let _ = throttle.attempt(&format!("user{host}"), address, now);
        }
        assert_eq!(throttle.by_both.entries.len(), MAX_ENTRIES);
        assert_eq!(throttle.by_address.entries.len(), MAX_ENTRIES);
        assert!(throttle.by_both.wait(&keys("ann", HOME).0, now) > Duration::ZERO);
    }
}
