//! The plugins that come with the program.

use alcove_core::ids::BindingId;
use alcove_policies::SET_UP_FIRST;
use alcove_registry::Installed;

use crate::store::{NewBinding, Subject, now_ms};

use super::bindings::{FIRST_PARTY_REASON, default_policy};
use super::embedded::COMPONENTS;
use super::plugins::FIRST_PARTY_PUBLISHER;
use super::upgrades::Strictness;
use super::{Tools, ToolsError};

impl Tools {
    /// Installs the plugins that are built into this program. One that comes for the first time
    /// is granted to everyone under its default policy; one that was there keeps its grants.
    pub async fn install_first_party(&self) -> Result<(), ToolsError> {
        if COMPONENTS.is_empty() {
            tracing::warn!(
                "this program was built without plugins, so no tool is offered: `cargo xtask build` builds them"
            );
        }
        for (file, bytes) in COMPONENTS {
            let components = self.inner.components.clone();
            let before: Vec<Installed> = {
                let components = components.clone();
                self.blocking(move || components.list()).await?
            };
            let installed = self
                .blocking(move || components.install_bytes(bytes, FIRST_PARTY_PUBLISHER))
                .await??;
            match before.iter().find(|known| known.id == installed.id) {
                Some(known) if known.digest == installed.digest => {}
                Some(_) => {
                    tracing::info!(plugin = installed.id, digest = installed.digest, "upgraded");
                    self.move_bindings(&installed, Strictness::SameAuthority)
                        .await?;
                }
                None => tracing::info!(plugin = installed.id, file, "installed"),
            }
            self.grant_once(&installed).await?;
        }
        Ok(())
    }

    /// Grants a first-party plugin to everyone, once in the life of the database: what an admin
    /// revoked stays revoked.
    async fn grant_once(&self, installed: &Installed) -> Result<(), ToolsError> {
        if SET_UP_FIRST.contains(&installed.id.as_str()) {
            return Ok(());
        }
        let Some(policy) = default_policy(&installed.id) else {
            tracing::warn!(
                plugin = installed.id,
                "has no default policy and is not granted"
            );
            return Ok(());
        };
        let name = format!("first-party-grant:{}", installed.id);
        if self.inner.store.setting(&name).await?.is_some() {
            return Ok(());
        }
        // The grant first, the mark second: a crash between them leaves a grant that is found here.
        if self.rows_of(&installed.id).await?.is_empty() {
            self.inner
                .store
                .insert_binding(&NewBinding {
                    id: BindingId::generate(),
                    organisation: self.inner.local.organisation,
                    plugin: installed.id.clone(),
                    digest: installed.digest.clone(),
                    subject: Subject::Everyone,
                    policy: policy.to_owned(),
                    author: self.inner.local.user,
                    reason: FIRST_PARTY_REASON.to_owned(),
                    now_ms: now_ms(),
                    version: 1,
                    expires_at_ms: None,
                })
                .await?;
            self.inner.standing.changed();
        }
        self.inner.store.set_setting_once(&name, b"1").await?;
        Ok(())
    }
}
