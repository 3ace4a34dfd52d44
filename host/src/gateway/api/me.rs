//! `GET /api/me`.

use std::sync::Arc;

use alcove_api_types::Me;
use axum::extract::State;

use crate::accounts::Principal;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Who is asking.
pub(in crate::gateway) async fn me(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<Json<Me>, ApiError> {
    Ok(Json(of(&app, principal)))
}

pub(super) fn of(app: &App, principal: Principal) -> Me {
    Me {
        id: principal.user.to_string(),
        username: principal.username,
        admin: principal.admin,
        default_model: app.models.general().model_id(),
    }
}
