//! What one call made and used beside its own run: assets, and calls of other tools.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alcove_api_types::{Label, ToolPart, ToolUsage};
use alcove_core::ids::AssetId;

use crate::assets::AssetDetail;
use crate::tools::ToolResult;
use crate::tools::outcome::is_asset;

/// What one call made and used. Its capabilities write it, the end of the call reads it.
#[derive(Default)]
pub(in crate::tools) struct CallAccount {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Assets that the call made.
    made: Vec<(AssetId, AssetDetail)>,
    /// Parts with assets that the calls it made gave it.
    given: Vec<ToolPart>,
    /// Bytes of assets that it wrote.
    asset_bytes: u64,
    /// What the calls it made used, together; of their memory the most.
    children: ToolUsage,
    /// Whether one of them gave back what counts as private, or the call itself read it.
    is_private: bool,
    /// Whether one of them was answered over the network, or the call read what an earlier one
    /// that was had kept.
    is_fetched: bool,
}

impl CallAccount {
    /// Counts bytes that are about to be written to assets; `false` above the quota.
    pub(super) fn write(&self, bytes: u64, quota: u64) -> bool {
        let mut inner = self.lock();
        inner.asset_bytes = inner.asset_bytes.saturating_add(bytes);
        inner.asset_bytes <= quota
    }

    /// How many assets it has made.
    pub(super) fn assets(&self) -> usize {
        self.lock().made.len()
    }

    /// An asset is finished.
    pub(super) fn add_asset(&self, asset: AssetId, detail: AssetDetail) {
        self.lock().made.push((asset, detail));
    }

    /// A call of another tool has ended.
    pub(super) fn add_child(&self, result: &ToolResult) {
        let mut inner = self.lock();
        let ToolUsage {
            wall_us: _,
            cpu_us,
            peak_memory_bytes,
            output_bytes: _,
        } = result.usage;
        inner.children.cpu_us += cpu_us;
        inner.children.peak_memory_bytes = inner.children.peak_memory_bytes.max(peak_memory_bytes);
        inner.is_private |= result.label == Some(Label::Private);
        inner.is_fetched |= result.fetched;
        let assets = result.output.iter().filter(|part| is_asset(part)).cloned();
        inner.given.extend(assets);
    }

    /// It has read a value that came from the network when it was kept.
    pub(super) fn read_from_web(&self) {
        self.lock().is_fetched = true;
    }

    /// It has read a file of the person's.
    pub(super) fn read_private(&self) {
        self.lock().is_private = true;
    }

    /// Whether the call made it, or was given it by a call that it made.
    pub(super) fn has(&self, asset: AssetId) -> bool {
        let inner = self.lock();
        let text = asset.to_string();
        inner.made.iter().any(|(made, _)| *made == asset)
            || inner.given.iter().any(|part| part.value == text)
    }

    /// The part of a result that an asset's id stands for; nothing for an id that is neither the
    /// call's own nor that of a call that it made.
    pub(in crate::tools) fn part(&self, id: &str) -> Option<ToolPart> {
        let inner = self.lock();
        if let Some(part) = inner.given.iter().find(|part| part.value == id) {
            return Some(part.clone());
        }
        let asset: AssetId = id.parse().ok()?;
        let (_, detail) = inner.made.iter().find(|(made, _)| *made == asset)?;
        Some(crate::tools::outcome::asset_part(asset, detail))
    }

    /// What the call's results count as, whose own count as `own`: what it was given is in them.
    pub(in crate::tools) fn label(&self, own: Label) -> Label {
        if self.lock().is_private {
            Label::Private
        } else {
            own
        }
    }

    /// Whether it holds what came over the network otherwise than by its own requests: through a
    /// call that it made, or out of what it had kept.
    pub(in crate::tools) fn is_fetched(&self) -> bool {
        self.lock().is_fetched
    }

    /// The assets that the call made itself.
    pub(in crate::tools) fn made(&self) -> Vec<AssetId> {
        self.lock().made.iter().map(|(asset, _)| *asset).collect()
    }

    /// Adds what the calls that it made used to its own usage.
    pub(in crate::tools) fn add_children(&self, usage: &mut ToolUsage) {
        let inner = self.lock();
        usage.cpu_us += inner.children.cpu_us;
        usage.peak_memory_bytes += inner.children.peak_memory_bytes;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
