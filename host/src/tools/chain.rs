//! Calls of tools by tools: who called whom, so that no call waits for itself and none goes too deep.

use alcove_core::ids::{BindingId, ItemId};
use alcove_sandbox::{CapabilityError, MAX_DEPTH};

use super::OfferedTool;

/// From a person's or a model's call down to one that tools made.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// The item of the first call: what all audit rows of the chain name.
    trace: ItemId,
    /// The callers, the first one first.
    callers: Vec<Caller>,
    /// How deep the callers' policies let the chain go.
    allowed_depth: usize,
}

#[derive(Debug, Clone)]
struct Caller {
    plugin: String,
    tool: String,
    bindings: Vec<BindingId>,
}

impl Chain {
    /// A call that no tool made.
    pub(super) fn begin(item: ItemId) -> Chain {
        Chain {
            trace: item,
            callers: Vec::new(),
            allowed_depth: MAX_DEPTH,
        }
    }

    /// How many calls this one stands under.
    pub(super) fn depth(&self) -> usize {
        self.callers.len()
    }

    /// The item of the first call.
    pub(super) fn trace(&self) -> ItemId {
        self.trace
    }

    /// Who called, such as `acme/notes:add`.
    pub(super) fn caller(&self) -> Option<String> {
        let caller = self.callers.last()?;
        Some(format!("{}:{}", caller.plugin, caller.tool))
    }

    /// The grants that the callers run under: the call ends when any of them is revoked.
    pub(super) fn bindings(&self) -> impl Iterator<Item = &[BindingId]> {
        self.callers.iter().map(|caller| caller.bindings.as_slice())
    }

    /// The chain of a call that `caller` makes, which stands in this one, to `plugin` and `tool`.
    /// `depth` is how deep the caller's policy lets its calls go.
    pub(super) fn then(
        &self,
        caller: &OfferedTool,
        depth: u32,
        plugin: &str,
        tool: &str,
    ) -> Result<Chain, CapabilityError> {
        let mut chain = self.clone();
        let own_depth = self.depth() + depth as usize;
        chain.allowed_depth = self.allowed_depth.min(own_depth);
        chain.callers.push(Caller {
            plugin: caller.plugin.clone(),
            tool: caller.tool.clone(),
            bindings: caller.bindings.clone(),
        });
        if chain.depth() > chain.allowed_depth {
            return Err(CapabilityError::limit(
                "delegate-depth",
                format!("calls of tools by tools {} deep", chain.allowed_depth),
            ));
        }
        let calls_itself = chain
            .callers
            .iter()
            .any(|caller| caller.plugin == plugin && caller.tool == tool);
        if calls_itself {
            return Err(CapabilityError::limit(
                "delegate-cycle",
                format!("calls of {plugin}:{tool} that do not come from itself"),
            ));
        }
        Ok(chain)
    }
}
