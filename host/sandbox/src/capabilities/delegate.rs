//! `alcove:delegate`: calls of other tools.

use std::sync::Arc;

use async_trait::async_trait;
use wasmtime::component::Linker;

use super::{Asked, CapabilityError, CapabilityView, View, absent};
use crate::bindings::types;
use crate::report::{Failure, Part};
use crate::state::GuestState;

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package alcove:host-delegate;
            world host { import alcove:delegate/tools@0.1.0; }
        ",
        path: ["../../wit/tool", "../../wit/delegate"],
        world: "alcove:host-delegate/host",
        imports: { default: async | trappable },
        with: { "alcove:tool/types": crate::bindings::generated::alcove::tool::types },
    });
}

use generated::alcove::delegate::tools;

/// The most bytes of a call's arguments.
const MAX_ARGUMENT_BYTES: usize = 1 << 20;

/// How a delegated call ended that ran.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Delegated {
    /// It returned a result.
    Ok(Vec<Part>),
    /// The other tool says that it failed.
    Failed(Failure),
    /// The other tool was refused something by its own policy.
    Denied(String),
    /// The other tool reached a limit of its own: its name and what was allowed.
    Limit(String, String),
    /// The other tool crashed.
    Trapped(String),
}

/// The tools that a call may call.
#[async_trait]
pub trait Delegate: Send + Sync {
    /// Calls `tool`, such as `alcove/web-fetch:fetch_page`. Dropping this stops it. An error is the
    /// caller's own: what its grant does not allow.
    async fn call(&self, tool: &str, arguments: &str) -> Result<Delegated, CapabilityError>;
}

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    tools::add_to_linker::<_, View>(linker, GuestState::capability_view)
}

impl CapabilityView<'_> {
    fn delegate(&self, tool: &str) -> Result<Arc<dyn Delegate>, CapabilityError> {
        let named = tool.split_once(':');
        let grant = self.policy.delegate();
        let allowed = grant
            .zip(named)
            .is_some_and(|(grant, (plugin, tool))| grant.covers(plugin, tool));
        if !allowed {
            return Err(self.policy.delegate_denial(tool).into());
        }
        let delegate = self.shared.capabilities().delegate;
        delegate.ok_or_else(|| absent("other tools"))
    }
}

impl tools::Host for CapabilityView<'_> {
    async fn call(
        &mut self,
        tool: String,
        arguments: String,
    ) -> wasmtime::Result<Result<Vec<types::Part>, tools::Error>> {
        let delegate = self.delegate(&tool);
        let asked = Asked {
            shared: Arc::clone(self.shared),
            function: "alcove:delegate/tools.call",
            capability: "delegate",
        };
        let work = async {
            if arguments.len() > MAX_ARGUMENT_BYTES {
                return Err(CapabilityError::Invalid(format!(
                    "arguments have at most {MAX_ARGUMENT_BYTES} bytes, not {}",
                    arguments.len()
                )));
            }
            delegate?.call(&tool, &arguments).await
        };
        let answer = asked.through(&(&tool, &arguments), work).await?;
        Ok(match answer {
            Ok(Delegated::Ok(parts)) => Ok(parts.into_iter().map(types::Part::from).collect()),
            Ok(Delegated::Failed(failure)) => Err(tools::Error::Failed(failure.into())),
            Ok(Delegated::Denied(text)) => Err(tools::Error::Denied(text)),
            Ok(Delegated::Limit(name, allowed)) => Err(tools::Error::Limit((name, allowed))),
            Ok(Delegated::Trapped(text)) => Err(tools::Error::Trapped(text)),
            Err(error) => Err(error.into()),
        })
    }
}

impl From<CapabilityError> for tools::Error {
    fn from(error: CapabilityError) -> tools::Error {
        let text = error.to_string();
        let failed = |kind: &str, message| {
            tools::Error::Failed(types::Failure {
                kind: kind.to_owned(),
                message,
                retry_after_ms: None,
            })
        };
        match error {
            CapabilityError::Denied { .. } => tools::Error::Denied(text),
            CapabilityError::Limit { name, allowed } => tools::Error::Limit((name, allowed)),
            CapabilityError::NotFound(_) => failed("not-found", text),
            CapabilityError::Invalid(_) => failed("invalid-input", text),
            CapabilityError::Unavailable(_) => failed("unavailable", text),
        }
    }
}
