//! Files that are either there in full or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{InstallError, StoreError, admit};

/// Writes a file so that a crash leaves the old one or the new one: into a temporary file beside
/// it, to disk, then renamed over it, and the folder to disk.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(StoreError::io("write", path))
}

/// Removes a file; says whether there was one.
pub(crate) fn remove(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io("remove", path)(error)),
    }
}

/// Reads a component that may be larger than it says, or grow meanwhile.
pub(crate) fn read_component(path: &Path) -> Result<Vec<u8>, InstallError> {
    let not_found = |error: io::Error| -> InstallError {
        if error.kind() == io::ErrorKind::NotFound {
            InstallError::NotFound(path.to_owned())
        } else {
            StoreError::io("read", path)(error).into()
        }
    };
    let meta = fs::metadata(path).map_err(not_found)?;
    if !meta.is_file() {
        return Err(InstallError::NotAFile(path.to_owned()));
    }
    admit::check_size(meta.len())?;
    let file = File::open(path).map_err(not_found)?;
    let mut bytes = Vec::new();
    file.take(crate::MAX_COMPONENT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", path))?;
    Ok(bytes)
}

/// The one `.wasm` file of a folder.
pub(crate) fn component_in(folder: &Path) -> Result<PathBuf, InstallError> {
    let entries = fs::read_dir(folder).map_err(StoreError::io("list", folder))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let path = entry.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
            && path.is_file()
        {
            found.push(path);
        }
    }
    found.sort_unstable();
    match found.len() {
        0 => Err(InstallError::EmptyFolder(folder.to_owned())),
        1 => Ok(found.remove(0)),
        _ => Err(InstallError::Ambiguous {
            folder: folder.to_owned(),
            files: found
                .iter()
                .filter_map(|path| path.file_name())
                .map(|name| name.to_string_lossy().into_owned())
                .collect(),
        }),
    }
}
