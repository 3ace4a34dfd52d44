//! Plugins and their grants at a terminal.

use super::*;

#[test]
fn plugins_and_grants_go_through_a_running_server() {
    let home = Home::new();
    let serving = home.serve();
    let list = home.ok(&["plugin", "list"]);
    assert!(
        list.contains("alcove/python") && list.contains("alcove/web-fetch"),
        "{list}"
    );
    let inspect = home.ok(&["plugin", "inspect", "alcove/web-fetch"]);
    assert!(
        inspect.contains("wasi:http/outgoing-handler") && inspect.contains("sha256"),
        "{inspect}"
    );
    let grants = home.ok(&["grants"]);
    assert!(
        grants.contains("alcove/python") && grants.contains("everyone"),
        "{grants}"
    );

    // The server really is the one that was started.
    assert!(
        std::fs::read_to_string(home.data().join("server.json"))
            .unwrap()
            .contains(&serving.address)
    );

    let file = write(&home.0.path().join("not-a-component.wasm"), "hello");
    let text = home.fails(1, &["plugin", "install", &file]);
    assert!(text.to_lowercase().contains("component"), "{text}");
    let text = home.fails(1, &["plugin", "remove", "alcove/python"]);
    assert!(text.contains("alcove revoke alcove/python"), "{text}");
    let text = home.fails(1, &["plugin", "inspect", "local/nothing"]);
    assert!(text.contains("alcove plugin list"), "{text}");
    let text = home.fails(1, &["grant", "alcove/python", "--to", "user:nobody"]);
    assert!(
        text.contains("user:nobody") && text.contains("group:NAME"),
        "{text}"
    );

    let text = home.ok(&["revoke", "alcove/python"]);
    assert!(text.contains("no call was running"), "{text}");
    assert!(!home.ok(&["grants"]).contains("alcove/python"));
    let text = home.fails(1, &["revoke", "alcove/python"]);
    assert!(text.contains("alcove grants"), "{text}");
    let policy = home.ok(&[
        "grant",
        "alcove/python",
        "--to",
        "group:admins",
        "--reason",
        "for work",
    ]);
    assert!(policy.contains("plugin  = \"alcove/python\""), "{policy}");
    let grants = home.ok(&["grants"]);
    assert!(
        grants.contains("group:admins") && grants.contains("for work"),
        "{grants}"
    );
}

#[test]
fn what_is_installed_from_a_path_is_granted_nothing() {
    let home = Home::new();
    let echo = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../plugins/dist/fixtures/echo.wasm"
    );
    let install = home.run(&["plugin", "install", echo]);
    assert!(install.status.success(), "{}", errors(&install));
    let text = errors(&install);
    assert!(
        text.contains("Nobody may use it yet") && text.contains("alcove grant local/"),
        "{text}"
    );
    let list = home.ok(&["plugin", "list"]);
    let id = list
        .lines()
        .find(|line| line.starts_with("local/"))
        .unwrap();
    let id = id.split_whitespace().next().unwrap().to_owned();
    assert!(!home.ok(&["grants"]).contains(&id));
    home.ok(&["grant", &id]);
    let text = home.fails(1, &["plugin", "remove", &id]);
    assert!(
        text.contains("everyone") && text.contains("alcove revoke"),
        "{text}"
    );
    home.ok(&["revoke", &id]);
    home.run(&["plugin", "remove", &id]);
    assert!(!home.ok(&["plugin", "list"]).contains(&id));
}
