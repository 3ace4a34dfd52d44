//! `alcove checkpoint`.

use std::process::ExitCode;

use alcove_api_types::{
    Branch, Checkpoint, CheckpointDifference, ConversationPage, Drift, Fidelity,
    RestoredCheckpoint, SaveCheckpoint, ShownCheckpoint, ShownMessage, SwitchBranch,
};
use anyhow::{Context as _, bail};

use super::arguments::{CheckpointArguments, CheckpointCommand, Global};
use super::client::{Client, segment};
use super::connect::Connection;
use super::output;

pub(super) async fn run(
    global: &Global,
    arguments: CheckpointArguments,
) -> anyhow::Result<ExitCode> {
    let connection = Connection::open(global).await?;
    let done = act(&connection.client, arguments).await;
    connection.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(client: &Client, arguments: CheckpointArguments) -> anyhow::Result<()> {
    let conversation = match arguments.conversation {
        Some(id) => id,
        None => last_conversation(client).await?,
    };
    let place = format!("/api/conversations/{}", segment(&conversation));
    match arguments.command {
        CheckpointCommand::Save { name, note } => {
            let body = SaveCheckpoint { name, note };
            let path = format!("{place}/checkpoints");
            let saved: Checkpoint = client.post(&path, &body).await?;
            say(&format!("Saved {} ({}).", saved.full_name(), size(&saved)))
        }
        CheckpointCommand::List => {
            let rows = list(client, &place).await?.into_iter().map(row);
            Ok(output::table(&rows.collect::<Vec<_>>())?)
        }
        CheckpointCommand::Show { checkpoint } => {
            let found = find(client, &place, &checkpoint).await?;
            let path = format!("/api/checkpoints/{}", segment(&found.id));
            show(&client.get(&path).await?)
        }
        CheckpointCommand::Diff { checkpoint, to } => {
            let found = find(client, &place, &checkpoint).await?;
            let mut path = format!("/api/checkpoints/{}/difference", segment(&found.id));
            if let Some(to) = to {
                let to = find(client, &place, &to).await?;
                path = format!("{path}?to={}", segment(&to.id));
            }
            difference(&client.get(&path).await?)
        }
        CheckpointCommand::Restore { checkpoint } => {
            let found = find(client, &place, &checkpoint).await?;
            let path = format!("/api/checkpoints/{}/restore", segment(&found.id));
            let restored: RestoredCheckpoint = client.post(&path, &serde_json::json!({})).await?;
            say(&format!(
                "The conversation goes on as it was at {}.",
                found.full_name()
            ))?;
            fidelity(restored.fidelity, &restored.drift)?;
            say(&format!(
                "To undo it: alcove checkpoint switch {}",
                restored.previous_branch_id
            ))
        }
        CheckpointCommand::Switch { branch } => {
            let branches: Vec<Branch> = client.get(&format!("{place}/branches")).await?;
            let Some(wanted) = branch else {
                let rows = branches.into_iter().map(branch_row);
                return Ok(output::table(&rows.collect::<Vec<_>>())?);
            };
            let found = branches
                .into_iter()
                .find(|branch| branch.id == wanted || branch.name == wanted)
                .with_context(|| format!("this conversation has no branch {wanted:?}"))?;
            let body = SwitchBranch {
                branch_id: found.id,
            };
            let now: Branch = client.put(&format!("{place}/branch"), &body).await?;
            say(&format!("The conversation goes on with {}.", now.name))
        }
        CheckpointCommand::Delete { checkpoint } => {
            let found = find(client, &place, &checkpoint).await?;
            if !checkpoint.contains('@') && checkpoint != found.id {
                bail!(
                    "say which version: {} is the last of that name",
                    found.full_name()
                );
            }
            let path = format!("/api/checkpoints/{}", segment(&found.id));
            client.delete(&path).await?;
            say(&format!("{} is deleted.", found.full_name()))
        }
    }
}

async fn last_conversation(client: &Client) -> anyhow::Result<String> {
    let page: ConversationPage = client.get("/api/conversations?limit=1").await?;
    let last = page.conversations.into_iter().next();
    let last = last.context("there is no conversation yet: begin one with `alcove chat`")?;
    Ok(last.id)
}

async fn list(client: &Client, place: &str) -> anyhow::Result<Vec<Checkpoint>> {
    client.get(&format!("{place}/checkpoints")).await
}

/// `NAME` is the last of that name.
async fn find(client: &Client, place: &str, wanted: &str) -> anyhow::Result<Checkpoint> {
    let all = list(client, place).await?;
    all.into_iter()
        .filter(|one| one.id == wanted || one.name == wanted || one.full_name() == wanted)
        .max_by_key(|one| one.version)
        .with_context(|| {
            format!("this conversation has no checkpoint {wanted:?}: see `alcove checkpoint list`")
        })
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(output::note(&output::clean(text))?)
}

fn size(checkpoint: &Checkpoint) -> String {
    let count = |count: u64, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let (items, files) = (
        count(checkpoint.items, "item"),
        count(checkpoint.files, "file"),
    );
    format!("{items}, {files}")
}

fn row(checkpoint: Checkpoint) -> Vec<String> {
    vec![
        output::clean(&checkpoint.full_name()),
        output::date(checkpoint.created_at_ms),
        size(&checkpoint),
        output::clean(&checkpoint.note),
        checkpoint.id,
    ]
}

fn branch_row(branch: Branch) -> Vec<String> {
    let mark = if branch.is_current { "current" } else { "" };
    vec![
        branch.name,
        output::date(branch.updated_at_ms),
        mark.to_owned(),
        branch.id,
    ]
}

fn show(shown: &ShownCheckpoint) -> anyhow::Result<()> {
    let state = &shown.manifest["state"];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut rows = vec![
        vec!["id".to_owned(), shown.checkpoint.id.clone()],
        vec!["holds".to_owned(), size(&shown.checkpoint)],
        vec!["model".to_owned(), text(&state["model"]["id"])],
        vec!["hash".to_owned(), shown.checkpoint.hash.clone()],
    ];
    if !shown.checkpoint.note.is_empty() {
        rows.push(vec![
            "note".to_owned(),
            output::clean(&shown.checkpoint.note),
        ]);
    }
    for file in state["files"].as_array().into_iter().flatten() {
        let path = output::clean(&text(&file["path"]));
        rows.push(vec!["file".to_owned(), path]);
    }
    output::table(&rows)?;
    fidelity(shown.fidelity, &shown.drift)
}

fn fidelity(fidelity: Fidelity, drift: &[Drift]) -> anyhow::Result<()> {
    if fidelity == Fidelity::Exact {
        return say("Everything is as it was.");
    }
    say("Not everything is as it was:")?;
    for drift in drift {
        say(&format!("- {}", drift.message))?;
    }
    Ok(())
}

fn difference(found: &CheckpointDifference) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    let mut add = |sign: &str, text: &str| {
        rows.push(vec![sign.to_owned(), output::clean(text)]);
    };
    let said = |message: &ShownMessage| {
        let line = message.text.lines().next().unwrap_or_default();
        format!("{}: {line}", message.speaker)
    };
    for message in &found.only_here {
        add("-", &said(message));
    }
    for message in &found.only_there {
        add("+", &said(message));
    }
    for (sign, files) in [
        ("-", &found.files_removed),
        ("+", &found.files_added),
        ("~", &found.files_changed),
    ] {
        for file in files {
            add(sign, &format!("file {file}"));
        }
    }
    if let Some((here, there)) = &found.models {
        add("~", &format!("model {here}, then {there}"));
    }
    for plugin in &found.grants {
        add("~", &format!("grant of {plugin}"));
    }
    if rows.is_empty() {
        return say("Nothing differs.");
    }
    Ok(output::table(&rows)?)
}
