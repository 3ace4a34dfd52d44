//! `alcove call`.

use std::process::ExitCode;

use alcove_api_types::{CallReceipt, CallReplay, ToolOutcome, ToolPart};

use super::FAILED;
use super::arguments::{CallCommand, Global};
use super::client::segment;
use super::connect::Connection;
use super::output;

pub(super) async fn run(global: &Global, command: CallCommand) -> anyhow::Result<ExitCode> {
    let connection = Connection::open(global).await?;
    let client = &connection.client;
    let done = match &command {
        CallCommand::Show { id, json } => {
            let path = format!("/api/calls/{}", segment(id));
            let receipt: anyhow::Result<CallReceipt> = client.get(&path).await;
            receipt.and_then(|receipt| show(&receipt, *json))
        }
        CallCommand::Replay { id, json } => {
            let path = format!("/api/calls/{}/replay", segment(id));
            let nothing = serde_json::json!({});
            let replay: anyhow::Result<CallReplay> = client.post(&path, &nothing).await;
            replay.and_then(|replay| tell(&replay, *json))
        }
    };
    connection.close().await;
    done
}

fn show(receipt: &CallReceipt, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::line(&serde_json::to_string_pretty(receipt)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let call = &receipt.call;
    let mut rows = vec![
        vec!["call".to_owned(), call.id.clone()],
        vec!["of".to_owned(), receipt.user.clone()],
        vec!["in".to_owned(), receipt.conversation.clone()],
        vec!["plugin".to_owned(), call.plugin.clone()],
        vec!["component".to_owned(), call.digest.clone()],
        vec!["tool".to_owned(), call.tool.clone()],
        vec!["arguments".to_owned(), call.arguments.clone()],
        vec!["outcome".to_owned(), outcome(call.outcome.as_ref())],
    ];
    if let Some(usage) = &call.usage {
        rows.push(vec![
            "used".to_owned(),
            format!(
                "{} ms, {} ms of CPU time, {} KiB of memory, {} bytes of output",
                usage.wall_us / 1000,
                usage.cpu_us / 1000,
                usage.peak_memory_bytes / 1024,
                usage.output_bytes
            ),
        ]);
    }
    rows.push(vec![
        "was told".to_owned(),
        format!(
            "{} clock readings, {} random bytes, {} answers{}",
            receipt.clock_readings,
            receipt.random_bytes,
            receipt.host_calls.len(),
            match receipt.truncated {
                true => "; the record was cut at its limit",
                false => "",
            }
        ),
    ]);
    output::table(&rows)?;
    for call in &receipt.host_calls {
        let line = call
            .line
            .map_or_else(String::new, |line| format!(" (line {line} of the policy)"));
        output::line(&output::clean(&format!(
            "  +{} ms  {} {} → {} after {} ms{line}",
            call.at_us / 1000,
            call.function,
            call.input,
            call.output,
            call.took_us / 1000
        )))?;
    }
    parts(&call.output)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(replay: &CallReplay, json: bool) -> anyhow::Result<ExitCode> {
    let code = match replay.same {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    };
    if json {
        output::line(&serde_json::to_string_pretty(replay)?)?;
        return Ok(code);
    }
    if replay.same {
        output::line("The same, byte by byte.")?;
        return Ok(code);
    }
    match &replay.divergence {
        Some(divergence) => {
            output::line("Not the same. The first host call that differs:")?;
            output::line(&output::clean(&format!(
                "  {}\n  recorded: {}\n  now:      {}",
                divergence.function, divergence.recorded, divergence.now
            )))?;
        }
        None => output::line("Not the same, though every host call was as in the record.")?,
    }
    output::line(&output::clean(&outcome(Some(&replay.outcome))))?;
    parts(&replay.output)?;
    Ok(code)
}

fn outcome(outcome: Option<&ToolOutcome>) -> String {
    match outcome {
        None => "it did not end".to_owned(),
        Some(ToolOutcome::Ok) => "ok".to_owned(),
        Some(ToolOutcome::Failed { failure, message }) => format!("failed ({failure}): {message}"),
        Some(ToolOutcome::Denied {
            capability,
            message,
        }) => format!("denied ({capability}): {message}"),
        Some(ToolOutcome::Limit { limit, message }) => format!("limit ({limit}): {message}"),
        Some(ToolOutcome::Trapped { message }) => format!("trapped: {message}"),
    }
}

fn parts(parts: &[ToolPart]) -> anyhow::Result<()> {
    for part in parts {
        output::line(&output::clean(part.value.trim_end()))?;
    }
    Ok(())
}
