//! `POST /api/policy/explain`.

use std::sync::Arc;

use alcove_api_types::{Explain, Explanation};
use axum::extract::State;

use super::key_id;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Whether a plugin may send a request for somebody, and which line decides.
pub(in crate::gateway) async fn explain_policy(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Json(body): Json<Explain>,
) -> Result<Json<Explanation>, ApiError> {
    let whose = match &body.user {
        None if let Some(key) = &body.key => {
            let narrowed = app.accounts.principal_of_key(&principal, key_id(key)?);
            narrowed.await?
        }
        Some(_) if body.key.is_some() => {
            return Err(ApiError::invalid(
                "key",
                "`user` and `key` exclude each other",
            ));
        }
        Some(name) if *name != principal.username => {
            if !principal.admin {
                return Err(ApiError::NotAdmin);
            }
            let found = app.accounts.principal_named(name).await;
            found
                .map_err(ApiError::internal)?
                .ok_or_else(|| ApiError::NotFound(format!("there is no user {name}")))?
        }
        _ => principal,
    };
    Ok(Json(app.tools.explain(&body, &whose).await?))
}
