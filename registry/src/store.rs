//! The store itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use alcove_policies::manifest::Manifest;
use sha2::{Digest, Sha256};

use crate::admit::{Admitted, Typed, admit};
use crate::installed::is_digest;
use crate::{FIRST_PARTY, InstallError, Installed, LOCAL, StoreError, files};

/// So many plugins are listed at most; the rest of a folder that somebody filled is left unread.
const MAX_INSTALLED: usize = 10_000;

/// As long as the policy language allows.
const MAX_NAME_BYTES: usize = 64;

/// A handle on the store; clones share it.
#[derive(Debug, Clone)]
pub struct ComponentStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Held while the store changes, so that removing a blob and naming it cannot cross.
    changing: Mutex<()>,
}

impl ComponentStore {
    /// Opens the store in `root`, which is created where it is not there.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        for folder in ["blobs/sha256", "generated", "installed"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(StoreError::io("create", folder))?;
        }
        Ok(Self {
            inner: Arc::new(Inner {
                root: root.to_owned(),
                changing: Mutex::new(()),
            }),
        })
    }

    /// Installs what is at a local path: a component file, or a folder that holds one. The
    /// publisher is [`LOCAL`].
    ///
    /// # Errors
    /// See [`InstallError`].
    pub fn install_path(&self, path: &Path) -> Result<Installed, InstallError> {
        self.install_accepted(path, LOCAL, false)
    }

    /// Installs a component file.
    ///
    /// # Errors
    /// See [`InstallError`].
    pub fn install_file(&self, path: &Path, publisher: &str) -> Result<Installed, InstallError> {
        self.install_accepted(path, publisher, false)
    }

    /// Installs a component file, or the one of a folder. With `accepted`, one that has typed
    /// exports and no manifest gets the manifest that is made from its types.
    ///
    /// # Errors
    /// See [`InstallError`]; [`InstallError::NotAccepted`] shows what would be accepted.
    pub fn install_accepted(
        &self,
        path: &Path,
        publisher: &str,
        accepted: bool,
    ) -> Result<Installed, InstallError> {
        let file = match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => files::component_in(path)?,
            _ => path.to_owned(),
        };
        let bytes = files::read_component(&file)?;
        let source = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        let name = name_of(&file);
        let typed = Typed {
            name: &name,
            accepted,
        };
        self.install(&bytes, publisher, source.display().to_string(), &typed)
    }

    /// The manifest that was made for the component of that digest, where one was made and
    /// accepted.
    #[must_use]
    pub fn generated(&self, digest: &str) -> Option<Manifest> {
        let bytes = fs::read(self.generated_path(digest)?).ok()?;
        Manifest::parse(&bytes).ok()
    }

    /// Installs the one component of a folder.
    ///
    /// # Errors
    /// See [`InstallError`].
    pub fn install_folder(
        &self,
        folder: &Path,
        publisher: &str,
    ) -> Result<Installed, InstallError> {
        self.install_file(&files::component_in(folder)?, publisher)
    }

    /// Installs a component from memory: what comes with the program.
    ///
    /// # Errors
    /// See [`InstallError`].
    pub fn install_bytes(
        &self,
        component: &[u8],
        publisher: &str,
    ) -> Result<Installed, InstallError> {
        let source = if publisher == FIRST_PARTY {
            "built in"
        } else {
            "memory"
        };
        self.install_from(component, publisher, source)
    }

    /// Installs a component from memory that stands for something elsewhere, such as a server.
    ///
    /// # Errors
    /// See [`InstallError`].
    pub fn install_from(
        &self,
        component: &[u8],
        publisher: &str,
        source: &str,
    ) -> Result<Installed, InstallError> {
        let typed = Typed {
            name: "",
            accepted: false,
        };
        self.install(component, publisher, source.to_owned(), &typed)
    }

    /// Everything that is installed, by id. A record that is damaged is left out: it can be
    /// removed, or installed anew.
    #[must_use]
    pub fn list(&self) -> Vec<Installed> {
        let mut found = Vec::new();
        for publisher in folder_entries(&self.inner.root.join("installed")) {
            for record in folder_entries(&publisher) {
                if record
                    .extension()
                    .is_some_and(|extension| extension == "json")
                    && let Ok(Some(installed)) = read_record(&record)
                {
                    found.push(installed);
                }
                if found.len() >= MAX_INSTALLED {
                    break;
                }
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found
    }

    /// The installed plugin of that id. Nothing where there is none, or where its record is
    /// damaged.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Installed> {
        read_record(&self.record_path(id)?).ok().flatten()
    }

    /// Removes a plugin, and its component where no other record names it. Says whether it was
    /// there.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn remove(&self, id: &str) -> Result<bool, StoreError> {
        let Some(path) = self.record_path(id) else {
            return Ok(false);
        };
        let _changing = self.changing();
        let digest = read_record(&path)
            .ok()
            .flatten()
            .map(|record| record.digest);
        let was_there = files::remove(&path)?;
        if let Some(digest) = digest {
            self.remove_unnamed(&digest)?;
        }
        Ok(was_there)
    }

    /// Removes every component that neither a record nor `in_use` names, and answers how many bytes
    /// that freed. An upgrade keeps the component it replaces until this is called, since a grant
    /// may still be for it.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn prune(&self, in_use: &[String]) -> Result<u64, StoreError> {
        let _changing = self.changing();
        let installed = self.list();
        let mut freed = 0;
        for path in folder_entries(&self.inner.root.join("blobs").join("sha256")) {
            let Some(digest) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            // What is not named by a digest is a file that is being written, or left by a crash.
            let is_named = !is_digest(digest)
                || in_use.iter().any(|other| other == digest)
                || installed.iter().any(|other| other.digest == digest);
            if !is_named {
                let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
                if let Some(generated) = self.generated_path(digest) {
                    files::remove(&generated)?;
                }
                if files::remove(&path)? {
                    freed += bytes;
                }
            }
        }
        Ok(freed)
    }

    /// Where the component of that digest is, or would be.
    #[must_use]
    pub fn path_of(&self, digest: &str) -> PathBuf {
        let blobs = self.inner.root.join("blobs").join("sha256");
        // A digest comes from a record or from a caller; what is none must not become a path.
        if is_digest(digest) {
            blobs.join(digest)
        } else {
            blobs.join("none")
        }
    }

    fn install(
        &self,
        bytes: &[u8],
        publisher: &str,
        source: String,
        typed: &Typed<'_>,
    ) -> Result<Installed, InstallError> {
        if !is_word(publisher) {
            return Err(InstallError::Publisher(publisher.to_owned()));
        }
        let Admitted {
            inspection,
            manifest,
            is_generated,
        } = admit(bytes, typed)?;
        let name = manifest.id.split_once('/').map_or("", |(_, name)| name);
        let installed = Installed {
            id: format!("{publisher}/{name}"),
            digest: inspection.digest,
            size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            manifest,
            imports: inspection
                .imports
                .into_iter()
                .map(|import| import.name)
                .collect(),
            source,
            installed_at_ms: now_ms(),
        };
        let record = self
            .record_path(&installed.id)
            .ok_or_else(|| InstallError::Publisher(publisher.to_owned()))?;

        let _changing = self.changing();
        if is_generated && let Some(path) = self.generated_path(&installed.digest) {
            files::write_atomically(&path, &installed.manifest.to_json())?;
        }
        let earlier = read_record(&record).ok().flatten();
        if let Some(earlier) = earlier
            && earlier.digest == installed.digest
            && earlier.source == installed.source
            && self.is_whole(&earlier.digest)
        {
            return Ok(earlier);
        }
        // The component first: a record never names one that is not there.
        if !self.is_whole(&installed.digest) {
            files::write_atomically(&self.path_of(&installed.digest), bytes)?;
        }
        let file = installed
            .to_file()
            .map_err(|error| StoreError::io("write", &record)(io::Error::other(error)))?;
        files::write_atomically(&record, &file)?;
        Ok(installed)
    }

    /// Whether the component is there with the bytes that its digest says.
    fn is_whole(&self, digest: &str) -> bool {
        fs::read(self.path_of(digest))
            .is_ok_and(|bytes| hex::encode(Sha256::digest(&bytes)) == digest)
    }

    fn remove_unnamed(&self, digest: &str) -> Result<(), StoreError> {
        if !self.list().iter().any(|other| other.digest == digest) {
            if let Some(generated) = self.generated_path(digest) {
                files::remove(&generated)?;
            }
            files::remove(&self.path_of(digest))?;
        }
        Ok(())
    }

    fn generated_path(&self, digest: &str) -> Option<PathBuf> {
        let folder = self.inner.root.join("generated");
        is_digest(digest).then(|| folder.join(format!("{digest}.json")))
    }

    fn record_path(&self, id: &str) -> Option<PathBuf> {
        let (publisher, name) = id.split_once('/')?;
        (is_word(publisher) && is_word(name)).then(|| {
            self.inner
                .root
                .join("installed")
                .join(publisher)
                .join(format!("{name}.json"))
        })
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        // It guards no data, so a panic elsewhere leaves nothing half-done in it.
        self.inner
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_record(path: &Path) -> Result<Option<Installed>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Installed::from_file(path, &bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

fn folder_entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .map(|entries| {
            entries
                .filter_map(Result::ok)
                .map(|entry| entry.path())
                .take(MAX_INSTALLED)
                .collect()
        })
        .unwrap_or_default()
}

/// What a component without a name of its own is called: its file's, as far as a name may hold it.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let plain: String = stem
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(MAX_NAME_BYTES)
        .collect();
    match plain.trim_matches('-') {
        "" => "component".to_owned(),
        name => name.to_owned(),
    }
}

/// What may be a publisher or a name, and so a file's name.
fn is_word(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
        .unwrap_or(0)
}
