//! Days of the calendar, which no capability is needed for.

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The day in UTC of a time in seconds since 1970 began, as `2026-01-31`: Howard Hinnant's
/// `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>).
#[must_use]
pub fn day(seconds: i64) -> String {
    let days = seconds.div_euclid(DAY_SECONDS) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (-1, "1969-12-31"),
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_772_323_199, "2026-02-28"),
            (1_772_323_200, "2026-03-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(day(seconds), expected);
        }
    }
}
