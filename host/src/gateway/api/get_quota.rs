//! `GET /api/quota`.

use std::sync::Arc;

use alcove_api_types::{QuotaShare, QuotaShares, QuotaUse};
use axum::extract::State;
use serde::Deserialize;

use crate::accounts::Principal;
use crate::app::App;
use crate::gateway::caller::Caller;
use crate::gateway::error::ApiError;
use crate::gateway::json::Json;
use crate::gateway::query::Query;
use crate::ledger::{Kind, LedgerBook, LedgerError, resets_at_ms};

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::gateway) struct Options {
    user: Option<String>,
}

/// What the caller has used today; an administrator may ask for anybody of the organisation.
pub(in crate::gateway) async fn get_quota(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Query(options): Query<Options>,
) -> Result<Json<QuotaUse>, ApiError> {
    let of = match options.user {
        Some(name) if name != caller.username => {
            if !caller.admin {
                return Err(ApiError::NotAdmin);
            }
            let found = app.accounts.principal_named(&name).await?;
            found.ok_or_else(|| ApiError::NotFound("there is no such user".to_owned()))?
        }
        Some(_) | None => caller,
    };
    let shares = async |kind| shares(&app.ledger, &of, kind).await;
    let found: Result<QuotaUse, LedgerError> = async {
        Ok(QuotaUse {
            tokens: shares(Kind::Tokens).await?,
            tool_cpu_ms: shares(Kind::ToolCpuMs).await?,
            tool_bytes: shares(Kind::ToolBytes).await?,
            resets_at_ms: resets_at_ms(),
            username: of.username.clone(),
        })
    }
    .await;
    found.map(Json).map_err(ApiError::internal)
}

async fn shares(
    ledger: &LedgerBook,
    of: &Principal,
    kind: Kind,
) -> Result<QuotaShares, LedgerError> {
    let [user, organisation] = ledger.accounts(of, kind);
    let share = async |(owner, limit)| {
        let balance = ledger.balance(&owner, kind).await?;
        Ok::<_, LedgerError>(QuotaShare {
            spent: u64::try_from(balance.spent).unwrap_or(0),
            held: u64::try_from(balance.reserved).unwrap_or(0),
            limit,
        })
    };
    Ok(QuotaShares {
        user: share(user).await?,
        organisation: share(organisation).await?,
    })
}
