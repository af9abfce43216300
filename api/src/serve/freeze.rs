//! The end of a log: a last checkpoint, and a copy that needs no service.

use std::{fs, path::Path, sync::Arc};

use super::{ServeError, Settings, key_file, witnesses};
use crate::{
    app::{
        self,
        log::{Log, LogError},
    },
    store::{Options, ServedBy, Store},
};

/// A log that ended.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Its name.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
}

/// Ends the log of a service that is stopped, and copies it into the folder `to`, which is made: all
/// files, `checkpoint`, `vkey` and `policy`. Blocks.
///
/// # Errors
/// [`ServeError`].
pub fn freeze(settings: &Settings, to: &Path) -> Result<Frozen, ServeError> {
    let failed = |error: LogError| ServeError::Service(error.into());
    let system = |error: std::io::Error| ServeError::Service(error.into());
    if to.exists() {
        let told = format!("{} is there already: name a folder that is not", to.display());
        return Err(ServeError::Service(told.into()));
    }
    if !Store::is_in(&settings.data) {
        let told = format!("no service was served in {}", settings.data.display());
        return Err(ServeError::Service(told.into()));
    }
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    let key = key_file::open_or_make(&settings.key_file(), &settings.data, false, rng)?;
    let served_by = ServedBy { key: key.public(), accepts_another: false };
    let options = Options { served_by: Some(served_by), ..Options::default() };
    let store =
        Store::open(&settings.data, &options).map_err(|error| ServeError::Service(error.into()))?;
    let log_settings = witnesses::log_settings(settings, &store)?;
    let store = Arc::new(store);
    let log = Log::open(Arc::clone(&store), log_settings, app::log_key(&key)).map_err(failed)?;
    let published = log.freeze().map_err(failed)?;
    let size = published.size();
    log.files().copy_to(to, size).map_err(system)?;
    let witnesses = match &settings.witnesses {
        Some(path) => fs::read_to_string(path).map_err(system)?,
        None => "quorum none\n".to_owned(),
    };
    let names_it = log.policy().logs().iter().any(|named| named.key == *log.key());
    let policy = match settings.witnesses.is_some() && names_it {
        true => witnesses,
        false => format!("log {}\n{witnesses}", log.key()),
    };
    for (name, text) in [
        ("checkpoint", published.checkpoint.to_string()),
        ("vkey", format!("{}\n", log.key())),
        ("policy", policy),
    ] {
        fs::write(to.join(name), text).map_err(system)?;
    }
    let origin = log.key().name().to_string();
    log.close();
    store.close();
    Ok(Frozen { origin, size })
}
