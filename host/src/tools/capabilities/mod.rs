//! What a call finds behind the interfaces of ours: one file each, implementing the sandbox's trait.
//!
//! A call gets only what its policy grants, made for this call alone: whose it is, under which
//! quota, what it has used so far.

mod account;
mod assets;
mod delegate;
mod host_threads;
mod inference;
mod state;
mod svg;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use alcove_policies::Authority;
use alcove_sandbox::{Capabilities, CapabilityError, Progress};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::chain::Chain;
use super::flow::label;
use super::{ToolRequest, Tools};
use crate::store::log::LogError;
use assets::{AssetsOfCall, Own, named_in};
use delegate::OtherTools;
use host_threads::HostThreads;
use inference::ModelOfCall;
use state::StateOfUser;

pub(super) use account::CallAccount;

/// A call that is about to run, as its capabilities need it.
pub(super) struct CallContext<'a> {
    pub(super) request: &'a ToolRequest,
    pub(super) chain: &'a Chain,
    pub(super) account: &'a Arc<CallAccount>,
    pub(super) cancel: &'a CancellationToken,
    pub(super) progress: &'a mpsc::Sender<Progress>,
}

impl Tools {
    /// The capabilities of one call under a policy.
    pub(super) fn capabilities(&self, call: &CallContext<'_>, policy: &Authority) -> Capabilities {
        let host = HostThreads::of_this_task();
        let request = call.request;
        let state = policy.state().map(|grant| {
            Arc::new(StateOfUser {
                host: host.clone(),
                log: self.inner.log.clone(),
                principal: request.principal.clone(),
                plugin: request.tool.plugin.clone(),
                quota_bytes: grant.quota_bytes,
                account: Arc::clone(call.account),
            }) as _
        });
        let assets = policy.assets().map(|grant| {
            Arc::new(AssetsOfCall {
                own: Arc::new(Own {
                    host: host.clone(),
                    store: self.inner.assets.clone(),
                    workspaces: self.inner.workspaces.clone(),
                    principal: request.principal.clone(),
                    place: request.place,
                    plugin: request.tool.plugin.clone(),
                    quota_bytes: grant.quota_bytes,
                    account: Arc::clone(call.account),
                }),
                named: named_in(&request.arguments, policy),
            }) as _
        });
        let delegate = policy.delegate().map(|grant| {
            Arc::new(OtherTools {
                host: host.clone(),
                tools: self.clone(),
                caller: request.clone(),
                chain: call.chain.clone(),
                depth: grant.depth,
                label: label(policy),
                account: Arc::clone(call.account),
                cancel: call.cancel.clone(),
                progress: call.progress.clone(),
                made: AtomicU32::new(0),
            }) as _
        });
        let inference = policy.inference().map(|grant| {
            Arc::new(ModelOfCall {
                host,
                models: self.inner.models.clone(),
                ledger: self.inner.ledger.clone(),
                log: self.inner.log.clone(),
                principal: request.principal.clone(),
                plugin: request.tool.plugin.clone(),
                tokens_per_call: grant.tokens_per_call.into(),
                tokens_per_day: grant.tokens_per_day.into(),
                used: Arc::new(AtomicU64::new(0)),
            }) as _
        });
        Capabilities {
            state,
            assets,
            inference,
            delegate,
        }
    }
}

/// The log's trouble, in words for a guest; the rest is in the server's log.
fn trouble(error: &LogError) -> CapabilityError {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a capability could not reach its store"
    );
    CapabilityError::Unavailable("the host's store could not be used; try again".to_owned())
}
