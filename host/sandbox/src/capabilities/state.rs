//! `alcove:state`: what a plugin keeps for one person from call to call.

use std::sync::Arc;

use async_trait::async_trait;
use wasmtime::component::Linker;

use super::{Asked, CapabilityError, CapabilityView, View, absent};
use crate::record::Bytes;
use crate::state::GuestState;

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package alcove:host-state;
            world host { import alcove:state/store@0.1.0; }
        ",
        path: ["../../wit/state"],
        world: "alcove:host-state/host",
        imports: { default: async | trappable },
    });
}

use generated::alcove::state::store;

/// The longest key, in bytes.
pub const MAX_STATE_KEY_BYTES: usize = 256;
/// The largest value, in bytes.
pub const MAX_STATE_VALUE_BYTES: usize = 1 << 20;
/// The most keys that are listed at once.
const MAX_LISTED: u32 = 1000;

/// The state of one plugin for one person, under the quota of its grant.
#[async_trait]
pub trait State: Send + Sync {
    /// The value of a key.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CapabilityError>;

    /// Sets a key. `from_web`: the call was answered over the network before, so that the value
    /// may hold what came from there.
    async fn set(&self, key: &str, value: &[u8], from_web: bool) -> Result<(), CapabilityError>;

    /// Removes a key; answers whether it was there.
    async fn delete(&self, key: &str) -> Result<bool, CapabilityError>;

    /// Keys with a prefix, in the order of their bytes, behind `after`.
    async fn list_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, CapabilityError>;

    /// Sets a key, or removes it, if its value is `expected`; answers whether it was.
    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool, CapabilityError>;
}

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, View>(linker, GuestState::capability_view)
}

impl CapabilityView<'_> {
    fn state(&self) -> Result<Arc<dyn State>, CapabilityError> {
        if self.policy.state().is_none() {
            return Err(self.policy.state_denial().into());
        }
        self.shared
            .capabilities()
            .state
            .ok_or_else(|| absent("state"))
    }
}

impl CapabilityView<'_> {
    fn asked_state(&self, function: &'static str) -> Asked {
        Asked {
            shared: Arc::clone(self.shared),
            function,
            capability: "state",
        }
    }
}

impl store::Host for CapabilityView<'_> {
    async fn get(
        &mut self,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, store::Error>> {
        let state = self.state();
        let work = async {
            check_key(&key)?;
            Ok(state?.get(&key).await?.map(Bytes::from))
        };
        let asked = self.asked_state("alcove:state/store.get");
        let answer = asked.through(&key, work).await?;
        Ok(answer.map(|value| value.map(Vec::from)).map_err(Into::into))
    }

    async fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), store::Error>> {
        let state = self.state();
        let value = Bytes::from(value);
        let from_web = self.shared.http_use().is_answered();
        let work = async {
            check_key(&key)?;
            check_value(&value.0)?;
            state?.set(&key, &value.0, from_web).await
        };
        let asked = self.asked_state("alcove:state/store.set");
        let answer = asked.through(&(&key, &value), work).await?;
        Ok(answer.map_err(Into::into))
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<bool, store::Error>> {
        let state = self.state();
        let work = async {
            check_key(&key)?;
            state?.delete(&key).await
        };
        let asked = self.asked_state("alcove:state/store.delete");
        Ok(asked.through(&key, work).await?.map_err(Into::into))
    }

    async fn list_keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, store::Error>> {
        let state = self.state();
        let most = limit.min(MAX_LISTED) as usize;
        let work = async { state?.list_keys(&prefix, after.as_deref(), most).await };
        let asked = self.asked_state("alcove:state/store.list-keys");
        let answer = asked.through(&(&prefix, &after, limit), work).await?;
        Ok(answer.map_err(Into::into))
    }

    async fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<bool, store::Error>> {
        let state = self.state();
        let (expected, new) = (expected.map(Bytes::from), new.map(Bytes::from));
        let work = async {
            let (expected, new) = (
                expected.as_ref().map(|bytes| &bytes.0[..]),
                new.as_ref().map(|bytes| &bytes.0[..]),
            );
            check_key(&key)?;
            check_value(new.unwrap_or_default())?;
            state?.compare_and_set(&key, expected, new).await
        };
        let asked = self.asked_state("alcove:state/store.compare-and-set");
        let answer = asked.through(&(&key, &expected, &new), work).await?;
        Ok(answer.map_err(Into::into))
    }
}

fn check_key(key: &str) -> Result<(), CapabilityError> {
    if (1..=MAX_STATE_KEY_BYTES).contains(&key.len()) {
        return Ok(());
    }
    Err(CapabilityError::Invalid(format!(
        "a key has 1 to {MAX_STATE_KEY_BYTES} bytes, not {}",
        key.len()
    )))
}

fn check_value(value: &[u8]) -> Result<(), CapabilityError> {
    if value.len() <= MAX_STATE_VALUE_BYTES {
        return Ok(());
    }
    Err(CapabilityError::Invalid(format!(
        "a value has at most {MAX_STATE_VALUE_BYTES} bytes, not {}",
        value.len()
    )))
}

impl From<CapabilityError> for store::Error {
    fn from(error: CapabilityError) -> store::Error {
        let text = error.to_string();
        match error {
            CapabilityError::Denied { .. } => store::Error::Denied(text),
            CapabilityError::Limit { .. } => store::Error::Quota(text),
            CapabilityError::NotFound(_) | CapabilityError::Invalid(_) => {
                store::Error::Invalid(text)
            }
            CapabilityError::Unavailable(_) => store::Error::Unavailable(text),
        }
    }
}
