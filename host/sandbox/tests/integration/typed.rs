//! Components with typed exports and no world of ours, called with JSON.

use alcove_policies::Policy;
use alcove_sandbox::{Component, Content, LoadError, Outcome};
use serde_json::{Value, json};

use crate::support::{Bench, HELLO, Server, call, plain, policy};

async fn run(bench: &Bench, component: &Component, tool: &str, arguments: Value) -> Outcome {
    under(bench, component, &plain(), tool, arguments).await
}

async fn under(
    bench: &Bench,
    component: &Component,
    policy: &Policy,
    tool: &str,
    arguments: Value,
) -> Outcome {
    let call = call(policy, tool, &arguments.to_string());
    bench.sandbox.call(component, call).await.outcome
}

#[track_caller]
fn result(outcome: Outcome) -> Value {
    let Outcome::Ok(parts) = outcome else {
        panic!("{outcome:?}");
    };
    let [part] = parts.as_slice() else {
        panic!("{parts:?}");
    };
    let Content::Json(text) = &part.content else {
        panic!("{part:?}");
    };
    serde_json::from_str(text).unwrap()
}

#[track_caller]
fn failure(outcome: Outcome) -> (String, String) {
    match outcome {
        Outcome::Failed(failure) => (failure.kind, failure.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_type_goes_in_and_comes_out() {
    let bench = Bench::new();
    let typed = bench.fixture("typed").await;
    let run = |tool: &'static str, arguments| run(&bench, &typed, tool, arguments);
    assert_eq!(
        result(run("add", json!({"a": 2, "b": -5})).await),
        json!({"result": -3})
    );
    assert_eq!(result(run("quiet", json!({})).await), json!({}));
    assert_eq!(
        result(run("undocumented", json!({})).await),
        json!({"result": 0.1})
    );

    let center = json!({"x": 0, "y": 0});
    let square = json!({"shape": {"square": 3.0}, "unit": "meter"});
    assert_eq!(
        result(run("shapes_area", square).await),
        json!({"result": 9.0})
    );
    let circle = json!({"shape": {"circle": {"center": center, "radius": 2}}, "unit": "foot"});
    let area = result(run("shapes_area", circle).await)["result"]
        .as_f64()
        .unwrap();
    assert!((area - 135.264).abs() < 0.01, "{area}");
    // The function's own error is a failure in its own words.
    let nothing = json!({"shape": {"nothing": {}}, "unit": "meter"});
    let (kind, message) = failure(run("shapes_area", nothing).await);
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("upstream", "nothing has no area")
    );

    let moved = json!({"points": [{"x": 1, "y": 2}, {"x": 0.5, "y": 0}], "by": {"0": 10, "1": -1}});
    assert_eq!(
        result(run("shapes_move", moved).await),
        json!({"result": [{"x": 11.0, "y": 1.0}, {"x": 10.5, "y": -1.0}]})
    );
    let both = json!({"style": {"bold": true, "dashed": false}, "word": "Öl"});
    assert_eq!(
        result(run("shapes_describe", both).await),
        json!({"result": {"0": ["bold"], "1": "Ö"}})
    );
    assert_eq!(
        result(run("shapes_describe", json!({"style": {}})).await),
        json!({"result": {"0": []}})
    );

    let shape = json!({"circle": {"center": {"x": 1.5, "y": -0.5}, "radius": 2.5, "label": "a"}});
    for (nested, outcome) in [
        (json!({"some": 7}), json!({"ok": u64::MAX})),
        (json!({}), json!({"err": -128})),
    ] {
        let sent = json!({"shape": shape, "nested": nested, "outcome": outcome});
        assert_eq!(
            result(run("shapes_echo", sent).await),
            json!({"result": {"0": shape, "1": nested, "2": outcome}})
        );
    }
    let absent = json!({"shape": {"nothing": {}}, "outcome": {"ok": 0}});
    assert_eq!(
        result(run("shapes_echo", absent).await),
        json!({"result": {"0": {"nothing": {}}, "2": {"ok": 0}}})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_never_reach_the_component() {
    let bench = Bench::new();
    let typed = bench.fixture("typed").await;
    let unit = "meter";
    for (tool, arguments, words) in [
        (
            "add",
            json!({"a": 2_147_483_648_u64, "b": 0}),
            "/a: must be",
        ),
        ("add", json!({"a": 1.5, "b": 0}), "/a: must be"),
        ("add", json!({"a": 1}), "/b: is needed"),
        (
            "shapes_area",
            json!({"shape": {}, "unit": unit}),
            "exactly one member",
        ),
        (
            "shapes_area",
            json!({"shape": {"square": 1, "nothing": {}}, "unit": unit}),
            "exactly one",
        ),
        (
            "shapes_area",
            json!({"shape": {"cube": 1}, "unit": unit}),
            "no case `cube`",
        ),
        (
            "shapes_area",
            json!({"shape": {"nothing": 1}, "unit": unit}),
            "carries nothing",
        ),
        (
            "shapes_area",
            json!({"shape": [], "unit": unit}),
            "must be an object",
        ),
        (
            "shapes_area",
            json!({"shape": {"nothing": {}}, "unit": "mile"}),
            "one of its names",
        ),
        (
            "shapes_move",
            json!({"points": {}, "by": {"0": 1, "1": 1}}),
            "must be a list",
        ),
        (
            "shapes_move",
            json!({"points": [{"x": 1}], "by": {"0": 1, "1": 1}}),
            "/points/0/y",
        ),
        (
            "shapes_move",
            json!({"points": [], "by": {"0": 1}}),
            "/by/1: is needed",
        ),
        (
            "shapes_describe",
            json!({"style": 3}),
            "/style: must be an object",
        ),
        (
            "shapes_echo",
            json!({"shape": {"nothing": {}}, "outcome": {"maybe": 1}}),
            "`ok` or `err`",
        ),
        (
            "shapes_echo",
            json!({"shape": {"nothing": {}}, "outcome": {"err": 200}}),
            "8 bits",
        ),
    ] {
        let (kind, message) = failure(run(&bench, &typed, tool, arguments.clone()).await);
        assert_eq!(kind, "invalid-input", "{arguments} {message}");
        assert!(message.contains(words), "{arguments}: {message}");
    }
    let (kind, _) = failure(run(&bench, &typed, "dance", json!({})).await);
    assert_eq!(kind, "internal");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_for_typed_components_too() {
    let bench = Bench::new();
    let typed = bench.fixture("typed").await;
    let tight = policy("[limits]\ncpu = \"200 ms\"\nmemory = \"16 MiB\"\noutput = \"64 KiB\"\n");
    for (how, limit) in [("loop", "cpu"), ("flood", "memory"), ("large", "output")] {
        let outcome = under(&bench, &typed, &tight, "misbehave", json!({"how": how})).await;
        match outcome {
            Outcome::Limit(hit) => assert_eq!(hit.name, limit, "{how}"),
            other => panic!("{how}: {other:?}"),
        }
    }
    // A list that would be small in the guest and large in the host is stopped on its way.
    let roomy = policy("[limits]\nmemory = \"256 MiB\"\n");
    let outcome = under(&bench, &typed, &roomy, "misbehave", json!({"how": "flood"})).await;
    assert!(
        matches!(&outcome, Outcome::Limit(hit) if hit.name == "output"),
        "{outcome:?}"
    );
    let outcome = run(&bench, &typed, "misbehave", json!({"how": "panic"})).await;
    assert!(matches!(outcome, Outcome::Trapped(_)), "{outcome:?}");
    // Each call has an instance of its own.
    for _ in 0..2 {
        assert_eq!(
            result(run(&bench, &typed, "count", json!({})).await),
            json!({"result": 1})
        );
    }
}

/// A component in text whose function `f` returns what its core code says.
fn returning(ty: &str, core: &str) -> Vec<u8> {
    let text = format!(
        "(component
           (core module $m (memory (export \"mem\") 1) {core})
           (core instance $i (instantiate $m))
           (type $t {ty})
           (export $e \"t\" (type $t))
           (func $f (result $e) (canon lift (core func $i \"f\") (memory (core memory $i \"mem\"))))
           (export \"f\" (func $f)))"
    );
    wat::parse_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_results_end_in_one_of_the_five_ways() {
    let bench = Bench::new();
    let at = |pointer: u32, length: u32| {
        format!(
            "(data (i32.const 0) \"\\{:02x}\\{:02x}\\{:02x}\\{:02x}\\{:02x}\\{:02x}\\{:02x}\\{:02x}\\ff\\fe\")
             (func (export \"f\") (result i32) i32.const 0)",
            pointer & 0xff, pointer >> 8 & 0xff, pointer >> 16 & 0xff, pointer >> 24,
            length & 0xff, length >> 8 & 0xff, length >> 16 & 0xff, length >> 24,
        )
    };
    let list = |pointer, length| returning("(list u8)", &at(pointer, length));
    let many = |length| returning("(list (tuple u8 u8))", &at(0, length));
    // Numbers that JSON has no word for.
    for float in ["nan", "inf", "-inf"] {
        let core = format!("(func (export \"f\") (result f64) f64.const {float})");
        let wasm = wat::parse_str(format!(
            "(component (core module $m {core}) (core instance $i (instantiate $m))
               (func $f (result f64) (canon lift (core func $i \"f\"))) (export \"f\" (func $f)))"
        ));
        let component = bench.load(&wasm.unwrap()).await.unwrap();
        let (kind, message) = failure(run(&bench, &component, "f", json!({})).await);
        assert_eq!(kind, "internal");
        assert!(message.contains("JSON"), "{message}");
    }
    // A trap in the canonical rules: out of bounds, not UTF-8, no character, no such case.
    for wasm in [
        list(0xffff_0000, 64),
        list(0, 0xffff_ffff),
        many(0x7fff_ffff),
        returning("(record (field \"s\" string))", &at(8, 2)),
        returning(
            "(enum \"a\" \"b\")",
            "(func (export \"f\") (result i32) i32.const 9)",
        ),
        returning(
            "(option char)",
            "(data (i32.const 0) \"\\01\\00\\00\\00\\00\\d8\\00\\00\")
            (func (export \"f\") (result i32) i32.const 0)",
        ),
    ] {
        let component = bench.load(&wasm).await.unwrap();
        let outcome = run(&bench, &component, "f", json!({})).await;
        assert!(matches!(outcome, Outcome::Trapped(_)), "{outcome:?}");
    }
    // Flags beyond those that have names are dropped by the rules themselves.
    let flags = returning(
        "(flags \"a\")",
        "(func (export \"f\") (result i32) i32.const -1)",
    );
    let component = bench.load(&flags).await.unwrap();
    assert_eq!(
        result(run(&bench, &component, "f", json!({})).await),
        json!({"result": {"a": true}})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_without_functions_is_no_tool() {
    let bench = Bench::new();
    let empty = wat::parse_str("(component)").unwrap();
    let refused = bench.load(&empty).await.unwrap_err();
    assert!(matches!(refused, LoadError::NotATool(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_component_reaches_what_the_policy_names() {
    let bench = Bench::new();
    let fetch = bench.fixture("typed-fetch").await;
    let server = Server::new(HELLO);
    let origin = format!("http://127.0.0.1:{}", server.port);
    let url = format!("{origin}/page");
    let open = policy(&format!(
        "[[http]]\norigin = \"{origin}\"\nmethods = [\"GET\"]\naddresses = [\"127.0.0.1/32\"]\n"
    ));
    let asked = json!({"url": url});
    assert_eq!(
        result(under(&bench, &fetch, &open, "fetch", asked.clone()).await),
        json!({"result": "hello"})
    );
    let outcome = under(&bench, &fetch, &plain(), "fetch", asked).await;
    assert!(
        matches!(&outcome, Outcome::Denied(denial) if denial.capability == "http"),
        "{outcome:?}"
    );
    let (kind, message) = failure(under(&bench, &fetch, &open, "fetch", json!({"url": "?"})).await);
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("upstream", "that is no URL")
    );
}
