//! The capabilities of ours: what a tool may import beside WASI. One file each, with the trait that
//! the host implements and the functions that a guest finds.
//!
//! Every function goes through [`Asked`]: it checks the lease, looks for the grant, writes the call
//! and its answer into the record, and remembers a refusal for the outcome of the tool's call.

mod assets;
mod delegate;
mod error;
mod inference;
mod state;

use std::sync::Arc;

use alcove_policies::Authority;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::{HasData, Linker, ResourceTable};

use crate::shared::{Shared, Stop, Stopped};
use crate::state::GuestState;

pub use assets::{Asset, AssetReader, AssetWriter, Assets, MAX_ASSET_CHUNK_BYTES};
pub use delegate::{Delegate, Delegated};
pub use error::CapabilityError;
pub use inference::{Generate, Generated, Inference};
pub use state::{MAX_STATE_KEY_BYTES, MAX_STATE_VALUE_BYTES, State};

/// What a call finds behind the interfaces of ours. None of it by default; what is not here is
/// refused with the lines that would grant it.
#[derive(Clone, Default)]
pub struct Capabilities {
    /// `alcove:state`.
    pub state: Option<Arc<dyn State>>,
    /// `alcove:assets`.
    pub assets: Option<Arc<dyn Assets>>,
    /// `alcove:inference`.
    pub inference: Option<Arc<dyn Inference>>,
    /// `alcove:delegate`.
    pub delegate: Option<Arc<dyn Delegate>>,
}

impl std::fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capabilities")
            .field("state", &self.state.is_some())
            .field("assets", &self.assets.is_some())
            .field("inference", &self.inference.is_some())
            .field("delegate", &self.delegate.is_some())
            .finish()
    }
}

/// What the functions see of an instance.
pub(crate) struct CapabilityView<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) policy: &'a Authority,
    pub(crate) table: &'a mut ResourceTable,
}

pub(crate) struct View;
impl HasData for View {
    type Data<'a> = CapabilityView<'a>;
}

/// All interfaces of ours but `alcove:tool`.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    state::add_to_linker(linker)?;
    assets::add_to_linker(linker)?;
    inference::add_to_linker(linker)?;
    delegate::add_to_linker(linker)
}

/// A function of a capability, on its way: its name, such as `alcove:state/store.get`, and whose.
struct Asked {
    shared: Arc<Shared>,
    function: &'static str,
    capability: &'static str,
}

impl Asked {
    /// Runs `work` and writes it down, or serves it from a record; ends the guest whose grant was
    /// revoked.
    async fn through<T>(
        self,
        input: &(impl Serialize + ?Sized),
        work: impl Future<Output = Result<T, CapabilityError>>,
    ) -> wasmtime::Result<Result<T, CapabilityError>>
    where
        T: Serialize + DeserializeOwned,
    {
        if !self.shared.lease_holds() {
            return Err(Stopped(Stop::Revoked).into());
        }
        let recorder = &self.shared.recorder;
        recorder.through(self.function, input, self.run(work)).await
    }

    async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, CapabilityError>>,
    ) -> Result<T, CapabilityError> {
        let answer = work.await;
        match &answer {
            Ok(_) => self.shared.succeeded(),
            Err(error) => {
                if let Some(refusal) = error.refusal(self.capability) {
                    self.shared.refuse(refusal);
                }
            }
        }
        answer
    }
}

/// A capability that the policy grants but the host has none of: a call that nobody gave one to.
fn absent(what: &str) -> CapabilityError {
    CapabilityError::Unavailable(format!("this call has no {what}"))
}
