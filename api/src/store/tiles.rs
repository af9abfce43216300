//! The log as it is published: `log/checkpoint` and `log/tile/...`, files that anybody may be sent.
//!
//! A file never changes once it has its name, the checkpoint excepted. Tiles are not synced when they
//! are written: [`LogFiles::sync`] is called before their entries are forgotten elsewhere.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use hallmark_consent::log::{
    growth::Growth,
    merkle::root_of_full,
    tile::{Content, Tile, TileError, WIDTH},
    tree::{Tiles, Tree},
};

use super::private;

/// The folder of the log, in a data directory.
pub(super) const FOLDER: &str = "log";
const CHECKPOINT: &str = "checkpoint";

/// The folder of the log.
#[derive(Debug, Clone)]
pub struct LogFiles {
    folder: PathBuf,
}

impl LogFiles {
    /// The folder of a data directory, made where it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let files = Self::at(directory);
        private::folder(&files.folder)?;
        Ok(files)
    }

    /// The folder of a data directory, wherever it is.
    pub(super) fn at(directory: &Path) -> Self {
        Self { folder: directory.join(FOLDER) }
    }

    /// Where a file of the log is.
    pub fn path(&self, tile: Tile) -> PathBuf {
        self.folder.join(tile.to_string())
    }

    /// The checkpoint that was published last; `None` before the first. Blocks.
    ///
    /// # Errors
    /// What the system says.
    pub fn checkpoint(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(CHECKPOINT)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Publishes a checkpoint, in one step and durably. Blocks.
    ///
    /// # Errors
    /// What the system says.
    pub fn publish(&self, checkpoint: &str) -> io::Result<()> {
        let path = self.folder.join(CHECKPOINT);
        let (draft, file) = self.draft(&path, checkpoint.as_bytes())?;
        file.sync_all()?;
        fs::rename(draft, path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Writes a file of the log, in one step, over one that a crash has left. Blocks.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, tile: Tile, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(tile);
        match self.put(&path, bytes) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                private::folders(path.parent().unwrap_or(&self.folder))?;
                self.put(&path, bytes)
            }
            written => written,
        }
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let (draft, _) = self.draft(path, bytes)?;
        fs::rename(draft, path)
    }

    /// Writes beside a file what is to take its place.
    fn draft(&self, path: &Path, bytes: &[u8]) -> io::Result<(PathBuf, File)> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        let mut file = private::file(&draft)?;
        file.set_len(0)?;
        file.write_all(bytes)?;
        Ok((draft, file))
    }

    /// Makes files of the log, and their names, durable. Blocks.
    ///
    /// # Errors
    /// What the system says: nobody can tell then what is on the disk.
    pub fn sync(&self, tiles: &[Tile]) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for tile in tiles {
            let path = self.path(*tile);
            File::open(&path)?.sync_all()?;
            let above = path.ancestors().skip(1).map(Path::to_owned);
            folders.extend(above.take_while(|folder| folder.starts_with(&self.folder)));
        }
        folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }

    /// Removes the narrower files in place of which full ones are there now. Blocks.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_narrower(&self, full: &[Tile]) -> io::Result<()> {
        for tile in full {
            let mut narrower = self.path(*tile).into_os_string();
            narrower.push(".p");
            match fs::remove_dir_all(narrower) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The entries of a bundle, from the file that has at least so many. Blocks.
    ///
    /// # Errors
    /// What the system says, and [`ErrorKind::InvalidData`].
    pub fn entries(&self, bundle: Tile) -> io::Result<Vec<Vec<u8>>> {
        let bytes = self.read_or_wider(bundle)?;
        let entries = bundle.first_entries(&bytes).map_err(damaged)?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// Copies the files of a log of `size` entries, and no others, into a folder that is made. Blocks.
    ///
    /// # Errors
    /// What the system says; a folder that is there.
    pub fn copy_to(&self, to: &Path, size: u64) -> io::Result<()> {
        fs::create_dir(to)?;
        for tile in hallmark_consent::log::tile::files(size) {
            let (bytes, path) = (self.read_or_wider(tile)?, to.join(tile.to_string()));
            let bytes = tile.prefix_of(&bytes).map_err(damaged)?;
            fs::create_dir_all(path.parent().unwrap_or(to))?;
            let mut file = File::create_new(path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        File::open(to)?.sync_all()
    }

    /// The edge of the tree of `size` entries, a whole number of bundles whose files are synced.
    ///
    /// # Errors
    /// What the system says, and [`ErrorKind::InvalidData`].
    pub fn growth(&self, size: u64) -> io::Result<Growth> {
        Growth::of_tree(&mut Tree::new(Synced(self.clone()), size))
            .map_err(|Unreadable(error)| error)
    }

    fn read_or_wider(&self, tile: Tile) -> io::Result<Vec<u8>> {
        match fs::read(self.path(tile)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            read => return read,
        }
        match fs::read(self.path(tile.full())) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(io::Error::new(
                ErrorKind::NotFound,
                format!("{} is not there", self.path(tile).display()),
            )),
            read => read,
        }
    }
}

/// Whether what failed may succeed later, and left nothing in doubt: no room, or too many open files.
pub fn is_passing(error: &io::Error) -> bool {
    // ENFILE and EMFILE, which have no kind of their own.
    super::file::is_full(error) || matches!(error.raw_os_error(), Some(23 | 24))
}

fn damaged(error: TileError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

/// Why a file of the log could not be read.
#[derive(Debug)]
pub struct Unreadable(pub io::Error);

impl From<TileError> for Unreadable {
    fn from(error: TileError) -> Self {
        Self(damaged(error))
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl Tiles for LogFiles {
    type Error = Unreadable;

    /// A file that was never published, since no round ended with it, is made from those below.
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Unreadable> {
        match self.read_or_wider(tile) {
            Ok(bytes) => Ok(tile.prefix_of(&bytes)?.to_vec()),
            Err(error) if error.kind() == ErrorKind::NotFound => self.made_from_below(tile, error),
            Err(error) => Err(error.into()),
        }
    }
}

impl LogFiles {
    fn made_from_below(&mut self, tile: Tile, error: io::Error) -> Result<Vec<u8>, Unreadable> {
        let Content::Hashes(level @ 1..) = tile.content() else { return Err(error.into()) };
        let first = tile.index() * WIDTH;
        let mut hashes = Vec::with_capacity(tile.max_len());
        for index in first..first + u64::from(tile.width()) {
            let below = Tile::full_at(Content::Hashes(level - 1), index);
            let bytes = self.read(below)?;
            hashes.extend(root_of_full(&below.hashes(&bytes)?).as_bytes());
        }
        Ok(hashes)
    }
}

/// Full files alone, which are synced; what is narrower may be torn and is made from those.
struct Synced(LogFiles);

impl Tiles for Synced {
    type Error = Unreadable;

    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Unreadable> {
        if tile.is_full() {
            return Ok(fs::read(self.0.path(tile))?);
        }
        self.0.made_from_below(tile, ErrorKind::NotFound.into())
    }
}
