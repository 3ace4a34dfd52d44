//! The Python tool against starting `python3 -c`, alternating.

use std::time::Instant;

use anyhow::Result;

use super::result::Row;
use super::sandbox::latency;
use super::statistics::{median, median_ratio};
use crate::shell;

const GROUP: &str = "python";
const ROUNDS: usize = 5;
const CODE: &str = r#"{"code":"2**200 + 7"}"#;

pub(crate) fn measure() -> Result<Vec<Row>> {
    let (mut first, mut second, mut native) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let tool = latency("python.wasm", "python", CODE, 200)?;
        first.push(tool.p50_us / 1e3);
        second.push(tool.session_p50_us / 1e3);
        native.push(start_python()?);
    }
    let against = "python3 -c";
    Ok(vec![
        Row::new(GROUP, "first call (fresh instance)", median(&first), "ms")?.against(
            against,
            median(&native),
            median_ratio(&first, &native),
        ),
        Row::new(GROUP, "second call (same session)", median(&second), "ms")?.against(
            against,
            median(&native),
            median_ratio(&second, &native),
        ),
    ])
}

/// Milliseconds to start the machine's Python, run the same code and end: the median of 20.
fn start_python() -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        shell::output(shell::command("python3").args(["-c", "print(2**200 + 7)"]))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(&times))
}
