//! Tools: joins what is installed, what is proven of it, and what is granted; runs calls.
//!
//! A call runs under the union of a person's grants of the same component, under the ceiling of
//! their organisation; `alcove_policies::Authority` says how a union is made.

mod admit;
mod asked;
mod audit;
mod bindings;
mod call;
mod capabilities;
mod ceilings;
mod chain;
mod components;
mod consent;
mod embedded;
mod error;
mod first_party;
mod flow;
mod in_force;
mod kept;
mod learn;
mod leases;
mod live;
mod mcp_server;
mod offer;
mod outcome;
mod passages;
mod plugins;
mod policy_words;
mod quota;
mod replay;
mod request;
mod requests;
mod secret_values;
mod sessions;
mod standing;
mod upgrades;
mod urls;
mod workspace;

use std::sync::Arc;

use alcove_registry::ComponentStore;
use alcove_sandbox::Sandbox;

use crate::accounts::Principal;
use crate::assets::AssetStore;
use crate::inference::Models;
use crate::ledger::LedgerBook;
use crate::mcp_stdio::McpStdioServers;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::store::log::ItemLog;
use crate::workspaces::Workspaces;

pub use asked::{Asked, input_question, unanswered};
pub(crate) use call::unfit;
pub use consent::{Allowance, Consent, Question, Verdict, allowed_call};
pub use error::ToolsError;
pub use flow::Flow;
pub use kept::KeptCall;
pub use outcome::is_shown_image;
pub use plugins::absolute;
pub use request::{NOTE_TITLE, OfferedTool, PriorCall, ToolRequest, ToolResult};

use components::Inspections;
use leases::Leases;
use live::LiveSessions;
use standing::Standing;

/// What [`Tools`] stands on.
pub struct ToolsConfig {
    /// Bindings.
    pub store: Arc<dyn Store>,
    /// The audit log.
    pub log: ItemLog,
    /// What policies put into requests.
    pub secrets: Secrets,
    /// What is installed.
    pub components: ComponentStore,
    /// What runs it.
    pub sandbox: Sandbox,
    /// What tools make beside JSON.
    pub assets: AssetStore,
    /// The model that tools may ask.
    pub models: Models,
    /// Who used how much.
    pub ledger: LedgerBook,
    /// MCP servers that are processes.
    pub mcp_stdio: McpStdioServers,
    /// Where conversations keep files for their tools.
    pub workspaces: Workspaces,
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
    secrets: Secrets,
    components: ComponentStore,
    inspections: Inspections,
    sandbox: Sandbox,
    assets: AssetStore,
    models: Models,
    ledger: LedgerBook,
    mcp_stdio: McpStdioServers,
    workspaces: Workspaces,
    local: Principal,
    standing: Standing,
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
                secrets: config.secrets,
                inspections: Inspections::new(config.components.clone()),
                components: config.components,
                sandbox: config.sandbox,
                assets: config.assets,
                models: config.models,
                ledger: config.ledger,
                mcp_stdio: config.mcp_stdio,
                workspaces: config.workspaces,
                local: config.local,
                standing: Standing::default(),
                leases: Leases::default(),
                live: LiveSessions::new(config.max_sessions),
            }),
        }
    }

    /// How many leases on grants are held now: by a call one, and one more for each call that it
    /// stands under.
    pub fn leases_held(&self) -> u32 {
        self.inner.leases.held()
    }

    /// Drops the live sessions of everybody: the next call of each makes its instance anew, with
    /// the secrets that are set then.
    pub async fn forget_sessions(&self) {
        self.shut_down().await;
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
