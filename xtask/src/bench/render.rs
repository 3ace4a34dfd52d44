//! `docs/benchmarks.md` and a plot per group, from `docs/results/*.json`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::result::{self, Row};
use crate::paths;

/// Writes the page and its plots.
pub(crate) fn render() -> Result<()> {
    let mut page = String::from(
        "# Benchmarks\n\nRendered by `cargo xtask bench` from `docs/results/*.json`. Machines are \
         shared and noisy: trust ratios, which come from runs that alternate between both sides, \
         more than the numbers themselves.\n",
    );
    let plots = paths::root().join("docs/plots");
    std::fs::create_dir_all(&plots)?;
    let mut files: Vec<_> = std::fs::read_dir(result::folder())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    for file in files {
        let group = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&file)?;
        let rows: Vec<Row> = serde_json::from_str(&text)
            .with_context(|| format!("{} does not hold results", file.display()))?;
        std::fs::write(plots.join(format!("{group}.svg")), plot(&rows))?;
        section(&mut page, &group, &rows)?;
    }
    std::fs::write(paths::root().join("docs/benchmarks.md"), page).context("docs/benchmarks.md")
}

fn section(page: &mut String, group: &str, rows: &[Row]) -> Result<()> {
    writeln!(page, "\n## {group}\n\n![{group}](plots/{group}.svg)\n")?;
    writeln!(page, "| what | value | against | ratio | commit | date |")?;
    writeln!(page, "|---|---:|---|---:|---|---|")?;
    for row in rows {
        let (against, ratio) = match &row.against {
            Some(against) => (
                format!("{}: {} {}", against.name, against.value, row.unit),
                against.ratio.to_string(),
            ),
            None => (String::new(), String::new()),
        };
        writeln!(
            page,
            "| {} | {} {} | {against} | {ratio} | {} | {} |",
            row.name, row.value, row.unit, row.commit, row.date
        )?;
    }
    if let Some(row) = rows.first() {
        writeln!(page, "\nOn {}, by `{}`.", row.machine, row.command)?;
    }
    Ok(())
}

/// Horizontal bars, ours above theirs; each unit has a scale of its own.
fn plot(rows: &[Row]) -> String {
    const WIDTH: f64 = 720.0;
    const LABEL: f64 = 300.0;
    const BAR: f64 = 14.0;
    let mut body = String::new();
    let mut y = 12.0;
    for row in rows {
        let largest = rows
            .iter()
            .filter(|other| other.unit == row.unit)
            .flat_map(|other| {
                [
                    Some(other.value),
                    other.against.as_ref().map(|other| other.value),
                ]
            })
            .flatten()
            .fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LABEL - 150.0) / largest;
        let _ = write!(
            body,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LABEL - 10.0,
            y + 11.0,
            escaped(&row.name)
        );
        let mut bar = |y: f64, value: f64, colour: &str, label: String| {
            let width = (value * scale).max(1.0);
            let _ = write!(
                body,
                "<rect x=\"{LABEL}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"3\" \
                 fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{}</text>",
                LABEL + width + 6.0,
                y + 11.0,
                escaped(&label)
            );
        };
        bar(
            y,
            row.value,
            "#1f6f5c",
            format!("{} {}", row.value, row.unit),
        );
        y += BAR + 3.0;
        if let Some(against) = &row.against {
            bar(
                y,
                against.value,
                "#98948b",
                format!("{} ({})", against.value, against.name),
            );
            y += BAR + 3.0;
        }
        y += 9.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" font-family=\"Inter, \
         system-ui, sans-serif\" font-size=\"11\" fill=\"#6d6a63\"><rect width=\"{WIDTH}\" \
         height=\"{y}\" fill=\"#faf9f6\"/>{body}</svg>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
