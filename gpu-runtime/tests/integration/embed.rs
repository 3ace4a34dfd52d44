//! The sentence encoder against numbers that numpy computed, and its bounds.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use alcove_runtime::limits::{MAX_EMBED_BYTES, MAX_EMBED_PIECES, MAX_EMBED_TEXTS};
use alcove_runtime::{EMBEDDING_DIMENSIONS, EmbedError, Embedder, LoadError, Priority};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::common::model_path;

#[derive(Deserialize)]
struct Reference {
    text: String,
    ids: Vec<u32>,
    vector: Vec<f32>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("../data/reference_all-minilm-l6-v2.json")).unwrap()
}

fn embedder() -> Embedder {
    static LOADED: OnceLock<Embedder> = OnceLock::new();
    let load = || Embedder::load(&model_path("all-minilm-l6-v2")).unwrap();
    LOADED.get_or_init(load).clone()
}

async fn embed(texts: Vec<String>) -> Result<alcove_runtime::Embeddings, EmbedError> {
    embedder()
        .embed(texts, Priority::Interactive, CancellationToken::new())
        .await
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn vectors_are_those_of_the_reference() {
    let references = references();
    // Together, so that short texts are padded beside long ones, and one by one.
    let texts: Vec<String> = references.iter().map(|r| r.text.clone()).collect();
    let together = embed(texts.clone()).await.unwrap();
    let pieces: usize = references.iter().map(|r| r.ids.len()).sum();
    assert_eq!(together.pieces as usize, pieces);
    assert!(references.iter().any(|r| r.ids.len() == MAX_EMBED_PIECES));
    for (reference, vector) in references.iter().zip(&together.vectors) {
        assert_eq!(vector.len(), EMBEDDING_DIMENSIONS);
        let alone = embed(vec![reference.text.clone()]).await.unwrap();
        assert_eq!(
            alone.pieces as usize,
            reference.ids.len(),
            "{}",
            reference.text
        );
        for vector in [vector, &alone.vectors[0]] {
            let difference = 1.0 - cosine(vector, &reference.vector);
            assert!(difference.abs() < 1e-4, "{}: {difference}", reference.text);
            assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
        }
    }
}

#[tokio::test]
async fn what_means_the_same_is_near() {
    let texts = [
        "The cat sits on the mat.",
        "A feline rests upon a rug.",
        "Interest rates rose by half a percent.",
    ];
    let vectors = embed(texts.map(str::to_owned).to_vec())
        .await
        .unwrap()
        .vectors;
    let near = cosine(&vectors[0], &vectors[1]);
    let far = cosine(&vectors[0], &vectors[2]);
    assert!(near > far + 0.3, "{near} {far}");
}

#[tokio::test]
async fn bounds_are_named() {
    let many = vec!["a".to_owned(); MAX_EMBED_TEXTS + 1];
    assert_eq!(
        embed(many).await.unwrap_err(),
        EmbedError::TooMany {
            texts: MAX_EMBED_TEXTS + 1
        }
    );
    let long = vec!["a ".repeat(MAX_EMBED_BYTES)];
    assert!(matches!(
        embed(long).await.unwrap_err(),
        EmbedError::TooLong { .. }
    ));
    for nothing in [vec![], vec![String::new()]] {
        assert_eq!(embed(nothing).await.unwrap_err(), EmbedError::Empty);
    }
    let blank = embed(vec![" \n".to_owned()]).await.unwrap();
    assert_eq!(blank.pieces, 2, "only begin and end");
}

#[tokio::test]
async fn a_cancelled_request_ends_soon_and_one_that_waits_for_an_answer_goes_first() {
    let long = "many words that take their time ".repeat(60);
    let background = |cancel: CancellationToken| {
        let texts = vec![long.clone(); MAX_EMBED_TEXTS];
        async move { embedder().embed(texts, Priority::Background, cancel).await }
    };
    let cancel = CancellationToken::new();
    let mut slow = tokio::spawn(background(cancel.clone()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    embed(vec!["in between".to_owned()]).await.unwrap();
    let early = tokio::time::timeout(Duration::ZERO, &mut slow).await;
    assert!(early.is_err(), "the long request must still be going on");
    let stopped = Instant::now();
    cancel.cancel();
    assert_eq!(slow.await.unwrap(), Err(EmbedError::Cancelled));
    assert!(stopped.elapsed() < Duration::from_secs(1));
    embed(vec!["the thread is free again".to_owned()])
        .await
        .unwrap();
}

#[test]
fn other_files_are_refused_by_name() {
    let missing = Embedder::load("/nonexistent/x.safetensors".as_ref()).unwrap_err();
    assert!(matches!(missing, LoadError::NotFound { .. }), "{missing}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let whole = std::fs::read(model_path("all-minilm-l6-v2")).unwrap();
    for content in [&b""[..], b"{}", &[0xFF; 64], &whole[..whole.len() - 1]] {
        std::fs::write(&path, content).unwrap();
        let error = Embedder::load(&path).unwrap_err();
        assert!(matches!(error, LoadError::Damaged { .. }), "{error}");
    }
    // A right file without what the model needs.
    let header = br#"{"__metadata__":{}}"#;
    let empty = [&(header.len() as u64).to_le_bytes()[..], header].concat();
    std::fs::write(&path, empty).unwrap();
    let error = Embedder::load(&path).unwrap_err();
    assert!(error.to_string().contains("word_embeddings"), "{error}");
}
