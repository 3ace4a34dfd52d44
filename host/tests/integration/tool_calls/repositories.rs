//! `repo_*`: a git repository that a person attached, or one of the server's that an admin's policy
//! mounts.

use std::path::Path as FsPath;
use std::process::Command;

use super::*;

const BROWSER: &str = "alcove/repo-browser";

fn git(folder: &FsPath, arguments: &[&str]) {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// Two commits, in a pack; a link that leads out; a binary file.
fn repository(folder: &FsPath) {
    git(folder, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(folder.join("src")).unwrap();
    let first = "def greet(name):\n    return 'hello ' + name\n";
    std::fs::write(folder.join("src/app.py"), first).unwrap();
    std::fs::write(folder.join("logo.bin"), b"\0\x01\x02").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("out")).unwrap();
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "Greet people"]);
    let second =
        format!("{first}\nclass Config:\n    def load(self):\n        return greet('x')\n");
    std::fs::write(folder.join("src/app.py"), second).unwrap();
    git(
        folder,
        &["commit", "-q", "-a", "-m", "Load a configuration"],
    );
    git(folder, &["gc", "-q"]);
}

struct Browsed {
    path: Path,
}

impl Browsed {
    async fn call(&self, tool: &str, arguments: Value) -> ToolResult {
        let offered = self.path.app.tools.offered(&self.path.who).await.unwrap();
        let tool = offered.iter().find(|one| one.tool == tool).cloned();
        self.path.call_with(tool.unwrap(), arguments).await
    }

    async fn text(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.outcome, ToolOutcome::Ok, "{tool}");
        assert_eq!(result.label, Some(Label::Private), "{tool}");
        printed(&result)
    }

    async fn refusal(&self, tool: &str, arguments: Value) -> (String, String) {
        match self.call(tool, arguments).await.outcome {
            ToolOutcome::Failed { failure, message } => (failure, message),
            other => panic!("not failed: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_of_the_servers_is_browsed_and_never_left() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let policy = format!(
        "version = 1\nplugin = \"{BROWSER}\"\n[[files]]\nmount = \"/repo\"\nsource = \"folder:{}\"\naccess = \"read-only\"\n",
        folder.path().display()
    );
    path.grant(BROWSER, &policy).await;
    let on = Browsed { path };

    let listed = on.text("repo_list", json!({})).await;
    assert_eq!(
        listed,
        "logo.bin (3 bytes)\nout (a link or device; not read)\nsrc/"
    );
    let found = on.text("repo_list", json!({"name": ".py"})).await;
    assert_eq!(found, "src/app.py");
    let read = on
        .text(
            "repo_read",
            json!({"path": "/repo/src/app.py", "from": 4, "to": 5}),
        )
        .await;
    assert_eq!(
        read,
        "4: class Config:\n5:     def load(self):\n(goes on: from line 6)"
    );
    let older = json!({"path": "src/app.py", "revision": "HEAD"});
    assert!(
        on.text("repo_read", older)
            .await
            .contains("6:         return greet('x')")
    );
    let binary = on.text("repo_read", json!({"path": "logo.bin"})).await;
    assert_eq!(binary, "logo.bin is a binary file of 3 bytes");
    let hits = on
        .text(
            "repo_search",
            json!({"query": r"greet\('\w'", "regex": true}),
        )
        .await;
    assert_eq!(hits, "src/app.py:6: return greet('x')");
    let outline = on.text("repo_symbols", json!({"name": "app.py"})).await;
    assert_eq!(
        outline,
        "src/app.py:\n1-2: def greet(name):\n4-6: class Config:\n  5-6: def load(self):"
    );
    let defined = on.text("repo_symbols", json!({"name": "Config"})).await;
    assert_eq!(defined, "src/app.py:4-6: class Config:");
    let history = on.text("repo_history", json!({"path": "src/app.py"})).await;
    assert!(
        history.contains("2023-11-14 Ada Load a configuration\n")
            && history.ends_with("2023-11-14 Ada Greet people"),
        "{history}"
    );
    let blame = json!({"path": "src/app.py", "from": 2, "to": 4});
    let blame = on.text("repo_blame", blame).await;
    let commits: Vec<&str> = history.lines().map(|line| &line[..10]).collect();
    assert!(
        blame.starts_with(&format!("2: {}", commits[1]))
            && blame.contains(&format!("\n4: {}", commits[0])),
        "{blame}"
    );

    // What is not there, not a repository's, or outside.
    let (kind, _) = on
        .refusal("repo_read", json!({"path": "../etc/passwd"}))
        .await;
    assert_eq!(kind, "invalid-input");
    let (_, why) = on.refusal("repo_read", json!({"path": "out"})).await;
    assert!(why.contains("link"), "{why}");
    let (kind, _) = on.refusal("repo_read", json!({"path": "nothing.rs"})).await;
    assert_eq!(kind, "not-found");
    let (_, why) = on
        .refusal("repo_history", json!({"revision": "nowhere"}))
        .await;
    assert!(why.contains("no branch, tag or commit nowhere"), "{why}");
    let (_, why) = on
        .refusal("repo_search", json!({"query": "(", "regex": true}))
        .await;
    assert!(why.contains("no expression"), "{why}");
    let (_, why) = on
        .refusal("repo_symbols", json!({"name": "logo.bin"}))
        .await;
    assert!(why.contains("none of Python"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_a_person_attached_is_found_in_the_workspace() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let workspace = path.app.workspaces.folder(path.place()).unwrap();
    let ends = || vec!["*.git/HEAD".to_owned()];
    let has = path.app.tools.has_file(path.place(), ends()).await;
    assert!(has.is_empty());
    std::fs::create_dir(workspace.join("project")).unwrap();
    repository(&workspace.join("project"));
    let has = path.app.tools.has_file(path.place(), ends()).await;
    assert_eq!(has.len(), 1, "so its tools are offered");
    let listed = path.app.workspaces.list(path.place()).unwrap().files;
    assert!(
        listed.iter().all(|file| !file.path.contains(".git/")),
        "what git keeps is not shown one by one"
    );
    let on = Browsed { path };
    let found = on.text("repo_search", json!({"query": "class"})).await;
    assert_eq!(found, "src/app.py:4: class Config:");
    let path = json!({"path": "/workspace/project/src/app.py"});
    let history = on.text("repo_history", path).await;
    assert_eq!(history.lines().count(), 2);

    std::fs::create_dir(workspace.join("other")).unwrap();
    repository(&workspace.join("other"));
    let (kind, why) = on.refusal("repo_list", json!({})).await;
    assert_eq!(kind, "invalid-input");
    assert!(why.ends_with("such as other/…: other, project"), "{why}");
    let defined = on
        .text("repo_symbols", json!({"name": "other/Config"}))
        .await;
    assert_eq!(defined, "src/app.py:4-6: class Config:");
    let listed = on.text("repo_list", json!({"path": "other"})).await;
    assert!(listed.contains("src/"), "{listed}");
}
