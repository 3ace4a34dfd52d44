//! Passwords: argon2id, off the runtime's threads, a few at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::AccountError;

/// The shortest password.
pub const MIN_PASSWORD_CHARACTERS: usize = 10;
/// The longest password.
pub const MAX_PASSWORD_CHARACTERS: usize = 256;

/// What one hash costs: 19 MiB and two passes on one thread, the least that OWASP advises.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// How many hashes run at once: this bounds their memory, and leaves a core to other work.
const AT_ONCE: usize = 2;

/// A hash of no password, with the same cost: what an unknown name is checked against, so that it
/// takes as long as a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and checks passwords.
#[derive(Clone)]
pub(super) struct Passwords {
    permits: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Passwords {
        Passwords {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The hash of a password, as a PHC string.
    pub(super) async fn hash(&self, password: String) -> Result<String, AccountError> {
        self.run(move || {
            let hash: PasswordHash = argon2()?
                .hash_password(password.as_bytes())
                .map_err(|_| AccountError::Hash)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password is the one that was hashed. Where there is no hash, the same time passes.
    pub(super) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, AccountError> {
        self.run(move || {
            let text = hash.as_deref().unwrap_or(NOBODY);
            let parsed = PasswordHash::new(text).map_err(|_| AccountError::Hash)?;
            let matches = argon2()?
                .verify_password(password.as_bytes(), &parsed)
                .is_ok();
            Ok(matches && hash.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AccountError> + Send + 'static,
    ) -> Result<T, AccountError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| AccountError::Hash)?;
        // The permit goes with the work: it is in use until that ends, even if nobody waits.
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| AccountError::Hash)?
    }
}

/// Whether a password may be set.
pub(super) fn check(password: &str) -> Result<(), AccountError> {
    let characters = password.chars().count();
    if (MIN_PASSWORD_CHARACTERS..=MAX_PASSWORD_CHARACTERS).contains(&characters) {
        Ok(())
    } else {
        Err(AccountError::Password)
    }
}

fn argon2() -> Result<Argon2<'static>, AccountError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| AccountError::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_hash_and_no_other() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = |password: &str, hash: &str| {
            passwords.verify(password.to_owned(), Some(hash.to_owned()))
        };
        assert!(verify("correct horse", &hash).await.unwrap());
        assert!(!verify("correct horsf", &hash).await.unwrap());
        let again = passwords.hash("correct horse".into()).await.unwrap();
        assert_ne!(hash, again, "the salt is random");
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::new();
        for password in ["", "correct horse"] {
            assert!(!passwords.verify(password.into(), None).await.unwrap());
        }
        let parsed = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&parsed).unwrap();
        assert_eq!((params.m_cost(), params.t_cost()), (MEMORY_KIB, PASSES));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(check("123456789").is_err());
        assert!(check("1234567890").is_ok());
        assert!(check(&"ä".repeat(MAX_PASSWORD_CHARACTERS)).is_ok());
        assert!(check(&"a".repeat(MAX_PASSWORD_CHARACTERS + 1)).is_err());
    }
}
