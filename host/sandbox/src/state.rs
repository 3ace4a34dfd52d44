//! What belongs to one instance: the data of its store.

use std::path::Path;
use std::sync::Arc;

use alcove_egress::Egress;
use alcove_policies::{Access, Authority};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::call::{Grant, Mount};
use crate::capabilities::CapabilityView;
use crate::files::{FileState, FilesView};
use crate::http::HttpGate;
use crate::memory::MemoryLimiter;
use crate::quota::Quota;
use crate::recorder::Recorder;
use crate::shared::Shared;

/// The most bytes of one set of HTTP headers, as they lie in memory.
const MAX_FIELD_BYTES: usize = 128 << 10;

/// The data of a guest's store.
pub(crate) struct GuestState {
    pub(crate) shared: Arc<Shared>,
    pub(crate) recorder: Recorder,
    pub(crate) memory: MemoryLimiter,
    policy: Arc<Authority>,
    files: FileState,
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    gate: HttpGate,
}

/// A folder of the grant could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the folder for {mount} cannot be opened")]
pub(crate) struct MountError {
    mount: String,
    source: wasmtime::Error,
}

impl GuestState {
    /// `no_files` is an empty folder that stands for everything that is not mounted; without it no
    /// files are opened at all.
    pub(crate) fn new(
        shared: Arc<Shared>,
        grant: &Grant,
        no_files: Option<&Path>,
        egress: &Egress,
        quota: &Arc<Quota>,
    ) -> Result<GuestState, MountError> {
        let recorder = shared.recorder.clone();
        let mut wasi = WasiCtx::builder();
        wasi.wall_clock(recorder.clone())
            .monotonic_clock(recorder.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        for variable in grant.policy.env() {
            wasi.env(&variable.name, &variable.value);
        }
        if let Some(no_files) = no_files {
            let mut open = |host: &Path, guest: &str, perms| {
                wasi.preopened_dir(host, guest, perms)
                    .map(drop)
                    .map_err(|source| MountError {
                        mount: guest.to_owned(),
                        source,
                    })
            };
            open(no_files, FileState::ROOT, FsPerms::ReadOnly)?;
            for mount in &grant.mounts {
                match permitted(&grant.policy, mount) {
                    Some(perms) => open(&mount.host, &mount.guest, perms)?,
                    None => open(no_files, &mount.guest, FsPerms::ReadOnly)?,
                }
            }
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(grant.policy.limits().handles as usize);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_FIELD_BYTES);
        Ok(GuestState {
            memory: MemoryLimiter::new(grant.policy.limits().memory_bytes),
            policy: Arc::clone(&grant.policy),
            files: FileState::new(grant),
            gate: HttpGate::new(Arc::clone(&shared), grant, egress, quota),
            wasi: wasi.build(),
            recorder,
            shared,
            table,
            http,
        })
    }
}

/// What the policy allows for a mount: nothing if it does not name it, and writing only if both say
/// so.
fn permitted(policy: &Authority, mount: &Mount) -> Option<FsPerms> {
    let granted = policy
        .files()
        .iter()
        .find(|file| file.mount == mount.guest)?;
    Some(match granted.access {
        Access::ReadWrite if mount.writable => FsPerms::ReadWrite,
        _ => FsPerms::ReadOnly,
    })
}

impl GuestState {
    pub(crate) fn files_view(&mut self) -> FilesView<'_> {
        FilesView {
            inner: WasiFilesystemCtxView {
                ctx: self.wasi.filesystem(),
                table: &mut self.table,
            },
            state: &mut self.files,
            shared: &self.shared,
        }
    }

    pub(crate) fn capability_view(&mut self) -> CapabilityView<'_> {
        CapabilityView {
            shared: &self.shared,
            policy: &self.policy,
            table: &mut self.table,
        }
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.gate,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
