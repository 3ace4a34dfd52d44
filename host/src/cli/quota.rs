//! `alcove quota`.

use std::process::ExitCode;

use alcove_api_types::{QuotaShare, QuotaShares, QuotaUse};
use jiff::{SignedDuration, Timestamp};

use super::arguments::Global;
use super::client::segment;
use super::connect::Connection;
use super::output;

pub(super) async fn run(global: &Global, user: Option<&str>) -> anyhow::Result<ExitCode> {
    let connection = Connection::open(global).await?;
    let path = match user {
        Some(user) => format!("/api/quota?user={}", segment(user)),
        None => "/api/quota".to_owned(),
    };
    let found = connection.client.get::<QuotaUse>(&path).await;
    connection.close().await;
    let found = found?;
    output::table(&rows(&found))?;
    let until = Timestamp::from_millisecond(found.resets_at_ms)?;
    output::note(&format!("Counted until {until}."))?;
    Ok(ExitCode::SUCCESS)
}

/// An amount in words.
type Show = fn(u64) -> String;

fn rows(found: &QuotaUse) -> Vec<Vec<String>> {
    let QuotaUse {
        username,
        resets_at_ms: _,
        tokens,
        tool_cpu_ms,
        tool_bytes,
    } = found;
    let kinds: [(&str, &QuotaShares, Show); 3] = [
        ("tokens", tokens, |tokens| tokens.to_string()),
        ("tools' processor time", tool_cpu_ms, time),
        ("tools' bytes", tool_bytes, bytes),
    ];
    let mut rows = Vec::new();
    for (kind, shares, show) in kinds {
        let QuotaShares { user, organisation } = shares;
        rows.push(row(kind, username, user, show));
        rows.push(row(kind, "the organisation", organisation, show));
    }
    rows
}

fn row(kind: &str, whose: &str, share: &QuotaShare, show: Show) -> Vec<String> {
    let limit = match share.limit {
        Some(limit) => format!("of {} a day", show(limit)),
        None => "no limit".to_owned(),
    };
    let held = match share.held {
        0 => String::new(),
        held => format!("{} held", show(held)),
    };
    let used = format!("{} used", show(share.spent));
    vec![kind.to_owned(), whose.to_owned(), used, limit, held]
}

fn time(millis: u64) -> String {
    let time = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    format!("{time:#}")
}

fn bytes(amount: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut shown = (amount as f64, "B");
    for unit in UNITS {
        if shown.0 < 1024.0 {
            break;
        }
        shown = (shown.0 / 1024.0, unit);
    }
    match shown {
        (amount, "B") => format!("{amount} B"),
        (amount, unit) => format!("{amount:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_words() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1 << 30), "1.0 GiB");
        assert_eq!(bytes(1_600_000), "1.5 MiB");
        assert_eq!(time(1_500), "1s 500ms");
        let share = QuotaShare {
            spent: 3,
            held: 2,
            limit: Some(10),
        };
        let row = row("tokens", "ann", &share, |tokens| tokens.to_string());
        assert_eq!(row, ["tokens", "ann", "3 used", "of 10 a day", "2 held"]);
    }
}
