//! The audit log's row of each call and of each change of a grant.

use alcove_api_types::ToolOutcome;
use alcove_core::item::AnswerKind;
use alcove_sandbox::{HostRecord, HttpExchange};
use serde_json::json;

use crate::accounts::Principal;
use crate::store::log::AuditEntry;
use crate::store::{BindingRow, Spent};

use super::chain::Chain;
use super::{Question, ToolRequest, ToolResult, Tools};

impl Tools {
    /// Writes a call down, with what it used for the ledger. Where that fails the call has happened
    /// all the same, so its result is given and the failure is in the server's log.
    ///
    /// It is acknowledged once it is on disk, but for a call that only computed: that one changed
    /// nothing and learned nothing that its caller did not give it, so its row is handed over and
    /// its result does not wait for the disk.
    pub(super) async fn write_down(
        &self,
        request: &ToolRequest,
        chain: &Chain,
        result: &ToolResult,
        spent: Vec<Spent>,
    ) {
        let tool = &request.tool;
        let usage = &result.usage;
        // The arguments and the result are on the item; the row says what ran under what.
        let detail = json!({
            "tool": tool.tool,
            "digest": tool.digest,
            "binding": tool.binding.to_string(),
            "reason": reason(&result.outcome),
            "wall_us": usage.wall_us,
            "cpu_us": usage.cpu_us,
            "peak_memory_bytes": usage.peak_memory_bytes,
            "output_bytes": usage.output_bytes,
            "http": requests(&result.record),
            // One for all calls of a chain, and who made this one: absent for a model or a person.
            "trace": chain.trace().to_string(),
            "caller": chain.caller(),
        });
        let entry = AuditEntry {
            organisation: request.principal.organisation,
            user: request.principal.user,
            action: "tool_call",
            subject: tool.plugin.clone(),
            outcome: name(&result.outcome).to_owned(),
            conversation: request.conversation(),
            // A call that a tool made shows on the item of the first call.
            item: request.place.map(|_| chain.trace()),
            detail,
        };
        let log = &self.inner.log;
        let written = if only_computed(result) {
            log.audit_soon(entry, spent).await
        } else {
            log.audit_spent(entry, spent).await
        };
        if let Err(error) = written {
            tracing::error!(plugin = tool.plugin, item = %request.item, %error, "a call is missing in the audit log");
        }
    }

    /// Writes down what a person said to a question that an MCP client put to them.
    pub(crate) async fn write_down_answer(
        &self,
        request: &ToolRequest,
        question: &Question,
        is_yes: bool,
    ) {
        let tool = &request.tool;
        let answer = match is_yes {
            true => AnswerKind::Once,
            false => AnswerKind::Denied,
        };
        let written = self.inner.log.audit(AuditEntry {
            organisation: request.principal.organisation,
            user: request.principal.user,
            action: "approval",
            subject: tool.plugin.clone(),
            outcome: answer.name().to_owned(),
            conversation: None,
            item: None,
            detail: json!({
                "via": "mcp",
                "kind": question.kind,
                "tool": tool.tool,
                "digest": tool.digest,
                "grant": question.grant,
                "call_hash": hex::encode(question.hash),
            }),
        });
        if let Err(error) = written.await {
            tracing::error!(plugin = tool.plugin, %error, "an approval is missing in the audit log");
        }
    }

    /// Writes down that a grant was given or taken.
    pub(super) async fn write_down_grant(
        &self,
        action: &'static str,
        row: &BindingRow,
        by: &Principal,
        stopped_calls: u32,
    ) {
        let written = self
            .inner
            .log
            .audit(AuditEntry {
                organisation: by.organisation,
                user: by.user,
                action,
                subject: row.plugin.clone(),
                outcome: "ok".to_owned(),
                conversation: None,
                item: None,
                detail: json!({
                    "binding": row.id.0.to_string(),
                    "digest": row.digest,
                    "principal": row.principal(),
                    "policy": row.policy,
                    "reason": row.reason,
                    "stopped_calls": stopped_calls,
                }),
            })
            .await;
        if let Err(error) = written {
            tracing::error!(plugin = row.plugin, %error, "a change of a grant is missing in the audit log");
        }
    }
}

/// Whether a call reached nothing outside of its own memory, and came to the end of its own code.
fn only_computed(result: &ToolResult) -> bool {
    let record = &result.record;
    matches!(result.outcome, ToolOutcome::Ok | ToolOutcome::Failed { .. })
        && record.http.is_empty()
        && record.calls.is_empty()
        && !record.truncated
}

/// The requests that a call made, without what was sent and received: that is in its record.
fn requests(record: &HostRecord) -> Vec<serde_json::Value> {
    let request = |exchange: &HttpExchange| {
        json!({
            "method": exchange.method,
            "url": exchange.url,
            "status": exchange.status,
            "error": exchange.error,
            "injected": exchange.injected,
            "line": exchange.line,
        })
    };
    record.http.iter().map(request).collect()
}

/// The outcome's name.
fn name(outcome: &ToolOutcome) -> &'static str {
    match outcome {
        ToolOutcome::Ok => "ok",
        ToolOutcome::Failed { .. } => "failed",
        ToolOutcome::Denied { .. } => "denied",
        ToolOutcome::Limit { .. } => "limit",
        ToolOutcome::Trapped { .. } => "trapped",
    }
}

/// Which failure, capability or limit; never the tool's own words.
fn reason(outcome: &ToolOutcome) -> Option<&str> {
    match outcome {
        ToolOutcome::Ok | ToolOutcome::Trapped { .. } => None,
        ToolOutcome::Failed { failure, .. } => Some(failure),
        ToolOutcome::Denied { capability, .. } => Some(capability),
        ToolOutcome::Limit { limit, .. } => Some(limit),
    }
}
