//! `PUT /api/conversations/{id}/files/{path}`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use http::StatusCode;
use http_body_util::BodyExt as _;

use super::{blocking, conversation_id, place};
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::workspaces::FilePath;

/// How long the next piece of a body may take to arrive.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// Puts a file into a conversation, in place of one of that path. The body is the file.
pub(in crate::gateway) async fn put_file(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path((id, path)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let id = conversation_id(&id)?;
    let place = place(&app, &principal, id).await?;
    let path = FilePath::parse(&path)?;
    let workspaces = app.workspaces.clone();
    let mut file = blocking(move || workspaces.write(place, path)).await?;
    let mut body = request.into_body();
    loop {
        let frame = tokio::time::timeout(PIECE_TIMEOUT, body.frame()).await;
        let frame = frame.map_err(|_| ApiError::BodyTooSlow(PIECE_TIMEOUT))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| ApiError::Invalid {
            param: None,
            code: None,
            message: "the body broke off".to_owned(),
        })?;
        if let Ok(bytes) = frame.into_data() {
            file = blocking(move || file.append(&bytes).map(|()| file)).await?;
        }
    }
    blocking(move || file.finish()).await?;
    Ok(StatusCode::NO_CONTENT)
}
