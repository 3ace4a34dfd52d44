//! The gateway: every route, who may call it, and what errors look like.

mod api;
mod assets;
mod caller;
mod cookie;
mod error;
mod headers;
mod health;
mod json;
mod mcp;
mod origin;
mod preview;
mod query;
mod render;
mod request_id;
mod v1;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};

use crate::app::App;

pub(crate) use caller::Peer;
pub(crate) use render::chain;

/// The whole route table.
///
/// Layers run from the outside in: id and trace, security headers, how errors look, host name,
/// site. Health checks come by address, so they are outside the check of the host name.
pub fn router(app: Arc<App>) -> Router {
    let v1 = Router::new()
        .route(
            "/v1/responses",
            get(v1::connect::connect).post(v1::create_response::create_response),
        )
        .route("/v1/responses/{id}", get(v1::get_response::get_response))
        .route(
            "/v1/responses/{id}/cancel",
            post(v1::cancel_response::cancel_response),
        )
        .route(
            "/v1/chat/completions",
            post(v1::create_chat_completion::create_chat_completion),
        )
        .route(
            "/v1/embeddings",
            post(v1::create_embeddings::create_embeddings),
        )
        .route("/v1/models", get(v1::list_models::list_models))
        .route("/v1/{*rest}", get(not_found).fallback(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), origin::check_site))
        .layer(from_fn_with_state(Arc::clone(&app), origin::check_host))
        .layer(from_fn(render::openai_errors));

    let mcp = Router::new()
        .route("/mcp", get(mcp::connect).post(mcp::post))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), origin::check_page))
        .layer(from_fn_with_state(Arc::clone(&app), origin::check_site))
        .layer(from_fn_with_state(Arc::clone(&app), origin::check_host))
        .layer(from_fn(render::json_rpc_errors));

    let api = Router::new()
        .route("/api/setup", post(api::set_up::set_up))
        .route(
            "/api/session",
            post(api::sign_in::sign_in).delete(api::sign_out::sign_out),
        )
        .route("/api/me", get(api::me::me))
        .route(
            "/api/keys",
            get(api::list_keys::list_keys).post(api::create_key::create_key),
        )
        .route(
            "/api/keys/{id}",
            get(api::show_key::show_key).delete(api::revoke_key::revoke_key),
        )
        .route(
            "/api/conversations",
            get(api::list_conversations::list_conversations)
                .post(api::create_conversation::create_conversation),
        )
        .route(
            "/api/conversations/{id}",
            get(api::get_conversation::get_conversation)
                .patch(api::rename_conversation::rename_conversation)
                .delete(api::delete_conversation::delete_conversation),
        )
        .route(
            "/api/conversations/{id}/files",
            get(api::list_files::list_files),
        )
        .route(
            "/api/conversations/{id}/files/{*path}",
            get(api::get_file::get_file)
                .put(api::put_file::put_file)
                .delete(api::remove_file::remove_file),
        )
        .route(
            "/api/conversations/{id}/checkpoints",
            get(api::list_checkpoints::list_checkpoints)
                .post(api::save_checkpoint::save_checkpoint),
        )
        .route(
            "/api/conversations/{id}/branches",
            get(api::list_branches::list_branches),
        )
        .route(
            "/api/conversations/{id}/branch",
            put(api::switch_branch::switch_branch),
        )
        .route(
            "/api/checkpoints/{id}",
            get(api::show_checkpoint::show_checkpoint)
                .delete(api::delete_checkpoint::delete_checkpoint),
        )
        .route(
            "/api/checkpoints/{id}/difference",
            get(api::compare_checkpoint::compare_checkpoint),
        )
        .route(
            "/api/checkpoints/{id}/restore",
            post(api::restore_checkpoint::restore_checkpoint),
        )
        .route("/api/assets/{id}", get(api::get_asset::get_asset))
        .route("/preview", get(preview::preview))
        .route(
            "/api/plugins",
            get(api::list_plugins::list_plugins).post(api::install_plugin::install_plugin),
        )
        .route(
            "/api/plugins/{id}",
            get(api::inspect_plugin::inspect_plugin).delete(api::remove_plugin::remove_plugin),
        )
        .route(
            "/api/mcp-servers",
            post(api::add_mcp_server::add_mcp_server),
        )
        .route(
            "/api/plugins/{id}/bindings",
            get(api::plugin_history::plugin_history),
        )
        .route(
            "/api/plugins/{id}/requests",
            post(api::request_grant::request_grant),
        )
        .route(
            "/api/plugins/{id}/requests/decline",
            post(api::decline_request::decline_request),
        )
        .route(
            "/api/plugins/{id}/policy",
            post(api::read_policy::read_policy),
        )
        .route(
            "/api/plugins/{id}/learn",
            post(api::learn_policy::learn_policy),
        )
        .route(
            "/api/principals",
            get(api::list_principals::list_principals),
        )
        .route("/api/requests", get(api::list_requests::list_requests))
        .route(
            "/api/policy/ceiling",
            get(api::get_ceiling::get_ceiling)
                .put(api::set_ceiling::set_ceiling)
                .delete(api::clear_ceiling::clear_ceiling),
        )
        .route(
            "/api/policy/explain",
            post(api::explain_policy::explain_policy),
        )
        .route(
            "/api/bindings",
            get(api::list_bindings::list_bindings).post(api::create_binding::create_binding),
        )
        .route(
            "/api/secrets",
            get(api::list_secrets::list_secrets).post(api::set_secret::set_secret),
        )
        .route(
            "/api/secrets/{scope}/{name}",
            delete(api::remove_secret::remove_secret),
        )
        .route(
            "/api/bindings/{id}",
            delete(api::revoke_binding::revoke_binding),
        )
        .route("/api/approvals", get(api::list_approvals::list_approvals))
        .route(
            "/api/approvals/{id}",
            post(api::answer_approval::answer_approval),
        )
        .route("/api/quota", get(api::get_quota::get_quota))
        .route("/api/calls/{id}", get(api::get_call::get_call))
        .route(
            "/api/calls/{id}/passages/{number}",
            get(api::get_passage::get_passage),
        )
        .route(
            "/api/calls/{id}/replay",
            post(api::replay_call::replay_call),
        )
        .route("/api/audit", get(api::search_audit::search_audit))
        .route("/api/audit/verify", get(api::verify_audit::verify_audit))
        .fallback(assets::serve)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), origin::check_site))
        .layer(from_fn_with_state(Arc::clone(&app), origin::check_host))
        .layer(from_fn(render::problem_errors));

    let health = Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz));

    v1.merge(mcp)
        .merge(api)
        .merge(health)
        .layer(from_fn(headers::security_headers))
        .layer(from_fn(request_id::trace))
        .with_state(app)
}

async fn not_found(uri: http::Uri) -> error::ApiError {
    let path: String = uri.path().chars().take(128).collect();
    error::ApiError::NotFound(format!("there is nothing at {path}"))
}

async fn method_not_allowed() -> error::ApiError {
    error::ApiError::MethodNotAllowed
}
