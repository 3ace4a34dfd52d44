//! `tools/list`.

use std::sync::Arc;

use alcove_api_types::BadgeKind;
use serde_json::{Value, json};

use super::{Fault, LIST_TTL_MS, Mcp, Request, Revision, code};
use crate::accounts::Principal;
use crate::tools::OfferedTool;

/// Tools on one page.
const PAGE: usize = 64;
/// What a cursor begins with, so that one of another server is noticed.
const CURSOR: &str = "after:";

impl Mcp {
    /// A page of what the caller may use, in an order that does not change.
    pub(super) async fn list(
        &self,
        request: &Request,
        principal: &Principal,
        revision: Revision,
    ) -> Result<Value, Fault> {
        let offered = self.offered(principal).await?;
        let start = match request.params.get("cursor") {
            None | Some(Value::Null) => 0,
            Some(cursor) => place_after(cursor, &offered)?,
        };
        let end = offered.len().min(start + PAGE);
        let page = offered.get(start..end).unwrap_or_default();
        let tools: Vec<Value> = page.iter().map(describe).collect();
        let mut result = json!({"tools": tools});
        if end < offered.len()
            && let Some(last) = page.last()
        {
            result["nextCursor"] = json!(format!("{CURSOR}{}", last.manifest.name));
        }
        if revision == Revision::Modern {
            result["ttlMs"] = json!(LIST_TTL_MS);
            // What is offered depends on who asks.
            result["cacheScope"] = json!("private");
        }
        Ok(result)
    }

    pub(super) async fn offered(&self, principal: &Principal) -> Result<Arc<[OfferedTool]>, Fault> {
        self.tools.offered(principal).await.map_err(|error| {
            tracing::error!(%error, "the granted tools could not be listed");
            Fault::new(
                code::INTERNAL,
                "the tools could not be listed: try again, and see the server's log",
            )
        })
    }
}

/// A cursor names the last tool that was seen: it stays good while tools come and go.
fn place_after(cursor: &Value, offered: &[OfferedTool]) -> Result<usize, Fault> {
    cursor
        .as_str()
        .and_then(|text| text.strip_prefix(CURSOR))
        .and_then(|name| offered.iter().position(|tool| tool.manifest.name == name))
        .map(|place| place + 1)
        .ok_or_else(|| Fault::invalid_params("This cursor leads nowhere: list from the beginning"))
}

fn describe(tool: &OfferedTool) -> Value {
    let manifest = &tool.manifest;
    let mut described = json!({
        "name": manifest.name,
        "title": manifest.title,
        "description": manifest.description,
        "inputSchema": manifest.input,
        "annotations": annotations(tool),
        "_meta": {
            "ai.alcove/plugin": tool.plugin,
            "ai.alcove/digest": tool.digest,
            "ai.alcove/badges": tool.badges.iter().map(|badge| badge.text.as_str()).collect::<Vec<_>>(),
        },
    });
    if let Some(output) = &manifest.output {
        described["outputSchema"] = output.clone();
    }
    described
}

/// Hints for clients that decide what to ask their person about. That a tool only reads is its
/// author's word; that it has no way to the network is proven from its binary.
fn annotations(tool: &OfferedTool) -> Value {
    let effects = &tool.manifest.effects;
    let writes = effects.iter().any(|effect| effect.starts_with("write-"));
    // An author who says nothing of effects promises nothing: the cautious defaults stand.
    let reads_only = !effects.is_empty() && !writes;
    let is_online = tool.badges.iter().any(|badge| {
        matches!(badge.subject.as_str(), "network" | "sandbox") && badge.kind == BadgeKind::Granted
    });
    json!({
        "title": tool.manifest.title,
        "readOnlyHint": reads_only,
        "destructiveHint": !reads_only,
        "openWorldHint": is_online,
    })
}
