//! `wasi:filesystem`: the folders of the grant, and a root that refuses everything else.
//!
//! The folders themselves are wasmtime-wasi's, which never leave their own tree. What is added here
//! is that a path outside of every mounted folder answers "access denied" instead of "there is no
//! such thing", and that a refusal is remembered for the outcome of the call.

use std::collections::HashMap;

use alcove_policies::{Access, Authority, Denial};
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, Filesize, Host, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue,
    NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use crate::refusal::Refusal;
use crate::shared::Shared;

/// The most characters of a path in a message.
const MAX_SHOWN_CHARS: usize = 200;

/// What is known of the folders that an instance was given.
pub(crate) struct FileState {
    plugin: String,
    /// What the policy mounts, and the line that says so.
    mounts: Vec<(String, Access, u32)>,
    /// The handles of the folders that the guest was given at its start, by number.
    given: HashMap<u32, Given>,
}

/// A folder that the guest was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    /// The empty folder that stands for everything that is not mounted.
    Root,
    /// One that the policy mounts, by its place in the list.
    Mount(usize),
}

impl FileState {
    /// Where the refusing root is mounted.
    pub(crate) const ROOT: &'static str = "/";

    pub(crate) fn new(policy: &Authority) -> FileState {
        FileState {
            plugin: policy.plugin().to_owned(),
            mounts: policy
                .files()
                .iter()
                .map(|file| (file.mount.clone(), file.access, file.line))
                .collect(),
            given: HashMap::new(),
        }
    }

    fn outside(&self, path: &str) -> Denial {
        let path: String = path.chars().take(MAX_SHOWN_CHARS).collect();
        Denial {
            capability: "files",
            detail: format!(
                "`/{}` is in no folder that the policy of {} mounts",
                path.escape_debug(),
                self.plugin
            ),
            grant: "[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\n\
                    access = \"read-only\"\n"
                .to_owned(),
        }
    }

    fn read_only(&self, mount: usize) -> Option<Denial> {
        let (mount, access, line) = self.mounts.get(mount)?;
        (*access == Access::ReadOnly).then(|| Denial {
            capability: "files",
            detail: format!("the policy mounts `{mount}` to be read only (line {line})"),
            grant: format!("[[files]]\nmount = \"{mount}\"\naccess = \"read-write\"\n"),
        })
    }
}

/// The file functions of one call.
pub(crate) struct FilesView<'a> {
    pub(crate) inner: WasiFilesystemCtxView<'a>,
    pub(crate) state: &'a mut FileState,
    pub(crate) shared: &'a Shared,
}

impl FilesView<'_> {
    /// Refuses a path under the root, other than the root itself.
    fn guard(&mut self, folder: &Resource<Descriptor>, path: &str) -> FsResult<()> {
        let is_root = self.state.given.get(&folder.rep()) == Some(&Given::Root);
        if !is_root || matches!(path, "." | "./" | "") {
            return Ok(());
        }
        let denial = self.state.outside(path);
        self.shared.refuse(Refusal::Denied(denial));
        Err(ErrorCode::Access.into())
    }

    /// Remembers that a folder was refused for being read only; a success forgets earlier refusals.
    fn noted<T>(&mut self, folder: u32, result: FsResult<T>) -> FsResult<T> {
        match &result {
            Ok(_) => self.shared.succeeded(),
            Err(error) => {
                let given = self.state.given.get(&folder).copied();
                if let Some(Given::Mount(mount)) = given
                    && matches!(
                        error.downcast_ref(),
                        Some(ErrorCode::NotPermitted | ErrorCode::ReadOnly)
                    )
                    && let Some(denial) = self.state.read_only(mount)
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
                .position(|(mount, ..)| mount == name)
                .map_or(Given::Root, Given::Mount);
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

type Fd = Resource<Descriptor>;

impl HostDescriptor for FilesView<'_> {
    async fn advise(&mut self, fd: Fd, at: Filesize, len: Filesize, how: Advice) -> FsResult<()> {
        self.inner.advise(fd, at, len, how).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.inner.sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        self.inner.get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        self.inner.get_type(fd).await
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        self.inner.set_size(fd, size).await
    }

    async fn set_times(&mut self, fd: Fd, at: NewTimestamp, mt: NewTimestamp) -> FsResult<()> {
        self.inner.set_times(fd, at, mt).await
    }

    async fn read(&mut self, fd: Fd, len: Filesize, at: Filesize) -> FsResult<(Vec<u8>, bool)> {
        self.inner.read(fd, len, at).await
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, at: Filesize) -> FsResult<Filesize> {
        self.inner.write(fd, bytes, at).await
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        self.inner.read_directory(fd).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.inner.sync(fd).await
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.guard(&fd, &path)?;
        let folder = fd.rep();
        let result = self.inner.create_directory_at(fd, path).await;
        self.noted(folder, result)
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        self.inner.stat(fd).await
    }

    async fn stat_at(&mut self, fd: Fd, how: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.guard(&fd, &path)?;
        self.inner.stat_at(fd, how, path).await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        how: PathFlags,
        path: String,
        at: NewTimestamp,
        mt: NewTimestamp,
    ) -> FsResult<()> {
        self.guard(&fd, &path)?;
        let folder = fd.rep();
        let result = self.inner.set_times_at(fd, how, path, at, mt).await;
        self.noted(folder, result)
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        how: PathFlags,
        from: String,
        target: Fd,
        to: String,
    ) -> FsResult<()> {
        self.guard(&fd, &from)?;
        self.guard(&target, &to)?;
        let folder = target.rep();
        let result = self.inner.link_at(fd, how, from, target, to).await;
        self.noted(folder, result)
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        how: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        self.guard(&fd, &path)?;
        let folder = fd.rep();
        let result = self.inner.open_at(fd, how, path, open, flags).await;
        self.noted(folder, result)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.guard(&fd, &path)?;
        self.inner.readlink_at(fd, path).await
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.guard(&fd, &path)?;
        let folder = fd.rep();
        let result = self.inner.remove_directory_at(fd, path).await;
        self.noted(folder, result)
    }

    async fn rename_at(&mut self, fd: Fd, from: String, target: Fd, to: String) -> FsResult<()> {
        self.guard(&fd, &from)?;
        self.guard(&target, &to)?;
        let folder = target.rep();
        let result = self.inner.rename_at(fd, from, target, to).await;
        self.noted(folder, result)
    }

    async fn symlink_at(&mut self, fd: Fd, from: String, to: String) -> FsResult<()> {
        self.guard(&fd, &to)?;
        let folder = fd.rep();
        let result = self.inner.symlink_at(fd, from, to).await;
        self.noted(folder, result)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.guard(&fd, &path)?;
        let folder = fd.rep();
        let result = self.inner.unlink_file_at(fd, path).await;
        self.noted(folder, result)
    }

    async fn is_same_object(&mut self, one: Fd, other: Fd) -> wasmtime::Result<bool> {
        self.inner.is_same_object(one, other).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        self.inner.metadata_hash(fd).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        how: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.guard(&fd, &path)?;
        self.inner.metadata_hash_at(fd, how, path).await
    }

    fn read_via_stream(&mut self, fd: Fd, at: Filesize) -> FsResult<Resource<DynInputStream>> {
        self.inner.read_via_stream(fd, at)
    }

    fn write_via_stream(&mut self, fd: Fd, at: Filesize) -> FsResult<Resource<DynOutputStream>> {
        self.inner.write_via_stream(fd, at)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        self.inner.append_via_stream(fd)
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.state.given.remove(&fd.rep());
        HostDescriptor::drop(&mut self.inner, fd)
    }
}

impl HostDirectoryEntryStream for FilesView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.inner.read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.inner, stream)
    }
}
