//! The corpus of hostile guests in `tests/hostile`: a file a case, each ending as its side-car says.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alcove_sandbox::{Call, Content, Grant, Invocation, Mount, Outcome, Report};
use serde::Deserialize;

use crate::support::{Bench, echo, grant, policy, text};

/// Little of everything, so that the corpus is quick.
const TIGHT: &str = "[limits]\nmemory = \"2 MiB\"\ncpu = \"100 ms\"\nwall = \"4 s\"\n\
    output = \"4 KiB\"\ncalls = \"10000/min\"\nconcurrency = 8\n";
/// For all of them together.
const MAX_CORPUS: Duration = Duration::from_secs(120);
/// For a call of somebody else meanwhile. A benchmark claims milliseconds; this machine may be busy.
const MAX_OTHERS: Duration = Duration::from_secs(4);

/// A side-car. What each key means is in `tests/hostile/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    frame: Option<String>,
    expect: String,
    limit: Option<Names>,
    says: Option<String>,
    never: Option<String>,
    policy: Option<String>,
    beside: Option<String>,
    repeat: Option<Repeat>,
    arguments: Option<Repeat>,
    bytes: Option<Altered>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Any(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    times: usize,
    line: String,
}

impl Repeat {
    fn text(&self) -> String {
        let mut text = String::new();
        for n in 0..self.times {
            let line = self.line.replace("{n}", &n.to_string());
            text.push_str(&line.replace("{next}", &(n + 1).to_string()));
        }
        text
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Altered {
    keep: Option<usize>,
    change: Option<usize>,
    section: Option<usize>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The binary of a case.
fn wasm(case: &Case, name: &str) -> Vec<u8> {
    let mut guest = read(&folder().join(format!("{name}.wat")));
    if let Some(repeat) = &case.repeat {
        guest = guest.replace(";;REPEAT", &repeat.text());
    }
    let text = match &case.frame {
        Some(frame) => read(&folder().join(format!("frames/{frame}.wat")))
            .replace(";;GUEST", &guest)
            .replace(";;BESIDE", case.beside.as_deref().unwrap_or_default()),
        None => guest,
    };
    let mut wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    if let Some(Altered {
        keep,
        change,
        section,
    }) = case.bytes
    {
        if let Some(at) = change {
            wasm[at] ^= 0x55;
        }
        if let Some(bytes) = section {
            wasm.push(0);
            let mut left = bytes + 2;
            while left >= 0x80 {
                wasm.push((left & 0x7f) as u8 | 0x80);
                left >>= 7;
            }
            wasm.push(left as u8);
            wasm.extend([1, b'x']);
            wasm.resize(wasm.len() + bytes, 0x41);
        }
        wasm.truncate(keep.unwrap_or(usize::MAX));
    }
    wasm
}

/// A folder that a guest may have, and one beside it that it may not.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("workspace");
        std::fs::create_dir_all(inside.join("folder")).unwrap();
        std::fs::create_dir(folder.path().join("outside")).unwrap();
        std::fs::write(inside.join("inside.txt"), "inside").unwrap();
        std::fs::write(folder.path().join("outside/secret.txt"), "secret").unwrap();
        for (to, link) in [
            ("../outside", "way-out"),
            ("../outside/secret.txt", "link-out.txt"),
            ("/dev/zero", "link-zero"),
            ("circle", "circle"),
        ] {
            std::os::unix::fs::symlink(to, inside.join(link)).unwrap();
        }
        World { folder }
    }

    fn is_untouched(&self) -> bool {
        let outside = self.folder.path().join("outside");
        let names: Vec<_> = std::fs::read_dir(&outside)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        let beside = std::fs::read_dir(self.folder.path()).unwrap().count();
        names == ["secret.txt"]
            && std::fs::read(outside.join("secret.txt")).unwrap() == b"secret"
            && beside == 2
            && self.folder.path().join("workspace").is_dir()
    }
}

async fn run(bench: &Bench, case: &Case, name: &str, world: &World) -> Result<(), String> {
    let wasm = wasm(case, name);
    let guest = match (bench.load(&wasm).await, case.expect.as_str()) {
        (Err(_), "refused") => return Ok(()),
        (Err(error), _) => return Err(format!("it was not loaded: {error}")),
        (Ok(_), "refused") => return Err("it was loaded".to_owned()),
        (Ok(guest), _) => guest,
    };
    let lines = case.policy.clone().unwrap_or_default();
    let policy = if lines.contains("[limits]") {
        policy(&lines)
    } else {
        policy(&format!("{TIGHT}{lines}"))
    };
    let arguments = case.arguments.as_ref().map(Repeat::text);
    let call = Call {
        invocation: Invocation::new("tool", arguments.unwrap_or_else(|| "{}".to_owned())),
        grant: Grant {
            mounts: vec![Mount {
                guest: "/workspace".to_owned(),
                host: world.folder.path().join("workspace"),
                writable: true,
            }],
            ..grant(&policy)
        },
    };
    let started = Instant::now();
    let report = bench.sandbox.call(&guest, call).await;
    let took = started.elapsed();
    if took > Duration::from_secs(10) {
        return Err(format!("it took {took:?}"));
    }
    check(case, &report)
}

fn check(case: &Case, report: &Report) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {:?}", report.outcome));
    if report.outcome.name() != case.expect {
        return wrong("it ended otherwise");
    }
    if let Outcome::Limit(hit) = &report.outcome {
        let is_named = match &case.limit {
            None => true,
            Some(Names::One(name)) => name == hit.name,
            Some(Names::Any(names)) => names.iter().any(|name| name == hit.name),
        };
        if !is_named {
            return wrong("another limit");
        }
    }
    let said = match &report.outcome {
        Outcome::Ok(parts) => match parts.first().map(|part| &part.content) {
            Some(Content::Text(text)) => text.as_str(),
            _ => "",
        },
        Outcome::Failed(failure) => failure.kind.as_str(),
        Outcome::Trapped(reason) => reason.as_str(),
        Outcome::Denied(denial) => denial.capability,
        Outcome::Limit(hit) => hit.allowed.as_str(),
    };
    if let Some(says) = &case.says
        && !said.contains(says.as_str())
    {
        return wrong("it says something else");
    }
    if let Some(never) = &case.never
        && format!("{report:?}").contains(never.as_str())
    {
        return wrong("it says what it must not");
    }
    Ok(())
}

/// Calls a good tool again and again until told to stop; answers how long each call took.
async fn somebody_else(bench: Arc<Bench>, is_over: Arc<AtomicBool>) -> Vec<Duration> {
    let good = bench.guest(&echo()).await;
    let policy = policy("[limits]\ncalls = \"100000/min\"\n");
    let mut took = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let started = Instant::now();
        assert_eq!(text(&bench.call(&good, &policy, "hello").await), "hello");
        took.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::print_stdout,
    reason = "what was measured, for whoever reads the log"
)]
async fn every_guest_of_the_corpus_ends_as_it_should() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort_unstable();
    assert!(names.len() >= 100, "{}", names.len());

    let bench = Arc::new(Bench::new());
    let is_over = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn(somebody_else(bench.clone(), is_over.clone()));
    let good = bench.guest(&echo()).await;
    let well = policy("[limits]\ncalls = \"10000/min\"\ncpu = \"5 s\"\n");
    let started = Instant::now();
    let mut wrong = String::new();
    for name in &names {
        let case: Case = toml::from_str(&read(&folder().join(format!("{name}.toml"))))
            .unwrap_or_else(|error| panic!("{name}.toml: {error}"));
        let world = World::new();
        let began = Instant::now();
        if let Err(what) = run(&bench, &case, name, &world).await {
            let _ = writeln!(wrong, "{name} ({}) {what}", case.about);
        }
        if began.elapsed() > Duration::from_secs(5) {
            println!("{name}: {:?}", began.elapsed());
        }
        if !world.is_untouched() {
            let _ = writeln!(wrong, "{name} reached out of its folder");
        }
        // The host is up, and nothing is held.
        assert_eq!(text(&bench.call(&good, &well, name).await), *name);
    }
    let took = started.elapsed();
    is_over.store(true, Ordering::Relaxed);
    let others = others.await.unwrap();
    assert_eq!(bench.sandbox.free_instances(), 8);
    assert!(wrong.is_empty(), "\n{wrong}");
    let p99 = others[others.len() * 99 / 100];
    println!(
        "{} cases in {took:?}; {} calls of somebody else meanwhile, 99 of 100 within {p99:?}",
        names.len(),
        others.len()
    );
    assert!(took < MAX_CORPUS, "{took:?}");
    assert!(p99 < MAX_OTHERS, "{p99:?}");
}
