//! Who may have an instance: places in the pool, some of them only for calls of tools by tools.
//!
//! A tool that calls another holds its place while it waits. If all places could be held by such
//! callers, none of their callees would ever run. So a call at depth d takes one of `n + d` places
//! that calls down to that depth share: those above can fill all but d of them, and at each depth
//! one call at least goes on.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::call::MAX_DEPTH;

/// The places.
pub(crate) struct Room {
    /// By depth: the places that calls of this depth and above share.
    depths: [Arc<Semaphore>; MAX_DEPTH + 1],
}

/// A place, held until this is dropped.
pub(crate) struct Held {
    _permits: Vec<OwnedSemaphorePermit>,
}

impl Room {
    /// How many places there are beside those of calls at depth 0.
    pub(crate) const RESERVED: u32 = MAX_DEPTH as u32;

    /// `instances` places for calls at depth 0.
    pub(crate) fn new(instances: u32) -> Room {
        Room {
            depths: std::array::from_fn(|depth| {
                Arc::new(Semaphore::new(instances as usize + depth))
            }),
        }
    }

    /// How many more calls at depth 0 there is room for.
    pub(crate) fn free(&self) -> usize {
        self.depths[0].available_permits()
    }

    /// Waits for a place. Nothing for a depth that there is none for.
    pub(crate) async fn enter(&self, depth: usize) -> Option<Held> {
        let mut permits = Vec::with_capacity(MAX_DEPTH + 1);
        // A slice that begins behind the last element is there, and empty.
        let shared = self
            .depths
            .get(depth..)
            .filter(|depths| !depths.is_empty())?;
        for places in shared {
            permits.push(Arc::clone(places).acquire_owned().await.ok()?);
        }
        Some(Held { _permits: permits })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn callers_never_take_the_places_of_their_callees() {
        let room = Room::new(2);
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(room.enter(0).await.unwrap());
        }
        assert_eq!(room.free(), 0);
        let no_place = tokio::time::timeout(Duration::from_millis(10), room.enter(0)).await;
        assert!(no_place.is_err(), "the pool is full at this depth");
        for depth in 1..=MAX_DEPTH {
            held.push(room.enter(depth).await.unwrap());
        }
        drop(held);
        assert_eq!(room.free(), 2);
        assert!(room.enter(MAX_DEPTH + 1).await.is_none());
    }
}
