//! Which tool calls models write: samples of the Berkeley Function Calling Leaderboard (Patil et al.
//! 2025, its package `bfcl-eval`), put before the package's own judge. No tool runs.
//!
//! Three ways: `free` (schemas in the prompt, whatever the model writes), `constrained` (the turn of
//! the server), `preselected` (the same with the task's tools among two dozen, of which the nearest
//! eight are offered).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::eval::interval;
use crate::bench::result::{self, Row};
use crate::bench::server::models_folder;
use crate::{model, paths, python, shell};

const REQUIREMENTS: &str = "evals/bfcl-requirements.txt";
const SCRIPT: &str = "evals/bfcl.py";
const SEED: &str = "1";
const SUBSETS: [&str; 4] = ["simple", "multiple", "parallel", "irrelevance"];
const WAYS: [&str; 3] = ["free", "constrained", "preselected"];
/// Tools of other tasks beside a task's own.
const OTHERS: usize = 20;
/// The sample from which they are drawn, whatever the number of tasks.
const POOL: usize = 100;

/// Lets every model write the calls of so many tasks of each subset, in every way.
pub(crate) fn run(models: &[String], count: usize, anew: bool) -> Result<()> {
    crate::setup::for_building()?;
    crate::build::host()?;
    let mut build = shell::command("cargo");
    shell::run(build.args([
        "build",
        "--release",
        "-p",
        "alcove",
        "--example",
        "write_calls",
    ]))?;
    let environment = paths::cache().join("python/bfcl");
    // The judge needs nothing of what the package depends on.
    let options = ["--no-deps"];
    python::environment_with("BFCL", REQUIREMENTS, &environment, &options)?;
    let tasks = sample(&environment, count)?;
    let mut rows = Vec::new();
    for id in models {
        model::fetch(&[id])?;
        for way in WAYS {
            let path = paths::target().join(format!("prove-bfcl/{id}-{way}.json"));
            if anew && path.exists() {
                std::fs::remove_file(&path)?;
            }
            let written = write(id, way, &tasks, &path)?;
            let judged = judge(&environment, &tasks, &written)?;
            for subset in SUBSETS {
                add(&mut rows, (id, way, subset), &tasks, &judged)?;
            }
        }
    }
    result::write("prove-bfcl", &rows)
}

fn add(
    rows: &mut Vec<Row>,
    (model, way, subset): (&str, &str, &str),
    tasks: &[Value],
    judged: &BTreeMap<String, bool>,
) -> Result<()> {
    let ids = tasks.iter().filter(|task| task["subset"] == subset);
    let ids: Vec<&str> = ids.filter_map(|task| task["id"].as_str()).collect();
    let right = ids.iter().filter(|id| judged[**id]).count();
    let (low, high) = interval(right, ids.len());
    let name = format!("{model}, {way}, {subset}, {} tasks", ids.len());
    for (suffix, share) in [
        ("", right as f64 / ids.len() as f64),
        (", 95 % interval from", low),
        (", 95 % interval to", high),
    ] {
        let mut row = Row::new("bfcl", format!("{name}{suffix}"), share * 100.0, "%")?;
        "cargo xtask prove eval bfcl".clone_into(&mut row.command);
        shell::say(&row.line());
        rows.push(row);
    }
    Ok(())
}

/// The script within its environment.
fn script(environment: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = shell::command(environment.join("bin/python"));
    command.arg(paths::root().join(SCRIPT)).args(arguments);
    command
}

/// So many tasks of each subset, each with tools of others beside its own.
fn sample(environment: &Path, count: usize) -> Result<Vec<Value>> {
    let drawn = count.max(POOL).to_string();
    let text = shell::output(&mut script(environment, &["sample", &drawn, SEED]))?;
    let all: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).context("BFCL"))
        .collect::<Result<_>>()?;
    let mut tasks = Vec::new();
    for subset in SUBSETS {
        let of_subset = all.iter().enumerate();
        let of_subset = of_subset.filter(|(_, task)| task["subset"] == subset);
        for (place, task) in of_subset.take(count) {
            let mut task = task.clone();
            task["others"] = others(&all, place).into();
            tasks.push(task);
        }
    }
    Ok(tasks)
}

/// Tools of the tasks that stand at even steps from this one, none with the name of another.
fn others(all: &[Value], place: usize) -> Vec<Value> {
    let tools = |task: &Value| task["tools"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<Value> = tools(&all[place])
        .iter()
        .map(|tool| tool["name"].clone())
        .collect();
    let mut others = Vec::new();
    // A prime, so that the steps go through all tasks before they come back.
    let steps = (1..all.len()).map(|step| (place + step * 37) % all.len());
    for tool in steps.flat_map(|place| tools(&all[place])) {
        if others.len() == OTHERS {
            break;
        }
        if !names.contains(&tool["name"]) {
            names.push(tool["name"].clone());
            others.push(tool);
        }
    }
    others
}

/// The calls by the task's id; what an earlier run wrote stands.
fn write(model: &str, way: &str, tasks: &[Value], path: &Path) -> Result<BTreeMap<String, Value>> {
    let mut known: BTreeMap<String, Value> = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => BTreeMap::new(),
    };
    let id = |task: &Value| task["id"].as_str().unwrap_or_default().to_owned();
    let left: Vec<&Value> = tasks
        .iter()
        .filter(|task| !known.contains_key(&id(task)))
        .collect();
    if left.is_empty() {
        return Ok(known);
    }
    let program = paths::target().join("release/examples/write_calls");
    let mut child = shell::command(program)
        .arg(model)
        .arg(models_folder()?)
        .arg(way)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start write_calls")?;
    let mut input = child.stdin.take().context("no input")?;
    let output = child.stdout.take().context("no output")?;
    let mut answers = BufReader::new(output).lines();
    std::fs::create_dir_all(path.parent().context("a folder")?)?;
    for (at, task) in left.iter().enumerate() {
        // One at a time, so that what was written is kept whenever this is broken off.
        writeln!(input, "{task}")?;
        let Some(line) = answers.next() else {
            bail!("write_calls ended at {}", task["id"]);
        };
        let written: Value = serde_json::from_str(&line?)?;
        known.insert(id(task), written["calls"].clone());
        std::fs::write(path, serde_json::to_vec_pretty(&known)?)?;
        shell::say(&format!(
            "{model} {way} {}/{} {}: {}",
            at + 1,
            left.len(),
            task["id"],
            written["calls"]
        ));
    }
    drop(input);
    child.wait()?;
    Ok(known)
}

/// What the judge says of each task.
fn judge(
    environment: &Path,
    tasks: &[Value],
    written: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, bool>> {
    let mut child = script(environment, &["judge"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the judge")?;
    let mut input = child.stdin.take().context("no input")?;
    let lines: Vec<String> = tasks
        .iter()
        .filter_map(|task| task["id"].as_str())
        .map(|id| json!({"id": id, "calls": written[id]}).to_string())
        .collect();
    // The judge answers as it reads, so somebody has to read what it answers meanwhile.
    let writer = std::thread::spawn(move || input.write_all(lines.join("\n").as_bytes()));
    let output = child.wait_with_output()?;
    let fed = writer
        .join()
        .map_err(|_| anyhow::anyhow!("the judge's input"))?;
    fed?;
    if !output.status.success() {
        bail!("the judge failed");
    }
    let mut judged = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let said: Value = serde_json::from_str(line)?;
        let id = said["id"].as_str().context("no id")?;
        judged.insert(id.to_owned(), said["is_right"] == true);
    }
    Ok(judged)
}
