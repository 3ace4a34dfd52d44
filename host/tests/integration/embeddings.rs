//! `/v1/embeddings`: what other programs' clients expect.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app::TestApp;

const PATH: &str = "/v1/embeddings";
const NO_CHAT: (&str, &str) = ("model", "/nowhere/none.gguf");

fn floats(embedding: &Value) -> Vec<f64> {
    let numbers = embedding["embedding"].as_array().unwrap();
    numbers.iter().map(|n| n.as_f64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_become_vectors_in_either_writing() {
    let app = TestApp::start_with(&[NO_CHAT]).await;
    let client = app.local();
    let texts = json!([
        "A feline rests upon a rug.",
        "The cat sits on the mat.",
        "Rates rose."
    ]);
    let body = json!({"model": "all-minilm-l6-v2", "input": texts, "user": "u"});
    let list = client.post(PATH, &body).await.expect(200);
    assert_eq!(list["object"], "list");
    assert_eq!(list["model"], "all-minilm-l6-v2");
    // Begin, end and the pieces of each.
    assert_eq!(
        list["usage"],
        json!({"prompt_tokens": 24, "total_tokens": 24})
    );
    let data = list["data"].as_array().unwrap();
    for (index, one) in data.iter().enumerate() {
        assert_eq!(
            (&one["object"], &one["index"]),
            (&json!("embedding"), &json!(index))
        );
        assert_eq!(floats(one).len(), 384);
    }
    let cosine = |a: usize, b: usize| -> f64 {
        let (a, b) = (floats(&data[a]), floats(&data[b]));
        a.iter().zip(&b).map(|(a, b)| a * b).sum()
    };
    assert!((cosine(0, 0) - 1.0).abs() < 1e-5 && cosine(0, 1) > cosine(0, 2) + 0.3);

    let body = json!({"input": texts[0], "encoding_format": "base64", "dimensions": 384});
    let coded = client.post(PATH, &body).await.expect(200);
    let bytes = STANDARD.decode(coded["data"][0]["embedding"].as_str().unwrap());
    let bytes = bytes.unwrap();
    let numbers = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    let expected = floats(&data[0]);
    assert_eq!(bytes.len(), 384 * 4);
    assert!(
        numbers
            .zip(expected)
            .all(|(a, b)| (f64::from(a) - b).abs() < 1e-4)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_embedded_is_refused_by_its_field() {
    let app = TestApp::start_with(&[NO_CHAT]).await;
    let client = app.local();
    app.visitor()
        .post(PATH, &json!({"input": "x"}))
        .await
        .expect(401);
    for (body, param) in [
        (json!({"input": ""}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": vec!["x"; 129]}), "input"),
        (json!({"input": "x".repeat(600 * 1024)}), "input"),
        (json!({"input": "x", "dimensions": 10}), "dimensions"),
        (json!({"input": "x", "model": "smollm2-135m"}), "model"),
        (json!({"input": "x", "inptu": 1}), "inptu"),
    ] {
        let error = client.post(PATH, &body).await.expect(400);
        assert_eq!(error["error"]["param"], param, "{error}");
    }
    // Token ids would be another vocabulary's.
    let tokens = json!({"input": [[1, 2, 3]]});
    client.post(PATH, &tokens).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_are_paid_with_the_quota_of_tokens() {
    let app = TestApp::start_with(&[NO_CHAT, ("quota.tokens_per_user", "10")]).await;
    let client = app.local();
    client
        .post(PATH, &json!({"input": "hello"}))
        .await
        .expect(200);
    let quota = client.get("/api/quota").await.expect(200);
    assert_eq!(quota["tokens"]["user"]["spent"], 3, "{quota}");
    let long = json!({"input": "more than seven tokens can pay for"});
    let refused = client.post(PATH, &long).await.expect(429);
    assert_eq!(refused["error"]["code"], "insufficient_quota");
    // What is refused costs nothing.
    let quota = client.get("/api/quota").await.expect(200);
    assert_eq!(quota["tokens"]["user"]["spent"], 3, "{quota}");
    assert_eq!(quota["tokens"]["user"]["held"], 0, "{quota}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_encoder_says_how_to_get_it() {
    let empty = tempfile::tempdir().unwrap();
    let folder = empty.path().display().to_string();
    let app = TestApp::start_with(&[NO_CHAT, ("models_dir", &folder)]).await;
    let body = json!({"input": "x"});
    let error = app.local().post(PATH, &body).await.expect(503);
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("alcove model fetch all-minilm-l6-v2"),
        "{message}"
    );
}
