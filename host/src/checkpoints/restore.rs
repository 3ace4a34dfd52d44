//! Going back: a new branch at the saved head, with the saved files.

use std::collections::BTreeSet;

use alcove_core::checkpoint::{Drift, Manifest};
use alcove_core::ids::{AssetId, BranchId};

use super::{CheckpointError, Checkpoints, Restored};
use crate::accounts::Principal;
use crate::store::log::{At, Checkpoint};
use crate::workspaces::Place;

impl Checkpoints {
    /// What a checkpoint holds, and what is not as it was.
    pub async fn show(
        &self,
        principal: &Principal,
        checkpoint: &Checkpoint,
    ) -> Result<(Manifest, Vec<Drift>), CheckpointError> {
        let manifest = self.log.manifest(principal, checkpoint.id).await??;
        if manifest.state.hash()? != checkpoint.label.hash {
            return Err(CheckpointError::Damaged(
                "its content is not what was saved",
            ));
        }
        let drift = self.drift(principal, &manifest).await?;
        Ok((manifest, drift))
    }

    /// Opens a new branch where a checkpoint was saved, and makes it the one that the conversation
    /// goes on with.
    pub async fn restore(
        &self,
        principal: &Principal,
        checkpoint: Checkpoint,
    ) -> Result<Restored, CheckpointError> {
        let (manifest, drift) = self.show(principal, &checkpoint).await?;
        let place = Place {
            conversation: checkpoint.conversation,
            branch: BranchId::generate(),
        };
        self.unpack(principal, &manifest, place.branch).await?;
        let head = manifest.state.head.map(|head| head.item);
        let forked = self
            .log
            .fork(principal, place.conversation, place.branch, head)
            .await;
        if let Err(error) = forked {
            self.remove_files(place.branch).await;
            return Err(error.into());
        }
        self.log
            .switch(principal, place.conversation, place.branch)
            .await?;
        self.write_down("checkpoint_restore", principal, &checkpoint)
            .await?;
        Ok(Restored {
            checkpoint,
            place,
            drift,
        })
    }

    /// What differs now from what was saved. That the path is the saved one is not drift: where it
    /// is not, the store is damaged.
    async fn drift(
        &self,
        principal: &Principal,
        manifest: &Manifest,
    ) -> Result<Vec<Drift>, CheckpointError> {
        let saved = &manifest.state;
        let at = match &saved.head {
            Some(head) => At::Item(head.item),
            None => At::Branch(manifest.branch),
        };
        let (mut now, _) = self
            .capture(principal, manifest.conversation, at, saved.files.clone())
            .await?;
        if saved.head.is_none() {
            // The branch was empty then; what came since is no part of it.
            now.head = None;
        }
        let hash = |head: &Option<alcove_core::checkpoint::Head>| {
            head.as_ref().map(|head| head.hash.clone())
        };
        if hash(&now.head) != hash(&saved.head) {
            return Err(CheckpointError::Damaged(
                "its messages are not what was saved",
            ));
        }
        let kept = self.kept(principal, &saved.assets).await?;
        let installed = |component: &alcove_core::checkpoint::Component| {
            self.tools.has_component(&component.digest)
        };
        Ok(saved.drift(&now, installed, |asset| kept.contains(asset)))
    }

    async fn kept(
        &self,
        principal: &Principal,
        assets: &BTreeSet<AssetId>,
    ) -> Result<BTreeSet<AssetId>, CheckpointError> {
        let mut kept = BTreeSet::new();
        for asset in assets {
            if self.assets.find(principal, *asset).await?.is_some() {
                kept.insert(*asset);
            }
        }
        Ok(kept)
    }
}
