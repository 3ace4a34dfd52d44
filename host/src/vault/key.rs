//! One symmetric key: XChaCha20-Poly1305 with a random nonce for each sealing.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::VaultError;

/// The version byte in front of sealed bytes.
const FORMAT: u8 = 1;
/// Length of a nonce: long enough to be drawn at random for every sealing.
const NONCE_BYTES: usize = 24;
/// Length of the tag behind the ciphertext.
const TAG_BYTES: usize = 16;
/// How much longer bytes are once they are sealed.
pub const SEAL_BYTES: usize = 1 + NONCE_BYTES + TAG_BYTES;

/// A key of 32 bytes, never shown.
pub struct Key([u8; 32]);

impl Key {
    /// A new key from the system's random numbers.
    pub fn generate() -> Result<Key, VaultError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(VaultError::Random)?;
        Ok(Key(bytes))
    }

    /// A key that was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Key {
        Key(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals bytes: the version, the nonce, then the ciphertext with its tag. `identity` says what
    /// they are; they open only under the same one.
    pub fn seal(&self, identity: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(VaultError::Random)?;
        let payload = Payload {
            msg: plain,
            aad: identity,
        };
        let ciphertext = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::TooLong)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what `seal` made.
    pub fn open(&self, identity: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let Some((&FORMAT, rest)) = sealed.split_first() else {
            return Err(VaultError::Altered);
        };
        let Some((nonce, ciphertext)) = rest.split_first_chunk::<NONCE_BYTES>() else {
            return Err(VaultError::Altered);
        };
        let payload = Payload {
            msg: ciphertext,
            aad: identity,
        };
        self.cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| VaultError::Altered)
    }

    /// Opens a sealed key.
    pub(super) fn open_key(&self, identity: &[u8], sealed: &[u8]) -> Result<Key, VaultError> {
        let bytes = self.open(identity, sealed)?;
        match bytes.try_into() {
            Ok(bytes) => Ok(Key(bytes)),
            Err(_) => Err(VaultError::Altered),
        }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}
