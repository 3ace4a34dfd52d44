//! `alcove:state`.

use serde_json::json;

use super::{Bench, PROBE, denied, limit, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_keeps_is_there_in_the_next_call() {
    let bench = Bench::new("[state]\nquota = \"64 KiB\"\n").await;
    let keep = async |arguments| bench.text("keep", arguments).await;
    assert_eq!(keep(json!({"do": "get", "key": "a"})).await, "nothing");
    keep(json!({"do": "set", "key": "note/b", "value": "a secret thing"})).await;
    keep(json!({"do": "set", "key": "note/a", "value": "x"})).await;
    keep(json!({"do": "set", "key": "other", "value": "y"})).await;
    assert_eq!(
        keep(json!({"do": "get", "key": "note/b"})).await,
        "a secret thing"
    );
    assert_eq!(
        keep(json!({"do": "keys", "key": "note/", "n": 10})).await,
        "note/a note/b"
    );
    assert_eq!(
        keep(json!({"do": "keys", "key": "", "n": 2})).await,
        "note/a note/b"
    );
    // A change that compares wins only where it is right.
    let compare = |expected: Option<&str>, value: Option<&str>| {
        json!({"do": "compare", "key": "note/a", "expected": expected, "value": value})
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect::<serde_json::Value>()
    };
    assert_eq!(keep(compare(Some("no"), Some("z"))).await, "false");
    assert_eq!(keep(compare(None, Some("z"))).await, "false");
    assert_eq!(keep(compare(Some("x"), Some("z"))).await, "true");
    assert_eq!(keep(compare(Some("z"), None)).await, "true");
    assert_eq!(keep(json!({"do": "get", "key": "note/a"})).await, "nothing");
    assert_eq!(keep(json!({"do": "delete", "key": "other"})).await, "true");
    assert_eq!(keep(json!({"do": "delete", "key": "other"})).await, "false");

    // Another person's is another's, and nothing stands in clear.
    let admin = bench.person.clone();
    let accounts = &bench.app.app().accounts;
    let eve = accounts
        .create_user(&admin, "eve", "a long password")
        .await
        .unwrap();
    let other = bench
        .call_as(&eve, "keep", json!({"do": "get", "key": "note/b"}))
        .await;
    assert_eq!(text(&other), "nothing");
    for file in ["alcove.db", "alcove.db-wal"] {
        let bytes = std::fs::read(bench.app.data().join(file)).unwrap_or_default();
        let is_clear = |wanted: &str| {
            bytes
                .windows(wanted.len())
                .any(|bytes| bytes == wanted.as_bytes())
        };
        assert!(!is_clear("a secret thing") && !is_clear("note/b"), "{file}");
    }
    // What was kept is in the record, so that the call can be run again.
    let again = bench
        .call("keep", json!({"do": "get", "key": "note/b"}))
        .await;
    let record = serde_json::to_string(&again.record).unwrap();
    assert!(record.contains("alcove:state/store.get"), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_grant_nothing_is_kept() {
    let bench = Bench::new("").await;
    let result = bench.call("keep", json!({"do": "get", "key": "a"})).await;
    let (capability, message) = denied(&result);
    assert_eq!(capability, "state");
    assert!(
        message.contains(PROBE) && message.ends_with("[state]"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_counts_keys_and_values() {
    let bench = Bench::new("[state]\nquota = \"1 KiB\"\n").await;
    let set = async |key: &str, n: u64| {
        bench
            .call(
                "keep",
                json!({"do": "set", "key": key, "value": "x", "n": n}),
            )
            .await
    };
    text(&set("a", 1000).await);
    assert_eq!(limit(&set("b", 100).await), "state");
    // What makes room is allowed, and what is overwritten does not count twice.
    text(&set("a", 500).await);
    text(&set("b", 500).await);
    assert_eq!(limit(&set("c", 50).await), "state");
    let long = "k".repeat(300);
    let result = set(&long, 1).await;
    assert!(
        format!("{:?}", result.outcome).contains("256"),
        "{result:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_count_at_once_all_count() {
    let bench =
        Bench::new("[limits]\nconcurrency = 8\ncpu = \"20 s\"\nwall = \"60 s\"\n[state]\n").await;
    let count = async || {
        bench
            .call("keep", json!({"do": "increment", "key": "count", "n": 20}))
            .await
    };
    let (a, b, c, d) = tokio::join!(count(), count(), count(), count());
    for result in [a, b, c, d] {
        text(&result);
    }
    assert_eq!(
        bench
            .text("keep", json!({"do": "get", "key": "count"}))
            .await,
        "80"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_ends_a_call_that_reads_its_state() {
    let bench = Bench::new("[limits]\ncpu = \"60 s\"\nwall = \"60 s\"\n[state]\n").await;
    // Compiled and ready, so that the call runs when it is revoked.
    bench.text("keep", json!({"do": "get", "key": "a"})).await;
    let hold = bench.call("keep", json!({"do": "hold", "key": "a"}));
    let revoke = async {
        bench.app.until_leases_held(1).await;
        bench.revoke(PROBE).await
    };
    let (result, revoked) = tokio::join!(hold, revoke);
    assert_eq!(limit(&result), "revoked");
    assert_eq!(revoked["stopped_calls"], 1);
}
