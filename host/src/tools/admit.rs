//! Before a call runs: its grants, a lease on them, and everything that it runs on.

use std::convert::Infallible;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use alcove_api_types::ToolOutcome;
use alcove_policies::inspect::Inspection;
use alcove_sandbox::{CompileError, Component, Grant, LoadError, Outbound, Progress, Secrets};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::chain::Chain;
use super::consent::Verdict;
use super::flow::Leaving;
use super::in_force::InForce;
use super::leases::{EndsWithAny, Lease};
use super::outcome::PLUGIN;
use super::standing::HEARD_WITHIN;
use super::workspace::Mounts;
use super::{ToolRequest, Tools};
use crate::accounts::Principal;

/// How often a lease is taken anew where the grants changed at the same moment.
const MAX_LEASE_TRIES: usize = 4;
/// How long loading a component goes without a word.
const SILENT_LOAD: Duration = Duration::from_millis(300);

/// Everything that a call needs to run.
pub(super) struct Admitted {
    pub(super) lease: Lease,
    pub(super) in_force: Arc<InForce>,
    pub(super) inspection: Arc<Inspection>,
    pub(super) component: Component,
    pub(super) grant: Grant,
    /// What watches its requests.
    pub(super) outbound: Option<Arc<dyn Outbound>>,
    /// The leases of the calls that this one stands under.
    _callers: EndsWithAny,
    /// Folders that live only as long as the call.
    _mounts: Mounts,
}

impl Tools {
    /// Checks the grant and makes ready what the call runs on.
    pub(super) async fn admit(
        &self,
        request: &ToolRequest,
        chain: &Chain,
        progress: &mpsc::Sender<Progress>,
    ) -> Result<Admitted, ToolOutcome> {
        let tool = &request.tool;
        let (lease, found) = self.lease(request).await?;
        if self.inner.mcp_stdio.lacks(&tool.plugin) {
            return Err(refused(&format!(
                "the program of {} is not in the server's configuration file (`[[mcp_stdio]]`)",
                tool.plugin
            )));
        }
        let callers: Vec<Lease> = chain
            .bindings()
            .map(|bindings| self.inner.leases.acquire(bindings, None))
            .collect();
        match self.verdict_under(request, &found).await {
            Verdict::Free => {}
            Verdict::Ask(question) => return Err(question.denial(&request.consent)),
            Verdict::Refused(outcome) => return Err(outcome),
        }
        let broken = |what: &str, error: &dyn std::fmt::Display| {
            tracing::error!(plugin = tool.plugin, digest = tool.digest, %error, "{what}");
            ToolOutcome::Trapped {
                message: format!("{what}: see the server's log"),
            }
        };
        let inspection = self
            .inner
            .inspections
            .of(&tool.digest)
            .await
            .map_err(|error| broken("the component could not be read", &error))?;
        let path = self.inner.components.path_of(&tool.digest);
        let component =
            self.load(&path, &tool.digest, progress)
                .await
                .map_err(|error| match error {
                    LoadError::Compile(CompileError::Limit { name, allowed }) => {
                        ToolOutcome::Limit {
                            limit: name.to_owned(),
                            message: allowed,
                        }
                    }
                    error => broken("the component could not be loaded", &error),
                })?;
        let mounts = Mounts::prepare(&self.inner.workspaces, &found.authority, request.place)
            .map_err(|error| broken("the folders of the grant could not be opened", &error))?;
        let ends = EndsWithAny::of(&lease, callers);
        let secrets = self
            .secret_values(&request.principal, found.authority.secrets())
            .await
            .map_err(|why| refused(&why))?;
        Ok(Admitted {
            outbound: Leaving::of(request, &found.authority).watch(request),
            grant: grant(&found, ends.token(), &mounts, secrets),
            in_force: found,
            lease,
            _callers: ends,
            inspection,
            component,
            _mounts: mounts,
        })
    }

    /// What a call runs under, as it stands now, and the count of changes that this is good for.
    pub(super) async fn found(
        &self,
        request: &ToolRequest,
    ) -> Result<(Arc<InForce>, u64), ToolOutcome> {
        let tool = &request.tool;
        let (person, changes) = self.standing(&request.principal).await.map_err(|error| {
            tracing::error!(plugin = tool.plugin, %error, "a grant could not be checked");
            refused("the grant could not be checked: try again, and see the server's log")
        })?;
        let found = person
            .of(&tool.plugin)
            .filter(|found| found.digest == tool.digest && found.bindings.contains(&tool.binding));
        match found {
            Some(found) => Ok((Arc::clone(found), changes)),
            None => Err(refused(&format!(
                "{}, or was granted anew since. {}",
                not_granted(&request.principal, &tool.plugin),
                how_to_grant(&request.principal, &tool.plugin)
            ))),
        }
    }

    /// What the call runs under, with a lease on it.
    async fn lease(&self, request: &ToolRequest) -> Result<(Lease, Arc<InForce>), ToolOutcome> {
        for _ in 0..MAX_LEASE_TRIES {
            let (found, changes) = self.found(request).await?;
            let expires_in = found.expires_in();
            let lease = self.inner.leases.acquire(&found.bindings, expires_in);
            // Lease first, then whether it stands: see `Leases::acquire`.
            if self.still_stands(changes) {
                return Ok((lease, found));
            }
        }
        Err(refused("its grants are being changed: try again"))
    }

    /// Never ends; cancels the lease of a call whose grants another server has changed.
    pub(super) async fn watch_grants(&self, request: &ToolRequest, found: &InForce) -> Infallible {
        loop {
            tokio::time::sleep(HEARD_WITHIN).await;
            let stands = match self.standing(&request.principal).await {
                Ok((person, _)) => person
                    .of(&request.tool.plugin)
                    .is_some_and(|now| now.is_same(found)),
                Err(error) => {
                    // A database that does not answer has taken nothing away.
                    tracing::warn!(plugin = request.tool.plugin, %error, "the grants of a running call could not be looked at");
                    true
                }
            };
            if !stands {
                self.inner.leases.cancel(&found.bindings);
            }
        }
    }

    /// Loads a component, and says so where that takes long: its first use compiles it.
    async fn load(
        &self,
        path: &Path,
        digest: &str,
        progress: &mpsc::Sender<Progress>,
    ) -> Result<Component, LoadError> {
        let mut loading = pin!(self.inner.sandbox.load(path, digest));
        if let Ok(loaded) = tokio::time::timeout(SILENT_LOAD, &mut loading).await {
            return loaded;
        }
        // A full channel loses it: progress never slows a call down.
        let _ = progress.try_send(Progress {
            permille: None,
            note: "Compiling the tool for its first use".to_owned(),
            log: None,
        });
        loading.await
    }
}

fn grant(found: &InForce, lease: &CancellationToken, mounts: &Mounts, secrets: Secrets) -> Grant {
    Grant {
        plugin: found.plugin.clone(),
        policy: Arc::clone(&found.authority),
        mounts: mounts.mounts().to_vec(),
        secrets,
        lease: lease.clone(),
    }
}

/// That somebody may not use a plugin.
pub(super) fn not_granted(principal: &Principal, plugin: &str) -> String {
    match principal.within.as_deref() {
        Some(within) if within.of_plugin(plugin).is_none() => {
            format!("{} has no policy for {plugin}", within.name())
        }
        _ => format!("{plugin} is not granted to {}", principal.username),
    }
}

/// What would let them.
pub(super) fn how_to_grant(principal: &Principal, plugin: &str) -> String {
    match principal.within.as_deref() {
        Some(within) if within.of_plugin(plugin).is_none() => {
            "Make a key that has one with `alcove key create NAME --within FILE`".to_owned()
        }
        _ => format!(
            "An admin grants it with `alcove grant {plugin} --to user:{}`",
            principal.username
        ),
    }
}

fn refused(message: &str) -> ToolOutcome {
    ToolOutcome::Denied {
        capability: PLUGIN.to_owned(),
        message: message.to_owned(),
    }
}
