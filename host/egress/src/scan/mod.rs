//! Finding secrets in a stream, however it is cut, and blotting them out at equal length.
//!
//! A secret is found as it is and inside base64 (both alphabets, at every offset, wrapped in lines
//! or not), and every character of either may be spelled by itself or escaped: percent, also twice;
//! JSON, also twice; `\x`; entities of HTML; all mixed. That is more than any list of whole
//! patterns could hold (a secret of 40 characters has 2^40 partly percent-encoded forms), so this is not
//! Aho-Corasick but Shift-And (Baeza-Yates and Gonnet, 1992, "A new approach to text searching"): a
//! set of bits says of which beginnings of the secret the stream ends with one, and a byte moves all
//! of them on at once. A spelling of `n` bytes moves on the set from `n` bytes ago.
//!
//! The time is linear in the stream whatever it holds: a constant number of words for each byte.
//! What is kept back is bounded by [`Needles::window`], and is nothing where nothing has begun.

mod pattern;
mod scanner;
#[cfg(test)]
mod tests;
mod units;

use std::fmt;
use std::sync::Arc;

use pattern::Pattern;
pub use scanner::Scanner;

/// The shortest secret, in bytes: what is shorter stands in texts by chance.
pub const MIN_SECRET_BYTES: usize = 8;
/// The longest secret, in bytes.
pub const MAX_SECRET_BYTES: usize = 2048;
/// The most secrets that are looked for at once.
pub const MAX_NEEDLES: usize = 32;

/// Why a text cannot be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NeedleError {
    /// It is shorter or longer than it may be.
    #[error(
        "a secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} characters: a shorter one would be found in texts by chance"
    )]
    Length,
    /// It holds characters that a header cannot carry.
    #[error(
        "a secret is made of printable ASCII characters and neither begins nor ends with a space"
    )]
    Characters,
    /// There are too many.
    #[error("at most {MAX_NEEDLES} secrets can be looked for at once")]
    TooMany,
}

/// Whether a text can be a secret: found without mistakes, and carried in a header as it is.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_secret(value: &str) -> Result<(), NeedleError> {
    if !(MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&value.len()) {
        return Err(NeedleError::Length);
    }
    if value.bytes().any(|byte| !matches!(byte, b' '..=b'~')) || value.trim() != value {
        return Err(NeedleError::Characters);
    }
    Ok(())
}

/// The secrets to look for. Cheap to clone; never shown.
#[derive(Clone)]
pub struct Needles {
    inner: Arc<Inner>,
}

struct Inner {
    /// Each with the index of its secret.
    patterns: Vec<(usize, Pattern)>,
    window: usize,
}

impl Needles {
    /// Prepares to look for these. With `any_case`, letters in upper and lower case are the same:
    /// for places that change them, such as the names of headers.
    ///
    /// # Errors
    ///
    /// A text that [`check_secret`] refuses, or too many of them.
    pub fn new(secrets: &[&str], any_case: bool) -> Result<Needles, NeedleError> {
        if secrets.len() > MAX_NEEDLES {
            return Err(NeedleError::TooMany);
        }
        let mut patterns = Vec::with_capacity(secrets.len() * 4);
        for (index, secret) in secrets.iter().enumerate() {
            check_secret(secret)?;
            let bytes = secret.as_bytes();
            patterns.push((index, Pattern::plain(bytes, any_case)));
            for offset in 0..3 {
                patterns.push((index, Pattern::base64(bytes, offset, any_case)));
            }
        }
        let window = patterns
            .iter()
            .map(|(_, pattern)| scanner::reach(pattern.length))
            .max()
            .unwrap_or(0);
        Ok(Needles {
            inner: Arc::new(Inner { patterns, window }),
        })
    }

    /// The most bytes that a [`Scanner`] keeps back.
    pub fn window(&self) -> usize {
        self.inner.window
    }

    /// Which secret a text holds, if any: its index.
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        let mut scanner = Scanner::new(self);
        scanner.push(text);
        scanner.found()
    }

    /// A text with all secrets blotted out; nothing where it holds none.
    pub fn scrub(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut scanner = Scanner::new(self);
        let mut clean = scanner.push(text);
        scanner.found()?;
        clean.extend(scanner.finish());
        Some(clean)
    }
}

impl fmt::Debug for Needles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Needles([secret])")
    }
}
