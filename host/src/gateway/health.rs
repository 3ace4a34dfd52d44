//! `/livez` and `/readyz`: for whoever watches the process.

use std::sync::Arc;

use alcove_api_types::{ModelState, Readiness};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::json::Json;
use crate::app::App;
use crate::inference::InferenceState;

/// The process answers; nothing else is asked of it.
pub(super) async fn livez() -> &'static str {
    "alive\n"
}

/// Whether a message would be answered now, and what it waits for.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let (model, mut reasons) = model_state(&app.models.general().state());
    if let Err(error) = app.store.ping().await {
        tracing::warn!(error = %super::render::chain(&error), "the database does not answer");
        reasons.push("the database does not answer".to_owned());
    }
    if app.shutdown.is_cancelled() {
        reasons.push("the server is shutting down".to_owned());
    }
    let ready = reasons.is_empty();
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = Readiness {
        ready,
        model,
        detail: reasons.join("; "),
    };
    (status, Json(body)).into_response()
}

fn model_state(state: &InferenceState) -> (ModelState, Vec<String>) {
    match state {
        InferenceState::Ready => (ModelState::Ready, Vec::new()),
        InferenceState::Loading => (
            ModelState::Loading,
            vec!["the model is being loaded".to_owned()],
        ),
        InferenceState::Missing(error) => (ModelState::Missing, vec![error.to_string()]),
        InferenceState::Failed(error) => (ModelState::Failed, vec![error.to_string()]),
    }
}
