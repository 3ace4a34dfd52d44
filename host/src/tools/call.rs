//! One call: checked, run, written down.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_api_types::{ToolOutcome, ToolPart, ToolUsage};
use alcove_policies::inspect::Inspection;
use alcove_policies::schema;
use alcove_sandbox::{Call, Component, Grant, HostRecord, Invocation, LoadError, Progress, Report};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::bindings::Bound;
use super::leases::Lease;
use super::live::Key;
use super::outcome::{PLUGIN, translate, usage};
use super::sessions::{Restore, Restored, ran};
use super::workspace::Mounts;
use super::{ToolRequest, ToolResult, Tools};

/// How long loading a component goes without a word.
const SILENT_LOAD: Duration = Duration::from_millis(300);

/// How a call ended, before it is written down.
struct Ended {
    outcome: ToolOutcome,
    output: Vec<ToolPart>,
    usage: ToolUsage,
    record: HostRecord,
}

impl Ended {
    /// Nothing ran.
    fn refused(outcome: ToolOutcome) -> Ended {
        Ended {
            outcome,
            output: Vec::new(),
            usage: ToolUsage::default(),
            record: HostRecord::default(),
        }
    }

    fn reported(report: Report, notes: Vec<ToolPart>) -> Ended {
        let (outcome, parts) = translate(report.outcome);
        let mut output = notes;
        output.extend(parts);
        Ended {
            outcome,
            output,
            usage: usage(&report.usage),
            record: report.record,
        }
    }
}

/// Everything that a call needs to run.
struct Admitted {
    lease: Lease,
    inspection: Arc<Inspection>,
    component: Component,
    grant: Grant,
    /// Folders that live only as long as the call.
    _mounts: Mounts,
}

impl Tools {
    /// Runs a call to one of its five ends. Whatever fails, the caller gets a result to put on
    /// the item, and the audit log gets a row.
    pub async fn call(
        &self,
        request: ToolRequest,
        cancel: CancellationToken,
        progress: mpsc::Sender<Progress>,
    ) -> ToolResult {
        let started = Instant::now();
        let arguments = schema::canonical(&request.arguments);
        let mut ended = self.run(&request, &arguments, &cancel, &progress).await;
        if ended.usage.wall_us == 0 {
            ended.usage.wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        }
        let result = ToolResult {
            outcome: ended.outcome,
            output: ended.output,
            usage: ended.usage,
            record: ended.record,
            arguments_canonical: arguments,
        };
        self.write_down(&request, &result).await;
        result
    }

    async fn run(
        &self,
        request: &ToolRequest,
        arguments: &str,
        cancel: &CancellationToken,
        progress: &mpsc::Sender<Progress>,
    ) -> Ended {
        if let Err(error) = schema::validate(&request.tool.manifest.input, &request.arguments) {
            return Ended::refused(ToolOutcome::Failed {
                failure: "invalid-input".to_owned(),
                message: error.to_string(),
            });
        }
        let admitted = tokio::select! {
            admitted = self.admit(request, progress) => admitted,
            // Compiling takes seconds, which nobody who pressed Stop should wait for.
            () = cancel.cancelled() => Err(ToolOutcome::Limit {
                limit: "stopped".to_owned(),
                message: "until it was stopped".to_owned(),
            }),
        };
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(outcome) => return Ended::refused(outcome),
        };
        let invocation = Invocation {
            cancel: cancel.clone(),
            progress: Some(progress.clone()),
            ..Invocation::new(request.tool.tool.as_str(), arguments)
        };
        if request.tool.session {
            self.run_in_session(request, &admitted, invocation, progress)
                .await
        } else {
            let call = Call {
                invocation,
                grant: admitted.grant.clone(),
            };
            let report = self.inner.sandbox.call(&admitted.component, call).await;
            Ended::reported(report, Vec::new())
        }
    }

    /// Checks the grant and makes ready what the call runs on.
    async fn admit(
        &self,
        request: &ToolRequest,
        progress: &mpsc::Sender<Progress>,
    ) -> Result<Admitted, ToolOutcome> {
        let tool = &request.tool;
        // Lease first, row second: see `Leases::acquire`.
        let lease = self.inner.leases.acquire(tool.binding);
        let bound = self
            .bound_for(&request.principal, tool.binding)
            .await
            .map_err(|error| {
                tracing::error!(plugin = tool.plugin, %error, "a grant could not be checked");
                refused("the grant could not be checked: try again, and see the server's log")
            })?
            .filter(|bound| bound.plugin == tool.plugin && bound.digest == tool.digest)
            .ok_or_else(|| {
                refused(&format!(
                    "{} is not granted to {}, or was granted anew since. An admin grants it with `alcove grant {} --to user:{}`",
                    tool.plugin, request.principal.username, tool.plugin, request.principal.username
                ))
            })?;
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
        let component = self
            .load(&path, &tool.digest, progress)
            .await
            .map_err(|error| broken("the component could not be loaded", &error))?;
        let mounts =
            Mounts::prepare(&self.inner.workspaces, &bound.policy, request.conversation)
                .map_err(|error| broken("the folders of the grant could not be opened", &error))?;
        Ok(Admitted {
            grant: grant(&bound, &lease, &mounts),
            lease,
            inspection,
            component,
            _mounts: mounts,
        })
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
        });
        loading.await
    }

    async fn run_in_session(
        &self,
        request: &ToolRequest,
        admitted: &Admitted,
        invocation: Invocation,
        progress: &mpsc::Sender<Progress>,
    ) -> Ended {
        let tools = match &admitted.inspection.manifest {
            Some(manifest) => manifest.tools.as_slice(),
            None => &[],
        };
        let key = |item| Key {
            binding: request.tool.binding,
            digest: request.tool.digest.clone(),
            item,
        };
        // A call that never reached its component left the instance where it was.
        let last = request.prior.iter().rev().find(|call| ran(call, tools));
        let live = last.and_then(|call| self.inner.live.take(&key(call.item)));
        let found = match live.filter(|session| session.is_alive()) {
            Some(session) => Ok(Restored {
                session,
                notes: Vec::new(),
            }),
            None => {
                let restore = Restore {
                    sandbox: &self.inner.sandbox,
                    component: &admitted.component,
                    grant: &admitted.grant,
                    digest: &request.tool.digest,
                    tools,
                    prior: &request.prior,
                    cancel: &invocation.cancel,
                    progress,
                };
                restore.run().await
            }
        };
        let Restored { mut session, notes } = match found {
            Ok(restored) => restored,
            Err(report) => return Ended::reported(*report, Vec::new()),
        };
        let report = session.call(invocation).await;
        // Without a conversation there is no path on which a next call could come.
        if session.is_alive() && request.conversation.is_some() {
            self.inner.live.put(key(request.item), session);
            // A revocation that came between dropped the sessions before this one was there.
            if admitted.lease.token().is_cancelled() {
                self.inner.live.drop_binding(request.tool.binding);
            }
        }
        Ended::reported(report, notes)
    }
}

fn grant(bound: &Bound, lease: &Lease, mounts: &Mounts) -> Grant {
    Grant {
        plugin: bound.plugin.clone(),
        policy: Arc::clone(&bound.policy),
        mounts: mounts.mounts().to_vec(),
        lease: lease.token().clone(),
    }
}

fn refused(message: &str) -> ToolOutcome {
    ToolOutcome::Denied {
        capability: PLUGIN.to_owned(),
        message: message.to_owned(),
    }
}
