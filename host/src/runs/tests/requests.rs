//! Requests that are refused, each with its field and what to do.

use alcove_api_types::{
    ConversationRef, CreateResponse, Input, InputContent, InputItem, Role, ServerTools, ToolChoice,
    ToolChoiceMode,
};
use alcove_core::ids::{ConversationId, ResponseId};

use super::{Bench, Step, says};
use crate::runs::{IdempotencyKey, StartError, ValidRequest};

#[track_caller]
fn refused(request: CreateResponse, param: &str, words: &str) {
    let error = ValidRequest::parse(request).unwrap_err();
    assert_eq!(error.param, param, "{error}");
    assert!(error.message.contains(words), "{error}");
}

#[test]
fn fields_are_checked() {
    let conversation = || Some(ConversationRef::Id(ConversationId::generate().to_string()));
    let previous = || Some(ResponseId::generate().to_string());
    refused(says(""), "input", "empty");
    refused(says(" \n"), "input", "empty");
    refused(
        CreateResponse {
            input: Input::Items(vec![]),
            ..says("")
        },
        "input",
        "empty",
    );
    refused(
        says(&"x".repeat(super::super::MAX_INPUT_BYTES + 1)),
        "input",
        "bytes",
    );
    let assistant = InputItem {
        kind: None,
        role: Role::Assistant,
        content: InputContent::Text("Hi".into()),
    };
    let items = |item: &InputItem| Input::Items(vec![item.clone()]);
    refused(
        CreateResponse {
            input: items(&assistant),
            ..says("")
        },
        "input",
        "the user's",
    );
    let call = InputItem {
        kind: Some("function_call_output".into()),
        ..assistant
    };
    refused(
        CreateResponse {
            input: items(&call),
            ..says("")
        },
        "input",
        "function_call_output",
    );
    let tools = vec![serde_json::json!({"type": "function", "name": "f"})];
    refused(
        CreateResponse {
            tools,
            ..says("Hi")
        },
        "tools",
        "not supported",
    );
    refused(
        CreateResponse {
            temperature: Some(2.5),
            ..says("Hi")
        },
        "temperature",
        "0 to 2",
    );
    refused(
        CreateResponse {
            temperature: Some(f32::NAN),
            ..says("Hi")
        },
        "temperature",
        "0 to 2",
    );
    refused(
        CreateResponse {
            top_p: Some(0.0),
            ..says("Hi")
        },
        "top_p",
        "above 0",
    );
    refused(
        CreateResponse {
            max_output_tokens: Some(0),
            ..says("Hi")
        },
        "max_output_tokens",
        "1",
    );
    refused(
        CreateResponse {
            conversation: conversation(),
            previous_response_id: previous(),
            ..says("Hi")
        },
        "previous_response_id",
        "not both",
    );
    refused(
        CreateResponse {
            conversation: conversation(),
            store: Some(false),
            ..says("Hi")
        },
        "conversation",
        "store: false",
    );
    refused(
        CreateResponse {
            previous_response_id: Some("resp_x".into()),
            ..says("Hi")
        },
        "previous_response_id",
        "there is no response",
    );
    refused(
        CreateResponse {
            tool_choice: Some(ToolChoice::Mode(ToolChoiceMode::Required)),
            server_tools: Some(ServerTools::All(false)),
            ..says("Hi")
        },
        "tool_choice",
        "leaves out",
    );
    let large = serde_json::json!({"a": "x".repeat(20_000)})
        .as_object()
        .cloned();
    refused(
        CreateResponse {
            metadata: large,
            ..says("Hi")
        },
        "metadata",
        "bytes",
    );
}

#[test]
fn keys_are_short_and_visible() {
    for bad in ["", "a b", "ä", &"x".repeat(256)] {
        assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
    }
    assert_eq!(IdempotencyKey::parse("a-1_B").unwrap().as_str(), "a-1_B");
}

#[test]
fn how_an_answer_travels_is_no_part_of_what_is_asked() {
    let print = |request| ValidRequest::parse(request).unwrap().fingerprint;
    assert_eq!(
        print(says("Hi")),
        print(CreateResponse {
            stream: true,
            ..says("Hi")
        })
    );
    assert_eq!(
        print(says("Hi")),
        print(CreateResponse {
            background: true,
            ..says("Hi")
        })
    );
    assert_ne!(print(says("Hi")), print(says("Ho")));
    assert_ne!(
        print(says("Hi")),
        print(CreateResponse {
            seed: Some(1),
            ..says("Hi")
        })
    );
}

#[tokio::test]
async fn an_unknown_place_and_somebody_elses_are_the_same() {
    let bench = Bench::new([Step::Say("none"), Step::Say("Hello.")]).await;
    let (response, _) = bench.finish(says("Hi")).await;
    let stranger = bench.stranger().await;
    let conversation = response.conversation.unwrap();
    let unknown = ConversationId::generate().to_string();
    for id in [conversation.id().to_owned(), unknown] {
        let mut request = says("Hi");
        request.conversation = Some(ConversationRef::Id(id.clone()));
        let request = ValidRequest::parse(request).unwrap();
        let error = bench
            .runs
            .start(&stranger, request, None)
            .await
            .unwrap_err();
        let StartError::NotFound {
            param: "conversation",
            message,
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(message, format!("there is no conversation {id}"));
    }
    for id in [response.id, ResponseId::generate().to_string()] {
        let mut request = says("Hi");
        request.previous_response_id = Some(id.clone());
        let request = ValidRequest::parse(request).unwrap();
        let error = bench
            .runs
            .start(&stranger, request, None)
            .await
            .unwrap_err();
        let StartError::NotFound {
            param: "previous_response_id",
            message,
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(message, format!("there is no response {id}"));
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_numbers_and_not_kept() {
    let bench = Bench::new([]).await;
    let error = bench
        .try_start(says(&"word ".repeat(5000)))
        .await
        .unwrap_err();
    let StartError::TooLong {
        tokens,
        available,
        context,
    } = error
    else {
        panic!("{error}")
    };
    assert!(
        tokens > 5000 && available < context && context == 1000,
        "{tokens} {available}"
    );
    assert!(error.to_string().contains("1000"), "{error}");
    let page = bench.log.list(&bench.principal, 10, None).await.unwrap();
    assert!(page.conversations.is_empty());
}

#[tokio::test]
async fn unknown_models_and_tools_are_named() {
    let bench = Bench::new([]).await;
    let model = CreateResponse {
        model: Some("gpt-9".into()),
        ..says("Hi")
    };
    let error = bench.try_start(model).await.unwrap_err();
    let StartError::NotFound {
        param: "model",
        message,
    } = error
    else {
        panic!("{error}")
    };
    assert!(
        message.contains("gpt-9") && message.contains("scripted"),
        "{message}"
    );

    let named = Some(ServerTools::Named(vec!["python".into(), "shell".into()]));
    let error = bench
        .try_start(CreateResponse {
            server_tools: named,
            ..says("Hi")
        })
        .await;
    let StartError::Invalid(error) = error.unwrap_err() else {
        panic!("not invalid")
    };
    assert_eq!(error.param, "alcove:server_tools");
    assert!(
        error.message.contains("shell") && error.message.contains("python, web_fetch"),
        "{error}"
    );

    let choice = ToolChoice::Function {
        kind: "function".into(),
        name: "shell".into(),
    };
    let error = bench
        .try_start(CreateResponse {
            tool_choice: Some(choice),
            ..says("Hi")
        })
        .await;
    let StartError::Invalid(error) = error.unwrap_err() else {
        panic!("not invalid")
    };
    assert_eq!(error.param, "tool_choice");
}
