//! The bytes of a checkpoint's files: what an earlier checkpoint has not got goes, one file after
//! the other, into one sealed asset.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};

use alcove_core::checkpoint::{FileState, Manifest, Packed};
use alcove_core::ids::{AssetId, BranchId};

use super::{CheckpointError, Checkpoints};
use crate::accounts::Principal;
use crate::assets::{AssetBytes, AssetDetail, NewAssetBytes};
use crate::workspaces::{FilePath, Place, WorkspaceError};

/// The most files of a checkpoint.
pub(super) const MAX_FILES: usize = 20_000;
/// The most bytes of its files together.
pub(super) const MAX_BYTES: u64 = 1 << 30;
/// Bytes read at a time.
const PIECE: usize = 1 << 20;
/// Who a pack is said to come from.
const MAKER: &str = "alcove";

impl Checkpoints {
    /// The files of a place, by path, hashed.
    pub(super) async fn files(&self, place: Place) -> Result<Vec<FileState>, CheckpointError> {
        let workspaces = self.workspaces.clone();
        blocking(move || {
            let mut files = Vec::new();
            let mut total = 0_u64;
            for path in workspaces
                .paths(place, MAX_FILES)?
                .ok_or(CheckpointError::TooMuch)?
            {
                let (mut file, _) = match workspaces.read(place, &path) {
                    // Removed since it was listed.
                    Err(WorkspaceError::NotFound(_)) => continue,
                    read => read?,
                };
                let mut hasher = blake3::Hasher::new();
                let bytes = std::io::copy(&mut file, &mut hasher).map_err(trouble("read"))?;
                total = total.saturating_add(bytes);
                if total > MAX_BYTES {
                    return Err(CheckpointError::TooMuch);
                }
                files.push(FileState {
                    path: path.to_string(),
                    bytes,
                    hash: hasher.finalize().to_hex().to_string(),
                });
            }
            files.sort_by(|one, other| one.path.cmp(&other.path));
            Ok(files)
        })
        .await
    }

    /// Saves the bytes of these files where `earlier` has not got them. What a file has when it is
    /// read is what is saved, and what its hash becomes. Answers where they lie, and the new pack.
    pub(super) async fn pack(
        &self,
        principal: &Principal,
        place: Place,
        files: &mut [FileState],
        earlier: Option<&Manifest>,
    ) -> Result<(Vec<Packed>, Option<AssetId>), CheckpointError> {
        let known: HashMap<&str, Packed> = earlier
            .into_iter()
            .flat_map(|manifest| manifest.state.files.iter().zip(&manifest.packed))
            .map(|(file, packed)| (file.hash.as_str(), *packed))
            .collect();
        let mut places: Vec<Option<Packed>> = Vec::with_capacity(files.len());
        let mut pack: Option<NewAssetBytes> = None;
        let mut offsets = Vec::new();
        for file in files.iter_mut() {
            if let Some(packed) = known.get(file.hash.as_str()) {
                places.push(Some(*packed));
                continue;
            }
            let to = match &mut pack {
                Some(pack) => pack,
                None => pack.insert(self.assets.create(principal).await?),
            };
            offsets.push(to.size());
            places.push(None);
            *file = self.append(place, file, to).await?;
        }
        let Some(bytes) = pack else {
            return Ok((places.into_iter().flatten().collect(), None));
        };
        let detail = AssetDetail {
            media_type: "application/octet-stream".to_owned(),
            name: None,
        };
        let conversation = Some(place.conversation);
        let pack = self
            .assets
            .finish(principal, conversation, MAKER, &detail, bytes)
            .await?;
        let mut offsets = offsets.into_iter();
        let places = places.into_iter().filter_map(|place| {
            place.or_else(|| offsets.next().map(|offset| Packed { pack, offset }))
        });
        Ok((places.collect(), Some(pack)))
    }

    async fn append(
        &self,
        place: Place,
        file: &FileState,
        to: &mut NewAssetBytes,
    ) -> Result<FileState, CheckpointError> {
        let workspaces = self.workspaces.clone();
        let path = FilePath::parse(&file.path)?;
        let (mut open, _) = blocking(move || Ok(workspaces.read(place, &path)?)).await?;
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0_u64;
        loop {
            let (back, piece) = blocking(move || {
                let mut piece = Vec::new();
                let mut next = (&mut open).take(PIECE as u64);
                next.read_to_end(&mut piece).map_err(trouble("read"))?;
                Ok((open, piece))
            })
            .await?;
            open = back;
            if piece.is_empty() {
                break;
            }
            bytes += piece.len() as u64;
            if bytes > MAX_BYTES {
                return Err(CheckpointError::TooMuch);
            }
            hasher.update(&piece);
            to.write(&piece).await?;
        }
        Ok(FileState {
            path: file.path.clone(),
            bytes,
            hash: hasher.finalize().to_hex().to_string(),
        })
    }

    /// Writes the files of a manifest into a new branch's folder. Where any of them is not what was
    /// saved, there is no folder afterwards.
    pub(super) async fn unpack(
        &self,
        principal: &Principal,
        manifest: &Manifest,
        branch: BranchId,
    ) -> Result<(), CheckpointError> {
        let workspaces = self.workspaces.clone();
        blocking(move || Ok(workspaces.begin(branch)?)).await?;
        let unpacked = self.unpack_into(principal, manifest, branch).await;
        if unpacked.is_err() {
            self.remove_files(branch).await;
        }
        unpacked
    }

    pub(super) async fn remove_files(&self, branch: BranchId) {
        let workspaces = self.workspaces.clone();
        if let Err(error) = blocking(move || Ok(workspaces.remove_branch(branch)?)).await {
            tracing::warn!(%error, %branch, "the files of a branch that did not come about are left");
        }
    }

    async fn unpack_into(
        &self,
        principal: &Principal,
        manifest: &Manifest,
        branch: BranchId,
    ) -> Result<(), CheckpointError> {
        let mut by_pack: BTreeMap<AssetId, Vec<(u64, &FileState)>> = BTreeMap::new();
        for (file, packed) in manifest.state.files.iter().zip(&manifest.packed) {
            let files = by_pack.entry(packed.pack).or_default();
            files.push((packed.offset, file));
        }
        for (pack, mut files) in by_pack {
            files.sort_by_key(|(offset, _)| *offset);
            let found = self.assets.find(principal, pack).await?;
            let gone = CheckpointError::Damaged("some of its files are gone");
            let mut bytes = self.assets.read(found.ok_or(gone)?).await?;
            let mut at = 0_u64;
            let mut files = files.into_iter().peekable();
            while let Some((offset, file)) = files.next() {
                skip(&mut bytes, offset.saturating_sub(at)).await?;
                at = offset.saturating_add(file.bytes);
                let mut paths = vec![FilePath::parse(&file.path)?];
                // The same bytes lie there once, whatever they are called.
                while let Some((_, same)) =
                    files.next_if(|(next, same)| *next == offset && same.hash == file.hash)
                {
                    paths.push(FilePath::parse(&same.path)?);
                }
                self.unpack_file(&mut bytes, file, branch, paths).await?;
            }
        }
        Ok(())
    }

    /// Writes the next bytes of a pack as a file, under each of its paths.
    async fn unpack_file(
        &self,
        bytes: &mut AssetBytes,
        file: &FileState,
        branch: BranchId,
        paths: Vec<FilePath>,
    ) -> Result<(), CheckpointError> {
        let workspaces = self.workspaces.clone();
        let mut open = blocking(move || {
            let created = paths.iter().map(|path| workspaces.create(branch, path));
            Ok(created.collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
        let mut hasher = blake3::Hasher::new();
        let mut left = file.bytes;
        while left > 0 {
            let piece = next(bytes, left).await?;
            left -= piece.len() as u64;
            hasher.update(&piece);
            open = blocking(move || {
                for file in &mut open {
                    file.write_all(&piece).map_err(trouble("write"))?;
                }
                Ok(open)
            })
            .await?;
        }
        match hasher.finalize().to_hex().as_str() == file.hash {
            true => Ok(()),
            false => Err(CheckpointError::Damaged("one of its files is another")),
        }
    }
}

async fn skip(bytes: &mut AssetBytes, mut count: u64) -> Result<(), CheckpointError> {
    while count > 0 {
        count -= next(bytes, count).await?.len() as u64;
    }
    Ok(())
}

/// The next piece of a pack, at most so many bytes.
async fn next(bytes: &mut AssetBytes, most: u64) -> Result<Vec<u8>, CheckpointError> {
    let most = usize::try_from(most).unwrap_or(PIECE).min(PIECE);
    let piece = bytes.next(most).await?;
    match piece.is_empty() {
        true => Err(CheckpointError::Damaged("some of its files are cut off")),
        false => Ok(piece),
    }
}

fn trouble(attempt: &'static str) -> impl FnOnce(std::io::Error) -> CheckpointError {
    move |source| CheckpointError::Workspace(WorkspaceError::Disk { attempt, source })
}

/// Runs what touches the disk where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CheckpointError> + Send + 'static,
) -> Result<T, CheckpointError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(trouble("read")(std::io::Error::other(error))))
}
