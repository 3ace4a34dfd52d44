//! What a run needs of tools: small enough that tests script them.

use std::collections::HashSet;
use std::sync::Arc;

use alcove_core::ids::BranchId;
use alcove_sandbox::Progress;
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::InternalError;
use crate::{
    accounts::Principal,
    tools::{OfferedTool, ToolRequest, ToolResult, Tools, Verdict},
    workspaces::Place,
};

/// Tools that a run may call.
#[async_trait]
pub trait Toolbox: Send + Sync + 'static {
    /// What this person may use, in a stable order and with unique names.
    async fn offered(&self, principal: &Principal) -> Result<Vec<OfferedTool>, InternalError>;

    /// Those ends of paths with which a file of the conversation's ends.
    async fn has_file(&self, place: Place, ends: Vec<String>) -> HashSet<String>;

    /// Gives a new branch the files of the one that it leaves.
    async fn fork_files(&self, from: Place, to: BranchId) -> Result<(), InternalError>;

    /// Whether a call may run without asking.
    async fn verdict(&self, request: &ToolRequest) -> Verdict;

    /// Runs a call to its end, which comes soon after `cancel`.
    async fn call(
        &self,
        request: ToolRequest,
        cancel: CancellationToken,
        progress: mpsc::Sender<Progress>,
    ) -> ToolResult;
}

#[async_trait]
impl Toolbox for Tools {
    async fn offered(&self, principal: &Principal) -> Result<Vec<OfferedTool>, InternalError> {
        Tools::offered(self, principal)
            .await
            .map(|offered| offered.to_vec())
            .map_err(|error| Arc::new(error) as InternalError)
    }

    async fn has_file(&self, place: Place, ends: Vec<String>) -> HashSet<String> {
        Tools::has_file(self, place, ends).await
    }

    async fn fork_files(&self, from: Place, to: BranchId) -> Result<(), InternalError> {
        let forked = Tools::fork_files(self, from, to).await;
        forked.map_err(|error| Arc::new(error) as InternalError)
    }

    async fn verdict(&self, request: &ToolRequest) -> Verdict {
        Tools::verdict(self, request).await
    }

    async fn call(
        &self,
        request: ToolRequest,
        cancel: CancellationToken,
        progress: mpsc::Sender<Progress>,
    ) -> ToolResult {
        Tools::call(self, request, cancel, progress).await
    }
}
