//! Work for the processor that takes longer than a request should hold a thread of the runtime: on
//! threads of its own, few at once.

use std::sync::Arc;

use bytes::Bytes;
use hallmark_core::json;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{App, AppError};
use crate::store::StoreError;

/// How many bodies are parsed, and how many device lists verified, at once. Each takes many times its
/// bytes while it is.
const AT_ONCE: usize = 2;
/// A body up to this long is parsed where it stands: that is over sooner than a thread is found.
const SHORT_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Work {
    parsing: Arc<Semaphore>,
    /// Apart, so that long lists keep nobody's body waiting.
    pub(super) verifying: Arc<Semaphore>,
}

impl Default for Work {
    fn default() -> Self {
        let places = || Arc::new(Semaphore::new(AT_ONCE));
        Self { parsing: places(), verifying: places() }
    }
}

impl App {
    /// A body as strict JSON of this shape.
    ///
    /// # Errors
    /// [`AppError::Json`], [`AppError::Body`].
    pub async fn parse<T>(&self, body: Bytes) -> Result<T, AppError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        if body.len() <= SHORT_BYTES {
            return parse(&body);
        }
        apart(Arc::clone(&self.work.parsing), move || parse(&body)).await
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    serde_json::from_value(json::parse(body)?).map_err(AppError::Body)
}

/// Does work on a thread where it may take its time, once one of these places is free.
///
/// # Errors
/// That of the work, and that the service is stopping.
pub(super) async fn apart<T: Send + 'static>(
    places: Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    on(place(places).await?, work).await
}

/// Waits for a free place.
///
/// # Errors
/// That the service is stopping.
pub(super) async fn place(places: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, AppError> {
    Ok(places.acquire_owned().await.map_err(|_| StoreError::Closing)?)
}

/// Does work on a thread where it may take its time, on a place that was waited for.
///
/// # Errors
/// That of the work, and that the service is stopping.
pub(super) async fn on<T: Send + 'static>(
    place: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    let done = tokio::task::spawn_blocking(move || {
        // It is kept although whoever asked may be gone.
        let _place = place;
        work()
    });
    done.await.map_err(|_| StoreError::Closing)?
}
