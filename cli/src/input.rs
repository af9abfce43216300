//! Files we read: ordinary ones. A pipe would keep a run waiting, a device would never end, and
//! neither has a size.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The largest file that is read whole, in bytes: as large as a JSON document may be.
pub const MAX_WHOLE_BYTES: u64 = 8 << 20;

/// Opens an ordinary file; gives its size in bytes as well.
///
/// # Errors
/// The system's, or [`io::ErrorKind::InvalidInput`] for a folder, a pipe or a device, which is not
/// opened at all.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    ordinary(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Again, in case another took the name in between.
    let metadata = file.metadata()?;
    ordinary(&metadata)?;
    Ok((file, metadata.len()))
}

/// Reads a file whole that a person or another run of this program wrote: a key, an offer, a
/// draft, a `piece.toml`.
///
/// # Errors
/// As [`open`], and [`io::ErrorKind::FileTooLarge`] past [`MAX_WHOLE_BYTES`].
pub fn whole(path: &Path) -> io::Result<Vec<u8>> {
    let (file, _) = open(path)?;
    let mut content = Vec::new();
    file.take(MAX_WHOLE_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_WHOLE_BYTES {
        let why =
            format!("it has more than {MAX_WHOLE_BYTES} bytes, too many for what it should be");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(content)
}

/// As [`whole`], for text.
///
/// # Errors
/// As [`whole`], and [`io::ErrorKind::InvalidData`] where it is not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(whole(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text (UTF-8)"))
}

fn ordinary(metadata: &std::fs::Metadata) -> io::Result<()> {
    let why = match metadata.file_type() {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "it is a folder, not a file",
        _ => "it is no ordinary file but a pipe or a device; copy its content into a file first",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}
