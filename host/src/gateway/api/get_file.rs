//! `GET /api/conversations/{id}/files/{path}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::{HeaderValue, header};
use tokio::io::AsyncReadExt as _;

use super::get_asset::{CONTENT_SECURITY_POLICY, disposition};
use super::{blocking, conversation_id, place};
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::workspaces::FilePath;

/// How much is read from the disk at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// A file of a conversation, as a download: a tool may have made it.
pub(in crate::gateway) async fn get_file(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path((id, path)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let id = conversation_id(&id)?;
    let place = place(&app, &principal, id).await?;
    let path = FilePath::parse(&path)?;
    let name = path.name().to_owned();
    let workspaces = app.workspaces.clone();
    let (file, bytes) = blocking(move || workspaces.read(place, &path)).await?;
    // A tool may write to it meanwhile: no more than was announced is sent.
    let file = tokio::fs::File::from_std(file.into_std()).take(bytes);
    let body = stream::try_unfold(file, |mut file| async move {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        file.read_buf(&mut chunk).await?;
        Ok::<_, std::io::Error>((!chunk.is_empty()).then_some((chunk, file)))
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&disposition("attachment", Some(&name)))
            .unwrap_or(HeaderValue::from_static("attachment")),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    );
    Ok(response)
}
