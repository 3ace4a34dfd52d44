//! `alcove chat`.

use super::*;

/// The conversation of an event's response.
fn conversation(event: &Value) -> String {
    let named = &event["response"]["conversation"];
    let id = named.as_str().or_else(|| named["id"].as_str());
    id.unwrap().to_owned()
}

#[test]
fn one_message_answers_and_ends() {
    let home = Home::new();
    let _serving = home.serve();
    let text = answered(&home.run(&["chat", "-m", "Say hello.", "--json"]));
    let events = events(&text);
    assert_eq!(events[0]["type"], "response.created");
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], index);
    }
    let last = events.last().unwrap();
    assert!(
        ["response.completed", "response.incomplete"].contains(&last["type"].as_str().unwrap()),
        "{last}"
    );
    let conversation = conversation(last);

    // It can be gone on with, and an unknown one is told.
    answered(&home.run(&["chat", "-m", "Again.", "--conversation", &conversation]));
    let text = home.fails(
        1,
        &[
            "chat",
            "-m",
            "x",
            "--conversation",
            "conv_00000000000070008000000000000000",
        ],
    );
    assert!(text.contains("conversation"), "{text}");
}

#[test]
fn a_server_is_started_where_none_runs() {
    let home = Home::new();
    answered(&home.run(&["chat", "-m", "Say hello."]));
    assert!(
        !home.data().join("server.json").exists(),
        "it is gone with the command"
    );
    // One that was killed leaves its file, which fools nobody.
    write(
        &home.data().join("server.json"),
        r#"{"address":"http://127.0.0.1:9","pid":1}"#,
    );
    home.ok(&["grants"]);
}

#[test]
fn a_signal_stops_the_answer() {
    let home = Home::new();
    let _serving = home.serve_with(&["--limits.output-tokens", "2048"]);
    let mut child = home
        .command(&[
            "chat",
            "-m",
            "Count from one to ten thousand, one number a line.",
            "--json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    while !seen
        .iter()
        .any(|event: &Value| event["type"] == "response.output_text.delta")
    {
        seen.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    interrupt(&child);
    let stopped = Instant::now();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let last: Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!(last["type"], "alcove:response.cancelled", "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(stopped.elapsed() < PATIENCE.min(Duration::from_secs(10)));
}

#[test]
fn a_file_goes_with_a_message() {
    let home = Home::new();
    let _serving = home.serve();
    let path = home.data().join("numbers.txt");
    write(&path, "1000\n200\n34\n");
    let path = path.to_str().unwrap();
    let text = answered(&home.run(&["chat", "-m", "Add them.", "--file", path, "--json"]));
    let id = conversation(&events(&text)[0]);
    let lies = home.data().join("workspaces").join(&id).join("numbers.txt");
    assert_eq!(std::fs::read_to_string(lies).unwrap(), "1000\n200\n34\n");

    // One of that name is not written over, and what can't be sent says why.
    for (file, why) in [
        (path, "has a file or folder `numbers.txt` already"),
        ("/nowhere/x.csv", "cannot read `/nowhere/x.csv`"),
        ("/dev/null", "neither a file nor a folder"),
    ] {
        let text = home.fails(1, &["chat", "-m", "x", "--conversation", &id, "-f", file]);
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn a_folder_goes_with_a_message_and_with_its_history() {
    let home = Home::new();
    let _serving = home.serve();
    let folder = home.data().join("my project");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    write(&folder.join("src/a.py"), "x = 1\n");
    for arguments in [
        ["init", "-q", "-b", "main"].as_slice(),
        &["add", "."],
        &[
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b.c",
            "commit",
            "-qm",
            "One",
        ],
    ] {
        let mut git = std::process::Command::new("git");
        assert!(
            git.arg("-C")
                .arg(&folder)
                .args(arguments)
                .status()
                .unwrap()
                .success()
        );
    }
    let path = folder.to_str().unwrap();
    let text = answered(&home.run(&["chat", "-m", "What is it?", "--file", path, "--json"]));
    let id = conversation(&events(&text)[0]);
    let lies = home.data().join("workspaces").join(&id).join("my project");
    assert_eq!(
        std::fs::read_to_string(lies.join("src/a.py")).unwrap(),
        "x = 1\n"
    );
    assert!(lies.join(".git/HEAD").is_file() && !lies.join(".git/config").exists());
    let again = ["chat", "-m", "x", "--conversation", &id, "-f", path];
    let text = home.fails(1, &again);
    assert!(text.contains("`my project` already"), "{text}");
}
