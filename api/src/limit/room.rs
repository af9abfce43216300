//! Room in memory for the bodies of requests.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room is counted in these, bytes.
const UNIT_BYTES: u64 = 1024;

/// So many bytes of bodies at once. Safe to share; copies share one room.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub struct Taken {
    _permit: OwnedSemaphorePermit,
}

impl Room {
    /// Room for `bytes`, rounded down to whole KiB.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes / UNIT_BYTES).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes room for a body of up to `bytes`, at once or not at all.
    #[must_use]
    pub fn take(&self, bytes: u64) -> Option<Taken> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(units).ok()?;
        Some(Taken { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_there_once_and_comes_back() {
        let room = Room::new(8 << 20);
        let first = room.take((4 << 20) + 1).expect("room");
        assert!(room.take(4 << 20).is_none(), "rounded up");
        let second = room.take((4 << 20) - 1024).expect("the rest");
        assert!(room.take(1).is_none() && room.take(0).is_some());
        drop(first);
        assert!(room.take(4 << 20).is_some());
        drop(second);
        assert!(room.take(u64::MAX).is_none());
    }
}
