//! Running a call again from its record: the same component, the same limits, and nothing reached.

use std::sync::Arc;

use alcove_api_types::{CallDivergence, CallReplay, ToolOutcome};
use alcove_sandbox::{Call, Grant, Invocation, Mount, Report, Secrets};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::outcome::{translate, usage};
use super::sessions::{Restore, is_same, ran};
use super::{KeptCall, PriorCall, Tools, ToolsError};

impl Tools {
    /// Runs a call again, offline, and says whether it gives the same; where it does not, which host
    /// call was the first that was not as in the record. A call of a session tool is run again after
    /// the calls before it on its path.
    pub async fn replay(&self, kept: &KeptCall) -> Result<CallReplay, ToolsError> {
        let conflict = |message: String| ToolsError::Conflict { message };
        let call = kept
            .as_prior()
            .ok_or_else(|| conflict("the call has not ended".to_owned()))?;
        let inspection = self.inner.inspections.of(&call.digest).await.map_err(|_| {
            ToolsError::NotFound {
                what: format!(
                    "the component {} that ran is not installed any more: install it again to replay this call",
                    call.digest
                ),
            }
        })?;
        let manifest = inspection.manifest.as_ref();
        let (tools, session) = match manifest {
            Some(manifest) => (manifest.tools.as_slice(), manifest.session),
            None => ([].as_slice(), false),
        };
        if !ran(&call, tools) {
            return Err(conflict(
                "the call never reached its component, so there is nothing to run again".to_owned(),
            ));
        }
        if let ToolOutcome::Limit { limit, .. } = &call.outcome
            && ["stopped", "revoked"].contains(&limit.as_str())
        {
            return Err(conflict(format!(
                "the call was {limit} from outside: a replay would run past that"
            )));
        }
        let under = kept
            .record
            .as_ref()
            .and_then(|record| record.under.as_ref());
        let under = under.ok_or_else(|| {
            conflict("no record of this call was kept, so it can't be run again".to_owned())
        })?;
        let policy = under
            .policy(&call.plugin)
            .map_err(|error| conflict(format!("the record can't be used: {error}")))?;
        // What the call asked of its folders is in the record: these stay empty.
        let folder = self
            .blocking(tempfile::tempdir)
            .await?
            .map_err(|error| ToolsError::Components(error.to_string()))?;
        let mounts = under.mounts.iter().map(|(guest, writable)| Mount {
            guest: guest.clone(),
            host: folder.path().to_owned(),
            writable: *writable,
        });
        let path = self.inner.components.path_of(&call.digest);
        let component = self
            .inner
            .sandbox
            .load(&path, &call.digest)
            .await
            .map_err(|error| ToolsError::Components(error.to_string()))?;
        let grant = Grant {
            plugin: call.plugin.clone(),
            policy: Arc::new(policy.into()),
            mounts: mounts.collect(),
            // What is served from the record needs none.
            secrets: Secrets::default(),
            lease: CancellationToken::new(),
        };
        let invocation = again(&call);
        let report = if session {
            let (progress, _nobody) = mpsc::channel(1);
            let cancel = CancellationToken::new();
            let restore = Restore {
                sandbox: &self.inner.sandbox,
                component: &component,
                grant: &grant,
                digest: &call.digest,
                tools,
                prior: &kept.prior,
                cancel: &cancel,
                progress: &progress,
            };
            match restore.run().await {
                Ok(mut restored) => restored.session.call(invocation).await,
                Err(report) => *report,
            }
        } else {
            let call = Call { invocation, grant };
            self.inner.sandbox.call(&component, call).await
        };
        Ok(compare(&call, report))
    }
}

/// The same call, told what it was told then.
fn again(call: &PriorCall) -> Invocation {
    Invocation {
        replay: Some(call.record.clone()),
        locale: call.record.locale.clone(),
        ..Invocation::new(call.tool.as_str(), call.arguments.as_str())
    }
}

fn compare(call: &PriorCall, report: Report) -> CallReplay {
    let same = is_same(call, report.outcome.clone()) && report.divergence.is_none();
    let asset = |id: &str| call.output.iter().find(|part| part.value == id).cloned();
    let (outcome, output) = translate(report.outcome, asset);
    CallReplay {
        same,
        outcome,
        output,
        usage: usage(&report.usage),
        divergence: report.divergence.map(|divergence| CallDivergence {
            function: divergence.function,
            recorded: divergence.recorded,
            now: divergence.now,
        }),
    }
}
