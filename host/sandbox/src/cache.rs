//! Compiled components on disk, under the digest of their wasm and what the engine needs to match.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::precompiled;

/// What the names of its files end with.
const EXTENSION: &str = "cwasm";
/// Nothing takes so long to write: what is older was left behind by a crash.
const WRITING: Duration = Duration::from_secs(600);

/// A folder of compiled components.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
    max_bytes: u64,
}

impl Cache {
    /// Above `max_bytes` the longest unused files go.
    pub(crate) fn open(folder: &Path, key: [u8; 32], max_bytes: u64) -> io::Result<Cache> {
        fs::create_dir_all(folder)?;
        Ok(Cache {
            folder: folder.to_owned(),
            key,
            max_bytes,
        })
    }

    /// The compiled component, or nothing if there is none that can be trusted and used.
    pub(crate) fn get(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(engine, digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "a compiled component cannot be read");
                return None;
            }
        };
        // So that what is used is kept; without it the file only goes earlier.
        let _ = file.set_modified(SystemTime::now());
        match precompiled::open(engine, file, &self.key) {
            Ok(Some(component)) => Some(component),
            Ok(None) => {
                tracing::warn!(path = %path.display(), "a compiled component was not written by this host, or is damaged; it is compiled again");
                None
            }
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "a compiled component cannot be read");
                None
            }
        }
    }

    /// Takes over what the compiler wrote to `compiled`, and removes the longest unused files above
    /// the limit.
    pub(crate) fn put(&self, engine: &Engine, digest: &str, compiled: &Path) -> io::Result<()> {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        let mut source = File::open(compiled)?;
        // With the same extension, so that what a crash leaves behind is removed like the rest.
        let mut target = tempfile::Builder::new()
            .suffix(&format!(".{EXTENSION}"))
            .tempfile_in(&self.folder)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = source.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            target.write_all(&buffer[..read])?;
        }
        target.write_all(hasher.finalize().as_bytes())?;
        target.as_file().sync_all()?;
        let path = self.path(engine, digest);
        target.persist(&path).map_err(|error| error.error)?;
        self.trim(&path)
    }

    /// Digest and engine name the file, so that another version of the engine never sees it.
    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let engine = hasher.finish();
        self.folder
            .join(format!("{digest}-{engine:016x}.{EXTENSION}"))
    }

    fn trim(&self, keep: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.path().extension().is_none_or(|ext| ext != EXTENSION) {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) if is_being_written(&entry.file_name(), &metadata) => {}
                Ok(metadata) => files.push((metadata.modified()?, metadata.len(), entry.path())),
                // Another one renamed what it had written, or trims as well.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= self.max_bytes {
                break;
            }
            if path != keep {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => total -= bytes,
                }
            }
        }
        Ok(())
    }
}

/// Whether another one may still be at work on it: files get their names when they are whole.
fn is_being_written(name: &OsStr, metadata: &Metadata) -> bool {
    let age = metadata
        .modified()
        .map(|at| SystemTime::now().duration_since(at));
    let is_fresh = age.is_ok_and(|age| age.is_ok_and(|age| age < WRITING));
    name.as_encoded_bytes().starts_with(b".") && is_fresh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine;

    const WAT: &str = "(component)";

    fn compiled(folder: &Path) -> (Engine, PathBuf) {
        let engine = Engine::new(&engine::compiler_config()).unwrap();
        let path = folder.join("output");
        let bytes = engine
            .precompile_component(&wat::parse_str(WAT).unwrap())
            .unwrap();
        fs::write(&path, bytes).unwrap();
        (engine, path)
    }

    #[test]
    fn what_was_put_comes_back_and_what_was_changed_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, output) = compiled(folder.path());
        let cache = Cache::open(&folder.path().join("cache"), [7; 32], u64::MAX).unwrap();
        assert!(cache.get(&engine, "abc").is_none());
        cache.put(&engine, "abc", &output).unwrap();
        assert!(cache.get(&engine, "abc").is_some());
        assert!(cache.get(&engine, "abd").is_none());

        // Another key, as after the data folder was moved or the file came from elsewhere.
        let other = Cache::open(&folder.path().join("cache"), [8; 32], u64::MAX).unwrap();
        assert!(other.get(&engine, "abc").is_none());

        let path = cache.path(&engine, "abc");
        let good = fs::read(&path).unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert!(cache.get(&engine, "abc").is_none(), "byte {at}");
        }
        for length in [0, 10, 32, good.len() - 1] {
            fs::write(&path, &good[..length]).unwrap();
            assert!(cache.get(&engine, "abc").is_none(), "{length} bytes");
        }
        cache.put(&engine, "abc", &output).unwrap();
        assert!(cache.get(&engine, "abc").is_some());
    }

    #[test]
    fn many_put_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, output) = compiled(folder.path());
        let cache = Cache::open(&folder.path().join("cache"), [7; 32], 1).unwrap();
        let put = |name: &str| {
            for _ in 0..50 {
                cache.put(&engine, name, &output).unwrap();
            }
        };
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                scope.spawn(|| put(name));
            }
        });
    }

    #[test]
    fn the_folder_stays_under_its_limit_and_keeps_what_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, output) = compiled(folder.path());
        let mut cache = Cache::open(&folder.path().join("cache"), [7; 32], u64::MAX).unwrap();
        cache.put(&engine, "a", &output).unwrap();
        let one = fs::metadata(cache.path(&engine, "a")).unwrap().len();
        cache.max_bytes = one * 2;
        cache.put(&engine, "b", &output).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(cache.get(&engine, "a").is_some());
        cache.put(&engine, "c", &output).unwrap();
        assert!(cache.get(&engine, "a").is_some());
        assert!(cache.get(&engine, "b").is_none());
        assert!(cache.get(&engine, "c").is_some());
    }

    #[test]
    fn what_a_crash_or_another_version_left_behind_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, output) = compiled(folder.path());
        let place = folder.path().join("cache");
        let mut cache = Cache::open(&place, [7; 32], u64::MAX).unwrap();
        // Killed while it wrote: a file under a name of its own, never the component's.
        let left = place.join(".tmpLeft.cwasm");
        fs::write(&left, &fs::read(&output).unwrap()[..100]).unwrap();
        assert!(cache.get(&engine, "abc").is_none());
        // Written whole, by this host, for an engine that this one is not.
        let mut other = b"what another version of the engine made".to_vec();
        let mac = blake3::keyed_hash(&[7; 32], &other);
        other.extend(mac.as_bytes());
        fs::write(cache.path(&engine, "abc"), &other).unwrap();
        assert!(cache.get(&engine, "abc").is_none());
        cache.put(&engine, "abc", &output).unwrap();
        assert!(cache.get(&engine, "abc").is_some());
        // What was left a while ago goes when room is needed.
        let file = File::options().write(true).open(&left).unwrap();
        file.set_modified(SystemTime::now() - 2 * WRITING).unwrap();
        cache.max_bytes = fs::metadata(cache.path(&engine, "abc")).unwrap().len();
        cache.put(&engine, "abc", &output).unwrap();
        assert!(!left.exists() && cache.get(&engine, "abc").is_some());
    }
}
