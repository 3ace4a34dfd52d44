//! From a request to the first piece of the answer, over HTTP.

use anyhow::Result;

use super::result::Row;
use super::server::Server;
use super::statistics::{median, percentile};

const GROUP: &str = "first-token";
const ROUNDS: usize = 12;

pub(crate) fn measure() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for model in ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"] {
        let server = Server::start(model)?;
        let (mut first, mut chat) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // A new conversation each time: its prefix (system prompt and tools) is cached after
            // the first, its question is not.
            let question = format!("Say hello to visitor number {round} in one short sentence.");
            let body = serde_json::json!({
                "input": question, "stream": true, "store": false, "max_output_tokens": 16,
            });
            first.push(milliseconds(
                &server,
                "/v1/responses",
                &body,
                "response.output_text.delta",
            )?);
            let body = serde_json::json!({
                "messages": [{"role": "user", "content": question}], "stream": true, "max_tokens": 16,
            });
            chat.push(milliseconds(
                &server,
                "/v1/chat/completions",
                &body,
                "\"delta\":{\"content\":\"",
            )?);
        }
        // The first request fills the caches and is a case of its own.
        let (cold, warm) = (first[0], &first[1..]);
        rows.push(Row::new(
            GROUP,
            format!("{model}, first request after start"),
            cold,
            "ms",
        )?);
        rows.push(Row::new(
            GROUP,
            format!("{model}, deciding on tools, p50"),
            median(warm),
            "ms",
        )?);
        rows.push(Row::new(
            GROUP,
            format!("{model}, deciding on tools, p95"),
            percentile(warm, 95.0),
            "ms",
        )?);
        rows.push(Row::new(
            GROUP,
            format!("{model}, no tools, p50"),
            median(&chat[1..]),
            "ms",
        )?);
    }
    Ok(rows)
}

fn milliseconds(
    server: &Server,
    path: &str,
    body: &serde_json::Value,
    marker: &str,
) -> Result<f64> {
    Ok(server
        .time_until(path, &body.to_string(), marker)?
        .as_secs_f64()
        * 1e3)
}
