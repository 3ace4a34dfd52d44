//! Bytes and texts made to break the readers: every one ends in an error or a value, none in a
//! panic, and none in more work than its size.

use alcove_policies::Policy;
use alcove_policies::inspect::inspect;
use alcove_policies::manifest::{self, Manifest};

use crate::inspection::{component, manifest};

/// A small generator of our own, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0)
    }
}

fn sample() -> Vec<u8> {
    let plain = component(
        r#"(component
            (import "wasi:io/poll@0.2.0" (instance (export "pollable" (type (sub resource)))))
            (core module (memory 1) (func (export "f") (result i32) i32.const 1))
            (component (import "x" (func))))"#,
    );
    manifest::embed(&plain, &manifest()).unwrap()
}

#[test]
fn cut_and_flipped_components_are_errors() {
    let wasm = sample();
    inspect(&wasm).unwrap();
    for end in 0..wasm.len() {
        // Cut between two sections it is a smaller component; its manifest stood at the end.
        let found = inspect(&wasm[..end]);
        assert!(
            !found.is_ok_and(|found| found.manifest.is_some()),
            "cut at {end}"
        );
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..5_000 {
        let mut bytes = wasm.clone();
        for _ in 0..=random.next() % 4 {
            let at = random.next() % bytes.len();
            bytes[at] = random.next().to_le_bytes()[0];
        }
        let _ = inspect(&bytes);
        let _ = manifest::embed(&bytes, &manifest());
        let _ = manifest::split(&bytes);
    }
}

#[test]
fn deeply_nested_components_are_refused_or_read() {
    let mut bytes = component("(component)");
    for _ in 0..200 {
        let mut outer = component("(component)");
        outer.push(4);
        let mut size = bytes.len();
        loop {
            let low = (size & 0x7f).to_le_bytes()[0];
            size >>= 7;
            outer.push(if size == 0 { low } else { low | 0x80 });
            if size == 0 {
                break;
            }
        }
        outer.extend_from_slice(&bytes);
        bytes = outer;
    }
    let _ = inspect(&bytes);
}

#[test]
fn a_name_with_no_end_is_cut_in_the_error() {
    let long = "x".repeat(50_000);
    let wasm = component(&format!("(component (import \"{long}\" (func)))"));
    assert!(inspect(&wasm).unwrap_err().to_string().len() < 1_000);
}

#[test]
fn hostile_policies_and_manifests_are_errors() {
    for text in [
        "a".repeat(100_000),
        format!("version = 1\nplugin = \"a/b\"\nx = {}", "[".repeat(20_000)),
        format!(
            "version = 1\nplugin = \"a/b\"\n{}",
            "[[http]]\nnetwork = \"public\"\n".repeat(300)
        ),
        "version = 1\nplugin = \"a/b\"\n[limits]\nmemory = \"99999999999999999999 GiB\"".to_owned(),
        "version = 99999999999999999999".to_owned(),
        "\0\u{feff}".to_owned(),
    ] {
        assert!(
            Policy::parse(&text).is_err(),
            "{}",
            &text[..text.len().min(60)]
        );
    }
    for text in ["[".repeat(200_000), "{\"id\":".to_owned(), String::new()] {
        assert!(Manifest::parse(text.as_bytes()).is_err());
    }
}
