//! The fuzzed functions over their seeds, and over what comes of changing them: in every run of the
//! tests, for a bounded time. `cargo xtask prove fuzz` runs them with coverage, for as long as one
//! likes.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::fuzzed;

/// How many changed seeds are tried, and how long at most.
const ROUNDS: u64 = 20_000;
const LONGEST: Duration = Duration::from_secs(5);

/// All files of a folder that end in one of these.
fn seeds(folder: &str, ends: &[&str]) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let end = path.extension().and_then(|end| end.to_str());
            end.is_some_and(|end| ends.contains(&end))
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}", folder.display());
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn run(seeds: &[Vec<u8>], check: fn(&[u8])) {
    for seed in seeds {
        check(seed);
    }
    let started = Instant::now();
    let mut state: u64 = 0x2545_f491_4f6c_dd1d;
    let mut next = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit.max(1) as u64) as usize
    };
    for _ in 0..ROUNDS {
        if started.elapsed() > LONGEST {
            break;
        }
        let mut data = seeds[next(seeds.len())].clone();
        for _ in 0..=next(4) {
            let at = next(data.len() + 1);
            match next(5) {
                0 if at < data.len() => data[at] ^= 1 << next(8),
                1 => data.insert(at, b"\0\xff\"'\\[]{}%/.@:=\n9e-"[next(19)]),
                2 => data.truncate(at),
                3 => {
                    let other = &seeds[next(seeds.len())];
                    let from = next(other.len() + 1);
                    data.truncate(at);
                    data.extend_from_slice(&other[from..]);
                }
                _ => {
                    let end = (at + next(16)).min(data.len());
                    let piece = data[at.min(end)..end].repeat(1 + next(8));
                    data.splice(at.min(end)..end, piece);
                }
            }
        }
        check(&data);
    }
}

#[test]
fn any_policy_is_read_or_refused() {
    run(&seeds("tests/cases", &["toml"]), fuzzed::policy);
}

#[test]
fn any_url_that_is_let_through_is_one_that_a_rule_names() {
    run(&seeds("fuzz/seeds/url", &["txt"]), fuzzed::url);
}

#[test]
fn any_manifest_is_read_or_refused() {
    run(&seeds("fuzz/seeds/manifest", &["json"]), fuzzed::manifest);
}
