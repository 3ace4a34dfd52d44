//! What goes out of a tool, and what is put into it on the way.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A page on this machine; answers how often it was asked for.
pub(crate) async fn page() -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let body = "<html><head><title>Tides</title></head><body><main><h1>Tides</h1><p>High water at noon, as every <a href=\"/tables\">table</a> says.</p></main></body></html>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_this_machine_needs_its_address_in_the_policy() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let (origin, asked) = page().await;
    let url = format!("{origin}/tides");

    // Under the default policy, any public host, the address is refused before it is connected.
    let result = path.fetch(&url).await;
    let ToolOutcome::Denied {
        capability,
        message,
    } = &result.outcome
    else {
        panic!("{result:?}");
    };
    assert_eq!(capability, "http");
    assert!(message.contains("127.0.0.1"), "{message}");
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);

    let open = format!(
        "version = 1\nplugin = \"{WEB_FETCH}\"\n\n[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\nmethods = [\"GET\"]\npaths = [\"/tides\"]\n"
    );
    path.grant(WEB_FETCH, &open).await;
    let result = path.fetch(&url).await;
    assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
    let text = printed(&result);
    assert!(
        text.contains("High water at noon") && !text.contains("<p>"),
        "{text}"
    );
    // The policy opens no other path of the site, so its robots.txt is not asked for either.
    let urls = result
        .record
        .http
        .iter()
        .map(|exchange| exchange.url.as_str());
    assert_eq!(
        urls.collect::<Vec<_>>(),
        [format!("{origin}/robots.txt"), url]
    );
    assert!(result.record.http[0].error.is_some());
    // Another path of the same origin is not in it.
    let result = path.fetch(&format!("{origin}/other")).await;
    assert!(
        matches!(result.outcome, ToolOutcome::Denied { .. }),
        "{result:?}"
    );
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
}

/// A page that repeats the whole request; answers with what was sent to it.
async fn mirror() -> (String, Arc<std::sync::Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let sent = Arc::new(std::sync::Mutex::new(String::new()));
    let seen = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            );
            seen.lock().unwrap().push_str(&text);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (origin, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_reaches_the_server_and_never_the_tool() {
    const SECRET: &str = "key-0123456789-abcdef";
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let (origin, sent) = mirror().await;
    let url = format!("{origin}/page");
    path.grant(WEB_FETCH, &format!(
        "version = 1\nplugin = \"{WEB_FETCH}\"\n\n[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\ninject = {{ header = \"X-Key\", value = \"{{secret:page-key}}\" }}\n"
    )).await;

    // Not set: a refusal that says how to set it, and nothing is sent.
    let result = path.fetch(&url).await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Denied { message, .. } if message.contains("alcove secret set page-key")),
        "{result:?}"
    );
    assert_eq!(*sent.lock().unwrap(), "");

    let secrets = &path.app.secrets;
    let scope = alcove_api_types::SecretScope::Organisation;
    let value = alcove::config::Secret::new(SECRET);
    secrets
        .set(&path.who, scope, "page-key", &value)
        .await
        .unwrap();
    let result = path.fetch(&url).await;
    assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
    let sent = sent.lock().unwrap().clone();
    assert!(sent.contains(&format!("x-key: {SECRET}\r\n")), "{sent}");
    let seen = format!("{result:?}");
    assert!(
        !seen.contains(SECRET) && seen.contains("*********************"),
        "{seen}"
    );
    assert!(seen.contains("header x-key = {secret:page-key}"), "{seen}");

    // Removed: refused again with the next call.
    secrets.remove(&path.who, scope, "page-key").await.unwrap();
    let result = path.fetch(&url).await;
    assert!(
        matches!(result.outcome, ToolOutcome::Denied { .. }),
        "{result:?}"
    );
}
