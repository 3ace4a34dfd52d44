//! `GET /v1/models`.

use serde::{Deserialize, Serialize};

/// The list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelList {
    /// `list`.
    pub object: String,
    /// The models.
    pub data: Vec<Model>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name in requests.
    pub id: String,
    /// `model`.
    pub object: String,
    /// When its file came here, in seconds since the Unix epoch.
    pub created: i64,
    /// `alcove`.
    pub owned_by: String,
}
