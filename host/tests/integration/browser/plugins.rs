//! Granting, narrowing, asking and revoking in the page.

use serde_json::json;

use super::webdriver::Browser;
use super::{MESSAGE, SETTINGS, set_up};
use crate::app::{PASSWORD, TestApp};

/// Allows one folder of one server.
const NARROWED: &str = "version = 1\nplugin  = \"alcove/web-fetch\"\n\n[[http]]\norigin = \"https://b.example\"\nmethods = [\"GET\"]\npaths  = [\"/open/**\"]\nrate = \"60/min\"\n";

pub(super) async fn sign_in(browser: &Browser, app: &TestApp, name: &str) {
    browser
        .open(&format!("http://{}/", app.server().address()))
        .await;
    browser.shows("#password").await;
    browser.type_into("#username", name).await;
    browser.type_into("#password", PASSWORD).await;
    browser.click("button[type=submit]").await;
    browser.shows(MESSAGE).await;
}

/// Puts a text in the place of what is in a policy's editor, as pasting does.
pub(super) async fn write_into(browser: &Browser, editor: &str, text: &str) {
    let script = format!(
        "(() => {{ const area = document.querySelector({editor:?}); area.value = {text:?}; \
         area.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
    );
    browser.value(&script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_the_admin_who_narrows_grants_and_revokes() {
    let app = TestApp::start_with(&SETTINGS).await;
    let (browser, other) = tokio::join!(Browser::start(), Browser::start());
    set_up(&browser, &app).await;
    let eve = app.another_user("eve").await;
    let page = format!("http://{}/plugins/alcove/web-fetch", app.server().address());

    // The admin takes it from everyone, and reads how many calls that stopped.
    browser.open(&page).await;
    browser.shows(".binding").await;
    let binding = browser.text(".binding").await;
    assert!(binding.contains("any public host"), "{binding}");
    browser.click(".binding .refuse").await;
    browser.click(".binding .danger").await;
    browser.shows(".nobody").await;
    let done = browser.text(".done").await;
    assert!(done.contains("no call was running"), "{done}");

    // A person without a grant sees only what they may do: ask.
    sign_in(&other, &app, "eve").await;
    other.open(&page).await;
    other.shows(".ask-for").await;
    other.shows_no(".begin-grant").await;
    other.shows_no(".history").await;
    other.type_into(".ask-for input", "to read the news").await;
    other.click(".ask-for button").await;
    other.shows(".asked").await;

    // It waits for the admin, who begins with what the author asks for.
    let list = format!("http://{}/plugins", app.server().address());
    browser.open(&list).await;
    browser.shows(".request").await;
    let request = browser.text(".request").await;
    assert!(
        request.contains("eve") && request.contains("to read the news"),
        "{request}"
    );
    browser.click(".request .review").await;
    browser.shows(".meaning-title").await;
    assert!(browser.text(".meaning").await.contains("Whole"));
    assert_eq!(
        browser.value("document.activeElement.id").await,
        "grant-to",
        "the form has the focus"
    );

    // A slip is shown beside its line and can't be granted.
    write_into(
        &browser,
        "#grant-policy",
        &NARROWED.replace("paths ", "pahts "),
    )
    .await;
    browser.shows(".numbers .at").await;
    assert_eq!(browser.text(".numbers .at").await, "7");
    let wrong = browser.text(".editor-wrong").await;
    assert!(wrong.contains("pahts"), "{wrong}");
    browser.shows(".grant-form .primary:disabled").await;

    // Narrowed: what it means stands beside it.
    write_into(&browser, "#grant-policy", NARROWED).await;
    browser
        .until("document.querySelector('.meaning')?.textContent.includes('b.example')")
        .await;
    browser.shows_no(".numbers .at").await;
    let meaning = browser.text(".meaning").await;
    assert!(meaning.contains("any public host"), "{meaning}");
    assert!(meaning.contains("Asked for and not granted"), "{meaning}");
    browser.shows(".grant-form .primary:not(:disabled)").await;
    browser.click(".grant-form .primary").await;
    browser.shows(".binding").await;
    browser.shows_no(".grant-form").await;
    browser.shows_no(".request").await;
    let binding = browser.text(".binding").await;
    for shown in ["eve", "to read the news", "Narrowed", "b.example"] {
        assert!(binding.contains(shown), "{shown}: {binding}");
    }

    // The call's card names the line that does not allow it.
    app.ready().await;
    let body = json!({
        "input": "Read the page https://b.example/closed/news",
        "tool_choice": {"type": "function", "name": "web_fetch"},
        "temperature": 0,
        "max_output_tokens": 120,
    });
    let response = eve.post("/v1/responses", &body).await.expect(200);
    let conversation = response["conversation"]["id"].as_str().expect("an id");
    let chat = format!("http://{}/c/{conversation}", app.server().address());
    other.open(&chat).await;
    other.shows(".call.denied").await;
    let card = other.text(".call.denied").await;
    assert!(card.contains("b.example/closed/news"), "{card}");
    assert!(card.contains("line 4"), "{card}");

    // Which the admin can ask for too.
    browser
        .type_into(".explain input", "https://b.example/open/x")
        .await;
    browser
        .value("(() => { const who = document.querySelector('#explain-for'); who.value = 'user:eve'; who.dispatchEvent(new Event('change', {bubbles: true})); })()")
        .await;
    browser.click(".explain button").await;
    browser.shows(".verdict .proven").await;
    let verdict = browser.text(".verdict").await;
    assert!(verdict.contains("line 4"), "{verdict}");

    browser.click(".binding .refuse").await;
    browser.click(".binding .danger").await;
    browser.shows(".nobody").await;
    other.open(&page).await;
    other.shows(".ask-for").await;
    for log in [browser.log().await, other.log().await] {
        let refused = |line: &&String| line.contains("Content Security Policy");
        assert_eq!(log.iter().find(refused), None);
    }
    tokio::join!(browser.close(), other.close());
}
