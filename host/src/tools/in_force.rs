//! What is in force for a person: for each plugin the union of their grants, under the ceiling.

use std::sync::Arc;
use std::time::Duration;

use alcove_core::ids::{ApiKeyId, BindingId};
use alcove_policies::{Authority, Ceiling, Source};

use crate::accounts::KeyPolicies;
use crate::store::{BindingRow, CeilingRow, now_ms};

use super::ToolsError;
use super::bindings::Bound;
use super::ceilings::parse_ceiling;

/// The grants of one plugin that a call of a person runs under together.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) plugin: String,
    pub(super) digest: String,
    /// The most specific first.
    pub(super) bindings: Vec<BindingId>,
    pub(super) authority: Arc<Authority>,
    /// The version of the ceiling that is over it.
    ceiling: Option<i64>,
    /// When the first of them expires.
    expires_at_ms: Option<i64>,
    /// The API key that narrows it.
    pub(super) key: Option<ApiKeyId>,
}

impl InForce {
    /// The bindings as one name: what a person's yes is bound to.
    pub(super) fn grant(&self) -> String {
        let ids: Vec<String> = self.bindings.iter().map(ToString::to_string).collect();
        ids.join(",")
    }

    /// Whether it opens the same, given by the same grants.
    pub(super) fn is_same(&self, other: &InForce) -> bool {
        self.bindings == other.bindings && self.ceiling == other.ceiling
    }

    /// The same within the policies of a key; `None` where it has none for the plugin.
    fn narrowed(mut self, within: &KeyPolicies) -> Option<InForce> {
        let policy = within.of_plugin(&self.plugin)?;
        let whole = Arc::unwrap_or_clone(self.authority);
        self.authority = Arc::new(whole.attenuated(Arc::clone(within.name()), Arc::clone(policy)));
        self.key = Some(within.key());
        Some(self)
    }

    /// How long it holds.
    pub(super) fn expires_in(&self) -> Option<Duration> {
        self.expires_at_ms
            .map(|at| Duration::from_millis(u64::try_from(at - now_ms()).unwrap_or(0)))
    }
}

/// What these grants open under the ceiling and within the policies of a key: one entry a plugin.
pub(super) fn in_force(
    rows: &[BindingRow],
    ceiling: Option<&CeilingRow>,
    within: Option<&KeyPolicies>,
) -> Result<Vec<Arc<InForce>>, ToolsError> {
    let version = ceiling.map(|row| row.version);
    let ceiling = parse_ceiling(ceiling)?;
    let mut bounds: Vec<Bound> = rows.iter().filter_map(Bound::read).collect();
    bounds.sort_by(|one, other| {
        (other.rank, other.created_at_ms, other.id).cmp(&(one.rank, one.created_at_ms, one.id))
    });
    let mut plugins: Vec<&str> = bounds.iter().map(|bound| bound.plugin.as_str()).collect();
    plugins.sort_unstable();
    plugins.dedup();
    Ok(plugins
        .into_iter()
        .filter_map(|plugin| {
            let mut found = join(plugin, &bounds, ceiling.as_ref())?;
            found.ceiling = version;
            let found = match within {
                Some(within) => found.narrowed(within)?,
                None => found,
            };
            Some(Arc::new(found))
        })
        .collect())
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
        ceiling: None,
        key: None,
        expires_at_ms: joined.iter().filter_map(|bound| bound.expires_at_ms).min(),
    })
}
