//! What there is at a place now.

use std::collections::BTreeSet;

use alcove_core::checkpoint::{Component, FileState, Grant, LastResponse, ModelState, State};
use alcove_core::ids::{AssetId, ConversationId, ResponseId};
use alcove_core::item::{Item, Payload};

use super::{CheckpointError, Checkpoints};
use crate::accounts::Principal;
use crate::store::log::{At, LogError};

impl Checkpoints {
    /// What is known at a place, with the items of its path. The files are given: whoever saves
    /// them has read them already.
    pub(super) async fn capture(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        at: At,
        files: Vec<FileState>,
    ) -> Result<(State, Vec<Item>), CheckpointError> {
        let path = self.log.path_with_head(principal, conversation, at).await?;
        let last = path.items.last().and_then(|item| item.response);
        let response = match last {
            Some(id) => self.last_response(principal, id).await?,
            None => None,
        };
        let state = State {
            head: path.head,
            model: self.model(response.as_ref()).await,
            response,
            components: components(&path.items),
            grants: self.grants(principal).await?,
            assets: assets(&path.items),
            files,
        };
        Ok((state, path.items))
    }

    async fn last_response(
        &self,
        principal: &Principal,
        id: ResponseId,
    ) -> Result<Option<LastResponse>, CheckpointError> {
        match self.log.response(principal, id).await {
            Ok(stored) => Ok(Some(LastResponse {
                id,
                model: stored.model,
                request: stored.request,
            })),
            Err(LogError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The model that answered, where it still does; else the one that would.
    async fn model(&self, response: Option<&LastResponse>) -> ModelState {
        let named = response.and_then(|response| self.models.named(&response.model));
        let inference = match named {
            Some((_, inference)) => inference,
            None => self.models.general(),
        };
        ModelState {
            id: inference.model_id(),
            digest: inference.file_digest().await,
            context_tokens: inference.model().ok().map(|model| model.context_tokens()),
        }
    }

    async fn grants(&self, principal: &Principal) -> Result<BTreeSet<Grant>, CheckpointError> {
        let offered = self.tools.offered(principal).await?;
        let grants = offered.iter().map(|tool| Grant {
            plugin: tool.plugin.clone(),
            digest: tool.digest.clone(),
            grant: tool.grant.clone(),
        });
        Ok(grants.collect())
    }
}

fn components(items: &[Item]) -> BTreeSet<Component> {
    let calls = items.iter().filter_map(|item| match &item.payload {
        Payload::ToolCall(call) => Some(call),
        Payload::Message { .. } => None,
    });
    calls
        .map(|call| Component {
            plugin: call.plugin.clone(),
            digest: call.digest.clone(),
        })
        .collect()
}

fn assets(items: &[Item]) -> BTreeSet<AssetId> {
    let parts = items.iter().flat_map(|item| match &item.payload {
        Payload::ToolCall(call) => call.output.as_slice(),
        Payload::Message { .. } => &[],
    });
    parts
        .filter(|part| part.kind == "asset")
        .filter_map(|part| part.value.parse().ok())
        .collect()
}
