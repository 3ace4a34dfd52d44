//! Tools: joins what is installed, what is proven of it, and what is granted; runs calls.
//!
//! A call runs under the union of a person's grants of the same component, under the ceiling of
//! their organisation; `alcove_policies::Authority` says how a union is made.

mod audit;
mod bindings;
mod call;
mod ceilings;
mod components;
mod consent;
mod embedded;
mod error;
mod first_party;
mod flow;
mod in_force;
mod learn;
mod leases;
mod live;
mod offer;
mod outcome;
mod plugins;
mod request;
mod sessions;
mod upgrades;
mod urls;
mod workspace;

use std::path::PathBuf;
use std::sync::Arc;

use alcove_registry::ComponentStore;
use alcove_sandbox::Sandbox;

use crate::accounts::Principal;
use crate::store::Store;
use crate::store::log::ItemLog;

pub use consent::{Allowance, Consent, Question, Verdict, allowed_call};
pub use error::ToolsError;
pub use flow::Flow;
pub use plugins::absolute;
pub use request::{NOTE_TITLE, OfferedTool, PriorCall, ToolRequest, ToolResult};

use components::Inspections;
use leases::Leases;
use live::LiveSessions;

/// What [`Tools`] stands on.
pub struct ToolsConfig {
    /// Bindings.
    pub store: Arc<dyn Store>,
    /// The audit log.
    pub log: ItemLog,
    /// What is installed.
    pub components: ComponentStore,
    /// What runs it.
    pub sandbox: Sandbox,
    /// Where conversations keep files for their tools: `<data>/workspaces`.
    pub workspaces: PathBuf,
    /// How many session instances are kept alive between calls. Fewer than the sandbox has
    /// instances, or nothing else could run.
    pub max_sessions: usize,
    /// The local user: whose organisation the bindings are in, and who stands as the author of
    /// what comes with the program.
    pub local: Principal,
}

/// A cheap handle.
#[derive(Clone)]
pub struct Tools {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    log: ItemLog,
    components: ComponentStore,
    inspections: Inspections,
    sandbox: Sandbox,
    workspaces: PathBuf,
    local: Principal,
    leases: Leases,
    live: LiveSessions,
}

impl Tools {
    /// Joins the parts. [`Tools::install_first_party`] comes next.
    pub fn new(config: ToolsConfig) -> Tools {
        Tools {
            inner: Arc::new(Inner {
                store: config.store,
                log: config.log,
                inspections: Inspections::new(config.components.clone()),
                components: config.components,
                sandbox: config.sandbox,
                workspaces: config.workspaces,
                local: config.local,
                leases: Leases::default(),
                live: LiveSessions::new(config.max_sessions),
            }),
        }
    }

    /// Drops the live sessions. Running calls are ended by whoever started them.
    pub async fn shut_down(&self) {
        let tools = self.clone();
        // Giving memory back takes its time.
        if self
            .blocking(move || tools.inner.live.clear())
            .await
            .is_err()
        {
            tracing::warn!("the live sessions could not be dropped");
        }
    }
}
