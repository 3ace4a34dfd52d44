//! `GET /api/policy/ceiling`.

use std::sync::Arc;

use alcove_api_types::Ceiling;
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// What no grant of the organisation can exceed.
pub(in crate::gateway) async fn get_ceiling(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
) -> Result<Json<Ceiling>, ApiError> {
    Ok(Json(app.tools.ceiling().await?))
}
