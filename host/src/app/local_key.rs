//! The key with which the command line on this machine speaks to the server.
//!
//! It lies in the data folder: whoever can read that could read everything else in it anyway.

use std::io::ErrorKind;

use cap_std::fs::Dir;
use subtle::ConstantTimeEq as _;

use super::folder::write_whole;

/// Its file in the data folder.
pub const LOCAL_KEY_FILE: &str = "local.key";
const PREFIX: &str = "alc_local_";
const KEY_BYTES: usize = 32;

/// The key in `local.key`.
pub(crate) struct LocalKey(String);

impl LocalKey {
    /// Reads the key, or makes one on the first start.
    pub(super) fn open(dir: &Dir) -> std::io::Result<LocalKey> {
        match dir.read_to_string(LOCAL_KEY_FILE) {
            Ok(text) if is_whole(text.trim()) => Ok(LocalKey(text.trim().to_owned())),
            // One that is not whole can't have been used: take a new one in its place.
            Ok(_) => LocalKey::make(dir),
            Err(error) if error.kind() == ErrorKind::NotFound => LocalKey::make(dir),
            Err(error) => Err(error),
        }
    }

    fn make(dir: &Dir) -> std::io::Result<LocalKey> {
        let mut bytes = [0u8; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        let key = format!("{PREFIX}{}", hex::encode(bytes));
        write_whole(dir, LOCAL_KEY_FILE, &format!("{key}\n"))?;
        Ok(LocalKey(key))
    }

    /// Compares in constant time.
    pub(crate) fn is(&self, secret: &str) -> bool {
        self.0.as_bytes().ct_eq(secret.as_bytes()).into()
    }
}

fn is_whole(text: &str) -> bool {
    text.strip_prefix(PREFIX)
        .is_some_and(|hex| hex.len() == 2 * KEY_BYTES)
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn is_kept_and_compared() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let dir = Dir::open_ambient_dir(home.path(), ambient_authority()).expect("open");
        let first = LocalKey::open(&dir).expect("made");
        let second = LocalKey::open(&dir).expect("read");
        assert!(second.is(&first.0));
        assert!(!second.is("alc_local_00"));
        assert!(!second.is(""));
    }
}
