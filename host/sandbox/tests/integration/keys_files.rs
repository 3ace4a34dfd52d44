//! `[[files]]`: for every key, two policies that differ only in it and end differently.

use std::path::Path;

use alcove_policies::Policy;
use alcove_sandbox::{Call, Grant, Invocation, Mount, Outcome, Report};

use crate::support::{Bench, grant, policy, text};

struct Case {
    bench: Bench,
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Case {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), "written before").unwrap();
        Case {
            bench: Bench::new(),
            folder,
        }
    }

    fn grant(&self, policy: &Policy, guest: &str) -> Grant {
        Grant {
            mounts: vec![Mount {
                guest: guest.to_owned(),
                host: self.folder.path().to_owned(),
                writable: true,
            }],
            ..grant(policy)
        }
    }

    async fn run(&self, grant: Grant, what: &str, path: &str) -> Report {
        let probe = self.bench.fixture("probe").await;
        let arguments = format!(r#"{{"do":"{what}","path":"{path}","text":"new"}}"#);
        let invocation = Invocation::new("probe", arguments);
        self.bench
            .sandbox
            .call(&probe, Call { invocation, grant })
            .await
    }
}

fn files(mount: &str, access: &str) -> Policy {
    policy(&format!(
        "[[files]]\nmount = \"{mount}\"\nsource = \"conversation-workspace\"\naccess = \"{access}\"\n"
    ))
}

#[track_caller]
fn denied(report: &Report) -> &alcove_policies::Denial {
    match &report.outcome {
        Outcome::Denied(denial) => denial,
        other => panic!("not denied: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mount() {
    let case = Case::new();
    let here = files("/workspace", "read-only");
    let report = case
        .run(case.grant(&here, "/workspace"), "read", "/workspace/a.txt")
        .await;
    assert!(text(&report).contains("written before"));
    // The same folder is offered, but the policy names another place.
    let there = files("/elsewhere", "read-only");
    let report = case
        .run(case.grant(&there, "/workspace"), "read", "/workspace/a.txt")
        .await;
    let denial = denied(&report);
    assert_eq!(denial.capability, "files");
    assert!(denial.grant.contains("[[files]]"), "{denial:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn access() {
    let case = Case::new();
    let path = case.folder.path().join("b.txt");
    let reading = files("/workspace", "read-only");
    let report = case
        .run(
            case.grant(&reading, "/workspace"),
            "write",
            "/workspace/b.txt",
        )
        .await;
    let denial = denied(&report);
    assert!(denial.detail.contains("line 3"), "{denial:?}");
    assert!(denial.grant.contains("read-write"), "{denial:?}");
    assert!(!path.exists());
    let writing = files("/workspace", "read-write");
    let report = case
        .run(
            case.grant(&writing, "/workspace"),
            "write",
            "/workspace/b.txt",
        )
        .await;
    text(&report);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");

    // Writing needs the mount's leave too.
    let mut grant = case.grant(&writing, "/workspace");
    grant.mounts[0].writable = false;
    let report = case.run(grant, "write", "/workspace/c.txt").await;
    assert!(!matches!(report.outcome, Outcome::Ok(_)), "{report:?}");
    assert!(!case.folder.path().join("c.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_no_file_is_there() {
    let case = Case::new();
    let report = case
        .run(
            case.grant(&policy(""), "/workspace"),
            "read",
            "/workspace/a.txt",
        )
        .await;
    assert_eq!(denied(&report).capability, "files");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_of_a_folder_can_be_reached() {
    let case = Case::new();
    let secret = case.folder.path().parent().unwrap().join(format!(
        "{}-secret",
        case.folder.path().file_name().unwrap().to_string_lossy()
    ));
    std::fs::write(&secret, "hunter2").unwrap();
    std::os::unix::fs::symlink(&secret, case.folder.path().join("link")).unwrap();
    std::os::unix::fs::symlink("/etc", case.folder.path().join("etc")).unwrap();
    let name = secret.file_name().unwrap().to_string_lossy().into_owned();
    let policy = files("/workspace", "read-write");
    for path in [
        format!("/workspace/../{name}"),
        format!("/workspace/x/../../{name}"),
        "/workspace/link".to_owned(),
        "/workspace/etc/passwd".to_owned(),
        secret.to_string_lossy().into_owned(),
        "/etc/passwd".to_owned(),
        "//etc/passwd".to_owned(),
        "/proc/self/environ".to_owned(),
    ] {
        for what in ["read", "write", "list"] {
            let report = case
                .run(case.grant(&policy, "/workspace"), what, &path)
                .await;
            assert!(
                !matches!(report.outcome, Outcome::Ok(_)),
                "{what} {path}: {:?}",
                report.outcome
            );
            assert!(!format!("{report:?}").contains("hunter2"));
        }
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "hunter2");
    std::fs::remove_file(&secret).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_gone_is_said() {
    let case = Case::new();
    let policy = files("/workspace", "read-only");
    let mut grant = case.grant(&policy, "/workspace");
    grant.mounts[0].host = Path::new("/nonexistent/folder").to_owned();
    let report = case.run(grant, "read", "/workspace/a.txt").await;
    let Outcome::Trapped(reason) = &report.outcome else {
        panic!("{:?}", report.outcome);
    };
    assert!(reason.contains("/workspace"), "{reason}");
    assert!(
        !reason.contains("nonexistent"),
        "the host's paths stay here: {reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_folder_takes_more_once_something_is_gone() {
    let case = Case::new();
    let small = policy(
        "[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\naccess = \"read-write\"\nquota = \"16 KiB\"\n",
    );
    let write = |name: &'static str| {
        let grant = case.grant(&small, "/workspace");
        case.run(grant, "write", name)
    };
    text(&write("/workspace/b.txt").await);
    text(&write("/workspace/c.txt").await);
    text(&write("/workspace/c.txt").await);
    let report = write("/workspace/d.txt").await;
    assert!(
        matches!(&report.outcome, Outcome::Limit(hit) if hit.name == "files"),
        "{report:?}"
    );
    assert!(!case.folder.path().join("d.txt").exists());
    std::fs::remove_file(case.folder.path().join("a.txt")).unwrap();
    text(&write("/workspace/d.txt").await);
}
