//! Who is signed in.

use alcove_api_types::Me;

/// What is known of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Session {
    /// Not asked yet.
    Unknown,
    /// The server can't be asked.
    Unreachable,
    /// Nobody.
    SignedOut,
    /// Somebody.
    SignedIn(Me),
}

impl Session {
    pub(crate) fn me(&self) -> Option<&Me> {
        match self {
            Session::SignedIn(me) => Some(me),
            _ => None,
        }
    }
}
