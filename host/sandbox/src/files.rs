//! `wasi:filesystem`: the folders of the grant, and a root that refuses everything else.
//!
//! The folders themselves are wasmtime-wasi's, which never leave their own tree. What is added here
//! is that a path outside of every mounted folder answers "access denied" instead of "there is no
//! such thing", that a refusal is remembered for the outcome of the call, and that every answer is
//! written down (`files/descriptor.rs`), so that a call that is run again touches no file.

mod descriptor;
mod kept;
mod room;
mod streams;

use std::collections::HashMap;
use std::sync::Arc;

use alcove_policies::{Access, Denial};
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, Host};
use wasmtime_wasi::p2::{FsError, FsResult};

use crate::call::Grant;
use crate::refusal::Refusal;
use crate::shared::Shared;

use room::{ENTRY_BYTES, Room};

pub(crate) use room::LIMIT;

/// The most characters of a path in a message.
const MAX_SHOWN_CHARS: usize = 200;

/// What is known of the folders that an instance was given.
pub(crate) struct FileState {
    plugin: String,
    /// What the policy mounts.
    mounts: Vec<Mounted>,
    /// The folder that a handle is of, by the handle's number.
    given: HashMap<u32, Given>,
}

/// A folder that the policy mounts.
struct Mounted {
    mount: String,
    access: Access,
    /// The line that says so.
    line: u32,
    /// What may still be written, where that is limited.
    room: Option<Room>,
}

/// What a handle is of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    /// The empty folder, which stands for the root or for a folder that the policy does not mount:
    /// where the guest sees it, without a slash at its end.
    Nothing(String),
    /// A folder that the policy mounts, by its place in the list, or something in it.
    Mount(usize),
}

impl FileState {
    /// Where the refusing root is mounted.
    pub(crate) const ROOT: &'static str = "/";

    pub(crate) fn new(grant: &Grant) -> FileState {
        let room = |mount: &str, quota: Option<u64>| {
            let folder = grant.mounts.iter().find(|own| own.guest == mount)?;
            Some(Room::new(folder.host.clone(), mount.to_owned(), quota?))
        };
        FileState {
            plugin: grant.policy.plugin().to_owned(),
            mounts: grant
                .policy
                .files()
                .iter()
                .map(|file| Mounted {
                    mount: file.mount.clone(),
                    access: file.access,
                    line: file.line,
                    room: room(&file.mount, file.quota_bytes),
                })
                .collect(),
            given: HashMap::new(),
        }
    }

    fn outside(&self, path: &str) -> Denial {
        let path: String = path.chars().take(MAX_SHOWN_CHARS).collect();
        Denial {
            capability: "files",
            detail: format!(
                "`{}` is in no folder that the policy of {} mounts",
                path.escape_debug(),
                self.plugin
            ),
            grant: "[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\n\
                    access = \"read-only\"\n"
                .to_owned(),
        }
    }

    fn read_only(&self, mount: usize) -> Option<Denial> {
        let Mounted {
            mount,
            access,
            line,
            room: _,
        } = self.mounts.get(mount)?;
        (*access == Access::ReadOnly).then(|| Denial {
            capability: "files",
            detail: format!("the policy mounts `{mount}` to be read only (line {line})"),
            grant: format!("[[files]]\nmount = \"{mount}\"\naccess = \"read-write\"\n"),
        })
    }
}

impl FileState {
    fn room(&self, handle: u32) -> Option<&Room> {
        match self.given.get(&handle)? {
            Given::Mount(mount) => self.mounts.get(*mount)?.room.as_ref(),
            Given::Nothing(_) => None,
        }
    }
}

/// The file functions of one call.
pub(crate) struct FilesView<'a> {
    pub(crate) inner: WasiFilesystemCtxView<'a>,
    pub(crate) state: &'a mut FileState,
    pub(crate) shared: &'a Arc<Shared>,
}

impl FilesView<'_> {
    /// Refuses a path under a folder that stands for nothing, other than the folder itself.
    fn guard(&mut self, folder: &Resource<Descriptor>, path: &str) -> FsResult<()> {
        let Some(Given::Nothing(seen)) = self.state.given.get(&folder.rep()) else {
            return Ok(());
        };
        if matches!(path, "." | "./" | "") {
            return Ok(());
        }
        let denial = self.state.outside(&format!("{seen}/{path}"));
        self.shared.refuse(Refusal::Denied(denial));
        Err(ErrorCode::Access.into())
    }

    /// Takes room for what is about to be written to what a handle is of.
    fn take(&self, handle: u32, bytes: u64) -> FsResult<()> {
        match self.state.room(handle) {
            Some(room) => Ok(room.take(bytes, self.shared)?),
            None => Ok(()),
        }
    }

    /// Remembers that a folder was refused for being read only; a success forgets earlier refusals.
    fn noted<T>(&mut self, folder: u32, result: FsResult<T>) -> FsResult<T> {
        match &result {
            Ok(_) => self.shared.succeeded(),
            Err(error) => {
                let given = self.state.given.get(&folder);
                if let Some(Given::Mount(mount)) = given
                    && matches!(
                        error.downcast_ref(),
                        Some(ErrorCode::NotPermitted | ErrorCode::ReadOnly)
                    )
                    && let Some(denial) = self.state.read_only(*mount)
                {
                    self.shared.refuse(Refusal::Denied(denial));
                }
            }
        }
        result
    }
}

impl preopens::Host for FilesView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let folders = preopens::Host::get_directories(&mut self.inner)?;
        for (folder, name) in &folders {
            let given = self
                .state
                .mounts
                .iter()
                .position(|own| own.mount == *name)
                .map_or_else(
                    || Given::Nothing(name.trim_end_matches('/').to_owned()),
                    Given::Mount,
                );
            self.state.given.insert(folder.rep(), given);
        }
        Ok(folders)
    }
}

impl Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.inner.convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.inner.filesystem_error_code(error)
    }
}

/// What was written: how long it is and its hash.
fn digest(bytes: &[u8]) -> (usize, String) {
    (bytes.len(), blake3::hash(bytes).to_hex().to_string())
}
