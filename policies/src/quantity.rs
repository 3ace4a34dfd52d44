//! Sizes, durations and rates as people write them: `64 MiB`, `2 s`, `60/min`.

use std::time::Duration;

/// Splits "64 MiB" into 64 and "MiB". Digits only: no sign, no fraction, no exponent.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let number = text[..end].parse().ok()?;
    Some((number, text[end..].trim()))
}

/// Bytes in `B`, `KiB`, `MiB` or `GiB`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A duration in `ms`, `s`, `min` or `h`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(factor)?))
}

/// A count per `s`, `min`, `h` or `day`.
pub(crate) fn rate(text: &str) -> Option<(u32, Duration)> {
    let (count, unit) = text.split_once('/')?;
    let count = count.trim();
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((count.parse().ok()?, per(unit)?))
}

/// A size per `s`, `min`, `h` or `day`.
pub(crate) fn byte_rate(text: &str) -> Option<(u64, Duration)> {
    let (size, unit) = text.split_once('/')?;
    Some((bytes(size)?, per(unit)?))
}

fn per(unit: &str) -> Option<Duration> {
    let seconds = match unit.trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// `bytes` written the shortest way that is exact.
pub(crate) fn show_bytes(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    format!("{bytes} B")
}

/// `duration` written the shortest way that is exact to the millisecond.
pub(crate) fn show_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    for (factor, unit) in [(3_600_000_u128, "h"), (60_000, "min"), (1_000, "s")] {
        if ms != 0 && ms.is_multiple_of(factor) {
            return format!("{} {unit}", ms / factor);
        }
    }
    format!("{ms} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_durations_and_rates_read_as_written() {
        assert_eq!(bytes("64 MiB"), Some(64 << 20));
        assert_eq!(bytes("1B"), Some(1));
        assert_eq!(duration("1500 ms"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2 min"), Some(Duration::from_secs(120)));
        assert_eq!(rate("60/min"), Some((60, Duration::from_secs(60))));
        assert_eq!(rate("5 / day"), Some((5, Duration::from_secs(86_400))));
        assert_eq!(
            byte_rate("10 MiB/min"),
            Some((10 << 20, Duration::from_secs(60)))
        );
    }

    #[test]
    fn what_could_be_misread_is_refused() {
        for text in [
            "64", "64 MB", "64M", "-1 MiB", "1.5 GiB", "MiB", "", "1e3 B",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
        assert_eq!(bytes("99999999999 GiB"), None, "overflow");
        for text in ["2", "2 sec", "2 m", "0.5 s", "s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["10 MiB", "10/min", "10 MiB/minute", "-1 B/s"] {
            assert_eq!(byte_rate(text), None, "{text}");
        }
        for text in ["60", "60/minute", "/min", "-1/min", "+1/s", "4294967296/s"] {
            assert_eq!(rate(text), None, "{text}");
        }
    }

    #[test]
    fn shown_quantities_read_back() {
        for text in ["64 MiB", "1 GiB", "3 KiB", "17 B"] {
            assert_eq!(show_bytes(bytes(text).unwrap()), text);
        }
        for text in ["2 s", "90 s", "1500 ms", "2 h", "10 min"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
    }
}
