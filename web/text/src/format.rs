//! Numbers and times in words.

/// A span of time, short: `2.1 ms`, `640 ms`, `6.2 s`, `3 min 05 s`.
pub fn duration_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{:.1} ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..60_000_000 => format!("{:.1} s", us as f64 / 1e6),
        _ => format!("{} min {:02} s", us / 60_000_000, us / 1_000_000 % 60),
    }
}

/// A running clock: steadier than [`duration_us`], so that its width does not jump.
pub fn elapsed_ms(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {:02} s", ms / 60_000, ms / 1_000 % 60),
    }
}

/// A size in binary units: `812 B`, `1.3 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 99.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// The groups of the conversation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateGroup {
    /// Since midnight.
    Today,
    /// The day before.
    Yesterday,
    /// All before that.
    Earlier,
}

impl DateGroup {
    /// In the order in which they are shown.
    pub const ALL: [DateGroup; 3] = [DateGroup::Today, DateGroup::Yesterday, DateGroup::Earlier];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            DateGroup::Today => "Today",
            DateGroup::Yesterday => "Yesterday",
            DateGroup::Earlier => "Earlier",
        }
    }

    /// The group of a moment, given the person's last two midnights. What lies in the future (a
    /// server whose clock is ahead) is today.
    pub fn of(at_ms: f64, midnight_ms: f64, midnight_before_ms: f64) -> DateGroup {
        if at_ms >= midnight_ms {
            DateGroup::Today
        } else if at_ms >= midnight_before_ms {
            DateGroup::Yesterday
        } else {
            DateGroup::Earlier
        }
    }
}

/// When an id of the form `item_` and a UUIDv7 in hex was made, in milliseconds since the epoch.
pub fn made_at_ms(id: &str) -> Option<u64> {
    let hex = id.rsplit('_').next()?;
    if hex.len() != 32 || hex.as_bytes()[12] != b'7' {
        return None;
    }
    u64::from_str_radix(hex.get(..12)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            (39, "39 µs"),
            (2_140, "2.1 ms"),
            (640_999, "640 ms"),
            (6_210_000, "6.2 s"),
            (185_000_000, "3 min 05 s"),
        ];
        for (us, text) in cases {
            assert_eq!(duration_us(us), text);
        }
        assert_eq!(elapsed_ms(0), "0.0 s");
        assert_eq!(elapsed_ms(12_340), "12.3 s");
        assert_eq!(elapsed_ms(61_000), "1 min 01 s");
    }

    #[test]
    fn sizes() {
        let cases = [
            (812, "812 B"),
            (1024, "1.0 KiB"),
            (1_363_149, "1.3 MiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (256 * 1024 * 1024, "256 MiB"),
        ];
        for (size, text) in cases {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn date_groups() {
        let of = |at| DateGroup::of(at, 2000.0, 1000.0);
        assert_eq!(of(9000.0), DateGroup::Today);
        assert_eq!(of(2000.0), DateGroup::Today);
        assert_eq!(of(1999.0), DateGroup::Yesterday);
        assert_eq!(of(999.0), DateGroup::Earlier);
    }

    #[test]
    fn ids_carry_their_time() {
        assert_eq!(
            made_at_ms("item_0192f0c1a2b37ccc8000000000000000"),
            Some(0x0192_f0c1_a2b3)
        );
        assert_eq!(made_at_ms("item_0192f0c1a2b34ccc8000000000000000"), None);
        assert_eq!(made_at_ms("local-1"), None);
    }
}
