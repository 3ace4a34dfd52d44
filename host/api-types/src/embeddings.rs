//! `POST /v1/embeddings`: texts to vectors, in OpenAI's shape.

use serde::{Deserialize, Serialize};

/// The request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingsRequest {
    /// Which model; the server has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The texts.
    pub input: EmbeddingsInput,
    /// How vectors are written.
    #[serde(default)]
    pub encoding_format: EncodingFormat,
    /// Numbers in a vector: what the model has, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u64>,
}

/// One text or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EmbeddingsInput {
    /// One.
    Text(String),
    /// Several.
    Texts(Vec<String>),
}

/// How vectors are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodingFormat {
    /// Numbers.
    #[default]
    Float,
    /// Base64 of 32-bit floats, the least byte first.
    Base64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingList {
    /// `list`.
    pub object: String,
    /// In the order of the texts.
    pub data: Vec<Embedding>,
    /// The model that made them.
    pub model: String,
    /// Tokens that were read.
    pub usage: EmbeddingsUsage,
}

/// A vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    /// `embedding`.
    pub object: String,
    /// The text's place.
    pub index: usize,
    /// The vector, of length 1.
    pub embedding: Vector,
}

/// A vector as it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Vector {
    /// Numbers.
    Float(Vec<f32>),
    /// Base64.
    Base64(String),
}

/// Tokens that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingsUsage {
    /// Of the texts.
    pub prompt_tokens: u32,
    /// The same.
    pub total_tokens: u32,
}
