//! The functions of `wasi:filesystem/types`: each goes to the folder and is written down, or is
//! answered from the record without touching it.

use std::sync::Arc;

use serde_json::json;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::kept::{give, keep, refused};
use super::streams::{Reading, Writing};
use super::{ENTRY_BYTES, FileState, FilesView, Given, digest};

type Fd = Resource<Descriptor>;

/// Hands what a function answers through the recorder.
macro_rules! told {
    ($self:ident, $function:literal, $input:expr, $run:expr) => {{
        let recorder = $self.shared.recorder.clone();
        let mut trap = None;
        let function = concat!("wasi:filesystem/types.", $function);
        let kept = recorder
            .through(function, &$input, async {
                let result: FsResult<_> = async { $run }.await;
                keep(result, &mut trap)
            })
            .await
            .map_err(FsError::trap)?;
        give(kept, trap)
    }};
}

/// The same for a function that answers with a handle: what it opened, or nothing in a replay.
macro_rules! opened {
    ($self:ident, $function:literal, $input:expr, $run:expr) => {{
        let recorder = $self.shared.recorder.clone();
        let (mut trap, mut handle) = (None, None);
        let function = concat!("wasi:filesystem/types.", $function);
        let kept: Result<(), String> = recorder
            .through(function, &$input, async {
                let result: FsResult<_> = async { $run }.await;
                match result {
                    Ok(opened) => {
                        handle = Some(opened);
                        Ok(())
                    }
                    Err(error) => Err(refused(error, &mut trap)),
                }
            })
            .await
            .map_err(FsError::trap)?;
        give::<()>(kept, trap)?;
        handle
    }};
}

impl FilesView<'_> {
    /// A handle that stands for one that was opened then: of the empty folder.
    fn stand_in(&mut self) -> FsResult<Fd> {
        let folders = preopens::Host::get_directories(&mut self.inner).map_err(FsError::trap)?;
        let mut root = None;
        for (folder, name) in folders {
            if name == FileState::ROOT && root.is_none() {
                root = Some(folder);
            } else {
                HostDescriptor::drop(&mut self.inner, folder).map_err(FsError::trap)?;
            }
        }
        root.ok_or_else(|| FsError::trap(wasmtime::format_err!("no folder is empty")))
    }
}

impl HostDescriptor for FilesView<'_> {
    async fn advise(&mut self, fd: Fd, at: Filesize, len: Filesize, how: Advice) -> FsResult<()> {
        told!(
            self,
            "descriptor.advise",
            (at, len),
            self.inner.advise(fd, at, len, how).await
        )
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        told!(
            self,
            "descriptor.sync-data",
            (),
            self.inner.sync_data(fd).await
        )
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        told!(self, "descriptor.sync", (), self.inner.sync(fd).await)
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        told!(
            self,
            "descriptor.get-flags",
            (),
            self.inner.get_flags(fd).await
        )
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        told!(
            self,
            "descriptor.get-type",
            (),
            self.inner.get_type(fd).await
        )
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        told!(self, "descriptor.set-size", size, {
            let now = self.inner.stat(Resource::new_borrow(fd.rep())).await?;
            self.take(fd.rep(), size.saturating_sub(now.size))?;
            self.inner.set_size(fd, size).await
        })
    }

    async fn set_times(&mut self, fd: Fd, at: NewTimestamp, mt: NewTimestamp) -> FsResult<()> {
        told!(
            self,
            "descriptor.set-times",
            json!([stamp(&at), stamp(&mt)]),
            self.inner.set_times(fd, at, mt).await
        )
    }

    async fn read(&mut self, fd: Fd, len: Filesize, at: Filesize) -> FsResult<(Vec<u8>, bool)> {
        told!(
            self,
            "descriptor.read",
            (len, at),
            self.inner.read(fd, len, at).await
        )
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, at: Filesize) -> FsResult<Filesize> {
        told!(self, "descriptor.write", (digest(&bytes), at), {
            self.take(fd.rep(), bytes.len() as u64)?;
            self.inner.write(fd, bytes, at).await
        })
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        let entries = opened!(self, "descriptor.read-directory", (), {
            self.inner.read_directory(fd).await
        });
        if let Some(entries) = entries {
            return Ok(entries);
        }
        let folder = self.stand_in()?;
        let entries = self
            .inner
            .read_directory(Resource::new_borrow(folder.rep()))
            .await;
        HostDescriptor::drop(&mut self.inner, folder).map_err(FsError::trap)?;
        entries
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        told!(self, "descriptor.stat", (), self.inner.stat(fd).await)
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        told!(self, "descriptor.create-directory-at", json!(path), {
            self.guard(&fd, &path)?;
            let folder = fd.rep();
            self.take(folder, ENTRY_BYTES)?;
            let result = self.inner.create_directory_at(fd, path).await;
            self.noted(folder, result)
        })
    }

    async fn stat_at(&mut self, fd: Fd, how: PathFlags, path: String) -> FsResult<DescriptorStat> {
        told!(self, "descriptor.stat-at", json!([follows(how), path]), {
            self.guard(&fd, &path)?;
            self.inner.stat_at(fd, how, path).await
        })
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        how: PathFlags,
        path: String,
        at: NewTimestamp,
        mt: NewTimestamp,
    ) -> FsResult<()> {
        told!(
            self,
            "descriptor.set-times-at",
            json!([follows(how), path, stamp(&at), stamp(&mt)]),
            {
                self.guard(&fd, &path)?;
                let folder = fd.rep();
                let result = self.inner.set_times_at(fd, how, path, at, mt).await;
                self.noted(folder, result)
            }
        )
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        how: PathFlags,
        from: String,
        target: Fd,
        to: String,
    ) -> FsResult<()> {
        told!(
            self,
            "descriptor.link-at",
            json!([follows(how), from, to]),
            {
                self.guard(&fd, &from)?;
                self.guard(&target, &to)?;
                let folder = target.rep();
                self.take(folder, ENTRY_BYTES)?;
                let result = self.inner.link_at(fd, how, from, target, to).await;
                self.noted(folder, result)
            }
        )
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        how: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let input = json!([
            follows(how),
            path,
            format!("{open:?}"),
            format!("{flags:?}")
        ]);
        let folder = fd.rep();
        let handle = opened!(self, "descriptor.open-at", input, {
            self.guard(&fd, &path)?;
            if open.contains(OpenFlags::CREATE) {
                let parent = Resource::new_borrow(folder);
                if self.inner.stat_at(parent, how, path.clone()).await.is_err() {
                    self.take(folder, ENTRY_BYTES)?;
                }
            }
            let result = self.inner.open_at(fd, how, path, open, flags).await;
            self.noted(folder, result)
        });
        match handle {
            Some(handle) => {
                if let Some(Given::Mount(mount)) = self.state.given.get(&folder) {
                    let given = Given::Mount(*mount);
                    self.state.given.insert(handle.rep(), given);
                }
                Ok(handle)
            }
            None => self.stand_in(),
        }
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        told!(self, "descriptor.readlink-at", json!(path), {
            self.guard(&fd, &path)?;
            self.inner.readlink_at(fd, path).await
        })
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        told!(self, "descriptor.remove-directory-at", json!(path), {
            self.guard(&fd, &path)?;
            let folder = fd.rep();
            let result = self.inner.remove_directory_at(fd, path).await;
            self.noted(folder, result)
        })
    }

    async fn rename_at(&mut self, fd: Fd, from: String, target: Fd, to: String) -> FsResult<()> {
        told!(self, "descriptor.rename-at", json!([from, to]), {
            self.guard(&fd, &from)?;
            self.guard(&target, &to)?;
            let folder = target.rep();
            let result = self.inner.rename_at(fd, from, target, to).await;
            self.noted(folder, result)
        })
    }

    async fn symlink_at(&mut self, fd: Fd, from: String, to: String) -> FsResult<()> {
        told!(self, "descriptor.symlink-at", json!([from, to]), {
            self.guard(&fd, &to)?;
            let folder = fd.rep();
            self.take(folder, ENTRY_BYTES)?;
            let result = self.inner.symlink_at(fd, from, to).await;
            self.noted(folder, result)
        })
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        told!(self, "descriptor.unlink-file-at", json!(path), {
            self.guard(&fd, &path)?;
            let folder = fd.rep();
            let result = self.inner.unlink_file_at(fd, path).await;
            self.noted(folder, result)
        })
    }

    async fn is_same_object(&mut self, one: Fd, other: Fd) -> wasmtime::Result<bool> {
        let recorder = self.shared.recorder.clone();
        let mut trap = None;
        let function = "wasi:filesystem/types.descriptor.is-same-object";
        let same = recorder
            .through(function, &(), async {
                match self.inner.is_same_object(one, other).await {
                    Ok(same) => same,
                    Err(error) => {
                        trap = Some(error);
                        false
                    }
                }
            })
            .await?;
        trap.map_or(Ok(same), Err)
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        told!(
            self,
            "descriptor.metadata-hash",
            (),
            self.inner.metadata_hash(fd).await
        )
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        how: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        told!(
            self,
            "descriptor.metadata-hash-at",
            json!([follows(how), path]),
            {
                self.guard(&fd, &path)?;
                self.inner.metadata_hash_at(fd, how, path).await
            }
        )
    }

    fn read_via_stream(&mut self, fd: Fd, at: Filesize) -> FsResult<Resource<DynInputStream>> {
        let recorder = self.shared.recorder.clone();
        let function = "wasi:filesystem/types.descriptor.read-via-stream";
        let (mut trap, mut handle) = (None, None);
        let kept = recorder
            .through_now(function, &at, || match self.inner.read_via_stream(fd, at) {
                Ok(opened) => {
                    handle = Some(opened);
                    Ok(())
                }
                Err(error) => Err(refused(error, &mut trap)),
            })
            .map_err(FsError::trap)?;
        give::<()>(kept, trap)?;
        let file = handle
            .map(|handle| self.inner.table.delete(handle))
            .transpose()?;
        let stream: DynInputStream = Box::new(Reading { recorder, file });
        Ok(self.inner.table.push(stream)?)
    }

    fn write_via_stream(&mut self, fd: Fd, at: Filesize) -> FsResult<Resource<DynOutputStream>> {
        self.writing(
            "wasi:filesystem/types.descriptor.write-via-stream",
            fd.rep(),
            at,
            |view| view.inner.write_via_stream(fd, at),
        )
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        self.writing(
            "wasi:filesystem/types.descriptor.append-via-stream",
            fd.rep(),
            0,
            |view| view.inner.append_via_stream(fd),
        )
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.state.given.remove(&fd.rep());
        HostDescriptor::drop(&mut self.inner, fd)
    }
}

impl FilesView<'_> {
    fn writing(
        &mut self,
        function: &'static str,
        file: u32,
        at: Filesize,
        open: impl FnOnce(&mut Self) -> FsResult<Resource<DynOutputStream>>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let recorder = self.shared.recorder.clone();
        let room = self.state.room(file).cloned();
        let (mut trap, mut handle) = (None, None);
        let kept = recorder
            .through_now(function, &at, || match open(self) {
                Ok(opened) => {
                    handle = Some(opened);
                    Ok(())
                }
                Err(error) => Err(refused(error, &mut trap)),
            })
            .map_err(FsError::trap)?;
        give::<()>(kept, trap)?;
        let file = handle
            .map(|handle| self.inner.table.delete(handle))
            .transpose()?;
        let stream: DynOutputStream = Box::new(Writing {
            shared: Arc::clone(self.shared),
            file,
            room,
        });
        Ok(self.inner.table.push(stream)?)
    }
}

impl HostDirectoryEntryStream for FilesView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        told!(self, "directory-entry-stream.read-directory-entry", (), {
            self.inner.read_directory_entry(stream).await
        })
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.inner, stream)
    }
}

/// Whether a symbolic link at the end of a path is followed.
fn follows(how: PathFlags) -> bool {
    how.contains(PathFlags::SYMLINK_FOLLOW)
}

/// A time to set, as a record holds it.
fn stamp(time: &NewTimestamp) -> serde_json::Value {
    match time {
        NewTimestamp::NoChange => json!("no-change"),
        NewTimestamp::Now => json!("now"),
        NewTimestamp::Timestamp(Datetime {
            seconds,
            nanoseconds,
        }) => json!([seconds, nanoseconds]),
    }
}
