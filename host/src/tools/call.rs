//! One call: checked, run, written down.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_api_types::{Label, ToolOutcome, ToolPart, ToolUsage};
use alcove_core::ids::BindingId;
use alcove_policies::inspect::Inspection;
use alcove_policies::schema;
use alcove_sandbox::{
    Call, CompileError, Component, Grant, HostRecord, Invocation, LoadError, Outbound, Progress,
    Report, Secrets,
};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::capabilities::{CallAccount, CallContext};
use super::chain::Chain;
use super::consent::Verdict;
use super::flow::{Leaving, label};
use super::in_force::InForce;
use super::leases::{EndsWithAny, Lease};
use super::live::Key;
use super::outcome::{PLUGIN, is_asset, translate, usage};
use super::sessions::{Restore, Restored, ran};
use super::workspace::Mounts;
use super::{ToolRequest, ToolResult, Tools};
use crate::ledger::Kind;

/// How often a lease is taken anew where the grants changed at the same moment.
const MAX_LEASE_TRIES: usize = 4;
/// How long loading a component goes without a word.
const SILENT_LOAD: Duration = Duration::from_millis(300);

/// The argument in which a tool finds the person's answer to its question. No tool may have one
/// of its own by that name.
const ANSWER: &str = "_answer";

/// How a call ended, before it is written down.
struct Ended {
    outcome: ToolOutcome,
    output: Vec<ToolPart>,
    usage: ToolUsage,
    record: HostRecord,
    /// What it counts as, where it ran.
    label: Option<Label>,
}

impl Ended {
    /// Nothing ran.
    fn refused(outcome: ToolOutcome) -> Ended {
        Ended {
            outcome,
            output: Vec::new(),
            usage: ToolUsage::default(),
            record: HostRecord::default(),
            label: None,
        }
    }

    fn reported(
        report: Report,
        notes: Vec<ToolPart>,
        label: Label,
        account: &CallAccount,
    ) -> Ended {
        let (outcome, parts) = translate(report.outcome, |id| account.part(id));
        let mut output = notes;
        output.extend(parts);
        Ended {
            outcome,
            output,
            usage: usage(&report.usage),
            record: report.record,
            label: Some(label),
        }
    }
}

/// Everything that a call needs to run.
struct Admitted {
    lease: Lease,
    bindings: Vec<BindingId>,
    inspection: Arc<Inspection>,
    component: Component,
    grant: Grant,
    /// What its results count as.
    label: Label,
    /// What watches its requests.
    outbound: Option<Arc<dyn Outbound>>,
    /// The leases of the calls that this one stands under.
    _callers: EndsWithAny,
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
        let chain = Chain::begin(request.item);
        self.call_within(request, chain, cancel, progress).await
    }

    /// The same for a call that stands in a chain of calls of tools by tools.
    pub(super) async fn call_within(
        &self,
        request: ToolRequest,
        chain: Chain,
        cancel: CancellationToken,
        progress: mpsc::Sender<Progress>,
    ) -> ToolResult {
        let started = Instant::now();
        let arguments = schema::canonical(&with_answer(&request));
        let account = Arc::new(CallAccount::default());
        let context = CallContext {
            request: &request,
            chain: &chain,
            account: &account,
            cancel: &cancel,
            progress: &progress,
        };
        let mut ended = self.run(&context, &arguments).await;
        // What calls of other tools used is counted where they end.
        let own_usage = ended.usage;
        account.add_children(&mut ended.usage);
        self.settle_assets(&request, &account, &ended.output).await;
        if ended.usage.wall_us == 0 {
            ended.usage.wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        }
        let result = ToolResult {
            outcome: ended.outcome,
            output: ended.output,
            usage: ended.usage,
            label: ended.label.map(|own| account.label(own)),
            fetched: account.is_fetched()
                || ended.record.http.iter().any(|sent| sent.status.is_some()),
            record: ended.record,
            arguments_canonical: arguments,
        };
        tokio::join!(
            self.write_down(&request, &chain, &result),
            self.count(&request, &own_usage),
        );
        result
    }

    /// Counts in the ledger what a call used itself.
    async fn count(&self, request: &ToolRequest, usage: &ToolUsage) {
        let spent = [
            (Kind::ToolCpuMs, usage.cpu_us.div_ceil(1000)),
            (Kind::ToolBytes, usage.output_bytes),
        ];
        let counted = self.inner.ledger.spend(&request.principal, &spent).await;
        if let Err(error) = counted {
            tracing::error!(error = &error as &dyn std::error::Error, item = %request.item, "a call is missing in the ledger");
        }
    }

    /// Keeps the assets that the call gave back, and removes the others that it made.
    async fn settle_assets(
        &self,
        request: &ToolRequest,
        account: &CallAccount,
        output: &[ToolPart],
    ) {
        let made = account.made();
        if made.is_empty() {
            return;
        }
        let returned: Vec<_> = output
            .iter()
            .filter(|part| is_asset(part))
            .filter_map(|part| part.value.parse().ok())
            .collect();
        let assets = &self.inner.assets;
        if let Err(error) = assets.settle(&request.principal, &made, &returned).await {
            // What is not kept goes after a day.
            tracing::error!(error = &error as &dyn std::error::Error, item = %request.item, "the assets of a call could not be kept");
        }
    }

    async fn run(&self, context: &CallContext<'_>, arguments: &str) -> Ended {
        let CallContext {
            request,
            chain,
            cancel,
            progress,
            ..
        } = *context;
        if let Some(outcome) = unfit(request) {
            return Ended::refused(outcome);
        }
        let admitted = tokio::select! {
            admitted = self.admit(request, chain, progress) => admitted,
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
            outbound: admitted.outbound.clone(),
            capabilities: self.capabilities(context, &admitted.grant.policy),
            depth: chain.depth(),
            ..Invocation::new(request.tool.tool.as_str(), arguments)
        };
        // A call that a tool makes is on no path: nothing comes after it on its instance.
        if request.tool.session && chain.depth() == 0 {
            self.run_in_session(context, &admitted, invocation).await
        } else {
            let call = Call {
                invocation,
                grant: admitted.grant.clone(),
            };
            let report = self.inner.sandbox.call(&admitted.component, call).await;
            Ended::reported(report, Vec::new(), admitted.label, context.account)
        }
    }

    /// Checks the grant and makes ready what the call runs on.
    async fn admit(
        &self,
        request: &ToolRequest,
        chain: &Chain,
        progress: &mpsc::Sender<Progress>,
    ) -> Result<Admitted, ToolOutcome> {
        let tool = &request.tool;
        let (lease, found) = self.lease(request).await?;
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
        let mounts = Mounts::prepare(
            &self.inner.workspaces,
            &found.authority,
            request.conversation,
        )
        .map_err(|error| broken("the folders of the grant could not be opened", &error))?;
        let ends = EndsWithAny::of(&lease, callers);
        let secrets = self
            .secret_values(&request.principal, found.authority.secrets())
            .await
            .map_err(|why| refused(&why))?;
        Ok(Admitted {
            label: label(&found.authority),
            outbound: Leaving::of(request, &found.authority).watch(request),
            grant: grant(&found, ends.token(), &mounts, secrets),
            bindings: found.bindings,
            lease,
            _callers: ends,
            inspection,
            component,
            _mounts: mounts,
        })
    }

    /// What a call runs under, as it stands now.
    pub(super) async fn found(&self, request: &ToolRequest) -> Result<InForce, ToolOutcome> {
        let tool = &request.tool;
        self.in_force_of(&request.principal, &tool.plugin)
            .await
            .map_err(|error| {
                tracing::error!(plugin = tool.plugin, %error, "a grant could not be checked");
                refused("the grant could not be checked: try again, and see the server's log")
            })?
            .filter(|found| found.digest == tool.digest && found.bindings.contains(&tool.binding))
            .ok_or_else(|| {
                let (plugin, user) = (&tool.plugin, &request.principal.username);
                refused(&format!(
                    "{plugin} is not granted to {user}, or was granted anew since. An admin grants it with `alcove grant {plugin} --to user:{user}`"
                ))
            })
    }

    /// What the call runs under, with a lease on it.
    async fn lease(&self, request: &ToolRequest) -> Result<(Lease, InForce), ToolOutcome> {
        let mut found = self.found(request).await?;
        for _ in 0..MAX_LEASE_TRIES {
            // Lease first, rows second: see `Leases::acquire`.
            let lease = self
                .inner
                .leases
                .acquire(&found.bindings, found.expires_in());
            let again = self.found(request).await?;
            if again.bindings == found.bindings {
                return Ok((lease, again));
            }
            found = again;
        }
        Err(refused("its grants are being changed: try again"))
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

    async fn run_in_session(
        &self,
        context: &CallContext<'_>,
        admitted: &Admitted,
        invocation: Invocation,
    ) -> Ended {
        let CallContext {
            request, progress, ..
        } = *context;
        let tools = match &admitted.inspection.manifest {
            Some(manifest) => manifest.tools.as_slice(),
            None => &[],
        };
        let key = |item| Key {
            bindings: admitted.bindings.clone(),
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
            Err(report) => {
                return Ended::reported(*report, Vec::new(), admitted.label, context.account);
            }
        };
        let report = session.call(invocation).await;
        // Without a conversation there is no path on which a next call could come.
        if session.is_alive() && request.conversation.is_some() {
            self.inner.live.put(key(request.item), session);
            // A revocation that came between dropped the sessions before this one was there.
            if admitted.lease.token().is_cancelled() {
                for binding in &admitted.bindings {
                    self.inner.live.drop_binding(*binding);
                }
            }
        }
        Ended::reported(report, notes, admitted.label, context.account)
    }
}

/// Why the arguments can't be those of a call: nobody is asked about such a one.
pub(super) fn unfit(request: &ToolRequest) -> Option<ToolOutcome> {
    let message = if request.arguments.get(ANSWER).is_some() {
        format!("`{ANSWER}` is what a person answers, and no argument of the tool")
    } else {
        let input = &request.tool.manifest.input;
        schema::validate(input, &request.arguments)
            .err()?
            .to_string()
    };
    Some(ToolOutcome::Failed {
        failure: "invalid-input".to_owned(),
        message,
    })
}

/// The arguments as the tool gets them: with the person's answer, where it asked for one.
fn with_answer(request: &ToolRequest) -> Value {
    let mut arguments = request.arguments.clone();
    if let (Some(answer), Value::Object(fields)) = (&request.consent.answer, &mut arguments) {
        fields.insert(ANSWER.to_owned(), answer.clone());
    }
    arguments
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

fn refused(message: &str) -> ToolOutcome {
    ToolOutcome::Denied {
        capability: PLUGIN.to_owned(),
        message: message.to_owned(),
    }
}
