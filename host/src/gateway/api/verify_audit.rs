//! `GET /api/audit/verify`.

use std::sync::Arc;

use alcove_api_types::{AuditChain, AuditGap};
use axum::extract::State;

use crate::app::App;
use crate::gateway::caller::Admin;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::store::log::Chain;

/// Every server's chain, and how far it holds.
pub(in crate::gateway) async fn verify_audit(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
) -> Result<Json<Vec<AuditChain>>, ApiError> {
    let chains = app.log.audit_chains().await?;
    Ok(Json(chains.into_iter().map(on_the_wire).collect()))
}

fn on_the_wire(chain: Chain) -> AuditChain {
    let Chain {
        writer,
        entries,
        last_hash,
        broken_at,
        gaps,
    } = chain;
    let gaps = gaps.into_iter().map(|gap| AuditGap {
        from: gap.from,
        to: gap.to,
        at_ms: gap.at_ms,
    });
    AuditChain {
        writer: writer.to_string(),
        entries,
        last_hash: hex::encode(last_hash),
        broken_at,
        gaps: gaps.collect(),
    }
}
