//! A language's tool against starting that language's own program with the same code, alternating.

use std::time::Instant;

use anyhow::Result;

use super::result::Row;
use super::sandbox::latency;
use super::statistics::{median, median_ratio};
use crate::shell;

const ROUNDS: usize = 5;

struct Repl {
    group: &'static str,
    component: &'static str,
    tool: &'static str,
    arguments: &'static str,
    /// The program, its option for code, and the code; machines need not have it.
    native: [&'static str; 3],
}

pub(crate) fn python() -> Result<Vec<Row>> {
    measure(&Repl {
        group: "python",
        component: "python.wasm",
        tool: "python",
        arguments: r#"{"code":"2**200 + 7"}"#,
        native: ["python3", "-c", "print(2**200 + 7)"],
    })
}

pub(crate) fn javascript() -> Result<Vec<Row>> {
    measure(&Repl {
        group: "javascript",
        component: "javascript.wasm",
        tool: "javascript",
        arguments: r#"{"code":"const n: bigint = 2n ** 200n + 7n\nn"}"#,
        native: ["node", "-e", "console.log(2n ** 200n + 7n)"],
    })
}

fn measure(repl: &Repl) -> Result<Vec<Row>> {
    let has_native = shell::which(repl.native[0]).is_some();
    let (mut first, mut second, mut native) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let tool = latency(repl.component, repl.tool, repl.arguments, 200)?;
        first.push(tool.p50_us / 1e3);
        second.push(tool.session_p50_us / 1e3);
        if has_native {
            native.push(start(repl.native)?);
        }
    }
    let against = repl.native[..2].join(" ");
    [
        ("first call (fresh instance)", first),
        ("second call (same session)", second),
    ]
    .into_iter()
    .map(|(name, times)| {
        let row = Row::new(repl.group, name, median(&times), "ms")?;
        Ok(match has_native {
            true => row.against(&against, median(&native), median_ratio(&times, &native)),
            false => row,
        })
    })
    .collect()
}

/// Milliseconds to start the program, run the code and end: the median of 20.
fn start([program, option, code]: [&str; 3]) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        shell::output(shell::command(program).args([option, code]))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(&times))
}
