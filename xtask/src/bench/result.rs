//! A measurement, and the files that hold them.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{paths, shell};

/// One number, with all that is needed to measure it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what: `µs`, `tokens/s`, `MiB`, …
    pub(crate) unit: String,
    /// What it was compared with, measured alternately in the same run.
    pub(crate) against: Option<Against>,
    /// The processor and its cores.
    pub(crate) machine: String,
    /// The commit that was measured; `+` where files had changed since.
    pub(crate) commit: String,
    /// The day, as YYYY-MM-DD.
    pub(crate) date: String,
    /// What brings this row again.
    pub(crate) command: String,
}

/// The other side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Against {
    /// What it is.
    pub(crate) name: String,
    /// How much, in the same unit.
    pub(crate) value: f64,
    /// Median over the rounds of ours divided by theirs.
    pub(crate) ratio: f64,
}

impl Row {
    /// A row of this machine and commit.
    pub(crate) fn new(group: &str, name: impl Into<String>, value: f64, unit: &str) -> Result<Row> {
        Ok(Row {
            name: name.into(),
            value: rounded(value),
            unit: unit.to_owned(),
            against: None,
            machine: machine()?,
            commit: commit()?,
            date: shell::output(shell::command("date").args(["-u", "+%Y-%m-%d"]))?
                .trim()
                .to_owned(),
            command: format!("cargo xtask bench {group}"),
        })
    }

    /// The same with what it was compared with.
    pub(crate) fn against(mut self, name: &str, value: f64, ratio: f64) -> Row {
        self.against = Some(Against {
            name: name.to_owned(),
            value: rounded(value),
            ratio: rounded(ratio),
        });
        self
    }

    /// For the terminal.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{}: {} {}", self.name, self.value, self.unit);
        if let Some(against) = &self.against {
            line += &format!(
                " ({}: {}, ratio {})",
                against.name, against.value, against.ratio
            );
        }
        line
    }
}

/// Three significant digits say all that a shared machine can.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powi(2 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

/// The folder of results.
pub(crate) fn folder() -> PathBuf {
    paths::root().join("docs/results")
}

/// Writes a group's rows in place of its last ones.
pub(crate) fn write(group: &str, rows: &[Row]) -> Result<()> {
    std::fs::create_dir_all(folder())?;
    let path = folder().join(format!("{group}.json"));
    let text = serde_json::to_string_pretty(rows)? + "\n";
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn machine() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name.trim());
    Ok(format!(
        "{name}, {} cores",
        std::thread::available_parallelism()?
    ))
}

fn commit() -> Result<String> {
    let hash = shell::output(shell::command("git").args(["rev-parse", "--short=10", "HEAD"]))?;
    // The results themselves change while a bench runs.
    let changed =
        shell::output(shell::command("git").args(["status", "--porcelain", "--", ".", ":!docs"]))?;
    Ok(format!(
        "{}{}",
        hash.trim(),
        if changed.trim().is_empty() { "" } else { "+" }
    ))
}
