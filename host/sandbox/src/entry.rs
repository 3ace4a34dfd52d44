//! What a component is called by: the contract's one function, or typed exports of its own.

use wasmtime::Store;

use crate::bindings::{Tool, ToolPre};
use crate::call::Invocation;
use crate::outcome::Returned;
use crate::state::GuestState;
use crate::typed::{Typed, TypedPre};

/// Linked, not yet instantiated.
pub(crate) enum EntryPre {
    /// It speaks `alcove:tool`.
    Tool(ToolPre<GuestState>),
    /// It exports functions with types.
    Typed(TypedPre),
}

/// Instantiated.
pub(crate) enum Entry {
    /// It speaks `alcove:tool`.
    Tool(Tool),
    /// It exports functions with types.
    Typed(Typed),
}

impl EntryPre {
    pub(crate) async fn instantiate(
        &self,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Entry> {
        Ok(match self {
            EntryPre::Tool(pre) => Entry::Tool(pre.instantiate_async(store).await?),
            EntryPre::Typed(pre) => Entry::Typed(pre.instantiate(store).await?),
        })
    }
}

impl Entry {
    pub(crate) async fn call(
        &self,
        store: &mut Store<GuestState>,
        invocation: &Invocation,
    ) -> Returned {
        match self {
            Entry::Tool(tool) => {
                tool.alcove_tool_handler()
                    .call_invoke(store, &invocation.tool, &invocation.arguments)
                    .await
            }
            Entry::Typed(typed) => typed.call(store, invocation).await,
        }
    }
}
