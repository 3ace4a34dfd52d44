//! `GET /api/assets/{id}`.

use std::sync::Arc;

use alcove_core::ids::AssetId;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::{HeaderValue, header};

use crate::app::App;
use crate::assets::{AssetBytes, AssetDetail};
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::tools::is_shown_image;

/// How much is read from the disk at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// A tool made it: wherever it is opened, it loads nothing and runs nothing.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; sandbox";

/// A file that a tool made, for the person whose call it was. Images that cannot hold code are
/// shown, everything else is a download.
pub(in crate::gateway) async fn get_asset(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let unknown = || {
        let shown: String = id.chars().take(64).collect();
        ApiError::NotFound(format!("there is no asset {shown}"))
    };
    let asset: AssetId = id.parse().map_err(|_| unknown())?;
    let asset = app.assets.find(&principal, asset).await?;
    let asset = asset.ok_or_else(unknown)?;
    let (detail, size) = (asset.detail.clone(), asset.size);
    let bytes = app.assets.read(asset).await?;
    let body = stream::try_unfold(bytes, |mut bytes: AssetBytes| async move {
        let chunk = bytes.next(CHUNK_BYTES).await?;
        Ok::<_, crate::assets::AssetError>((!chunk.is_empty()).then_some((chunk, bytes)))
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    let text = |text: &str| {
        // Media types and encoded names are checked to be plain.
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("attachment"))
    };
    headers.insert(header::CONTENT_TYPE, text(&detail.media_type));
    headers.insert(header::CONTENT_LENGTH, size.into());
    headers.insert(header::CONTENT_DISPOSITION, text(&shown(&detail)));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    );
    Ok(response)
}

/// How an asset is disposed of.
fn shown(detail: &AssetDetail) -> String {
    let kind = match is_shown_image(&detail.media_type) {
        true => "inline",
        false => "attachment",
    };
    disposition(kind, detail.name.as_deref())
}

/// `inline` or `attachment`, with the file's name (RFC 6266, RFC 8187).
pub(super) fn disposition(kind: &str, name: Option<&str>) -> String {
    let Some(name) = name else {
        return kind.to_owned();
    };
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{kind}; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_images_are_shown_and_names_are_encoded() {
        let of = |media_type: &str, name: Option<&str>| {
            shown(&AssetDetail {
                media_type: media_type.to_owned(),
                name: name.map(str::to_owned),
            })
        };
        assert_eq!(of("image/png", None), "inline");
        assert_eq!(of("image/svg+xml", None), "inline");
        assert_eq!(of("application/xml", None), "attachment");
        assert_eq!(
            of("text/html", Some("a \"b\"ü.html")),
            "attachment; filename*=UTF-8''a%20%22b%22%C3%BC.html"
        );
    }
}
