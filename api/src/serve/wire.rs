//! Where the shell and the service are put together.

use std::path::Path;

use axum::Router;
use hallmark_core::key::SigningKey;

use super::{Hooks, ServeError, Settings};

/// Opens the service in `settings.data`, which signs its receipts with `key` and takes requests
/// signed for one of `authorities`.
///
/// # Errors
/// [`ServeError::Service`], naming what cannot be opened and the way out.
pub fn open(
    _settings: &Settings,
    _key: SigningKey,
    _authorities: Vec<String>,
) -> Result<(Router, Hooks), ServeError> {
    Ok((Router::new(), Hooks::default()))
}

/// Copies the data in `data` into the folder `to` while a service may be running on it.
///
/// # Errors
/// [`ServeError::Service`].
pub fn backup(_data: &Path, _to: &Path) -> Result<(), ServeError> {
    Err(ServeError::Service("there is no store yet".into()))
}

/// Makes the data directory `data` from the backup `from`.
///
/// # Errors
/// [`ServeError::Service`].
pub fn restore(_from: &Path, _data: &Path) -> Result<(), ServeError> {
    Err(ServeError::Service("there is no store yet".into()))
}
