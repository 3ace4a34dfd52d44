//! The stream: what has begun, what is kept back, what is blotted out.

use super::Needles;
use super::pattern::Pattern;
use super::units::{self, MAX_UNIT_BYTES, Units};

/// What stands in place of every byte of a secret.
const BLOT: u8 = b'*';
/// How many sets of places are remembered: one for each length of a spelling, and the new one.
const SLOTS: usize = MAX_UNIT_BYTES + 1;
/// The most line breaks in a row inside base64: CR LF.
const MAX_BREAKS: usize = 2;

/// How many bytes `places` places of a pattern and a spelling that has begun can take.
pub(super) const fn reach(places: usize) -> usize {
    places * (MAX_UNIT_BYTES + MAX_BREAKS) + MAX_UNIT_BYTES
}

/// Looks for secrets in one stream.
pub struct Scanner {
    needles: Needles,
    lanes: Vec<Lane>,
    /// The last eight bytes.
    window: u64,
    /// How many line breaks came last, in a row.
    breaks: usize,
    /// How many bytes were read.
    read: u64,
    /// How many bytes were handed on.
    base: u64,
    /// What was read and not handed on.
    kept: Vec<u8>,
    /// Places in the stream to blot out, in the order of their ends.
    marks: Vec<(u64, u64)>,
    found: Option<usize>,
}

/// How far one pattern is.
struct Lane {
    /// The sets of places after each of the last bytes.
    sets: Vec<u64>,
    /// How many words of each set are in use; those above are zero and not written.
    used: [usize; SLOTS],
}

impl Lane {
    fn new(pattern: &Pattern) -> Lane {
        Lane {
            sets: vec![0; SLOTS * pattern.words],
            used: [0; SLOTS],
        }
    }

    /// Reads a byte as all that it can be; whether the whole pattern ends here.
    fn step(&mut self, pattern: &Pattern, units: &Units, read: u64, is_break: bool) -> bool {
        let slot = |back: usize| (read.wrapping_sub(back as u64) % SLOTS as u64) as usize;
        let now = slot(0);
        let most = units
            .iter()
            .map(|unit| self.used[slot(unit.length)])
            .max()
            .unwrap_or(0);
        // A full word spills into the next.
        let span = (most + 1).min(pattern.words);
        let mut used = 0;
        for word in 0..span {
            let mut set = 0;
            for unit in units.iter() {
                let from = slot(unit.length);
                let moved = (self.word(pattern, from, word) << 1)
                    | match word {
                        0 => 1,
                        _ => self.word(pattern, from, word - 1) >> 63,
                    };
                set |= moved & pattern.mask(unit.byte, word);
            }
            if is_break {
                set |= self.word(pattern, slot(1), word);
            }
            self.sets[now * pattern.words + word] = set;
            if set != 0 {
                used = word + 1;
            }
        }
        self.used[now] = used;
        let last = pattern.length - 1;
        let is_whole = self.word(pattern, now, last / 64) >> (last % 64) & 1 == 1;
        if is_whole {
            self.used = [0; SLOTS];
        }
        is_whole
    }

    fn word(&self, pattern: &Pattern, slot: usize, word: usize) -> u64 {
        if word < self.used[slot] {
            self.sets[slot * pattern.words + word]
        } else {
            0
        }
    }

    /// The length of the longest beginning that may still go on.
    fn longest(&self, pattern: &Pattern) -> usize {
        (0..SLOTS)
            .filter_map(|slot| {
                let word = self.used[slot].checked_sub(1)?;
                let set = self.word(pattern, slot, word);
                Some(word * 64 + 64 - set.leading_zeros() as usize)
            })
            .max()
            .unwrap_or(0)
    }
}

impl Scanner {
    /// A scanner at the beginning of a stream.
    pub fn new(needles: &Needles) -> Scanner {
        Scanner {
            lanes: needles
                .inner
                .patterns
                .iter()
                .map(|(_, pattern)| Lane::new(pattern))
                .collect(),
            needles: needles.clone(),
            window: 0,
            breaks: 0,
            read: 0,
            base: 0,
            kept: Vec::new(),
            marks: Vec::new(),
            found: None,
        }
    }

    /// Reads a piece of the stream; answers with what can be handed on, secrets blotted out.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.kept.extend_from_slice(piece);
        for byte in piece {
            self.step(*byte);
        }
        let keep = self.unsettled().min(self.kept.len());
        self.hand_on(self.kept.len() - keep)
    }

    /// At the end of the stream: what was kept back.
    pub fn finish(&mut self) -> Vec<u8> {
        let rest = self.hand_on(self.kept.len());
        *self = Scanner {
            found: self.found,
            ..Scanner::new(&self.needles)
        };
        rest
    }

    /// The index of the secret that was found first, if one was.
    pub fn found(&self) -> Option<usize> {
        self.found
    }

    /// How many bytes are kept back now.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    fn step(&mut self, byte: u8) {
        self.window = self.window << 8 | u64::from(byte);
        self.breaks = match byte {
            b'\r' | b'\n' => self.breaks + 1,
            _ => 0,
        };
        let is_break = (1..=MAX_BREAKS).contains(&self.breaks);
        let units = units::ending_with(self.window);
        self.read += 1;
        for ((secret, pattern), lane) in self.needles.inner.patterns.iter().zip(&mut self.lanes) {
            if lane.step(pattern, &units, self.read, is_break && pattern.wraps) {
                let end = usize::try_from(self.read - self.base).unwrap_or(usize::MAX);
                let text = self.kept.get(..end).unwrap_or(&self.kept);
                let start = self.base + earliest_start(pattern, text) as u64;
                self.marks.push((start, self.read));
                self.found.get_or_insert(*secret);
            }
        }
    }

    /// How many of the last bytes may belong to a secret that has begun.
    fn unsettled(&self) -> usize {
        let longest = self
            .needles
            .inner
            .patterns
            .iter()
            .zip(&self.lanes)
            .map(|((_, pattern), lane)| lane.longest(pattern))
            .max()
            .unwrap_or(0);
        if longest > 0 {
            return reach(longest);
        }
        // Nothing has begun, but a spelling of a first character may have.
        self.window.to_be_bytes()[8 - MAX_UNIT_BYTES..]
            .iter()
            .position(|byte| units::opens(*byte))
            .map_or(0, |at| MAX_UNIT_BYTES - at)
    }

    fn hand_on(&mut self, count: usize) -> Vec<u8> {
        let rest = self.kept.split_off(count);
        let mut out = std::mem::replace(&mut self.kept, rest);
        let from = self.base;
        self.base += count as u64;
        let within = |place: u64| usize::try_from(place.saturating_sub(from)).unwrap_or(usize::MAX);
        for (start, end) in &self.marks {
            let (start, end) = (within(*start), within(*end).min(count));
            if start < end {
                out[start..end].fill(BLOT);
            }
        }
        self.marks.retain(|(_, end)| *end > self.base);
        out
    }
}

/// Where the longest text begins that ends with `text` and spells the whole pattern. It is read
/// backwards, a place of the pattern at a time, as all that it can be.
fn earliest_start(pattern: &Pattern, text: &[u8]) -> usize {
    let mut ends = vec![text.len()];
    let mut next = Vec::new();
    for place in (0..pattern.length).rev() {
        next.clear();
        for end in &ends {
            for unit in units::ending_with(window_before(text, *end)).iter() {
                if unit.length > *end || !pattern.allows(place, unit.byte) {
                    continue;
                }
                let mut start = end - unit.length;
                next.push(start);
                if pattern.wraps && place > 0 {
                    for _ in 0..MAX_BREAKS {
                        if start == 0 || !matches!(text[start - 1], b'\r' | b'\n') {
                            break;
                        }
                        start -= 1;
                        next.push(start);
                    }
                }
            }
        }
        next.sort_unstable();
        next.dedup();
        std::mem::swap(&mut ends, &mut next);
    }
    ends.first().copied().unwrap_or(0)
}

/// The last eight bytes before `end`.
fn window_before(text: &[u8], end: usize) -> u64 {
    text[end.saturating_sub(8)..end]
        .iter()
        .fold(0, |window, byte| window << 8 | u64::from(*byte))
}
