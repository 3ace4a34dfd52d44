//! Sessions over HTTP: what lets a client of an older revision stop one of its calls.
//!
//! A session is a name and nothing more: only its calls in flight are kept, so there is none to
//! expire, to steal or to pin to a server. Whoever knows another person's name for one can do
//! nothing with it, for calls are kept by person, too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alcove_core::ids::UserId;
use tokio_util::sync::CancellationToken;

use super::Id;

/// The longest name that is taken.
const MAX_NAME_BYTES: usize = 128;
/// How the names of sessions begin whose clients can ask their person.
const ASKS: &str = "asks-";

/// One call of one session. There are at most as many as open connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    user: UserId,
    session: String,
    request: Id,
}

impl Place {
    /// The place of a request; none where the session's name is no name.
    pub(crate) fn new(user: UserId, session: &str, request: Id) -> Option<Place> {
        let is_name = !session.is_empty()
            && session.len() <= MAX_NAME_BYTES
            && session.bytes().all(|byte| byte.is_ascii_graphic());
        is_name.then(|| Place {
            user,
            session: session.to_owned(),
            request,
        })
    }
}

/// The calls in flight of all sessions.
#[derive(Clone, Default)]
pub(crate) struct Sessions {
    calls: Arc<Mutex<HashMap<Place, CancellationToken>>>,
}

/// A call that is in flight for as long as this is held.
pub(crate) struct InFlight {
    sessions: Sessions,
    place: Place,
}

impl Sessions {
    /// A new session's name; none where the system gave no random numbers, which a client
    /// understands as a server without sessions. The name itself keeps whether the client can ask
    /// its person: whoever makes one up is asked, and nothing more.
    pub(crate) fn new_name(asks: bool) -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let kind = if asks { ASKS } else { "" };
        Some(format!("{kind}{}", hex::encode(bytes)))
    }

    /// Whether the client of a session can ask its person.
    pub(crate) fn asks(name: &str) -> bool {
        name.starts_with(ASKS)
    }

    /// Makes a call known. `None` where its session has one of the same id in flight.
    pub(crate) fn begin(&self, place: Place, cancel: CancellationToken) -> Option<InFlight> {
        match self.lock().entry(place.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(cancel);
                Some(InFlight {
                    sessions: self.clone(),
                    place,
                })
            }
        }
    }

    /// Stops a call; one that is not there has ended, or never was.
    pub(crate) fn cancel(&self, place: &Place) {
        if let Some(token) = self.lock().get(place) {
            token.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, CancellationToken>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_stops_its_own_calls_alone() {
        let sessions = Sessions::default();
        let (ann, bob) = (UserId::generate(), UserId::generate());
        let place = |user, session| Place::new(user, session, Id::Number(1)).unwrap();
        let token = CancellationToken::new();
        let held = sessions.begin(place(ann, "a"), token.clone()).unwrap();
        assert!(sessions.begin(place(ann, "a"), token.clone()).is_none());
        for other in [place(ann, "b"), place(bob, "a")] {
            sessions.cancel(&other);
            assert!(!token.is_cancelled(), "{other:?}");
        }
        sessions.cancel(&place(ann, "a"));
        assert!(token.is_cancelled());
        drop(held);
        assert!(sessions.lock().is_empty());
        for name in ["", "a b", "ü", &"x".repeat(129)] {
            assert!(Place::new(ann, name, Id::Number(1)).is_none(), "{name}");
        }
    }
}
