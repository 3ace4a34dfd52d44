//! Measures prefill and decode speed of one model file and prints JSON.
//!
//! `alcove-bench MODEL.gguf [--prompt-tokens N] [--decode-tokens N] [--threads N] [--rounds N] [--context N]`

use std::path::PathBuf;
use std::time::Instant;

use alcove_runtime::{Event, GenerateRequest, LoadOptions, Prompt, Runtime, Sampling};
use tokio_util::sync::CancellationToken;

/// English text to cut prompts from; each round starts elsewhere, so that no round finds its prompt cached.
const TEXT: &str = include_str!("../../tests/data/bench_text.txt");

struct Args {
    model: PathBuf,
    prompt_tokens: usize,
    decode_tokens: u32,
    threads: Option<usize>,
    rounds: usize,
}

fn parse() -> Result<Args, String> {
    let mut args = std::env::args().skip(1);
    let model = args.next().ok_or("which model file? give its path first")?;
    let mut parsed = Args {
        model: model.into(),
        prompt_tokens: 512,
        decode_tokens: 64,
        threads: None,
        rounds: 1,
    };
    while let Some(name) = args.next() {
        let value = args
            .next()
            .ok_or_else(|| format!("{name} needs a number"))?;
        let value: usize = value
            .parse()
            .map_err(|_| format!("{name} needs a number, not `{value}`"))?;
        match name.as_str() {
            "--prompt-tokens" => parsed.prompt_tokens = value.max(1),
            "--decode-tokens" => {
                parsed.decode_tokens = u32::try_from(value).unwrap_or(u32::MAX).max(2)
            }
            "--threads" => parsed.threads = Some(value),
            "--rounds" => parsed.rounds = value.max(1),
            other => return Err(format!("there is no option `{other}`")),
        }
    }
    Ok(parsed)
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the result is what the program is for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = parse()?;
    let before = Instant::now();
    let needed = args.prompt_tokens + args.decode_tokens as usize + 64;
    let options = LoadOptions {
        threads: args.threads,
        context_tokens: Some(u32::try_from(needed)?),
        ..LoadOptions::default()
    };
    let runtime = Runtime::load(&args.model, options)?;
    let load_s = before.elapsed().as_secs_f64();
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    for round in 0..args.rounds {
        let prompt = prompt(&runtime, round, args.prompt_tokens);
        let request = GenerateRequest {
            prompt,
            sampling: Sampling::Greedy,
            stop: Vec::new(),
            max_tokens: args.decode_tokens,
            grammar: None,
            priority: alcove_runtime::Priority::Interactive,
        };
        let mut generation = runtime.generate(request, CancellationToken::new()).await?;
        while let Some(event) = generation.next().await {
            if let Event::Done { usage, timings, .. } = event? {
                let computed = usage.prompt - usage.cached;
                prefill.push(f64::from(computed) / timings.prefill.as_secs_f64());
                decode.push(f64::from(usage.generated - 1) / timings.decode.as_secs_f64());
            }
        }
    }
    let result = serde_json::json!({
        "engine": "alcove-runtime",
        "model": args.model.file_name().map(|name| name.to_string_lossy()),
        "threads": args.threads,
        "prompt_tokens": args.prompt_tokens,
        "decode_tokens": args.decode_tokens,
        "load_s": load_s,
        "prefill_tokens_per_s": prefill,
        "decode_tokens_per_s": decode,
        "resident_bytes": resident_bytes(),
    });
    println!("{result}");
    Ok(())
}

/// A prompt of about `tokens` tokens.
fn prompt(runtime: &Runtime, round: usize, tokens: usize) -> Prompt {
    let words: Vec<&str> = TEXT.split_whitespace().collect();
    let mut text = String::new();
    let mut at = round * 97;
    let mut count = 0;
    while count < tokens {
        // Half a word's tokens at a time overshoots by little and keeps the counting cheap.
        for _ in 0..(tokens - count).div_ceil(2) {
            text.push_str(words[at % words.len()]);
            text.push(' ');
            at += 1;
        }
        count = runtime.count_tokens(&text);
    }
    Prompt::text(text)
}

/// Memory in use, where the system says it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
