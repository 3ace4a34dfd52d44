//! Secrets that the server makes: long enough to be drawn at random, kept only as hashes.

use super::AccountError;

/// Random bytes in a secret.
const BYTES: usize = 32;

/// A new secret as hex digits after a prefix, and the hash to be stored.
pub(super) fn generate(prefix: &str) -> Result<(String, Vec<u8>), AccountError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(AccountError::Random)?;
    let secret = format!("{prefix}{}", hex::encode(bytes));
    let hash = hash(&secret);
    Ok((secret, hash))
}

/// The hash under which a secret is stored and found. A fast hash is enough: nobody guesses 256
/// random bits, so there is nothing to slow down, and comparing hashes leaks no part of a secret.
pub(super) fn hash(secret: &str) -> Vec<u8> {
    blake3::derive_key("alcove 2026 secret", secret.as_bytes()).to_vec()
}
