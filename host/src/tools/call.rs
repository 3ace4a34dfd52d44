//! One call: checked, run, written down.

use std::sync::Arc;
use std::time::Instant;

use alcove_api_types::{Label, ToolOutcome, ToolPart, ToolUsage};
use alcove_policies::schema;
use alcove_sandbox::{Call, HostRecord, Invocation, Progress, Report};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::admit::Admitted;
use super::capabilities::{CallAccount, CallContext};
use super::chain::Chain;
use super::flow::label_of_use;
use super::live::Key;
use super::outcome::{is_asset, translate, usage};
use super::sessions::{Restore, Restored, ran};
use super::{ToolRequest, ToolResult, Tools, passages};
use crate::store::Spent;

/// The argument in which a tool finds the person's answer to its question. No tool may have one
/// of its own by that name.
pub(super) const ANSWER: &str = "_answer";

/// A call that reached its component, with the host's own notes on it.
struct Ran {
    report: Report,
    notes: Vec<ToolPart>,
}

/// How a call ended, before it is written down.
struct Ended {
    outcome: ToolOutcome,
    output: Vec<ToolPart>,
    usage: ToolUsage,
    record: HostRecord,
    /// What it counts as, where it ran.
    label: Option<Label>,
    /// What it used itself of what has no limit, for the ledger. What calls of other tools used is
    /// counted where they end.
    spent: Vec<Spent>,
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
            spent: Vec::new(),
        }
    }

    fn reported(ran: Ran, label: Label, account: &CallAccount) -> Ended {
        let Ran { report, notes } = ran;
        let (outcome, parts) = translate(report.outcome, |id| account.part(id));
        let mut output = notes;
        output.extend(parts);
        Ended {
            outcome,
            output,
            usage: usage(&report.usage),
            record: report.record,
            label: Some(label),
            spent: Vec::new(),
        }
    }
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
        account.add_children(&mut ended.usage);
        passages::mark(&self.inner.assets, &request.principal, &mut ended.output).await;
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
        self.write_down(&request, &chain, &result, ended.spent)
            .await;
        result
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
        let held = match self.hold(request, &admitted.grant.policy).await {
            Ok(held) => held,
            Err(outcome) => return Ended::refused(outcome),
        };
        let invocation = Invocation {
            cancel: cancel.clone(),
            progress: Some(progress.clone()),
            outbound: admitted.outbound.clone(),
            local: self.inner.mcp_stdio.of(&request.tool.plugin),
            capabilities: self.capabilities(context, &admitted.grant.policy),
            depth: chain.depth(),
            left: held.left(),
            ..Invocation::new(request.tool.tool.as_str(), arguments)
        };
        let running = async {
            // A call that a tool makes is on no path: nothing comes after it on its instance.
            if request.tool.session && chain.depth() == 0 {
                return self.run_in_session(context, &admitted, invocation).await;
            }
            let call = Call {
                invocation,
                grant: admitted.grant.clone(),
            };
            Ran {
                report: self.inner.sandbox.call(&admitted.component, call).await,
                notes: Vec::new(),
            }
        };
        let ran = tokio::select! {
            biased;
            ran = running => ran,
            never = self.watch_grants(request, &admitted.in_force) => match never {},
        };
        let usage = ran.report.usage;
        let label = label_of_use(
            &admitted.grant.policy,
            ran.report.record.read_files() || has_read_files(request),
        );
        let mut ended = Ended::reported(ran, label, context.account);
        ended.outcome = held.name(ended.outcome);
        ended.spent = held.settle(&usage).await;
        ended
    }

    async fn run_in_session(
        &self,
        context: &CallContext<'_>,
        admitted: &Admitted,
        invocation: Invocation,
    ) -> Ran {
        let CallContext {
            request, progress, ..
        } = *context;
        let tools = match &admitted.inspection.manifest {
            Some(manifest) => manifest.tools.as_slice(),
            None => &[],
        };
        let key = |item| Key {
            bindings: admitted.in_force.bindings.clone(),
            key: admitted.in_force.key,
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
                return Ran {
                    report: *report,
                    notes: Vec::new(),
                };
            }
        };
        let report = session.call(invocation).await;
        // Without a conversation there is no path on which a next call could come.
        if session.is_alive() && request.place.is_some() {
            self.inner.live.put(key(request.item), session);
            // A revocation that came between dropped the sessions before this one was there.
            if admitted.lease.token().is_cancelled() {
                for binding in &admitted.in_force.bindings {
                    self.inner.live.drop_binding(*binding);
                }
            }
        }
        Ran { report, notes }
    }
}

/// Whether what an earlier call read from files may be in a variable of the session.
fn has_read_files(request: &ToolRequest) -> bool {
    let mut prior = request.prior.iter();
    request.tool.session
        && prior.any(|call| call.plugin == request.tool.plugin && call.record.read_files())
}

/// Why the arguments can't be those of a call: nobody is asked about such a one.
pub(crate) fn unfit(request: &ToolRequest) -> Option<ToolOutcome> {
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
