//! What a model makes of its tools: questions from end to end through the public API, over a web of
//! this repository, each judged by the tool that was called and by what the answer contains.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bench::result::{self, Row};
use crate::bench::server::Server;
use crate::{paths, shell};

const TASKS: &str = "evals/tasks.toml";
const WEB: &str = "evals/web";
/// The name that stands for no tool.
const NONE: &str = "none";
/// The same answers every time, as far as the machine gives them.
const SEED: u64 = 1;
/// 95 % of a normal distribution lie within so many standard deviations.
pub(super) const Z: f64 = 1.96;

#[derive(Deserialize)]
struct Tasks {
    task: Vec<Task>,
}

/// A question, and how its answer is judged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    ask: String,
    tool: String,
    answer: Vec<String>,
}

/// What came of a question.
#[derive(Clone, Serialize, Deserialize)]
struct Judged {
    called: String,
    is_decided_right: bool,
    is_answered_right: bool,
    text: String,
}

/// Asks every model every question.
pub(crate) fn run(models: &[String], anew: bool) -> Result<()> {
    crate::setup::for_building()?;
    crate::build::everything()?;
    let text = std::fs::read_to_string(paths::root().join(TASKS))?;
    let Tasks { task: tasks } = toml::from_str(&text).context(TASKS)?;
    let web = Web::start()?;
    let mut rows = Vec::new();
    for model in models {
        let path = paths::target().join(format!("prove-eval/{model}.json"));
        if anew && path.exists() {
            std::fs::remove_file(&path)?;
        }
        let judged = judge(model, &tasks, &web, &path)?;
        for (what, is_right) in [
            (
                "right tool or none",
                (|one| one.is_decided_right) as fn(&Judged) -> bool,
            ),
            ("right answer", |one| one.is_answered_right),
        ] {
            let right = judged.iter().filter(|one| is_right(one)).count();
            let (low, high) = interval(right, judged.len());
            let name = format!("{model}, {} tasks: {what}", judged.len());
            for (suffix, share) in [
                ("", right as f64 / judged.len() as f64),
                (", 95 % interval from", low),
                (", 95 % interval to", high),
            ] {
                let mut row = Row::new("eval", format!("{name}{suffix}"), share * 100.0, "%")?;
                "cargo xtask prove eval".clone_into(&mut row.command);
                shell::say(&row.line());
                rows.push(row);
            }
        }
    }
    result::write("prove-eval", &rows)
}

/// What the model answered to each task; answers of an earlier run to the same question stand.
fn judge(model: &str, tasks: &[Task], web: &Web, path: &Path) -> Result<Vec<Judged>> {
    let mut known: BTreeMap<String, Judged> = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => BTreeMap::new(),
    };
    let mut server = None;
    let mut all = Vec::new();
    for (at, task) in tasks.iter().enumerate() {
        let one = match known.get(&task.ask) {
            Some(one) => one.clone(),
            None => {
                let server = match &server {
                    Some(server) => server,
                    None => server.insert(serve(model, web)?),
                };
                let one = ask(server, task, web)?;
                known.insert(task.ask.clone(), one.clone());
                std::fs::create_dir_all(path.parent().context("a folder")?)?;
                std::fs::write(path, serde_json::to_vec_pretty(&known)?)?;
                one
            }
        };
        let mark = |is_right: bool| if is_right { '✓' } else { '✗' };
        shell::say(&format!(
            "{model} {}/{} {}{} {} → {}: {}",
            at + 1,
            tasks.len(),
            mark(one.is_decided_right),
            mark(one.is_answered_right),
            task.ask,
            one.called,
            one.text
                .replace('\n', " ")
                .chars()
                .take(120)
                .collect::<String>(),
        ));
        all.push(one);
    }
    Ok(all)
}

/// A server whose web-fetch may read the local web.
fn serve(model: &str, web: &Web) -> Result<Server> {
    let server = Server::start(model)?;
    let policy = format!(
        "version = 1\nplugin = \"alcove/web-fetch\"\n[[http]]\norigin = \"{}\"\naddresses = [\"127.0.0.1/32\"]\nmethods = [\"GET\"]\n[assets]\nquota = \"4 MiB\"\n",
        web.origin
    );
    let grant = json!({
        "plugin": "alcove/web-fetch", "principal": "everyone", "policy": policy,
        "reason": "the evaluation's own web", "beyond_request": true,
    });
    body(
        &server
            .post("/api/bindings", &grant.to_string())?
            .read_to_end()?,
    )?;
    Ok(server)
}

fn ask(server: &Server, task: &Task, web: &Web) -> Result<Judged> {
    let question = task.ask.replace("{web}", &web.origin);
    let request = json!({"input": question, "alcove:seed": SEED});
    let response = body(
        &server
            .post("/v1/responses", &request.to_string())?
            .read_to_end()?,
    )?;
    let items = response["output"].as_array().context("no output")?;
    let called = items
        .iter()
        .find_map(|item| item["tool"].as_str())
        .unwrap_or(NONE);
    let texts = items.iter().filter(|item| item["type"] == "message");
    let pieces = texts.flat_map(|item| item["content"].as_array().into_iter().flatten());
    let text: String = pieces.filter_map(|piece| piece["text"].as_str()).collect();
    Ok(Judged {
        called: called.to_owned(),
        is_decided_right: called == task.tool,
        is_answered_right: !text.trim().is_empty()
            && task.answer.iter().all(|needle| contains(&text, needle)),
        text,
    })
}

/// The JSON body of an answer over HTTP.
pub(super) fn body(answer: &str) -> Result<Value> {
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    if !head.starts_with("HTTP/1.1 2") {
        bail!("{answer}");
    }
    Ok(serde_json::from_str(body)?)
}

/// Whether a text contains one of the spellings that `|` divides.
fn contains(text: &str, needle: &str) -> bool {
    let text = plain(text);
    needle.split('|').any(|spelling| {
        let spelling = plain(spelling);
        text.match_indices(&spelling).any(|(at, found)| {
            let before = text[..at].chars().next_back();
            let after = text[at + found.len()..].chars().next();
            let is_within = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
            // A short word or a whole number is no part of a longer one; a decimal may go on.
            let is_short = spelling.chars().count() <= 3;
            let is_number = spelling.bytes().all(|byte| byte.is_ascii_digit());
            !((is_short || is_number) && (is_within(before) || is_within(after)))
        })
    })
}

/// Without case, marks of Markdown, and commas between digits.
fn plain(text: &str) -> String {
    let chars: Vec<char> = text.to_lowercase().chars().collect();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| chars.get(at))
            .is_some_and(char::is_ascii_digit)
    };
    let kept = chars.iter().enumerate().filter(|&(at, char)| match char {
        ',' => !(is_digit(at.checked_sub(1)) && is_digit(Some(at + 1))),
        char => !matches!(char, '*' | '`' | '_' | '\\'),
    });
    kept.map(|(_, char)| char).collect()
}

/// Wilson's interval of a share.
pub(super) fn interval(right: usize, all: usize) -> (f64, f64) {
    let (share, count) = (right as f64 / all as f64, all as f64);
    let middle = share + Z * Z / (2.0 * count);
    let spread = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    let scale = 1.0 + Z * Z / count;
    ((middle - spread) / scale, (middle + spread) / scale)
}

/// The local web; it ends when this is dropped.
struct Web {
    child: Child,
    origin: String,
}

impl Web {
    fn start() -> Result<Web> {
        // Free a moment ago: good enough for a port of this machine.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder: PathBuf = paths::root().join(WEB);
        let child = shell::command("python3")
            .args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"])
            .arg(folder)
            .arg(port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start python3")?;
        let origin = format!("http://127.0.0.1:{port}");
        Ok(Web { child, origin })
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_in_a_text() {
        assert!(contains("It is **4,268,524,535**.", "4268524535"));
        assert!(contains("The GCD of 123456 and 7890 is 6.", "6"));
        assert!(!contains("The GCD of 123456 and 7890 is 16.", "6"));
        assert!(contains("about 4239.70 euros", "4239.7"));
        assert!(contains("the symbol is Au", "Au") && !contains("Augustus", "Au"));
        assert!(contains("by the shores", "sea|shore"));
        assert!(contains("`--legacy-ink`", "legacy-ink"));
    }

    #[test]
    fn an_interval_holds_its_share() {
        let (low, high) = interval(36, 40);
        assert!(
            low > 0.76 && low < 0.78 && high > 0.95 && high < 0.97,
            "{low} {high}"
        );
    }
}
