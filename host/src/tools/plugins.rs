//! Installing, listing, inspecting and removing plugins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_api_types::{Plugin, PluginTool};
use alcove_policies::{Authority, Policy, Source};
use alcove_registry::{InstallError, Installed};

use super::upgrades::Strictness;
use super::{Tools, ToolsError};

/// Who publishes what is installed from a path: nothing is inherited from a name in a manifest.
const LOCAL_PUBLISHER: &str = "local";
/// Who publishes what comes with the program.
pub(super) const FIRST_PARTY_PUBLISHER: &str = "alcove";

impl Tools {
    /// Installs a component from a file or a folder. Nothing is granted. A grant of an earlier
    /// version moves on only if the new one asks for no more and describes itself the same.
    /// A component that has typed exports and no manifest is installed only where the one that is
    /// made from its types is accepted.
    pub async fn install(&self, path: &Path, accept_generated: bool) -> Result<Plugin, ToolsError> {
        let components = self.inner.components.clone();
        let from = path.to_owned();
        let installed = self
            .blocking(move || components.install_accepted(&from, LOCAL_PUBLISHER, accept_generated))
            .await??;
        tracing::info!(
            plugin = installed.id,
            digest = installed.digest,
            "installed"
        );
        self.move_bindings(&installed, Strictness::SameDescription)
            .await?;
        self.describe(&installed).await
    }

    /// Every installed plugin.
    pub async fn list(&self) -> Result<Vec<Plugin>, ToolsError> {
        let mut plugins = Vec::new();
        for installed in self.all_installed().await? {
            plugins.push(self.describe(&installed).await?);
        }
        Ok(plugins)
    }

    /// One plugin.
    pub async fn inspect(&self, id: &str) -> Result<Plugin, ToolsError> {
        let installed = self.installed(id).await?;
        self.describe(&installed).await
    }

    /// Removes a plugin. One that is granted is not removed: revoking stops what runs, and says
    /// so; removing should not do that on the side. What comes with the program stays.
    pub async fn remove(&self, id: &str) -> Result<(), ToolsError> {
        let installed = self.installed(id).await?;
        if installed
            .id
            .starts_with(&format!("{FIRST_PARTY_PUBLISHER}/"))
        {
            return Err(ToolsError::Conflict {
                message: format!(
                    "{id} is part of Alcove and is not removed; `alcove revoke {id}` takes it from everybody"
                ),
            });
        }
        let holders: Vec<String> = self
            .rows_of(id)
            .await?
            .iter()
            .map(crate::store::BindingRow::principal)
            .collect();
        if !holders.is_empty() {
            return Err(ToolsError::Conflict {
                message: format!(
                    "{id} is granted to {}: first `alcove revoke {id}`",
                    holders.join(", ")
                ),
            });
        }
        let (components, id) = (self.inner.components.clone(), installed.id.clone());
        self.blocking(move || components.remove(&id))
            .await?
            .map_err(InstallError::from)?;
        tracing::info!(plugin = installed.id, digest = installed.digest, "removed");
        Ok(())
    }

    /// A plugin by its identity.
    pub(super) async fn installed(&self, id: &str) -> Result<Installed, ToolsError> {
        let (components, wanted) = (self.inner.components.clone(), id.to_owned());
        let found = self.blocking(move || components.get(&wanted)).await?;
        found.ok_or_else(|| ToolsError::NotFound {
            what: format!(
                "there is no plugin `{id}`: `alcove plugin list` shows what is installed"
            ),
        })
    }

    /// Whether there is such a plugin.
    pub async fn is_installed(&self, id: &str) -> Result<bool, ToolsError> {
        match self.installed(id).await {
            Ok(_) => Ok(true),
            Err(ToolsError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn all_installed(&self) -> Result<Vec<Installed>, ToolsError> {
        let components = self.inner.components.clone();
        self.blocking(move || components.list()).await
    }

    pub(super) async fn describe(&self, installed: &Installed) -> Result<Plugin, ToolsError> {
        let inspection = self.inner.inspections.of(&installed.digest).await?;
        // The badges of a plugin that is not granted say what holds without a grant; those of one
        // that is, what the union of all its grants opens.
        let rows = self.rows_of(&installed.id).await?;
        let sources: Vec<Source> = rows
            .iter()
            .filter_map(|row| Policy::parse(&row.policy).ok())
            .map(|policy| Source {
                name: Arc::from(""),
                rank: 0,
                policy: Arc::new(policy),
            })
            .collect();
        let ceiling = self.ceiling_in_force(self.inner.local.organisation).await?;
        let policy = Authority::join(&installed.id, sources, ceiling).ok();
        Ok(Plugin {
            id: installed.id.clone(),
            version: installed.manifest.version.to_string(),
            digest: installed.digest.clone(),
            size_bytes: installed.size_bytes,
            tools: installed
                .manifest
                .tools
                .iter()
                .map(|tool| PluginTool {
                    name: tool.name.clone(),
                    title: tool.title.clone(),
                    description: tool.description.clone(),
                    input: tool.input.clone(),
                    output: tool.output.clone(),
                    effects: tool.effects.clone(),
                })
                .collect(),
            badges: self.badges(&installed.id, &inspection, policy.as_ref()),
            imports: inspection
                .imports
                .iter()
                .map(|import| import.name.clone())
                .collect(),
            requests: installed.manifest.requests.clone(),
            is_generated: self.inner.components.generated(&installed.digest).is_some(),
            allowed: None,
        })
    }

    /// Deletes components that neither an installed plugin nor a grant names any more. Where that
    /// fails they lie there until the next time.
    pub(super) async fn prune(&self) {
        match self.try_prune().await {
            Ok(0) => {}
            Ok(freed) => tracing::info!(freed_bytes = freed, "unused components are deleted"),
            Err(error) => tracing::warn!(%error, "unused components could not be deleted"),
        }
    }

    async fn try_prune(&self) -> Result<u64, ToolsError> {
        let organisation = self.inner.local.organisation;
        let rows = self.inner.store.bindings(organisation).await?;
        let in_use: Vec<String> = rows.into_iter().map(|row| row.digest).collect();
        let components = self.inner.components.clone();
        self.blocking(move || components.prune(&in_use))
            .await?
            .map_err(|error| InstallError::from(error).into())
    }

    /// Runs what reads or writes many files away from the async threads.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ToolsError> {
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| ToolsError::Components(error.to_string()))
    }
}

/// Where a file that is named on the server lies; relative paths have no meaning there.
pub fn absolute(path: &str) -> Result<PathBuf, ToolsError> {
    let path = PathBuf::from(path);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(ToolsError::Invalid {
            param: "path",
            message: format!("{} is not an absolute path on the server", path.display()),
        })
    }
}
