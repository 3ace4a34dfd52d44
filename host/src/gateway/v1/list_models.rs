//! `GET /v1/models`.

use std::sync::Arc;

use alcove_api_types::{Model, ModelList};
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// The models that answer.
pub(in crate::gateway) async fn list_models(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
) -> Result<Json<ModelList>, ApiError> {
    let model = |id| Model {
        id,
        object: "model".to_owned(),
        created: app.started_at_s,
        owned_by: "alcove".to_owned(),
    };
    let data = app.models.all();
    Ok(Json(ModelList {
        object: "list".to_owned(),
        data: data
            .map(|(_, inference)| model(inference.model_id()))
            .collect(),
    }))
}
