//! Grammars: only their texts come out.

use alcove_runtime::{Finish, Grammar, Sampling, SubmitError};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::common::{ask, greedy, run, small};

#[tokio::test]
async fn a_choice_gives_one_of_its_strings() {
    let runtime = small();
    let choices = ["none", "python", "web_search \"é\"\n"]
        .map(String::from)
        .to_vec();
    for seed in 0..6 {
        let mut request = greedy(ask(&runtime, "Pick a tool."), 32);
        request.sampling = Sampling::TopP {
            temperature: 5.0,
            top_p: 1.0,
            seed,
        };
        request.grammar = Some(Grammar::Choice(choices.clone()));
        let answer = run(&runtime, request).await;
        assert!(choices.contains(&answer.text), "{answer:?}");
        assert_eq!(answer.finish, Finish::Stop);
    }
}

#[tokio::test]
async fn a_schema_gives_json_of_its_shape() {
    let runtime = small();
    let schema = json!({
        "type": "object",
        "properties": { "url": { "type": "string", "maxLength": 40 }, "count": { "type": "integer", "minimum": 1, "maximum": 9 } },
        "required": ["url", "count"],
        "additionalProperties": false
    });
    let mut request = greedy(ask(&runtime, "Fetch https://example.org three times."), 120);
    request.grammar = Some(Grammar::JsonSchema(schema));
    let answer = run(&runtime, request).await;
    let value: serde_json::Value =
        serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{answer:?}"));
    assert!(
        value["url"].is_string() && (1..=9).contains(&value["count"].as_i64().unwrap()),
        "{value}"
    );
    assert_eq!(value.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_lark_grammar_is_followed() {
    let runtime = small();
    let mut request = greedy("The date:", 32);
    request.grammar = Some(Grammar::Lark("start: /[0-9]{4}-[0-9]{2}-[0-9]{2}/".into()));
    let text = run(&runtime, request).await.text;
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    assert_eq!(shape, "9999-99-99");
}

#[tokio::test]
async fn bad_grammars_are_refused() {
    let runtime = small();
    for grammar in [
        Grammar::Choice(Vec::new()),
        Grammar::Choice(vec![String::new()]),
        Grammar::Lark("start: missing".into()),
        Grammar::JsonSchema(json!({ "type": "nonsense" })),
    ] {
        let mut request = greedy("x", 4);
        request.grammar = Some(grammar.clone());
        let error = runtime
            .generate(request, CancellationToken::new())
            .await
            .unwrap_err();
        assert!(
            matches!(error, SubmitError::Grammar(_)),
            "{grammar:?}: {error}"
        );
    }
}
