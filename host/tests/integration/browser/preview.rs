//! HTML of an answer, shown as a page that reaches nothing.

use std::io::Read;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::webdriver::{Browser, ENTER};
use super::{MESSAGE, SETTINGS, set_up};
use crate::app::TestApp;

const ASKING: &str = "Repeat this code block: ```html <h1>Tide</h1><button>Go</button> ```";

/// Somebody who would like to hear of what happens in the page, and keeps what comes.
fn listener() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let came = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&came);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, kept) = (stream.unwrap(), Arc::clone(&kept));
            let patience = Some(Duration::from_millis(800));
            stream.set_read_timeout(patience).unwrap();
            std::thread::spawn(move || {
                let mut text = [0; 200];
                let read = stream.read(&mut text).unwrap_or(0);
                let text = String::from_utf8_lossy(&text[..read]).into_owned();
                kept.lock().unwrap().push(text);
            });
        }
    });
    (origin, came)
}

/// What a page tries, each told to the page around it as `name:what came of it`.
fn hostile(elsewhere: &str) -> String {
    let tries = [
        ("cookie", "document.cookie"),
        ("storage", "localStorage.length"),
        ("parent", "parent.document.title"),
        ("top", "top.location.href"),
        ("popup", "open('/') === null ? fail() : 1"),
    ];
    let tries: Vec<String> = tries
        .iter()
        .map(|(name, script)| {
            format!("try {{ const got = {script}; tell('{name}:' + got) }} catch (e) {{ tell('{name}:refused') }}")
        })
        .collect();
    let answers = [
        ("fetch", "fetch('/api/me')".to_owned()),
        ("away", format!("fetch('{elsewhere}')")),
    ];
    let answers: Vec<String> = answers
        .iter()
        .map(|(name, script)| {
            format!("{script}.then(() => tell('{name}:done'), () => tell('{name}:refused'))")
        })
        .collect();
    format!(
        "<h1>Tide</h1><img src=\"{elsewhere}/a.png\"><link rel=stylesheet href=\"{elsewhere}/a.css\">\
         <script src=\"{elsewhere}/a.js\"></script><iframe src=\"{elsewhere}\"></iframe>\
         <script>const tell = (text) => parent.postMessage(text, '*'); tell('runs:' + document.querySelector('h1').textContent); \
         {}; {}; new Image().src = '{elsewhere}/b.png'; \
         setTimeout(() => {{ tell('leaves:now'); location.href = '{elsewhere}/gone' }}, 500)</script>",
        tries.join("; "),
        answers.join("; "),
    )
}

/// Shows a page as the chat does.
async fn show(browser: &Browser, page: &str) {
    let script = format!(
        "(() => {{ const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts'; frame.src = '/preview'; \
         frame.onload = () => {{ frame.onload = null; frame.contentWindow.postMessage({page:?}, '*') }}; \
         document.body.append(frame); return 1 }})()"
    );
    browser.value(&script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_of_an_answer_is_shown_and_reaches_nothing() {
    let app = TestApp::start_with(&SETTINGS).await;
    app.ready().await;
    let browser = Browser::start().await;
    set_up(&browser, &app).await;
    browser.type_into(MESSAGE, ASKING).await;
    browser.type_into(MESSAGE, ENTER).await;
    browser.shows(".preview-button").await;
    browser.shows_no(".stop").await;
    browser.shows_no("iframe").await;
    browser.click(".preview-button").await;
    browser.shows("iframe.preview").await;
    let sandbox = "document.querySelector('iframe').getAttribute('sandbox')";
    assert_eq!(browser.value(sandbox).await, "allow-scripts");
    browser.click(".preview-button").await;
    browser.shows_no("iframe").await;

    // A frame like that, with a page that means harm.
    let (elsewhere, came) = listener();
    let listens =
        "(window.told = [], addEventListener('message', (event) => told.push(event.data)), 1)";
    browser.value(listens).await;
    show(&browser, &hostile(&elsewhere)).await;
    browser.until("told.includes('leaves:now')").await;
    let told = browser.value("told").await;
    let told: Vec<&str> = told
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|text| text.as_str())
        .collect();
    assert!(told.contains(&"runs:Tide"), "{told:?}");
    for tried in [
        "cookie", "storage", "parent", "top", "popup", "fetch", "away",
    ] {
        assert!(
            told.contains(&format!("{tried}:refused").as_str()),
            "{tried}: {told:?}"
        );
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Chromium opens a connection ahead of a request that it then refuses, and says nothing on it.
    let said: Vec<String> = came
        .lock()
        .unwrap()
        .iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect();
    assert_eq!(said, [""; 0], "somebody was told of it");

    let origin = browser.value("location.origin").await;
    let origin = origin.as_str().unwrap();
    // Opened by itself it has no origin either, and hears nobody.
    browser.open(&format!("{origin}/preview")).await;
    assert_eq!(browser.value("self.origin").await, "null");

    // One that never ends hangs itself, and not the chat.
    browser.open(origin).await;
    browser.shows(MESSAGE).await;
    browser.value(listens).await;
    show(
        &browser,
        "<script>parent.postMessage('loops', '*'); setTimeout(() => { while (true); }, 50)</script>",
    )
    .await;
    browser.until("told.includes('loops')").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    browser.shows(MESSAGE).await;
    browser.close().await;
}
