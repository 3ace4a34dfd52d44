//! Passages: what a page said, cited and opened where it stands.

use alcove_api_types::{Annotation, Passage, PassageSource};
use alcove_core::item::{ItemStatus as Status, Role};
use alcove_core::passage::{Citation, Cited};
use sha2::{Digest as _, Sha256};

use super::*;

const LEAD: &str = "High water comes to the old harbour at noon, as the table on the quay says.";
const TITLE: &str = "Tides of the old harbour";

/// A page with several passages, on this machine.
async fn long_page() -> String {
    let sentence =
        "The ferry waits for the flood, and the fishers for the ebb, as they always did. ";
    let body = format!(
        "<!doctype html><html lang=en><head><title>{TITLE}</title></head><body><nav><a href=/>Home</a></nav>\
         <article><h1>Tides</h1><p>{LEAD}</p><p>{}</p><h2>Ferries</h2><p>Größe: 3 Fähren. {}</p></article></body></html>",
        sentence.repeat(10),
        sentence.repeat(9)
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    origin
}

impl Kept {
    /// Fetches the long page under a policy, and keeps the call.
    async fn fetch_long(&mut self, assets: &str) -> (String, ItemId, ToolResult) {
        let origin = long_page().await;
        let policy = format!(
            "version = 1\nplugin = \"alcove/web-fetch\"\n{assets}\n[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\n"
        );
        let create = CreateBinding {
            plugin: "alcove/web-fetch".to_owned(),
            principal: "everyone".to_owned(),
            policy: Some(policy),
            beyond_request: true,
            ..CreateBinding::default()
        };
        self.app.tools.grant(create, &self.who).await.unwrap();
        let url = format!("{origin}/tides");
        let (id, result) = self.call("alcove/web-fetch", json!({ "url": url })).await;
        assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
        (url, id, result)
    }
}

fn passages(result: &ToolResult) -> Vec<(&Passage, &str)> {
    let parts = result.output.iter();
    parts
        .filter_map(|part| Some((part.passage.as_deref()?, part.value.as_str())))
        .collect()
}

/// A conversation of a person's with a page that was read and an answer that cites it; its id.
pub(crate) async fn a_cited_answer(app: &TestApp, who: Principal) -> ConversationId {
    let mut kept = Kept::of(app, who).await;
    kept.say(Role::User, "When is high water?", Vec::new())
        .await;
    let (url, call, result) = kept.fetch_long("[assets]\nquota = \"1 MiB\"").await;
    let first = passages(&result)[0].0;
    let citation = Citation {
        start: 8,
        end: 11,
        call,
        number: first.number,
        source: Cited::Url {
            url,
            title: first.title.clone(),
        },
    };
    let text = "At noon [1], not at six [9].\n\n```\n[1]\n```";
    kept.say(Role::Assistant, text, vec![citation]).await;
    kept.conversation
}

impl Kept {
    async fn say(&self, role: Role, text: &str, citations: Vec<Citation>) {
        let append = Append {
            id: ItemId::generate(),
            conversation: self.conversation,
            branch: self.branch,
            response: None,
            payload: Payload::Message {
                role,
                text: text.to_owned(),
                status: Status::Completed,
                citations,
            },
            record: None,
            end: None,
        };
        self.app.log.append(&self.who, append).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_says_is_opened_where_it_stands() {
    let app = TestApp::start().await;
    let mut kept = Kept::new(&app).await;
    let (url, id, result) = kept.fetch_long("[assets]\nquota = \"1 MiB\"").await;
    let found = passages(&result);
    assert!(found.len() >= 2, "{result:?}");
    let local = app.local();
    for (at, (passage, text)) in found.iter().enumerate() {
        assert_eq!(passage.number as usize, at + 1);
        assert_eq!(passage.source, PassageSource::Url { url: url.clone() });
        assert_eq!(passage.title, TITLE);
        let age = alcove::store::now_ms() - passage.retrieved_at_ms;
        assert!((0..60_000).contains(&age), "{age}");
        let path = format!("/api/calls/{id}/passages/{}", passage.number);
        let opened = local.get(&path).await.expect(200);
        let document = opened["document"].as_str().unwrap();
        assert_eq!(passage.sha256, hex::encode(Sha256::digest(document)));
        let (start, end) = (passage.start as usize, passage.end as usize);
        let span: String = document.chars().skip(start).take(end - start).collect();
        assert_eq!(span, **text, "the span is the text");
        assert!(!document.contains("Home"), "{document}");
    }
    assert!(found[0].1.contains(LEAD));
    assert!(found.iter().any(|(_, text)| text.contains("Größe")));

    // The replay says the same, and there is no passage that there is not.
    let again = kept.app.tools.replay(&kept.kept(id).await).await.unwrap();
    assert!(again.same, "{again:?}");
    for path in ["999", "0", "x", "-1"] {
        let path = format!("/api/calls/{id}/passages/{path}");
        local.get(&path).await.expect(404);
    }
    // Nobody else opens it.
    let stranger = app.another_user("eve").await;
    let path = format!("/api/calls/{id}/passages/1");
    stranger.get(&path).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_assets_a_page_is_read_and_not_cited() {
    let app = TestApp::start().await;
    let mut kept = Kept::new(&app).await;
    let (_, _, result) = kept.fetch_long("").await;
    assert!(passages(&result).is_empty());
    assert!(result.output.iter().any(|part| part.value.contains(LEAD)));
}

#[tokio::test(flavor = "multi_thread")]
async fn citations_are_kept_with_the_answer() {
    let app = TestApp::start().await;
    let who = app.app().accounts.local_principal().await.unwrap();
    let conversation = a_cited_answer(&app, who).await;
    let shown = app
        .local()
        .get(&format!("/api/conversations/{conversation}"))
        .await
        .expect(200);
    let items = shown["items"].as_array().unwrap();
    let cited = &items[2]["content"][0]["annotations"];
    let cited: Vec<Annotation> = serde_json::from_value(cited.clone()).unwrap();
    let [
        Annotation::UrlCitation {
            start_index: 8,
            end_index: 11,
            title,
            passage,
            ..
        },
    ] = cited.as_slice()
    else {
        panic!("{cited:?}");
    };
    assert_eq!((title.as_str(), passage.number), (TITLE, 1));
    assert_eq!(passage.call, items[1]["id"]);
}
