//! Calls with an API key that has policies: below the API.

use super::*;

const GRANT: &str = "version = 1\nplugin = \"alcove/python\"\n[limits]\nmemory = \"256 MiB\"\ncpu = \"10 s\"\n[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\naccess = \"read-write\"\n";

/// The person as a key with these policies lets programs act for them.
pub(crate) async fn with_key(app: &TestApp, policies: &[&str]) -> Principal {
    let accounts = &app.app().accounts;
    let person = accounts.local_principal().await.unwrap();
    let texts: Vec<String> = policies.iter().map(|text| (*text).to_owned()).collect();
    let made = accounts.create_key(&person, "narrow", None, Some(&texts));
    let (_, secret) = made.await.unwrap();
    accounts.key_principal(&secret).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_call_never_runs_on_a_wider_instance() {
    let app = TestApp::start().await;
    let mut whole = Path::new(&app).await;
    whole.grant(PYTHON, GRANT).await;
    whole.python("kept = 7").await;
    let written = whole
        .python("open('/workspace/a', 'w').write('mine')")
        .await;
    assert_eq!(written.outcome, ToolOutcome::Ok, "{written:?}");

    // The same path, by a key without folders: the instance that lives holds one.
    let mut narrow = whole.clone();
    narrow.who = with_key(&app, &["version = 1\nplugin = \"alcove/python\"\n"]).await;
    assert!(!narrow.who.admin);
    let read = "print(kept)\ntry: print(open('/workspace/a').read())\nexcept OSError: print('no')";
    assert_printed(&narrow.python(read).await, "7\nno");
    // And the other way round: who has the grant does not get the key's instance.
    narrow.who = whole.who.clone();
    assert_printed(&narrow.python(read).await, "7\nmine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_has_no_policy_for_is_neither_offered_nor_run() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let offered = path.tool(PYTHON).await;
    let fetch = format!("version = 1\nplugin = \"{WEB_FETCH}\"\n");
    path.who = with_key(&app, &[&fetch]).await;
    let tools = path.app.tools.offered(&path.who).await.unwrap();
    assert!(
        tools.iter().all(|tool| tool.plugin == WEB_FETCH),
        "{tools:?}"
    );
    assert!(!tools.is_empty());
    let badges: Vec<_> = tools[0]
        .badges
        .iter()
        .map(|own| own.text.as_str())
        .collect();
    assert!(
        badges.contains(&"network refused by this host"),
        "its policy has no rule: {badges:?}"
    );
    let result = path.call_with(offered, json!({"code": "1"})).await;
    let ToolOutcome::Denied { message, .. } = &result.outcome else {
        panic!("{result:?}");
    };
    assert!(
        message.contains("has no policy for alcove/python") && message.contains("--within"),
        "{message}"
    );
    // No policies at all is no tool at all.
    path.who = with_key(&app, &[]).await;
    assert!(path.app.tools.offered(&path.who).await.unwrap().is_empty());
}
