//! Citations in the page: numbers, the list of sources, the card with the marked passage.

use super::set_up;
use super::webdriver::Browser;
use crate::app::TestApp;
use crate::calls::a_cited_answer;

#[tokio::test(flavor = "multi_thread")]
async fn a_citation_opens_its_source_at_the_passage() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    set_up(&browser, &app).await;
    let ada = app.app().accounts.principal_named("ada").await.unwrap();
    let conversation = a_cited_answer(&app, ada.expect("ada")).await;
    browser
        .open(&format!(
            "http://{}/c/{conversation}",
            app.server().address()
        ))
        .await;

    // One number is linked: not the one that no passage has, and none in code.
    browser.shows(".answer .citation").await;
    let numbers =
        browser.value("[...document.querySelectorAll('.citation')].map(e => e.textContent).join()");
    assert_eq!(numbers.await, "1");
    let answer = browser.text(".answer .markdown").await;
    assert!(answer.contains("[9]") && answer.contains("[1]"), "{answer}");
    let sources = browser.text(".sources").await;
    assert!(
        sources.contains("Tides of the old harbour") && sources.contains("127.0.0.1"),
        "{sources}"
    );

    browser.click(".answer .citation").await;
    browser.shows("dialog .source mark").await;
    let marked = browser.text("dialog .source mark").await;
    assert!(
        marked.contains("High water comes to the old harbour at noon"),
        "{marked}"
    );
    let text = browser.text("dialog .source pre").await;
    assert!(
        text.contains("Fähren") && text.len() > marked.len(),
        "{text}"
    );
    let seen = "(() => { const box = document.querySelector('.source pre').getBoundingClientRect(); const mark = document.querySelector('mark').getBoundingClientRect(); return mark.top < box.bottom && mark.bottom > box.top; })()";
    assert_eq!(browser.value(seen).await, true);
    let media = "document.querySelectorAll('dialog img, dialog iframe, dialog video').length";
    assert_eq!(browser.value(media).await, 0);
    browser.click("dialog .primary").await;
    browser.shows_no("dialog[open]").await;
    browser.click(".sources button").await;
    browser.shows("dialog .source mark").await;
    let log = browser.log().await;
    assert!(
        !log.iter()
            .any(|line| line.contains("Content Security Policy")),
        "{log:?}"
    );
    browser.close().await;
}
