//! A call as it was kept: its item, the calls before it on its path, and its record.

use alcove_api_types as api;
use alcove_core::ids::ItemId;
use alcove_core::item::Item;
use alcove_sandbox::{HostRecord, HttpExchange};

use super::{PriorCall, ToolsError};
use crate::accounts::Principal;
use crate::store::log::{ItemLog, LogError};
use crate::store::wire;

/// The most characters of an input or an output in a receipt.
const MAX_SHOWN_CHARS: usize = 2000;

/// A call that ended, with everything that is needed to run it again.
pub struct KeptCall {
    item: Item,
    call: api::ToolCall,
    /// What it was told; absent where nothing was kept.
    pub(super) record: Option<HostRecord>,
    /// The calls of the same plugin before it on its path, oldest first.
    pub(super) prior: Vec<PriorCall>,
}

impl KeptCall {
    /// Reads a call of a person's own.
    pub async fn read(
        log: &ItemLog,
        principal: &Principal,
        id: ItemId,
    ) -> Result<KeptCall, ToolsError> {
        let no_such_call = || ToolsError::NotFound {
            what: format!("there is no call {id}"),
        };
        let mut path = log
            .path_to(principal, id)
            .await
            .map_err(|error| match error {
                LogError::NotFound { .. } => no_such_call(),
                error => ToolsError::Log(error),
            })?;
        let last = path.pop().filter(|item| item.id == id);
        let item = last.ok_or_else(no_such_call)?;
        let call = tool_call(&item).ok_or_else(no_such_call)?;
        let mut prior = Vec::new();
        for item in &path {
            let earlier = tool_call(item).filter(|earlier| earlier.plugin == call.plugin);
            if let Some(earlier) = earlier
                && let Some(outcome) = earlier.outcome
            {
                prior.push(PriorCall {
                    item: item.id,
                    plugin: earlier.plugin,
                    digest: earlier.digest,
                    tool: earlier.tool,
                    arguments: earlier.arguments,
                    outcome,
                    output: earlier.output,
                    record: read_record(log, principal, item.id)
                        .await?
                        .unwrap_or_default(),
                });
            }
        }
        Ok(KeptCall {
            record: read_record(log, principal, id).await?,
            item,
            call,
            prior,
        })
    }

    /// What of its result stands in a source.
    pub(super) fn passages(&self) -> impl Iterator<Item = &api::Passage> {
        self.call
            .output
            .iter()
            .filter_map(|part| part.passage.as_deref())
    }

    /// The call as one that came before another; nothing where it did not end.
    pub(super) fn as_prior(&self) -> Option<PriorCall> {
        Some(PriorCall {
            item: self.item.id,
            plugin: self.call.plugin.clone(),
            digest: self.call.digest.clone(),
            tool: self.call.tool.clone(),
            arguments: self.call.arguments.clone(),
            outcome: self.call.outcome.clone()?,
            output: self.call.output.clone(),
            record: self.record.clone().unwrap_or_default(),
        })
    }

    /// What there is to show of it.
    pub fn receipt(&self, owner: &Principal) -> api::CallReceipt {
        let empty = HostRecord::default();
        let record = self.record.as_ref().unwrap_or(&empty);
        let mut host_calls: Vec<api::HostCall> = record.http.iter().map(exchange).collect();
        host_calls.extend(record.calls.iter().map(|call| api::HostCall {
            at_us: call.at_us,
            took_us: call.took_us,
            function: call.function.clone(),
            input: shown(&call.input.to_string()),
            output: match &call.output {
                Some(output) => shown(&output.to_string()),
                None => "the call ended first".to_owned(),
            },
            line: None,
        }));
        host_calls.sort_by_key(|call| call.at_us);
        let mut policy_lines: Vec<u32> = host_calls.iter().filter_map(|call| call.line).collect();
        policy_lines.sort_unstable();
        policy_lines.dedup();
        api::CallReceipt {
            call: self.call.clone(),
            conversation: self.item.conversation.to_string(),
            user: owner.username.clone(),
            at_ms: self.item.created_at_ms,
            policy_lines,
            host_calls,
            clock_readings: record.wall_ns.len() + record.monotonic_ns.len(),
            random_bytes: record.random.len(),
            truncated: record.truncated,
        }
    }
}

async fn read_record(
    log: &ItemLog,
    principal: &Principal,
    item: ItemId,
) -> Result<Option<HostRecord>, ToolsError> {
    let bytes = log.record(principal, item).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn tool_call(item: &Item) -> Option<api::ToolCall> {
    match wire::item(item) {
        api::Item::ToolCall(call) => Some(call),
        api::Item::Message(_) => None,
    }
}

fn exchange(exchange: &HttpExchange) -> api::HostCall {
    let bytes: usize = exchange.pieces.iter().map(|piece| piece.0.len()).sum();
    let output = match (exchange.status, &exchange.error) {
        (Some(status), _) => format!("{status}, {bytes} bytes"),
        (None, Some(error)) => error.clone(),
        (None, None) => "the call ended first".to_owned(),
    };
    api::HostCall {
        at_us: exchange.at_us,
        took_us: exchange.took_us,
        function: "wasi:http/outgoing-handler.handle".to_owned(),
        input: shown(&format!("{} {}", exchange.method, exchange.url)),
        output: shown(&output),
        line: exchange.line,
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
