//! `POST /v1/embeddings`.

use std::sync::Arc;

use alcove_api_types::{
    Embedding, EmbeddingList, EmbeddingsInput, EmbeddingsRequest, EmbeddingsUsage, EncodingFormat,
    Vector,
};
use alcove_runtime::limits::MAX_EMBED_PIECES;
use alcove_runtime::{EMBEDDING_DIMENSIONS, EmbedError, Priority};
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{RETRY_RUN, fields};
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::inference::EncodeError;
use crate::ledger::{Kind, LedgerError, Wanted};

/// Every field of [`EmbeddingsRequest`].
const FIELDS: &[&str] = &["model", "input", "encoding_format", "dimensions"];

/// Vectors of texts, under the caller's quota of tokens.
pub(in crate::gateway) async fn create_embeddings(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<Value>,
) -> Result<Json<EmbeddingList>, ApiError> {
    let request: EmbeddingsRequest = fields::parse(body, FIELDS, fields::EMBEDDINGS)?;
    let EmbeddingsRequest {
        model,
        input,
        encoding_format,
        dimensions,
    } = request;
    let id = app.encoder.id();
    if model.as_ref().is_some_and(|model| model != id) {
        let message = format!("no model of that name embeds texts here: use {id:?}");
        return Err(ApiError::invalid("model", message));
    }
    if dimensions.is_some_and(|count| count != EMBEDDING_DIMENSIONS as u64) {
        let message = format!("{id} makes vectors of {EMBEDDING_DIMENSIONS} numbers only");
        return Err(ApiError::invalid("dimensions", message));
    }
    let texts = match input {
        EmbeddingsInput::Text(text) => vec![text],
        EmbeddingsInput::Texts(texts) => texts,
    };
    // A piece has at least one byte, and there are two marks.
    let most: usize = texts
        .iter()
        .map(|text| MAX_EMBED_PIECES.min(text.len().saturating_add(2)))
        .sum();
    let accounts = app.ledger.accounts(&principal, Kind::Tokens);
    let wanted = Wanted::exactly(most as u64);
    let hold = app.ledger.reserve(Kind::Tokens, wanted, &accounts).await;
    let hold = hold.map_err(|error| match error {
        LedgerError::Exceeded(exceeded) => ApiError::OverQuota {
            message: exceeded.to_string(),
            retry_after: exceeded.resets_in(),
        },
        LedgerError::Store(error) => ApiError::internal(error),
    })?;
    // A client that leaves drops this, which ends the work; what was held is given back then.
    let embedded = app
        .encoder
        .embed(texts, Priority::Background, CancellationToken::new())
        .await?;
    let spent = hold.settle(u64::from(embedded.pieces)).await;
    app.log
        .count_soon(spent)
        .await
        .map_err(ApiError::internal)?;
    let data = embedded.vectors.into_iter().enumerate();
    let data = data.map(|(index, vector)| Embedding {
        object: "embedding".to_owned(),
        index,
        embedding: match encoding_format {
            EncodingFormat::Float => Vector::Float(vector),
            EncodingFormat::Base64 => Vector::Base64(base64_of(&vector)),
        },
    });
    Ok(Json(EmbeddingList {
        object: "list".to_owned(),
        data: data.collect(),
        model: id.to_owned(),
        usage: EmbeddingsUsage {
            prompt_tokens: embedded.pieces,
            total_tokens: embedded.pieces,
        },
    }))
}

fn base64_of(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

impl From<EncodeError> for ApiError {
    fn from(error: EncodeError) -> ApiError {
        let message = error.to_string();
        match error {
            EncodeError::Absent(_) => ApiError::Unavailable {
                message,
                retry_after: None,
            },
            EncodeError::Embed(
                EmbedError::Empty | EmbedError::TooMany { .. } | EmbedError::TooLong { .. },
            ) => ApiError::invalid("input", message),
            EncodeError::Embed(EmbedError::QueueFull | EmbedError::Cancelled) => {
                ApiError::Unavailable {
                    message,
                    retry_after: Some(RETRY_RUN),
                }
            }
            EncodeError::Embed(error) => ApiError::internal(error),
        }
    }
}
