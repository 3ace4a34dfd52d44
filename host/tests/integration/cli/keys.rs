//! What programs prove themselves with, and what policies inject.

use super::*;

#[test]
fn a_key_made_here_opens_the_door() {
    let home = Home::new();
    let serving = home.serve();
    let secret = home.ok(&["key", "create", "a test", "--expires", "1"]);
    assert!(secret.starts_with("alc_"), "{secret}");
    let list = home.ok(&["key", "list"]);
    assert!(
        list.contains("a test") && !list.contains(secret.trim()),
        "{list}"
    );
    assert!(list.contains("all of your tools"), "{list}");
    let id = list.split_whitespace().next().unwrap();
    home.ok(&["key", "revoke", id]);
    assert!(!home.ok(&["key", "list"]).contains(id));
    drop(serving);
}

#[test]
fn a_key_is_narrowed_by_policy_files() {
    let home = Home::new();
    let file = |name: &str, text: &str| write(&home.0.path().join(name), text);
    let fetch = "version = 1\nplugin = \"alcove/web-fetch\"\n[[http]]\norigin = \"https://docs.example\"\npaths = [\"/a\"]\n";
    let fetch = file("fetch.toml", fetch);
    let later = file("later.toml", "version = 1\nplugin = \"acme/later\"\n");
    let wrong = file("wrong.toml", "version = 1\nplugin = \"a/b\"\npath = 1\n");
    let _serving = home.serve();

    let text = home.fails(1, &["key", "create", "ci", "--within", &wrong]);
    assert!(
        text.contains("wrong.toml") && text.contains("line 3"),
        "{text}"
    );
    let text = home.fails(1, &["key", "create", "ci", "--within", &fetch, &fetch]);
    assert!(text.contains("two policies for alcove/web-fetch"), "{text}");
    assert!(!home.ok(&["key", "list"]).contains("key_"), "none was made");

    let made = home.run(&["key", "create", "ci", "--within", &fetch, &later]);
    assert!(made.status.success(), "{}", errors(&made));
    assert!(
        made.stdout.starts_with(b"alc_"),
        "the secret alone is printed"
    );
    let text = errors(&made);
    assert!(text.contains("acme/later is not installed"), "{text}");
    let list = home.ok(&["key", "list"]);
    assert!(list.contains("only alcove/web-fetch, acme/later"), "{list}");
    let id = list.split_whitespace().next().unwrap();
    let shown = home.ok(&["key", "show", id]);
    assert!(
        shown.contains("https://docs.example") && shown.contains("acme/later"),
        "{shown}"
    );
    home.fails(1, &["key", "show", "key_0"]);

    let explain = |url: &str| {
        let plugin = "alcove/web-fetch";
        home.run(&["policy", "explain", plugin, "GET", url, "--key", id])
    };
    let said = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let yes = explain("https://docs.example/a");
    assert!(yes.status.success(), "{}", said(&yes));
    assert!(said(&yes).contains(&format!("line 3 of that of the API key {id}")));
    let no = explain("https://docs.example/b");
    assert_eq!(no.status.code(), Some(1));
    assert!(
        said(&no).contains("line 3 of the policy of alcove/web-fetch") && said(&no).contains(id),
        "{}",
        said(&no)
    );
}

#[test]
fn a_secret_is_piped_in_and_never_shown() {
    let home = Home::new();
    let serving = home.serve();
    let set = |arguments: &[&str], value: &str| {
        let mut child = home
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(value.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let output = set(&["secret", "set", "search-key"], "a-long-enough-value\n");
    assert!(output.status.success(), "{}", errors(&output));
    assert!(errors(&output).contains("{secret:search-key}"));
    let output = set(&["secret", "set", "own", "--user"], "another-value");
    assert!(output.status.success(), "{}", errors(&output));
    let list = home.ok(&["secret", "list"]);
    assert!(list.contains("search-key") && list.contains("the organisation"));
    assert!(list.contains("own") && list.contains("you alone"), "{list}");
    assert!(!list.contains("value"), "{list}");
    home.ok(&["secret", "remove", "own", "--user"]);
    assert!(!home.ok(&["secret", "list"]).contains("own"));
    assert!(
        home.fails(1, &["secret", "remove", "own"])
            .contains("secret list")
    );
    for (value, says) in [("", "no value was given"), ("short", "8 to 2048")] {
        let output = set(&["secret", "set", "key"], value);
        assert!(!output.status.success() && errors(&output).contains(says));
    }
    // A value on the command line is no argument that there is.
    home.fails(2, &["secret", "set", "key", "a-long-enough-value"]);
    drop(serving);
}
