//! `alcove checkpoint` against a real server.

use super::*;

#[test]
fn a_conversation_is_saved_compared_and_brought_back() {
    let home = Home::new();
    let _serving = home.serve();
    let none = home.fails(1, &["checkpoint", "list"]);
    assert!(none.contains("begin one with `alcove chat`"), "{none}");
    let path = home.data().join("a.txt");
    write(&path, "one");
    let path = path.to_str().unwrap();
    let said = answered(&home.run(&["chat", "-m", "Red", "--file", path, "--json"]));
    let id = &events(&said)[0]["response"]["conversation"]["id"];
    let id = id.as_str().unwrap().to_owned();

    home.ok(&["checkpoint", "save", "start", "--note", "the beginning"]);
    let listed = home.ok(&["checkpoint", "list"]);
    for part in ["start@1", "the beginning", " items, 1 file ", "ckpt_"] {
        assert!(listed.contains(part), "{listed}");
    }
    let shown = home.run(&["checkpoint", "show", "start"]);
    assert!(
        errors(&shown).contains("Everything is as it was."),
        "{shown:?}"
    );
    let same = home.run(&["checkpoint", "diff", "start"]);
    assert!(errors(&same).contains("Nothing differs."), "{same:?}");

    answered(&home.run(&["chat", "-m", "Green", "--conversation", &id]));
    let lies = home.data().join("workspaces").join(&id).join("a.txt");
    write(&lies, "two");
    let differs = home.ok(&["checkpoint", "diff", "start", "--conversation", &id]);
    assert!(
        differs.contains("user: Green") && differs.contains("file a.txt"),
        "{differs}"
    );

    let restored = home.run(&["checkpoint", "restore", "start@1"]);
    let restored = errors(&restored);
    assert!(restored.contains("Everything is as it was."), "{restored}");
    let undo = restored.split("switch ").nth(1).unwrap().trim().to_owned();
    let differs = home.run(&["checkpoint", "diff", "start"]);
    assert!(errors(&differs).contains("Nothing differs."), "{differs:?}");
    let branches = home.ok(&["checkpoint", "switch"]);
    assert!(
        branches.contains("main") && branches.contains("branch-2"),
        "{branches}"
    );
    home.ok(&["checkpoint", "switch", &undo]);
    let differs = home.ok(&["checkpoint", "diff", "start"]);
    assert!(differs.contains("user: Green"), "{differs}");

    let chat = [
        "chat",
        "-m",
        "Blue",
        "--conversation",
        &id,
        "--load",
        "start",
        "--save",
        "blue",
    ];
    let said = home.run(&chat);
    answered(&said);
    for part in ["as it was at start@1.", "Saved blue@1."] {
        assert!(errors(&said).contains(part), "{said:?}");
    }

    for (arguments, why) in [
        (vec!["save", "a@b"], "1 to 100 characters"),
        (vec!["restore", "begin"], "no checkpoint \"begin\""),
        (vec!["switch", "nowhere"], "no branch \"nowhere\""),
        (vec!["delete", "start"], "say which version: start@1"),
    ] {
        let text = home.fails(1, &[&["checkpoint"], arguments.as_slice()].concat());
        assert!(text.contains(why), "{text}");
    }
    home.ok(&["checkpoint", "delete", "start@1"]);
    let listed = home.ok(&["checkpoint", "list"]);
    assert!(
        listed.contains("blue@1") && !listed.contains("start"),
        "{listed}"
    );
}
