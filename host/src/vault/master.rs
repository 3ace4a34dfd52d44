//! The key folder: `master.key`, and `writer`, which names this server in audit chains.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use alcove_core::ids::WriterId;

use super::{Key, VaultError};

pub(super) const MASTER_FILE: &str = "master.key";
const WRITER_FILE: &str = "writer";
/// The line in front of the key, so that a wrong file is told from a key.
const HEADER: &str = "alcove master key 1";
/// Key files are short; what is longer is something else.
const MAX_FILE_BYTES: u64 = 1024;

/// Reads the folder, or creates what it lacks.
pub(super) fn open(folder: &Path) -> Result<(Key, WriterId), VaultError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed("create", folder))?;
    let path = folder.join(MASTER_FILE);
    let text = read_or_create(&path, || {
        let key = Key::generate()?;
        Ok(format!("{HEADER}\n{}\n", hex::encode(key.bytes())))
    })?;
    let key = parse_master(&text).ok_or(VaultError::NotAKey { path })?;

    let path = folder.join(WRITER_FILE);
    let text = read_or_create(&path, || Ok(format!("{}\n", WriterId::generate())))?;
    let writer = text
        .trim()
        .parse()
        .map_err(|_| VaultError::NotAKey { path })?;
    Ok((key, writer))
}

fn parse_master(text: &str) -> Option<Key> {
    let digits = text.strip_prefix(HEADER)?.trim();
    let bytes = hex::decode(digits).ok()?;
    Some(Key::from_bytes(bytes.try_into().ok()?))
}

fn read_or_create(
    path: &Path,
    content: impl FnOnce() -> Result<String, VaultError>,
) -> Result<String, VaultError> {
    match read(path) {
        Err(VaultError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            create(path, &content()?)?;
            read(path)
        }
        result => result,
    }
}

fn read(path: &Path) -> Result<String, VaultError> {
    let meta = fs::metadata(path).map_err(failed("read", path))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(VaultError::Exposed { path: path.into() });
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(VaultError::NotAKey { path: path.into() });
    }
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(VaultError::NotAKey { path: path.into() })
        }
        result => result.map_err(failed("read", path)),
    }
}

/// Creates a file whole or not at all, and never over one that is there: a key that others are
/// wrapped with must not be lost to a race or to a crash. Another process may win; its file stays.
fn create(path: &Path, content: &str) -> Result<(), VaultError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Such files are created with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed("create", path))?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed("write", path))?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(failed("create", path)(error.error)),
    }
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("write", folder))
}

pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    let path = path.to_owned();
    move |source| VaultError::File {
        doing,
        path,
        source,
    }
}
