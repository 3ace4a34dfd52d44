//! A git repository, read from its files as they lie: nothing in it is run, no configuration is
//! obeyed, and links and alternates are not followed.

pub(crate) mod blame;
pub(crate) mod commit;
mod delta;
pub(crate) mod history;
mod objects;
mod pack;
mod refs;
pub(crate) mod tree;

use std::fmt;

use alcove_sdk::Failure;

pub(crate) use objects::Objects;
pub(crate) use refs::resolve;

/// The name of an object: its SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) [u8; Id::BYTES]);

impl Id {
    pub(crate) const BYTES: usize = 20;

    pub(crate) fn parse(hex: &[u8]) -> Option<Self> {
        if hex.len() != Self::BYTES * 2 {
            return None;
        }
        let mut id = [0; Self::BYTES];
        for (byte, pair) in id.iter_mut().zip(hex.chunks(2)) {
            let digit = |c: u8| char::from(c).to_digit(16);
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
        }
        Some(Self(id))
    }

    /// The first ten digits, which are enough to name it again.
    pub(crate) fn short(&self) -> String {
        self.to_string()[..10].to_owned()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Commit,
    Tree,
    Blob,
    Tag,
}

/// An object with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) data: Vec<u8>,
}

pub(crate) fn damaged(what: impl fmt::Display) -> Failure {
    Failure::unavailable(format!("the git repository is damaged: {what}"))
}
