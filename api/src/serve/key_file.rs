//! The service's key: 64 hexadecimal digits in a file of its own, outside the data.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use hallmark_core::key::SigningKey;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or made.
    #[error("cannot use the key file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data were served with a key that is not there.
    #[error(
        "there is no key file {}, and {} was served with one: bring it back (no backup of the data \
         has it), or say --new-key to make another, which ends what clients can check of older \
         receipts", path.display(), data.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// Neither its folder is there nor the one above.
    #[error("there is no folder for the key file {}: mkdir -p -m 700 {}", path.display(), folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// It does not hold a key.
    #[error("{} is no key file: it should hold 64 hexadecimal digits", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// It lies in the data directory, where a copy of the data would carry it along.
    #[error(
        "the key file {} lies inside the data directory {}: put it elsewhere",
        path.display(), data.display()
    )]
    InsideData {
        /// The file.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// Others on this machine can read it.
    #[error("other users can read the key file {0}: chmod 600 {0}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
}

/// The key in the file at `path`, made and written durably where there is none and `may_make`. Its
/// folder is made where the one above is there. Links are followed before the place is judged.
///
/// # Errors
/// [`KeyFileError`].
pub fn open_or_make<R: CryptoRng + ?Sized>(
    path: &Path,
    data: &Path,
    may_make: bool,
    rng: &mut R,
) -> Result<SigningKey, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let real = resolved(path).map_err(failed)?;
    if real.starts_with(resolved(data).map_err(failed)?) {
        return Err(KeyFileError::InsideData { path: path.to_owned(), data: data.to_owned() });
    }
    match File::open(&real) {
        Ok(file) => read(file, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !may_make {
                return Err(KeyFileError::Missing { path: path.to_owned(), data: data.to_owned() });
            }
            match private_folder(folder_of(&real)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let folder = folder_of(&real).to_owned();
                    Err(KeyFileError::NoFolder { path: path.to_owned(), folder })
                }
                made => made.and_then(|()| make(&real, rng)).map_err(failed),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

fn read(file: File, path: &Path) -> Result<SigningKey, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    if is_open_to_others(&file).map_err(failed)? {
        return Err(KeyFileError::Open { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(128));
    file.take(128).read_to_end(&mut text).map_err(failed)?;
    let no_key = || KeyFileError::NoKey { path: path.to_owned() };
    let digits = text.trim_ascii();
    let bytes = HEXLOWER.decode(digits).map(Zeroizing::new).map_err(|_| no_key())?;
    let seed: &[u8; SigningKey::SEED_LEN] = bytes.as_slice().try_into().map_err(|_| no_key())?;
    Ok(SigningKey::from_seed(seed))
}

/// Writes a fresh key beside its place, syncs it, and links it there: the file is never half
/// written, and another one that appeared meanwhile is left alone.
fn make<R: CryptoRng + ?Sized>(path: &Path, rng: &mut R) -> io::Result<SigningKey> {
    let key = SigningKey::generate(rng);
    let line = Zeroizing::new(format!("{}\n", HEXLOWER.encode(key.seed().as_slice())));
    let folder = folder_of(path);
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.new", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = private(&draft).and_then(|mut file| {
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        std::fs::hard_link(&draft, path)
    });
    let _ = std::fs::remove_file(&draft);
    written?;
    File::open(folder)?.sync_all()?;
    Ok(key)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The path without links and dots, as far as it is there.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    match absolute.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match absolute.file_name() {
            Some(name) => Ok(resolved(folder_of(&absolute))?.join(name)),
            None => Ok(absolute),
        },
        found => found,
    }
}

/// Makes a folder where there is none, its name durable.
fn private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    File::open(folder_of(folder))?.sync_all()
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_file: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::ChaCha20Rng};

    fn open(path: &Path, data: &Path) -> Result<SigningKey, KeyFileError> {
        open_or_make(path, data, true, &mut ChaCha20Rng::seed_from_u64(7))
    }

    #[test]
    fn a_key_is_made_once_and_private() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, data) = (dir.path().join("service.key"), dir.path().join("service"));
        let made = open(&path, &data).expect("made").public();
        assert_eq!(open(&path, &data).expect("read").public(), made);
        let text = std::fs::read_to_string(&path).expect("a text");
        assert_eq!(text.trim_end().len(), 64);
        let names: Vec<_> = dir.path().read_dir().expect("a folder").collect();
        assert_eq!(names.len(), 1, "a draft was left behind");
        std::fs::write(&path, "not a key").expect("written");
        assert!(matches!(open(&path, &data), Err(KeyFileError::NoKey { .. })));
    }

    #[test]
    fn a_key_is_not_made_where_one_was() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, data) = (dir.path().join("service.key"), dir.path().join("service"));
        let rng = &mut ChaCha20Rng::seed_from_u64(7);
        let refused = open_or_make(&path, &data, false, rng);
        assert!(matches!(refused, Err(KeyFileError::Missing { .. })));
        assert!(!path.exists());
        open(&path, &data).expect("made");
        assert!(open_or_make(&path, &data, false, rng).is_ok());
    }

    #[test]
    fn the_folder_of_a_key_is_made_or_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("service");
        open(&dir.path().join("keys/service.key"), &data).expect("made");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = dir.path().join("keys").metadata().expect("a folder").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let refused = open(&dir.path().join("no/such/service.key"), &data);
        let Err(error @ KeyFileError::NoFolder { .. }) = refused else { panic!("made") };
        let folder = dir.path().canonicalize().expect("a folder").join("no/such");
        let advice = format!("mkdir -p -m 700 {}", folder.display());
        assert!(error.to_string().ends_with(&advice), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        let (path, data) = (dir.path().join("service.key"), dir.path().join("service"));
        open(&path, &data).expect("made");
        for mode in [0o640, 0o604, 0o620] {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("its owner");
            assert!(matches!(open(&path, &data), Err(KeyFileError::Open { .. })));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_inside_the_data_is_refused_by_whatever_path() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("service");
        std::fs::create_dir_all(data.join("blobs")).expect("a folder");
        std::os::unix::fs::symlink(&data, dir.path().join("link")).expect("a link");
        for path in ["service/key", "service/blobs/../key", "link/blobs/key", "service"] {
            let refused = open(&dir.path().join(path), &data);
            assert!(matches!(refused, Err(KeyFileError::InsideData { .. })), "{path}");
        }
        assert!(open(&dir.path().join("service.key"), &data).is_ok());
    }
}
