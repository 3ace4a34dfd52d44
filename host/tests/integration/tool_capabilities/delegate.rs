//! `alcove:delegate`.

use alcove::ledger::{Kind, Owner};
use alcove_api_types::{Label, ToolOutcome};
use serde_json::{Value, json};

use crate::tool_calls::with_key;

use super::{Bench, PROBE, denied, limit, text};

fn call(tool: &str, arguments: &Value) -> Value {
    json!({"tool": tool, "arguments": arguments.to_string()})
}

/// A call of the echo.
fn echo() -> Value {
    call("local/echo:echo", &json!({"text": "hello"}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_calls_another_that_both_sides_grant() {
    let bench = Bench::new("[delegate]\ntools = [\"local/echo:echo\"]\n").await;
    // The caller's side alone is not enough.
    let result = bench.call("call", echo()).await;
    let (capability, message) = denied(&result);
    assert_eq!(capability, "delegate");
    assert!(message.contains("alcove grant local/echo"), "{message}");
    // Nor is the other side's.
    bench.install("echo").await;
    bench.grant("local/echo", "").await;
    let result = bench.call("call", echo()).await;
    assert_eq!(text(&result), "hello");
    // What the other tool used is in the caller's usage, and in the ledger once.
    let owner = Owner::User(bench.person.user);
    let ledger = &bench.app.app().ledger;
    let before = ledger.balance(&owner, Kind::ToolBytes).await.unwrap().spent;
    bench.text("call", echo()).await;
    let after = ledger.balance(&owner, Kind::ToolBytes).await.unwrap().spent;
    assert_eq!(after - before, 10, "five bytes of each of the two");
    let other = bench
        .call("call", call("alcove/web-fetch:fetch_page", &json!({})))
        .await;
    let (capability, message) = denied(&other);
    assert_eq!(capability, "delegate");
    assert!(
        message.contains(PROBE)
            && message.contains("tools = [\"local/echo:echo\", \"alcove/web-fetch:fetch_page\"]"),
        "{message}"
    );
    // Arguments are checked against the other tool's schema.
    let result = bench
        .call("call", call("local/echo:echo", &json!({"txt": "x"})))
        .await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Failed { failure, .. } if failure == "invalid-input"),
        "{result:?}"
    );
    bench.revoke("local/echo").await;
    assert_eq!(denied(&bench.call("call", echo()).await).0, "delegate");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_tools_stay_under_the_policies_of_a_key() {
    let lines = "[delegate]\ntools = [\"local/echo:echo\", \"local/probe:relay\"]\n";
    let bench = Bench::new(lines).await;
    bench.install("echo").await;
    bench.grant("local/echo", "").await;
    let probe = format!("version = 1\nplugin = \"{PROBE}\"\n{lines}");
    let echo_policy = "version = 1\nplugin = \"local/echo\"\n";
    let both = with_key(&bench.app, &[&probe, echo_policy]).await;
    assert_eq!(text(&bench.call_as(&both, "call", echo()).await), "hello");
    let alone = with_key(&bench.app, &[&probe]).await;
    let result = bench.call_as(&alone, "call", echo()).await;
    let (capability, message) = denied(&result);
    assert_eq!(capability, "delegate");
    assert!(
        message.contains("has no policy for local/echo"),
        "{message}"
    );
    // What the key's own policy of the caller withholds is told with its line.
    let less = probe.replace("\"local/echo:echo\", ", "");
    let less = with_key(&bench.app, &[&less, echo_policy]).await;
    let result = bench.call_as(&less, "call", echo()).await;
    let (_, message) = denied(&result);
    assert!(
        message.contains("line 3 of the policy of local/probe") && message.contains("the API key"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_so_deep_and_never_round() {
    let tools = "tools = [\"local/echo:echo\", \"local/probe:relay\", \"local/probe:call\"]\n";
    let bench = Bench::new(&format!("[delegate]\n{tools}")).await;
    bench.install("echo").await;
    bench.grant("local/echo", "").await;
    let two = call("local/probe:relay", &echo());
    assert_eq!(bench.text("call", two.clone()).await, "hello");
    let round = call("local/probe:relay", &call("local/probe:call", &echo()));
    let result = bench.call("call", round).await;
    assert!(
        format!("{:?}", result.outcome).contains("delegate-cycle"),
        "{result:?}"
    );
    let itself = bench.call("call", call("local/probe:call", &echo())).await;
    assert_eq!(limit(&itself), "delegate-cycle");

    bench
        .grant(PROBE, &format!("[delegate]\ndepth = 1\n{tools}"))
        .await;
    let result = bench.call("call", two).await;
    assert!(
        format!("{:?}", result.outcome).contains("delegate-depth"),
        "{result:?}"
    );
    assert_eq!(bench.text("call", echo()).await, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_fill_the_pool_do_not_wait_for_ever() {
    let settings = [
        ("limits.tool_instances", "2"),
        ("limits.tool_sessions", "1"),
    ];
    let lines = "[delegate]\ntools = [\"local/echo:echo\"]\n";
    let bench = Bench::with_settings(lines, &settings).await;
    bench.install("echo").await;
    bench.grant("local/echo", "").await;
    let call = async || bench.text("call", echo()).await;
    let (a, b, c, d) = tokio::join!(call(), call(), call(), call());
    assert_eq!([a, b, c, d], ["hello", "hello", "hello", "hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_either_side_ends_the_call() {
    let lines = "[limits]\nwall = \"60 s\"\n[delegate]\ntools = [\"alcove/python:python\"]\n";
    let bench = Bench::new(lines).await;
    let endless = call("alcove/python:python", &json!({"code": "while True: pass"}));
    // Compiled and ready, so that the calls run when they are revoked.
    bench
        .text("call", call("alcove/python:python", &json!({"code": "1"})))
        .await;
    let revoke = async |plugin: &str| {
        // One each, and the one that the inner call holds on the grant of the outer.
        bench.app.until_leases_held(3).await;
        bench.revoke(plugin).await
    };
    let (result, revoked) = tokio::join!(bench.call("call", endless.clone()), revoke(PROBE));
    assert_eq!(limit(&result), "revoked");
    assert_eq!(revoked["stopped_calls"], 2, "the caller and what it called");

    bench.grant(PROBE, lines).await;
    let (result, revoked) = tokio::join!(bench.call("call", endless), revoke("alcove/python"));
    let outcome = format!("{:?}", result.outcome);
    assert!(outcome.contains("revoked"), "{outcome}");
    assert_eq!(revoked["stopped_calls"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_other_tool_gave_back_is_as_private_as_it_was() {
    let lines = "[delegate]\ntools = [\"local/echo:echo\"]\n[labels]\noutput = \"public\"\n";
    let bench = Bench::new(lines).await;
    bench.install("echo").await;
    for (lines, expected) in [
        ("", Label::Public),
        ("[labels]\noutput = \"private\"\n", Label::Private),
    ] {
        bench.grant("local/echo", lines).await;
        let result = bench.call("call", echo()).await;
        assert_eq!(text(&result), "hello");
        assert_eq!(result.label, Some(expected));
    }
}

/// A call that a tool makes is nobody's to allow: the person saw another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_needs_a_person_is_denied_to_a_tool() {
    let bench = Bench::new("[delegate]\ntools = [\"local/echo:echo\"]\n").await;
    bench.install("echo").await;
    bench
        .grant("local/echo", "[approval]\ndefault = \"always\"\n")
        .await;
    let result = bench.call("call", echo()).await;
    let ToolOutcome::Failed { failure, message } = &result.outcome else {
        panic!("{result:?}");
    };
    assert_eq!(failure, "denied");
    assert!(message.contains("asks before every call"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_who_called_whom() {
    let bench = Bench::new("[delegate]\ntools = [\"local/echo:echo\"]\n").await;
    bench.install("echo").await;
    bench.grant("local/echo", "").await;
    bench.text("call", echo()).await;
    let found = bench.app.local().get("/api/audit?action=tool_call").await;
    let found = found.expect(200);
    let rows = found["entries"].as_array().unwrap();
    let of = |plugin: &str| {
        let row = rows.iter().find(|row| row["subject"] == plugin);
        row.unwrap()["detail"].clone()
    };
    let (outer, inner) = (of(PROBE), of("local/echo"));
    assert_eq!(outer["caller"], Value::Null);
    assert_eq!(inner["caller"], "local/probe:call");
    assert_eq!(outer["trace"], inner["trace"]);
}
