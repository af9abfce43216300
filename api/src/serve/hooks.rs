//! What the shell asks of the service it stands around.

use std::pin::Pin;

/// A round of tidying under way.
pub type Tidying = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Four questions to the service inside. The shell knows nothing else of it but its router.
pub struct Hooks {
    /// Whether requests can be served now: the store is open and takes writes. Called for each
    /// `GET /readyz`, from an async task: it must answer at once and not block.
    pub is_ready: Box<dyn Fn() -> bool + Send + Sync>,
    /// Waits until everything acknowledged is durable, and lets go of the data directory. Called
    /// once, after the last request was answered or cut off, on a thread where it may block; the
    /// process ends after it.
    pub drain: Box<dyn FnOnce() + Send>,
    /// Removes what nobody needs any more. Called when the service starts and every hour after; one
    /// call at a time.
    pub tidy: Box<dyn Fn() -> Tidying + Send + Sync>,
    /// Appends the service's own measurements in the Prometheus text format, whole lines. Called
    /// for each `GET /metrics`, on a thread where it may block for a moment. Labels hold no key,
    /// address, path or anything else a client chose.
    pub metrics: Box<dyn Fn(&mut String) + Send + Sync>,
}

impl Default for Hooks {
    /// Always ready, nothing to wait for, nothing to tidy, nothing to measure.
    fn default() -> Self {
        Self {
            is_ready: Box::new(|| true),
            drain: Box::new(|| {}),
            tidy: Box::new(|| Box::pin(async {})),
            metrics: Box::new(|_| {}),
        }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}
