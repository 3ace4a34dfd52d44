//! What an admin does at a terminal: policies, ceilings, grants, calls and the audit log.

use super::*;

const WEB_FETCH: &str = "alcove/web-fetch";

const NARROW: &str = r#"version = 1
plugin = "alcove/web-fetch"
[[http]]
origin = "https://docs.example"
methods = ["GET"]
rate = "10/min"
"#;

#[test]
fn a_policy_is_checked_and_compared_without_a_server() {
    let home = Home::new();
    let policy = |name: &str, text: &str| write(&home.0.path().join(name), text);
    let narrow = policy("narrow.toml", NARROW);
    let faster = policy("faster.toml", &NARROW.replace("10/min", "20/min"));
    let other = policy("other.toml", &NARROW.replace("docs", "news"));
    let wrong = policy("wrong.toml", &NARROW.replace("methods", "method"));

    let said = home.ok(&["policy", "check", &narrow]);
    assert!(
        said.contains("http: GET https://docs.example (line 3)"),
        "{said}"
    );
    let said = home.fails(1, &["policy", "check", &wrong]);
    assert!(
        said.contains("line 5") && said.contains("`methods`"),
        "{said}"
    );
    let said = home.fails(1, &["policy", "check", "/nowhere/none.toml"]);
    assert!(said.contains("/nowhere/none.toml"), "{said}");

    let same = home.ok(&["policy", "diff", &faster, &narrow]);
    assert!(
        same.contains("They grant the same") || same.contains("- http"),
        "{same}"
    );
    let more = |after: &str| {
        let output = home.run(&["policy", "diff", &narrow, after]);
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let rate = more(&faster);
    assert!(
        rate.contains("https://docs.example at a higher rate (line 3)"),
        "{rate}"
    );
    let place = more(&other);
    assert!(
        place.contains("+ http: GET https://news.example (line 3)"),
        "{place}"
    );
}

#[test]
fn grants_ceilings_and_the_audit_log_at_a_terminal() {
    let home = Home::new();
    let _serving = home.serve();
    let file = |name: &str, text: &str| write(&home.0.path().join(name), text);
    let narrow = file("narrow.toml", NARROW);
    let explain = |code: i32, method: &str| {
        let url = "https://docs.example/a";
        let output = home.run(&["policy", "explain", WEB_FETCH, method, url]);
        assert_eq!(output.status.code(), Some(code), "{}", errors(&output));
        String::from_utf8(output.stdout).unwrap()
    };

    home.ok(&["grant", WEB_FETCH, "--policy", &narrow, "--reason", "docs"]);
    let history = home.ok(&["grants", "--history", WEB_FETCH]);
    assert!(
        history.contains("v1") && history.contains("v2"),
        "{history}"
    );
    assert!(explain(0, "GET").contains("line 3 of the policy"));
    assert!(explain(1, "POST").contains("methods = [\"POST\"]"));
    let wide = file("wide.toml", &NARROW.replace("GET", "PUT"));
    let said = home.fails(1, &["grant", WEB_FETCH, "--policy", &wide]);
    assert!(said.contains("--beyond-request"), "{said}");
    let said = home.fails(1, &["grant", WEB_FETCH, "--to", "user:nobody"]);
    assert!(said.contains("user:nobody"), "{said}");

    let ceiling = "version = 1\n[[deny]]\norigin = \"https://docs.example\"\n";
    let wrong = file("wrong.toml", &ceiling.replace("origin", "orign"));
    let said = home.fails(1, &["policy", "ceiling", "set", &wrong]);
    assert!(said.contains("line 3") && said.contains("orign"), "{said}");
    let ceiling_file = file("ceiling.toml", ceiling);
    home.ok(&["policy", "ceiling", "set", &ceiling_file, "--reason", "no"]);
    assert_eq!(
        home.ok(&["policy", "ceiling", "show"]).trim(),
        ceiling.trim()
    );
    assert!(explain(1, "GET").contains("ceiling"));
    home.ok(&["policy", "ceiling", "clear"]);
    explain(0, "GET");
    let learnt = home.ok(&["policy", "learn", "alcove/python"]);
    assert!(learnt.contains("plugin  = \"alcove/python\""), "{learnt}");

    let said = home.ok(&["revoke", WEB_FETCH]);
    assert!(said.contains("no call was running"), "{said}");
    home.fails(1, &["revoke", WEB_FETCH]);
    explain(1, "GET");

    for id in ["item_none", "item_01a205c74f79721599368b9f98c639e0"] {
        for what in ["show", "replay"] {
            let said = home.fails(1, &["call", what, id]);
            assert!(said.contains("there is no call"), "{said}");
        }
    }
    assert!(home.ok(&["audit", "verify"]).contains("whole"));
    let rows = home.ok(&[
        "audit", "search", "--action", "grant", "--plugin", WEB_FETCH,
    ]);
    assert!(rows.lines().count() == 1 && rows.contains("docs"), "{rows}");
    let exported = events(&home.ok(&["audit", "export"]));
    let actions: Vec<&str> = exported
        .iter()
        .filter_map(|row| row["action"].as_str())
        .collect();
    for action in ["grant", "revoke"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    let said = home.fails(1, &["audit", "search", "--since", "yesterday"]);
    assert!(said.contains("2026-11-22"), "{said}");
}
