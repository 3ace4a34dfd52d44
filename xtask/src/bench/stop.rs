//! From pressing Stop to the end of the response, while the model reads a long prompt and while it
//! writes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::result::Row;
use super::server::Server;
use super::statistics::{median, percentile};

const GROUP: &str = "stop";
const MODEL: &str = "qwen2.5-coder-1.5b";
const ROUNDS: usize = 10;
/// What has come before Stop is pressed.
const CREATED: &str = "\"response.created\"";
const WRITING: &str = "\"response.output_text.delta\"";
const STOPPED: &str = "alcove:response.cancelled";
/// Reading the prompt takes seconds; Stop is pressed in the middle.
const INTO_READING: Duration = Duration::from_millis(700);

pub(crate) fn measure() -> Result<Vec<Row>> {
    let server = Server::start(MODEL)?;
    let (mut reading, mut writing) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let long = format!(
            "Summarise. {}",
            format!("Item {round} of a long list. ").repeat(300)
        );
        reading.push(stop(&server, &long, CREATED, INTO_READING)?);
        let short = format!("Count slowly from {round} to one thousand, in words.");
        writing.push(stop(&server, &short, WRITING, Duration::ZERO)?);
    }
    let mut rows = Vec::new();
    for (what, times) in [("reading the prompt", &reading), ("writing", &writing)] {
        for (name, value) in [("p50", median(times)), ("p95", percentile(times, 95.0))] {
            rows.push(Row::new(
                GROUP,
                format!("{MODEL}, while {what}, {name}"),
                value,
                "ms",
            )?);
        }
    }
    Ok(rows)
}

/// Milliseconds from the request to stop to the event that says that it stopped.
fn stop(server: &Server, question: &str, after: &str, pause: Duration) -> Result<f64> {
    let body = serde_json::json!({
        "input": question, "stream": true, "tool_choice": "none", "max_output_tokens": 512,
    });
    let mut answer = server.post("/v1/responses", &body.to_string())?;
    let seen = answer.read_until(after)?;
    let id = seen
        .split_once("\"id\":\"resp_")
        .and_then(|(_, rest)| rest.split_once('"'))
        .context("no id of a response")?
        .0;
    std::thread::sleep(pause);
    let pressed = Instant::now();
    let cancel = server.post(&format!("/v1/responses/resp_{id}/cancel"), "")?;
    answer.read_until(STOPPED)?;
    let took = pressed.elapsed().as_secs_f64() * 1e3;
    let cancelled = cancel.read_to_end()?;
    ensure!(cancelled.contains(" 200 "), "cannot stop: {cancelled}");
    Ok(took)
}
