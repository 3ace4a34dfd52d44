//! Model files: what the catalogue has, what is here, and bringing the one from the other.

mod disk;
mod error;
mod fetch;
mod http;
mod index;
mod packages;
mod progress;
mod stamp;
mod state;
mod transfer;
mod wheel;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_egress::Egress;
use alcove_runtime::catalogue::{Catalogue, Entry, default_model};
use tokio_util::sync::CancellationToken;

pub use disk::{free_memory_bytes, human_bytes};
pub use error::{ModelsError, SourceError};
pub use index::PackageIndex;
pub use progress::{Progress, Silent, Step};

use http::Http;
use packages::sha256_of;
use stamp::Stamp;
use state::{Download, existing};

/// The model files of a data folder. A cheap handle.
#[derive(Clone)]
pub struct Models {
    dir: PathBuf,
    egress: Egress,
    entries: Arc<[Entry]>,
    index: PackageIndex,
}

/// A model of the catalogue, and what of it is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStatus {
    /// Its name in requests and commands.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// The size of its file, where the catalogue knows it.
    pub bytes: Option<u64>,
    /// The licence of its weights.
    pub licence: String,
    /// Whether this project tests it.
    pub tested: bool,
    /// What is here.
    pub state: ModelFile,
}

/// What of a model is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelFile {
    /// Nothing.
    Absent,
    /// A part, from which a fetch goes on.
    Partial {
        /// How much.
        bytes: u64,
    },
    /// A file of the right size, in its place.
    Present {
        /// Where.
        path: PathBuf,
    },
    /// A file of the wrong size.
    Altered {
        /// Where.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

impl Models {
    /// The built-in catalogue, with files in `dir`.
    pub fn new(dir: PathBuf, egress: Egress) -> Models {
        let catalogue = Catalogue::builtin();
        let catalogue = catalogue.expect("alcove-runtime tests that its own catalogue is valid");
        let entries = catalogue.entries().to_vec();
        Models::with(dir, egress, entries, PackageIndex::OfThisMachine)
    }

    /// Another catalogue, or another package index.
    pub fn with(dir: PathBuf, egress: Egress, entries: Vec<Entry>, index: PackageIndex) -> Models {
        Models {
            dir,
            egress,
            entries: entries.into(),
            index,
        }
    }

    /// The id of the model that suits this machine's free memory.
    pub fn default_id(&self) -> &'static str {
        default_model(free_memory_bytes().unwrap_or(0))
    }

    /// Every model of the catalogue.
    pub fn list(&self) -> Vec<ModelStatus> {
        self.entries
            .iter()
            .map(|entry| ModelStatus {
                id: entry.id.clone(),
                title: entry.title.clone(),
                bytes: entry.bytes,
                licence: entry.licence.clone(),
                tested: entry.tested,
                state: self.state_of(entry),
            })
            .collect()
    }

    /// The file to load for `spec`: the id of a model, or the path of a `.gguf` of one's own.
    ///
    /// A file of the catalogue is checked against its sha256 if it changed since it was last
    /// checked; that takes a second or so for each GiB, so call this where blocking is fine.
    pub fn resolve(&self, spec: &str) -> Result<PathBuf, ModelsError> {
        if is_path(spec) {
            let path = PathBuf::from(spec);
            return if path.is_file() {
                Ok(path)
            } else {
                Err(ModelsError::NoFile { path })
            };
        }
        let entry = self.entry(spec)?;
        let path = self.path_of(entry);
        if !path.is_file() {
            return Err(ModelsError::Missing {
                id: entry.id.clone(),
            });
        }
        checked(entry, path)
    }

    /// Brings a model; at once where it is here already. Goes on from what an earlier fetch left.
    pub async fn fetch(
        &self,
        id: &str,
        progress: Arc<dyn Progress>,
        cancel: CancellationToken,
    ) -> Result<PathBuf, ModelsError> {
        let entry = self.entry(id)?;
        let target = self.path_of(entry);
        fs::create_dir_all(&self.dir).map_err(|source| ModelsError::Io {
            what: "create",
            path: self.dir.clone(),
            source,
        })?;
        if target.is_file() {
            match self.resolve_in_background(id).await {
                Ok(path) => return Ok(path),
                // A file that is not the model is replaced by one that is.
                Err(ModelsError::Altered { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let http = Http::new(self.egress.clone());
        fetch::run(
            entry,
            target.clone(),
            http,
            self.index.clone(),
            progress,
            cancel,
        )
        .await?;
        Ok(target)
    }

    /// Checks a model's file against its sha256, whether or not it seems unchanged.
    pub async fn verify(&self, id: &str) -> Result<PathBuf, ModelsError> {
        let entry = self.entry(id)?.clone();
        let path = self.path_of(&entry);
        if !path.is_file() {
            return Err(ModelsError::Missing { id: entry.id });
        }
        blocking(move || check(&entry, &path)).await
    }

    /// Removes a model's file and what a fetch left of it; returns how many bytes that frees.
    pub fn remove(&self, id: &str) -> Result<u64, ModelsError> {
        let entry = self.entry(id)?;
        let path = self.path_of(entry);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| ModelsError::Io {
                what: "remove",
                path,
                source,
            }
        };
        let mut freed = 0;
        let folder = Download::folder_of(&path);
        if folder.is_dir() {
            // Taking the lock refuses to pull the folder from under a running fetch.
            let _download = Download::open(&entry.id, &path)?;
            freed += size_of(&folder);
            fs::remove_dir_all(&folder).map_err(failed(&folder))?;
        }
        for file in [path.clone(), Stamp::path_of(&path)] {
            let bytes = fs::metadata(&file).map_or(0, |metadata| metadata.len());
            if existing(fs::remove_file(&file))
                .map_err(failed(&file))?
                .is_some()
            {
                freed += bytes;
            }
        }
        match freed {
            0 => Err(ModelsError::Missing {
                id: entry.id.clone(),
            }),
            freed => Ok(freed),
        }
    }

    fn entry(&self, id: &str) -> Result<&Entry, ModelsError> {
        self.entries
            .iter()
            .find(|entry| entry.id == id)
            .ok_or_else(|| ModelsError::Unknown {
                id: id.to_owned(),
                known: self.entries.iter().map(|entry| entry.id.clone()).collect(),
            })
    }

    fn path_of(&self, entry: &Entry) -> PathBuf {
        self.dir.join(&entry.file)
    }

    fn state_of(&self, entry: &Entry) -> ModelFile {
        let path = self.path_of(entry);
        if let Ok(metadata) = fs::metadata(&path) {
            let bytes = metadata.len();
            return if entry.bytes.is_none_or(|expected| bytes == expected) {
                ModelFile::Present { path }
            } else {
                ModelFile::Altered { path, bytes }
            };
        }
        match size_of(&Download::folder_of(&path)) {
            0 => ModelFile::Absent,
            bytes => ModelFile::Partial { bytes },
        }
    }

    async fn resolve_in_background(&self, id: &str) -> Result<PathBuf, ModelsError> {
        let (models, id) = (self.clone(), id.to_owned());
        blocking(move || models.resolve(&id)).await
    }
}

/// Whether a model is named by its file's path rather than by an id.
pub fn is_path(spec: &str) -> bool {
    spec.ends_with(".gguf") || spec.contains('/')
}

/// The file of a catalogue's model, once it was found to be that model. It is read only where it
/// changed since it was last found right, which takes a second or so for each GiB.
pub fn checked(entry: &Entry, path: PathBuf) -> Result<PathBuf, ModelsError> {
    if Stamp::holds(&path, entry.sha256.as_deref()) {
        return Ok(path);
    }
    check(entry, &path)
}

/// Compares a file with the catalogue, and remembers that it was right.
fn check(entry: &Entry, path: &Path) -> Result<PathBuf, ModelsError> {
    let failed = |source| ModelsError::Io {
        what: "read",
        path: path.to_owned(),
        source,
    };
    let altered = |detail| ModelsError::Altered {
        id: entry.id.clone(),
        file: path.to_owned(),
        detail,
    };
    let bytes = fs::metadata(path).map_err(failed)?.len();
    if let Some(expected) = entry.bytes
        && bytes != expected
    {
        return Err(altered(format!("it has {bytes} bytes, not {expected}")));
    }
    let found = sha256_of(path).map_err(failed)?;
    // Where the catalogue has none, what the file had when it came counts.
    let expected = entry.sha256.clone().or_else(|| Stamp::sha256_of(path));
    if let Some(expected) = expected
        && !found.eq_ignore_ascii_case(&expected)
    {
        // A stamp from before would hide this from the next start.
        if entry.sha256.is_some() {
            existing(fs::remove_file(Stamp::path_of(path))).map_err(failed)?;
        }
        return Err(altered(format!("its sha256 is {found}, not {expected}")));
    }
    // Only saves time: a folder that can't be written to is no reason to refuse the model.
    if let Err(error) = Stamp::write(path, &found) {
        tracing::debug!(%error, file = %path.display(), "the check of a model was not recorded");
    }
    Ok(path.to_owned())
}

fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ModelsError> + Send + 'static,
) -> Result<T, ModelsError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(ModelsError::Io {
                what: "check",
                path: PathBuf::new(),
                source: io::Error::other(error),
            })
        })
}
