//! What an administrator decides in the page, besides grants: upgrades, ceilings, requests, keys.

use alcove_api_types::CreateBinding;
use serde_json::json;

use super::plugins::{sign_in, write_into};
use super::set_up;
use super::webdriver::Browser;
use crate::app::TestApp;
use crate::mcp::with_a_process;
use crate::upgrades::{SECOND, probe_with};

fn page(app: &TestApp, path: &str) -> String {
    format!("http://{}{path}", app.server().address())
}

/// Clicks the button that says this.
async fn press(browser: &Browser, within: &str, says: &str) {
    let button = format!(
        "[...document.querySelectorAll('{within} button')].find((own) => own.textContent.trim() === {says:?})"
    );
    browser.until(&button).await;
    browser.value(&format!("{button}.click()")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_processes_ceilings_and_examples_in_the_page() {
    let app = with_a_process().await;
    let folder = tempfile::tempdir().unwrap();
    let (tools, who) = (
        app.app().tools.clone(),
        app.app().accounts.local_principal().await.unwrap(),
    );
    let first = probe_with(folder.path(), &[]);
    tools.install(&first, false).await.unwrap();
    let create = CreateBinding {
        plugin: "local/probe".to_owned(),
        principal: "everyone".to_owned(),
        ..CreateBinding::default()
    };
    tools.grant(create, &who).await.unwrap();
    let wider = ("memory = \\\"64 MiB", "memory = \\\"99 MiB");
    let second = probe_with(folder.path(), &[SECOND, wider]);
    tools.install(&second, false).await.unwrap();
    let browser = Browser::start().await;
    set_up(&browser, &app).await;

    // An upgrade that asks for more waits, with what it asks for, until somebody accepts it.
    browser.open(&page(&app, "/plugins/local/probe")).await;
    browser.shows(".upgrade").await;
    let waits = browser.text(".upgrade").await;
    for shown in ["Version 0.2.0 waits", "limits.memory: 99 MiB"] {
        assert!(waits.contains(shown), "{shown}: {waits}");
    }
    browser.click(".upgrade .primary").await;
    browser.shows_no(".upgrade").await;
    browser.shows(".done").await;
    let done = browser.text(".done").await;
    assert!(done.contains("version 0.2.0 now"), "{done}");

    // What a plugin's examples need is learnt, and becomes the beginning of a grant.
    browser.open(&page(&app, "/plugins/alcove/python")).await;
    browser.shows(".learn").await;
    press(&browser, ".learn", "Learn from its examples").await;
    press(&browser, ".learn", "Use it for a grant").await;
    browser.shows("#grant-policy").await;
    let text = browser
        .value("document.querySelector('#grant-policy').value")
        .await;
    assert!(text.as_str().unwrap().contains("alcove/python"), "{text}");

    // A program of this machine says that it is not sandboxed, in the list and on its page.
    browser.open(&page(&app, "/plugins")).await;
    let badge = "[...document.querySelectorAll('.plugin-list .badge')]\
        .some((own) => own.textContent.includes('not sandboxed'))";
    browser.until(badge).await;
    browser
        .open(&page(&app, "/plugins/mcp-stdio/weather"))
        .await;
    browser.shows(".badge.refused, .badge").await;
    browser
        .until("document.querySelector('.plugins').textContent.includes('not sandboxed: runs /')")
        .await;

    // The ceiling: a slip is shown beside its line, then it holds, then it is gone.
    browser.open(&page(&app, "/plugins/ceiling")).await;
    browser.shows("#ceiling-policy").await;
    let ceiling = "version = 1\n[[deny]]\nplugin = \"alcove/python\"\n";
    write_into(
        &browser,
        "#ceiling-policy",
        &ceiling.replace("plugin", "plugins"),
    )
    .await;
    browser.click(".ceiling .primary").await;
    browser.shows(".numbers .at").await;
    write_into(&browser, "#ceiling-policy", ceiling).await;
    browser
        .type_into("#ceiling-reason", "after the audit")
        .await;
    browser.click(".ceiling .primary").await;
    browser.shows(".done").await;
    browser
        .until("document.querySelector('.plugins').textContent.includes('after the audit')")
        .await;
    let offered = tools.offered(&who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != "alcove/python"));
    press(&browser, ".ceiling", "Take it away").await;
    browser.click(".ceiling .danger").await;
    browser
        .until("document.querySelector('.plugins').textContent.includes('None is set')")
        .await;
    let log = browser.log().await;
    let refused = |line: &&String| line.contains("Content Security Policy");
    assert_eq!(log.iter().find(refused), None);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_declined_and_a_key_is_narrowed_in_the_page() {
    let app = TestApp::start_with(&[("model", "/nowhere/none.gguf")]).await;
    let (browser, other) = tokio::join!(Browser::start(), Browser::start());
    set_up(&browser, &app).await;
    let eve = app.another_user("eve").await;
    let folder = tempfile::tempdir().unwrap();
    let probe = probe_with(folder.path(), &[]);
    app.app().tools.install(&probe, false).await.unwrap();
    let ask = json!({"reason": "for fun"});
    let ask = eve.post("/api/plugins/local%2Fprobe/requests", &ask).await;
    assert!(ask.status.is_success(), "{}", ask.text());
    browser.open(&page(&app, "/plugins")).await;
    browser.shows(".request .refuse").await;
    browser.click(".request .refuse").await;
    browser.type_into(".request input", "not this month").await;
    browser.click(".request .danger").await;
    browser.shows_no(".request").await;
    browser.shows(".done").await;
    // Who asked reads why not.
    sign_in(&other, &app, "eve").await;
    other.open(&page(&app, "/plugins/local/probe")).await;
    other.shows(".declined").await;
    let text = other.text(".declined").await;
    assert!(text.contains("not this month"), "{text}");
    other.close().await;

    // A key that may use one plugin, and less of it than its maker.
    browser.click(".places button").await;
    browser
        .shows(".new-key select option[value='alcove/web-fetch']")
        .await;
    browser.type_into(".new-key input", "ci").await;
    browser
        .value("(() => { const own = document.querySelector('.add-policy'); own.value = 'alcove/web-fetch'; own.dispatchEvent(new Event('change', {bubbles: true})); })()")
        .await;
    let editor = "#key-policy-alcove-web-fetch";
    browser.shows(editor).await;
    let granted = browser
        .value(&format!("document.querySelector('{editor}').value"))
        .await;
    assert!(granted.as_str().unwrap().contains("public"), "{granted}");
    let narrowed =
        "version = 1\nplugin = \"alcove/web-fetch\"\n[[http]]\norigin = \"https://b.example\"\n";
    write_into(&browser, editor, &narrowed.replace("origin", "orgin")).await;
    browser.click(".new-key [type=submit]").await;
    browser.shows(".key-policy .numbers .at").await;
    browser.shows_no(".secret").await;
    write_into(&browser, editor, narrowed).await;
    browser.click(".new-key [type=submit]").await;
    browser.shows(".secret code").await;
    browser.shows_no(".key-policy").await;
    let secret = browser.text(".secret code").await;
    let program = app.visitor().with_key(&secret);
    let listed = program.get("/api/keys").await.expect(200);
    assert_eq!(listed[0]["within"], json!(["alcove/web-fetch"]), "{listed}");
    // Its policies are there for who wants to read them.
    browser.click(".key-policies summary").await;
    browser.shows(".key-policies pre").await;
    assert_eq!(browser.text(".key-policies pre").await, narrowed);
    let log = browser.log().await;
    let refused = |line: &&String| line.contains("Content Security Policy");
    assert_eq!(log.iter().find(refused), None);
    browser.close().await;
}
