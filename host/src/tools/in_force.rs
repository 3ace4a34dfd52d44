//! What is in force for a person: for each plugin the union of their grants, under the ceiling.

use std::sync::Arc;
use std::time::Duration;

use alcove_core::ids::BindingId;
use alcove_policies::{Authority, Ceiling, Source};

use crate::accounts::Principal;
use crate::store::now_ms;

use super::bindings::Bound;
use super::{Tools, ToolsError};

/// The grants of one plugin that a call of a person runs under together.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    pub(super) plugin: String,
    pub(super) digest: String,
    /// The most specific first.
    pub(super) bindings: Vec<BindingId>,
    pub(super) authority: Arc<Authority>,
    /// When the first of them expires.
    expires_at_ms: Option<i64>,
}

impl InForce {
    /// The bindings as one name: what a person's yes is bound to.
    pub(super) fn grant(&self) -> String {
        let ids: Vec<String> = self.bindings.iter().map(ToString::to_string).collect();
        ids.join(",")
    }

    /// How long it holds.
    pub(super) fn expires_in(&self) -> Option<Duration> {
        self.expires_at_ms
            .map(|at| Duration::from_millis(u64::try_from(at - now_ms()).unwrap_or(0)))
    }
}

impl Tools {
    /// What a person may use: one entry a plugin.
    pub(super) async fn in_force(&self, principal: &Principal) -> Result<Vec<InForce>, ToolsError> {
        let bounds = self.bounds_for(principal).await?;
        let ceiling = self.ceiling_in_force(principal.organisation).await?;
        let mut plugins: Vec<&str> = bounds.iter().map(|bound| bound.plugin.as_str()).collect();
        plugins.sort_unstable();
        plugins.dedup();
        Ok(plugins
            .into_iter()
            .filter_map(|plugin| join(plugin, &bounds, ceiling.as_ref()))
            .collect())
    }

    /// The same for one plugin.
    pub(super) async fn in_force_of(
        &self,
        principal: &Principal,
        plugin: &str,
    ) -> Result<Option<InForce>, ToolsError> {
        let bounds = self.bounds_for(principal).await?;
        let ceiling = self.ceiling_in_force(principal.organisation).await?;
        Ok(join(plugin, &bounds, ceiling.as_ref()))
    }
}

/// Joins the grants of a plugin that are for the same component as the most specific one; the
/// others are for a version that is not the one in use. `None` where the ceiling denies the plugin.
fn join(plugin: &str, bounds: &[Bound], ceiling: Option<&Arc<Ceiling>>) -> Option<InForce> {
    let first = bounds.iter().find(|bound| bound.plugin == plugin)?;
    let joined: Vec<&Bound> = bounds
        .iter()
        .filter(|bound| bound.plugin == plugin && bound.digest == first.digest)
        .collect();
    let sources = joined
        .iter()
        .map(|bound| Source {
            name: Arc::from(bound.id.to_string()),
            rank: bound.rank,
            policy: Arc::clone(&bound.policy),
        })
        .collect();
    let authority = match Authority::join(plugin, sources, ceiling.cloned()) {
        Ok(authority) => authority,
        Err(denial) => {
            tracing::debug!(plugin, denial = denial.detail, "is not offered");
            return None;
        }
    };
    Some(InForce {
        plugin: plugin.to_owned(),
        digest: first.digest.clone(),
        bindings: joined.iter().map(|bound| bound.id).collect(),
        authority: Arc::new(authority),
        expires_at_ms: joined.iter().filter_map(|bound| bound.expires_at_ms).min(),
    })
}
