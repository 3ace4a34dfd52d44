//! `alcove call`: what a real call did, and the same once more.

use alcove_core::ids::ItemId;

use super::*;

/// The one call of an answer to which the model was made to call Python.
fn forced_call(home: &Home, serving: &Serving) -> Value {
    let client = home.client(serving);
    let request = serde_json::json!({
        "input": "What is 2 + 2? Use Python.",
        "tool_choice": {"type": "function", "name": "python"},
        "temperature": 0,
        "max_output_tokens": 160,
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let response = runtime.block_on(async {
        crate::app::wait_until_ready(&client).await;
        client.post("/v1/responses", &request).await.expect(200)
    });
    let items = response["output"].as_array().unwrap();
    let call = items.iter().find(|item| item["type"] == "alcove:tool_call");
    call.unwrap_or_else(|| panic!("no call: {response}"))
        .clone()
}

#[test]
fn a_call_is_shown_and_gives_the_same_again() {
    let home = Home::new();
    let serving = home.serve();
    let call = forced_call(&home, &serving);
    let id = call["id"].as_str().unwrap();

    let shown = home.ok(&["call", "show", id]);
    let outcome = call["outcome"]["kind"].as_str().unwrap();
    let digest = call["digest"].as_str().unwrap();
    for (name, value) in [
        ("call", id),
        ("plugin", "alcove/python"),
        ("component", digest),
        ("tool", "python"),
        ("arguments", call["arguments"].as_str().unwrap()),
        ("outcome", outcome),
    ] {
        let line = shown.lines().find(|line| line.starts_with(name));
        assert!(
            line.is_some_and(|line| line.contains(value)),
            "{name}: {shown}"
        );
    }
    assert!(shown.contains("ms of CPU time"), "{shown}");
    for part in call["output"].as_array().unwrap() {
        let printed = part["value"].as_str().unwrap().trim();
        assert!(shown.contains(printed), "{printed}: {shown}");
    }
    let json: Value = serde_json::from_str(&home.ok(&["call", "show", id, "--json"])).unwrap();
    assert_eq!(json["call"]["arguments"], call["arguments"]);
    assert_eq!(json["call"]["output"], call["output"]);

    assert_eq!(
        home.ok(&["call", "replay", id]),
        "The same, byte by byte.\n"
    );
    let json = home.ok(&["call", "replay", id, "--json"]);
    let again: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(again["same"], true);
    assert_eq!(again["output"], call["output"]);
    assert_eq!(again["outcome"], call["outcome"]);

    // What is not there is told.
    let none = ItemId::generate().to_string();
    assert!(home.fails(1, &["call", "show", &none]).contains(&none));
    assert!(home.fails(1, &["call", "replay", &none]).contains(&none));
}
