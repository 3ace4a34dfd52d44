//! `alcove policy`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use alcove_api_types::{Ceiling, Explain, Explanation, Learned, Revoked, SetCeiling};
use alcove_policies::Policy;
use anyhow::Context;

use super::arguments::{CeilingCommand, Global, PolicyCommand};
use super::client::{Client, segment};
use super::connect::Connection;
use super::output;

/// The exit status where the answer is no.
const NO: u8 = 1;

pub(super) async fn run(global: &Global, command: PolicyCommand) -> anyhow::Result<ExitCode> {
    match command {
        PolicyCommand::Check { file } => check(&file),
        PolicyCommand::Diff { before, after } => diff(&before, &after),
        PolicyCommand::Explain {
            plugin,
            method,
            url,
            user,
            key,
        } => {
            let body = Explain {
                plugin,
                user,
                key,
                method,
                url,
            };
            let connection = Connection::open(global).await?;
            let answer = connection.client.post("/api/policy/explain", &body).await;
            connection.close().await;
            explain(&answer?)
        }
        PolicyCommand::Learn { plugin } => {
            let path = format!("/api/plugins/{}/learn", segment(&plugin));
            let connection = Connection::open(global).await?;
            let learned: anyhow::Result<Learned> = connection.client.post(&path, &()).await;
            connection.close().await;
            learn(&learned?)
        }
        PolicyCommand::Ceiling { command } => {
            let connection = Connection::open(global).await?;
            let done = ceiling(&connection.client, command).await;
            connection.close().await;
            done.map(|()| ExitCode::SUCCESS)
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Policy> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the policy {}", file.display()))?;
    Policy::parse(&text).with_context(|| file.display().to_string())
}

fn check(file: &Path) -> anyhow::Result<ExitCode> {
    let policy = read(file)?;
    let nothing = Policy::nothing(policy.plugin())?;
    output::line(&format!("A policy for {}.", policy.plugin()))?;
    let granted = policy.more_than(&nothing);
    if granted.is_empty() {
        output::line("It grants nothing beyond computing within the default limits.")?;
    }
    for line in granted {
        output::line(&output::clean(&format!("  {line}")))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn diff(before: &Path, after: &Path) -> anyhow::Result<ExitCode> {
    let (before, after) = (read(before)?, read(after)?);
    let (more, less) = (after.more_than(&before), before.more_than(&after));
    if more.is_empty() && less.is_empty() {
        output::line("They grant the same.")?;
    }
    for line in &less {
        output::line(&output::clean(&format!("- {line}")))?;
    }
    for line in &more {
        output::line(&output::clean(&format!("+ {line}")))?;
    }
    Ok(match more.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(NO),
    })
}

fn explain(answer: &Explanation) -> anyhow::Result<ExitCode> {
    let verdict = match answer.allowed {
        true => format!("allowed: {}, to {}", answer.why, answer.addresses),
        false => format!("denied: {}", answer.why),
    };
    output::line(&output::clean(&verdict))?;
    if !answer.grant.is_empty() {
        output::line("To grant it:")?;
        output::line(&output::clean(answer.grant.trim_end()))?;
    }
    Ok(match answer.allowed {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(NO),
    })
}

fn learn(learned: &Learned) -> anyhow::Result<ExitCode> {
    output::line(&output::clean(learned.policy.trim_end()))?;
    for note in &learned.notes {
        output::note(&output::clean(note))?;
    }
    output::note(&format!(
        "Learnt from {} examples. Read it before you grant it: `alcove grant PLUGIN --policy FILE`.",
        learned.examples
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn ceiling(client: &Client, command: CeilingCommand) -> anyhow::Result<()> {
    const PATH: &str = "/api/policy/ceiling";
    let stopped = match command {
        CeilingCommand::Show => {
            let ceiling: Ceiling = client.get(PATH).await?;
            if ceiling.policy.is_empty() {
                output::note("There is no ceiling.")?;
                return Ok(());
            }
            output::note(&output::clean(&format!(
                "Version {} by {}, {}. {}",
                ceiling.version,
                ceiling.author,
                output::date(ceiling.created_at_ms),
                ceiling.reason
            )))?;
            output::line(&output::clean(ceiling.policy.trim_end()))?;
            return Ok(());
        }
        CeilingCommand::Set { file, reason } => {
            let policy = fs::read_to_string(&file)
                .with_context(|| format!("cannot read the ceiling {}", file.display()))?;
            // Said here with the file's name; the server checks it all the same.
            alcove_policies::Ceiling::parse(&policy).with_context(|| file.display().to_string())?;
            let stopped: Revoked = client.put(PATH, &SetCeiling { policy, reason }).await?;
            stopped.stopped_calls
        }
        CeilingCommand::Clear => {
            let answer = client.delete(PATH).await?;
            serde_json::from_slice::<Revoked>(&answer)?.stopped_calls
        }
    };
    output::note(&format!(
        "The ceiling is changed; {stopped} running calls were stopped."
    ))?;
    Ok(())
}
