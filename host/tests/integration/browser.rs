//! The web client in a real browser, on a real server with a model that chooses its tools itself.

mod admin;
mod files;
mod plugins;
mod preview;
mod sources;
mod webdriver;

use alcove_api_types::CreateBinding;
use webdriver::{Browser, ENTER};

use crate::app::{PASSWORD, TestApp};

/// Judges well enough to reach for Python when it is asked to; the 135M model does not.
const SETTINGS: [(&str, &str); 3] = [
    ("model", "qwen2.5-coder-0.5b"),
    ("threads", "2"),
    ("context_tokens", "4096"),
];
const MESSAGE: &str = "#message";
/// Asks in each conversation.
const ASKING: &str = "version = 1\nplugin = \"alcove/python\"\n[limits]\nmemory = \"256 MiB\"\n[approval]\ndefault = \"first-use\"\n";
/// 2**200 + 7.
const NUMBER: &str = "1606938044258990275541962092341162602522202993782792835301383";

/// Opens the one-time link and creates the account in the page.
async fn set_up(browser: &Browser, app: &TestApp) {
    let link = app.server().setup_link().expect("not claimed yet");
    browser.open(link).await;
    browser.shows("#password-again").await;
    browser.type_into("#username", "ada").await;
    browser.type_into("#password", PASSWORD).await;
    // A slip first: it is said, and nothing is sent.
    browser.type_into("#password-again", "another").await;
    browser.click("button[type=submit]").await;
    browser.shows(".notice").await;
    assert!(browser.text(".notice").await.contains("differ"));
    browser
        .value("document.querySelector('#password-again').value = ''")
        .await;
    browser.type_into("#password-again", PASSWORD).await;
    browser.click("button[type=submit]").await;
    browser.shows(MESSAGE).await;
    assert!(
        !browser.url().await.contains("token"),
        "it leaves the address"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_asks_reloads_and_stops() {
    let app = TestApp::start_with(&SETTINGS).await;
    app.ready().await;
    let browser = Browser::start().await;
    set_up(&browser, &app).await;

    // A question that wants a tool: its card, then the answer.
    let question = "What is 2**200 + 7? Use Python.";
    browser.shows(".empty").await;
    browser.type_into(MESSAGE, question).await;
    browser.type_into(MESSAGE, ENTER).await;
    browser.shows(".call.ok").await;
    let card = browser.text(".call").await;
    assert!(card.contains("Python"), "{card}");
    assert!(card.contains(NUMBER), "{card}");
    assert!(card.contains("CPU"), "what it used: {card}");
    assert!(card.contains("done"), "how it ended: {card}");
    browser.shows(".answer footer").await;
    browser.shows_no(".stop").await;
    assert!(!browser.text(".answer .markdown").await.is_empty());
    let url = browser.url().await;
    assert!(url.contains("/c/conv_"), "{url}");
    browser.shows(".conversations li.current").await;

    // A long answer, left in the middle: it goes on.
    browser
        .type_into(
            MESSAGE,
            "Explain in many words how a lighthouse works. No code.",
        )
        .await;
    browser.type_into(MESSAGE, ENTER).await;
    let answers = "document.querySelectorAll('.answer')";
    let length = format!("({answers}[1]?.textContent.length ?? 0)");
    browser.until(&format!("{length} > 60")).await;
    browser.reload().await;
    browser.shows(".answer.streaming").await;
    let after = browser.value(&length).await.as_u64().expect("a length");
    browser.until(&format!("{length} > {}", after + 40)).await;
    assert_eq!(browser.url().await, url);
    let questions = browser.value("document.querySelectorAll('.question').length");
    assert_eq!(questions.await, 2, "each message once");

    // Stop: what there is stays, also for who comes back.
    browser.click(".stop").await;
    browser.shows_no(".stop").await;
    browser.shows(".ended").await;
    let shown = format!("{answers}[1].querySelector('.markdown').textContent");
    let kept = browser.value(&shown).await;
    browser.reload().await;
    browser.until(&format!("{answers}.length === 2")).await;
    assert_eq!(browser.value(&shown).await, kept);
    assert_eq!(browser.value("document.activeElement.id").await, "message");

    // Nothing that the page does is against its own content security policy.
    let log = browser.log().await;
    let refused = |line: &&String| line.contains("Content Security Policy");
    assert_eq!(log.iter().find(refused), None);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_needs_approval_waits_for_the_person() {
    let app = TestApp::start_with(&SETTINGS).await;
    app.ready().await;
    let tools = &app.app().tools;
    let who = app.app().accounts.local_principal().await.unwrap();
    let create = CreateBinding {
        plugin: "alcove/python".to_owned(),
        principal: "everyone".to_owned(),
        policy: Some(ASKING.to_owned()),
        reason: "a test".to_owned(),
        beyond_request: true,
        ..CreateBinding::default()
    };
    tools.grant(create, &who).await.unwrap();
    let browser = Browser::start().await;
    set_up(&browser, &app).await;

    // The call is shown whole and waits, also for who comes back.
    browser
        .type_into(MESSAGE, "What is 2**200 + 7? Use Python.")
        .await;
    browser.type_into(MESSAGE, ENTER).await;
    browser.shows(".call.asking .ask").await;
    browser.reload().await;
    browser.shows(".call.asking .ask").await;
    let card = browser.text(".call").await;
    for shown in ["2**200", "needs your approval", "line 6", "network"] {
        assert!(card.contains(shown), "{shown}: {card}");
    }
    browser.shows(".ask .allow-chat").await;
    browser.click(".ask .allow").await;
    browser.shows(".call.ok").await;
    let card = browser.text(".call").await;
    assert!(card.contains(NUMBER), "{card}");
    assert!(card.contains("You allowed this call"), "{card}");
    browser.shows(".answer footer").await;
    browser.shows_no(".stop").await;

    // Once was once: the next call asks again, and a no goes to the model with its reason.
    browser
        .type_into(MESSAGE, "And what is 3**100? Use Python.")
        .await;
    browser.type_into(MESSAGE, ENTER).await;
    browser.shows(".call.asking .ask").await;
    browser.click(".ask .deny").await;
    browser.shows(".ask-deny input").await;
    browser
        .type_into(".ask-deny input", "I want it by hand")
        .await;
    browser.click(".ask-deny .deny-now").await;
    browser.shows(".call.denied").await;
    let card = browser.text(".call.denied").await;
    assert!(card.contains("I want it by hand"), "{card}");
    browser.shows_no(".stop").await;
    let log = browser.log().await;
    let refused = |line: &&String| line.contains("Content Security Policy");
    assert_eq!(log.iter().find(refused), None);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_out() {
    let app = TestApp::start().await;
    app.claim().await;
    let browser = Browser::start().await;
    let home = format!("http://{}/", app.server().address());
    browser.open(&home).await;
    browser.shows("#password").await;
    browser.type_into("#username", "ada").await;
    browser.type_into("#password", "not the password").await;
    browser.click("button[type=submit]").await;
    browser.shows(".notice").await;

    browser
        .value("document.querySelector('#password').value = ''")
        .await;
    browser.type_into("#password", PASSWORD).await;
    browser.click("button[type=submit]").await;
    browser.shows(MESSAGE).await;

    // The pages that an administrator has.
    browser.click(".places a").await;
    browser.shows(".plugin-list li").await;
    let plugins = browser.text(".plugins").await;
    assert!(plugins.contains("python"), "{plugins}");

    browser.click(".places button").await;
    browser.shows("dialog[open]").await;
    let sign_out = "[...document.querySelectorAll('dialog button')]\
        .find((button) => button.textContent === 'Sign out').click()";
    browser.value(sign_out).await;
    browser.shows("#password").await;
    browser.reload().await;
    browser.shows("#password").await;
    browser.close().await;
}
