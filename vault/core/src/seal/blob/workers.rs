//! Sharing chunks out to threads.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::{fmt, thread};

/// How a call works: on how many threads, and whom it tells how far it is.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    threads: NonZeroUsize,
    progress: Option<&'a (dyn Fn(u64) + Sync)>,
}

impl<'a> Work<'a> {
    /// On at most this many threads. Short content takes fewer; one thread is the caller's own.
    #[must_use]
    pub const fn on(threads: NonZeroUsize) -> Self {
        Self { threads, progress: None }
    }

    /// On the caller's thread.
    #[must_use]
    pub const fn alone() -> Self {
        Self::on(NonZeroUsize::MIN)
    }

    /// Calls `progress` with the number of bytes just done (padding included), from any thread,
    /// about every 256 KiB.
    #[must_use]
    pub const fn reporting(self, progress: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self { progress: Some(progress), ..self }
    }

    pub(super) fn report(&self, bytes: usize) {
        if let Some(progress) = self.progress {
            progress(bytes as u64);
        }
    }

    /// Does `each` for every item, handed out in order to whichever thread is free. `state` makes
    /// what one thread reuses from item to item, such as a buffer. Stops at the first failure.
    ///
    /// # Errors
    ///
    /// The first failure; items already begun by other threads are finished.
    pub(super) fn share<T, S, E: Send>(
        &self,
        items: impl Iterator<Item = T> + Send,
        state: impl Fn() -> S + Sync,
        each: impl Fn(&mut S, T) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let threads = self.threads.get().min(items.size_hint().0);
        let queue = Mutex::new(Queue { items, failure: None });
        let work = || {
            let mut state = state();
            // A call of its own, so that the lock is not held while the item is worked on.
            let next = || lock(&queue).next();
            while let Some(item) = next() {
                if let Err(error) = each(&mut state, item) {
                    lock(&queue).failure.get_or_insert(error);
                }
            }
        };
        if threads > 1 {
            thread::scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(work);
                }
                work();
            });
        } else {
            work();
        }
        queue.into_inner().unwrap_or_else(PoisonError::into_inner).failure.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("threads", &self.threads).finish_non_exhaustive()
    }
}

struct Queue<I, E> {
    items: I,
    failure: Option<E>,
}

impl<I: Iterator, E> Queue<I, E> {
    fn next(&mut self) -> Option<I::Item> {
        if self.failure.is_some() { None } else { self.items.next() }
    }
}

/// A worker that panics ends the whole call with its panic, so a poisoned lock is never relied on.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
