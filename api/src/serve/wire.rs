//! Where the shell and the service are put together.

use std::{
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use axum::Router;
use hallmark_core::{key::SigningKey, time::Timestamp};

use super::{Hooks, ServeError, Settings, store_meter, witnesses};
use crate::{
    app::{self, App},
    http,
    limit::Rate,
    store::{
        Options, ServedBy, Store,
        backup::{self, Backup},
    },
};

/// Opens the service in `settings.data`, which signs its receipts with `key` and takes requests
/// signed for one of `authorities`.
///
/// # Errors
/// [`ServeError::Service`], naming what cannot be opened and the way out.
pub fn open(
    settings: &Settings,
    key: SigningKey,
    authorities: Vec<String>,
) -> Result<(Router, Hooks), ServeError> {
    let served_by = ServedBy { key: key.public(), accepts_another: settings.new_key };
    let options = Options { served_by: Some(served_by), ..Options::default() };
    let store =
        Store::open(&settings.data, &options).map_err(|error| ServeError::Service(error.into()))?;
    let limits = &settings.limits;
    let inner = app::Settings {
        authorities,
        quota_bytes: settings.quota_bytes,
        max_body_bytes: limits.max_json_bytes,
        max_bodies_bytes: limits.max_bodies_bytes,
        max_answers_bytes: limits.max_answers_bytes,
        account_rate: Rate::new(limits.account_requests_per_s, limits.account_request_burst),
        entry_rate: Rate::new(limits.log_entries_per_s, limits.log_entry_burst),
        max_tracked: limits.max_tracked,
    };
    let log = witnesses::log_settings(settings, &store)?;
    let app = App::new(store, inner, key, Box::new(system_time)).with_log(log);
    let app = Arc::new(app.map_err(|error| ServeError::Service(error.into()))?);
    let (ready, closing) = (Arc::clone(app.store()), Arc::clone(&app));
    let (tidied, measured) = (Arc::clone(&app), Arc::clone(app.store()));
    let hooks = Hooks {
        is_ready: Box::new(move || ready.is_ready(Instant::now())),
        drain: Box::new(move || closing.close()),
        tidy: Box::new(move || {
            let app = Arc::clone(&tidied);
            Box::pin(async move {
                // What stays behind is removed by the next round.
                if let Err(error) = app.tidy().await {
                    tracing::warn!(%error, "leftovers stay for now");
                }
            })
        }),
        metrics: Box::new(move |text| store_meter::write(text, &measured.measures(Instant::now()))),
    };
    Ok((http::router(app), hooks))
}

/// The system's clock. A clock before 1970 or beyond what a timestamp holds counts as 1970, at which
/// no signed request is accepted.
pub(super) fn system_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or_default();
    Timestamp::from_unix_s(seconds).or_else(|_| Timestamp::from_unix_s(0)).expect("1970 is a time")
}

/// Copies the data in `data` into the folder `to`, which is empty or not there, while a service may
/// be running on it: see [`backup::backup`].
///
/// # Errors
/// [`ServeError::Service`].
pub fn back_up(data: &Path, to: &Path) -> Result<Backup, ServeError> {
    backup::backup(data, to, system_time()).map_err(|error| ServeError::Service(error.into()))
}

/// Makes the data directory `data`, which is empty or not there, from the backup `from`: see
/// [`backup::restore`].
///
/// # Errors
/// [`ServeError::Service`].
pub fn restore(from: &Path, data: &Path) -> Result<Backup, ServeError> {
    backup::restore(from, data, system_time()).map_err(|error| ServeError::Service(error.into()))
}
