//! Files in the web client: attached, named in the message, listed, downloaded, removed.

use super::webdriver::{Browser, ENTER};
use super::{MESSAGE, SETTINGS, set_up};
use crate::app::TestApp;

const ADDING: &str = "What is the sum of the numbers in numbers.txt? Use Python.";

/// A file as the person would choose, drop or paste it.
fn carried(name: &str, content: &str) -> String {
    format!(
        "const data = new DataTransfer(); data.items.add(new File([{content}], '{name}', {{type: 'text/plain'}}));"
    )
}

async fn choose(browser: &Browser, name: &str, content: &str) {
    let script = format!(
        "(() => {{ {} const input = document.querySelector('#attach'); input.files = data.files; input.dispatchEvent(new Event('change')); return 1 }})()",
        carried(name, content)
    );
    browser.value(&script).await;
}

async fn drop_or_paste(browser: &Browser, event: &str, name: &str, content: &str) {
    let script = format!(
        "(() => {{ {} document.querySelector('{MESSAGE}').dispatchEvent({event}); return 1 }})()",
        carried(name, content)
    );
    browser.value(&script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_attached_named_listed_downloaded_and_removed() {
    let app = TestApp::start_with(&SETTINGS).await;
    app.ready().await;
    let browser = Browser::start().await;
    set_up(&browser, &app).await;

    // Chosen before there is a conversation: it begins with the file.
    browser.type_into(MESSAGE, ADDING).await;
    choose(&browser, "numbers.txt", "'1000\\n200\\n34\\n'").await;
    browser.shows(".attached .size").await;
    let url = browser.url().await;
    assert!(url.contains("/c/conv_"), "{url}");
    assert!(browser.text(".attached").await.contains("numbers.txt"));

    // A second one of that name keeps the first; dropped and pasted ones come too.
    choose(&browser, "numbers.txt", "'5'").await;
    browser
        .until("document.querySelector('.attached').textContent.includes('numbers (2).txt')")
        .await;
    let dropped = "new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})";
    drop_or_paste(&browser, dropped, "dropped.txt", "'d'").await;
    browser
        .until("document.querySelector('.attached').textContent.includes('dropped.txt')")
        .await;
    let pasted =
        "new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})";
    drop_or_paste(&browser, pasted, "pasted.txt", "'p'").await;
    browser
        .until("document.querySelector('.attached').textContent.includes('pasted.txt')")
        .await;

    // What was attached by mistake is taken away again.
    for name in ["numbers (2).txt", "dropped.txt", "pasted.txt"] {
        browser
            .click(&format!(".attached [aria-label='Remove {name}']"))
            .await;
        browser
            .until(&format!(
                "!document.querySelector('.attached').textContent.includes('{name}')"
            ))
            .await;
    }

    // Too much is refused before anything of it is sent, and what is there stays.
    choose(&browser, "huge.bin", "new Uint8Array(257 * 1024 * 1024)").await;
    browser.shows(".notice").await;
    let notice = browser.text(".notice").await;
    assert!(
        notice.contains("huge.bin does not fit") && notice.contains("Remove some"),
        "{notice}"
    );
    browser.click(".notice .icon-button").await;

    // The message names it, and the tool finds it.
    browser.type_into(MESSAGE, ENTER).await;
    browser.shows(".question").await;
    let question = browser.text(".question").await;
    assert!(
        question.contains("Attached: /workspace/numbers.txt (12 bytes)"),
        "{question}"
    );
    browser.shows_no(".attached").await;
    browser.shows(".answer footer").await;
    browser.shows_no(".stop").await;
    let shown = browser.text("main").await;
    assert!(shown.contains("1234"), "{shown}");

    // The list has it for who comes back, with the bytes behind the link, until it is removed.
    browser.reload().await;
    browser.shows(".files summary").await;
    browser.click(".files summary").await;
    let fetched = "fetch(document.querySelector('.files a').href).then((file) => file.text())";
    assert_eq!(browser.value(fetched).await, "1000\n200\n34\n");
    browser
        .click(".files [aria-label='Remove numbers.txt']")
        .await;
    browser.shows_no(".files").await;
    browser.close().await;
}
