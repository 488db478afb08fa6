//! How many connections are served at a time, and what becomes of one too many.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections that are served at a time.
const SERVED: usize = 256;

/// Connections that are told to come again at a time; more wait in the kernel's queue.
const TURNED_AWAY: usize = 64;

/// The places that a server has.
pub(super) struct Places {
    served: Arc<Semaphore>,
    door: Arc<Semaphore>,
}

/// Where a connection has come to, as long as this is held.
pub(super) enum Place {
    /// It is served.
    Served(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit),
    /// It is told that the server is busy.
    TurnedAway(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit),
}

/// A place for a connection that is yet to come.
pub(super) struct Door(OwnedSemaphorePermit);

impl Places {
    pub(super) fn new() -> Self {
        Self {
            served: Arc::new(Semaphore::new(SERVED)),
            door: Arc::new(Semaphore::new(TURNED_AWAY)),
        }
    }

    /// Waits until one more connection can at least be turned away.
    pub(super) async fn door(&self) -> Option<Door> {
        let permit = Arc::clone(&self.door).acquire_owned().await;
        permit.ok().map(Door)
    }

    /// The best place for the connection that came through `door`.
    pub(super) fn place(&self, door: Door) -> Place {
        match Arc::clone(&self.served).try_acquire_owned() {
            Ok(permit) => Place::Served(permit),
            Err(_) => Place::TurnedAway(door.0),
        }
    }
}

impl Place {
    pub(super) fn is_served(&self) -> bool {
        matches!(self, Self::Served(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    #[tokio::test]
    async fn what_is_too_many_is_turned_away_and_then_waits() {
        let places = Places::new();
        let mut taken = Vec::new();
        for _ in 0..SERVED + TURNED_AWAY {
            let door = places.door().await.unwrap();
            taken.push(places.place(door));
        }
        let served = taken.iter().filter(|place| place.is_served()).count();
        assert_eq!(served, SERVED);
        let waiting = tokio::time::timeout(Duration::from_millis(50), places.door());
        assert!(waiting.await.is_err(), "more wait in the kernel's queue");
        // Whoever was served leaves, and one that was turned away as well.
        taken.remove(0);
        taken.pop();
        let door = places.door().await.unwrap();
        assert!(places.place(door).is_served());
    }
}
