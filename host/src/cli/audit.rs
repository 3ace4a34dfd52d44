//! `alcove audit`.

use std::process::ExitCode;

use alcove_api_types::{AuditChain, AuditEntry, AuditGap, AuditPage};
use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::Date;

use super::FAILED;
use super::arguments::{AuditCommand, AuditFilter, Global};
use super::client::{Client, segment};
use super::connect::Connection;
use super::output;

/// How many entries are asked for at a time.
const PAGE: u32 = 1000;

pub(super) async fn run(global: &Global, command: AuditCommand) -> anyhow::Result<ExitCode> {
    let connection = Connection::open(global).await?;
    let done = act(&connection.client, command).await;
    connection.close().await;
    done
}

async fn act(client: &Client, command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify => verify(client).await,
        AuditCommand::Search { filter, limit } => {
            let mut rows = Vec::new();
            each(client, &filter, limit, |entry| {
                rows.push(row(&entry));
                Ok(())
            })
            .await?;
            output::table(&rows)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Export { filter } => {
            each(client, &filter, u32::MAX, |entry| {
                output::line(&serde_json::to_string(&entry)?)?;
                Ok(())
            })
            .await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn verify(client: &Client) -> anyhow::Result<ExitCode> {
    let chains: Vec<AuditChain> = client.get("/api/audit/verify").await?;
    let mut code = ExitCode::SUCCESS;
    if chains.is_empty() {
        output::line("Nothing is written down yet.")?;
    }
    for chain in chains {
        match chain.broken_at {
            None => output::line(&format!(
                "{}: {} entries, whole; the last has the hash {}",
                chain.writer, chain.entries, chain.last_hash
            ))?,
            Some(seq) => {
                code = ExitCode::from(FAILED);
                output::line(&format!(
                    "{}: entry {seq} is not what was written; the {} before it are",
                    chain.writer, chain.entries
                ))?;
            }
        }
        for AuditGap { from, to, at_ms } in chain.gaps {
            code = ExitCode::from(FAILED);
            let at = moment_of(at_ms);
            output::line(&format!(
                "{}: entries {from} to {to} were written and are gone, as was noticed at {at}: the database was cut, or an older one put back",
                chain.writer
            ))?;
        }
    }
    Ok(code)
}

/// Hands over the entries that fit, page by page.
async fn each(
    client: &Client,
    filter: &AuditFilter,
    limit: u32,
    mut take: impl FnMut(AuditEntry) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let query = query(filter)?;
    let mut left = limit;
    let mut cursor: Option<String> = None;
    while left > 0 {
        let mut path = format!("/api/audit?limit={}{query}", left.min(PAGE));
        if let Some(cursor) = &cursor {
            path.push_str(&format!("&cursor={}", segment(cursor)));
        }
        let page: AuditPage = client.get(&path).await?;
        left = left.saturating_sub(u32::try_from(page.entries.len()).unwrap_or(u32::MAX));
        for entry in page.entries {
            take(entry)?;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(())
}

fn query(filter: &AuditFilter) -> anyhow::Result<String> {
    let mut query = String::new();
    for (name, value) in [
        ("user", &filter.user),
        ("plugin", &filter.plugin),
        ("action", &filter.action),
        ("outcome", &filter.outcome),
    ] {
        if let Some(value) = value {
            query.push_str(&format!("&{name}={}", segment(value)));
        }
    }
    for (name, value) in [("since_ms", &filter.since), ("until_ms", &filter.until)] {
        if let Some(value) = value {
            query.push_str(&format!("&{name}={}", moment(value)?));
        }
    }
    Ok(query)
}

/// A day, which begins at midnight UTC, or a moment with its offset, in milliseconds.
fn moment(text: &str) -> anyhow::Result<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let day: Date = text.parse().with_context(|| {
        format!("`{text}` is neither a day (2026-11-22) nor a moment (2026-11-22T20:00:00Z)")
    })?;
    Ok(day
        .to_zoned(jiff::tz::TimeZone::UTC)?
        .timestamp()
        .as_millisecond())
}

fn moment_of(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
}

fn row(entry: &AuditEntry) -> Vec<String> {
    let reason = entry
        .detail
        .as_ref()
        .and_then(|detail| detail["reason"].as_str());
    vec![
        moment_of(entry.at_ms),
        entry.user.clone(),
        entry.action.clone(),
        entry.subject.clone(),
        entry.outcome.clone(),
        entry.item.clone().unwrap_or_default(),
        reason.unwrap_or_default().to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_or_a_time_with_its_offset() {
        assert_eq!(moment("1970-01-02").unwrap(), 86_400_000);
        assert_eq!(moment("1970-01-01T01:00:00+01:00").unwrap(), 0);
        assert!(moment("yesterday").is_err());
    }
}
