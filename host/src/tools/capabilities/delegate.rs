//! `alcove:delegate`: a call of another tool, on the same path as every other call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use alcove_api_types::{Label, ToolOutcome};
use alcove_core::ids::ItemId;
use alcove_sandbox::{CapabilityError, Delegate, Delegated, Failure, Progress};
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CallAccount, HostThreads};
use crate::tools::admit::{how_to_grant, not_granted};
use crate::tools::chain::Chain;
use crate::tools::outcome::part_of;
use crate::tools::{Consent, ToolRequest, ToolResult, Tools};

/// How many calls of other tools one call makes at most.
const MAX_CALLS: u32 = 64;

/// The other tools, as one call may call them.
pub(super) struct OtherTools {
    pub(super) host: HostThreads,
    pub(super) tools: Tools,
    /// The call that calls.
    pub(super) caller: ToolRequest,
    pub(super) chain: Chain,
    /// How deep the caller's policy lets its calls go.
    pub(super) depth: u32,
    /// What the caller's own results count as.
    pub(super) label: Label,
    pub(super) account: Arc<CallAccount>,
    pub(super) cancel: CancellationToken,
    pub(super) progress: mpsc::Sender<Progress>,
    pub(super) made: AtomicU32,
}

#[async_trait]
impl Delegate for OtherTools {
    async fn call(&self, tool: &str, arguments: &str) -> Result<Delegated, CapabilityError> {
        // The sandbox has found it in the policy, so it is of this form.
        let (plugin, name) = tool.split_once(':').unwrap_or((tool, ""));
        let chain = self
            .chain
            .then(&self.caller.tool, self.depth, plugin, name)?;
        if self.made.fetch_add(1, Ordering::Relaxed) >= MAX_CALLS {
            return Err(CapabilityError::limit(
                "delegate-calls",
                format!("{MAX_CALLS} calls of other tools"),
            ));
        }
        let arguments = serde_json::from_str(arguments).map_err(|error| {
            CapabilityError::Invalid(format!("the arguments are not JSON: {error}"))
        })?;
        let request = self.request(plugin, name, arguments).await?;
        // The call goes on to its end by itself, so that it is written down however this ends.
        let stop = self.cancel.child_token();
        let _stop_on_drop = stop.clone().drop_guard();
        let (tools, progress) = (self.tools.clone(), self.progress.clone());
        let call = self
            .host
            .spawn(async move { tools.call_within(request, chain, stop, progress).await });
        let result = call.await.map_err(|error| {
            tracing::error!(%error, "a delegated call failed in the host");
            CapabilityError::Unavailable("the host could not make the call".to_owned())
        })?;
        self.account.add_child(&result);
        Ok(delegated(result))
    }
}

impl OtherTools {
    /// The call, if the person may use the tool.
    async fn request(
        &self,
        plugin: &str,
        name: &str,
        arguments: serde_json::Value,
    ) -> Result<ToolRequest, CapabilityError> {
        let (tools, principal) = (self.tools.clone(), self.caller.principal.clone());
        let offered = self.host.run(async move {
            tools.offered(&principal).await.map_err(|error| {
                tracing::error!(%error, "the tools of a person could not be listed");
                CapabilityError::Unavailable("the host could not look for the tool".to_owned())
            })
        });
        let found = offered
            .await?
            .iter()
            .find(|offered| offered.plugin == plugin && offered.tool == name)
            .cloned();
        let principal = &self.caller.principal;
        let tool = found.ok_or_else(|| CapabilityError::Denied {
            detail: format!(
                "{} may call {plugin}:{name}, but {} or has no such tool. {}",
                self.caller.tool.plugin,
                not_granted(principal, plugin),
                how_to_grant(principal, plugin)
            ),
            grant: String::new(),
        })?;
        // Nobody is asked about a call that a tool makes; what leaves by it is watched as what
        // leaves by the caller, and the caller may hand on whatever it read.
        let mut flow = self.caller.consent.flow.clone();
        flow.held(self.account.label(self.label));
        Ok(ToolRequest {
            principal: self.caller.principal.clone(),
            place: self.caller.place,
            item: ItemId::generate(),
            prior: Vec::new(),
            tool,
            arguments,
            consent: Consent {
                flow,
                ..Consent::default()
            },
        })
    }
}

fn delegated(result: ToolResult) -> Delegated {
    match result.outcome {
        ToolOutcome::Ok => Delegated::Ok(result.output.into_iter().map(part_of).collect()),
        ToolOutcome::Failed { failure, message } => Delegated::Failed(Failure {
            kind: failure,
            message,
            retry_after_ms: None,
        }),
        ToolOutcome::Denied { message, .. } => Delegated::Denied(message),
        ToolOutcome::Limit { limit, message } => Delegated::Limit(limit, message),
        ToolOutcome::Trapped { message } => Delegated::Trapped(message),
    }
}
