//! Answers that cite what the turn's tools brought.

use alcove_api_types::{Annotation, EventBody, Item};

use super::scripted::Scripted;
use super::{Bench, Step, says, text_of};
use crate::store::wire;

/// Numbers and places of what an answer cites.
fn cited(item: &Item) -> Vec<(u32, u64, u64, String)> {
    let Item::Message(message) = item else {
        panic!("{item:?}");
    };
    let place = |annotation: Annotation| match annotation {
        Annotation::UrlCitation {
            start_index,
            end_index,
            url,
            passage,
            ..
        } => (passage.number, start_index, end_index, url),
        Annotation::FileCitation {
            start_index,
            end_index,
            filename,
            passage,
            ..
        } => (passage.number, start_index, end_index, filename),
    };
    message.annotations().into_iter().map(place).collect()
}

#[tokio::test]
async fn an_answer_is_linked_to_passages_that_exist() {
    let bench = Bench::new([
        Step::Say("web_fetch"),
        Step::Say(r#"{"url":"https://a.example/one"}}]"#),
        Step::Say("web_fetch"),
        Step::Say(r#"{"url":"https://a.example/two"}}]"#),
        Step::Say("none"),
        Step::Say("Nøøn [1], says the other [4]; not [7] or `[2]`."),
        Step::Say("none"),
        Step::Say("As I said [1]."),
    ])
    .await;
    for url in ["https://a.example/one", "https://a.example/two"] {
        let mut results = bench.tools.results.lock().unwrap();
        results.push_back(Scripted::Passages(url));
    }
    let (response, events) = bench.finish(says("When is high water?")).await;
    let expected = [
        (1, 5, 8, "https://a.example/one".to_owned()),
        (4, 25, 28, "https://a.example/two".to_owned()),
    ];
    assert_eq!(cited(&response.output[2]), expected);
    let told = events.iter().any(|event| {
        matches!(&event.body, EventBody::ItemDone { item, .. } if matches!(item, Item::Message(_)) && cited(item) == expected)
    });
    assert!(told, "readers of the stream hear of it");
    // Stored so, too.
    let id = response.id.parse().unwrap();
    let stored = bench.log.response(&bench.principal, id).await.unwrap();
    assert_eq!(cited(&wire::item(&stored.output[2])), expected);

    // What the model read has the numbers, and says how to cite.
    let asked = bench.model.asked();
    let read = format!("{:?}", asked[5].prompt);
    for numbered in [
        "[1] first",
        "[2] second",
        "[3] first",
        "[4] second",
        "such as [1]",
    ] {
        assert!(read.contains(numbered), "{numbered}: {read}");
    }

    // The next turn has no such passages: nothing is linked, and no number is offered.
    let conversation = response.conversation.clone().unwrap();
    let mut next = says("Sure?");
    next.conversation = Some(conversation);
    let (response, _) = bench.finish(next).await;
    assert_eq!(text_of(&response), "As I said [1].");
    assert!(cited(&response.output[0]).is_empty());
    let asked = bench.model.asked();
    let read = format!("{:?}", asked.last().unwrap().prompt);
    assert!(
        read.contains("first") && !read.contains("[1] first"),
        "{read}"
    );
}
