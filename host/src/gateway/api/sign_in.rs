//! `POST /api/session`.

use std::sync::Arc;

use alcove_api_types::SignIn;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use super::me;
use crate::accounts::{SignInError, SignedIn, TooManyAttempts};
use crate::app::App;
use crate::gateway::caller::ClientAddress;
use crate::gateway::cookie;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;

/// Signs in with a cookie. Wrong passwords slow the next attempts down.
pub(in crate::gateway) async fn sign_in(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    Json(SignIn { username, password }): Json<SignIn>,
) -> Result<Response, ApiError> {
    let signed_in = app.accounts.sign_in(&username, &password, address).await?;
    with_cookie(&app, signed_in)
}

/// The answer to somebody who has just signed in.
pub(super) fn with_cookie(app: &App, signed_in: SignedIn) -> Result<Response, ApiError> {
    let SignedIn {
        token,
        principal,
        expires_at_ms: _,
    } = signed_in;
    let set = cookie::set(&app.config, &token)?;
    let me = Json(me::of(app, principal));
    Ok(([(header::SET_COOKIE, set)], me).into_response())
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> ApiError {
        let message = error.to_string();
        match error {
            SignInError::Wrong => {
                ApiError::WrongCredential("the username or the password is wrong")
            }
            SignInError::TooManyAttempts(TooManyAttempts { retry_after }) => ApiError::TooMany {
                message,
                retry_after,
            },
            SignInError::Account(error) => error.into(),
        }
    }
}
