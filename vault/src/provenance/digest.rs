//! SHA-256 and CRC-32 of every entry, on all cores, in bounded memory.
//!
//! Entries are shared out largest first. Each worker hashes one entry at a time, chunk by chunk
//! while the chunk is in its core's cache. Where one entry outweighs all that is left for the other
//! workers, a reader runs beside it that also takes the CRC, so that one large part still keeps two
//! cores busy; SHA-256 is what takes the time.

use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
};

use hallmark_core::hash::{Hasher, Sha256};

use super::archive::{Entry, ReadAt};

const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks in flight between a reader and its worker.
const CHUNKS: usize = 4;
/// From this size on an entry can be worth a reader of its own.
const LARGE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of an entry's start that are kept to look at its type.
pub(super) const START_BYTES: usize = 4096;

/// What one entry's content is.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) sha256: Sha256,
    pub(super) crc32: u32,
    /// The first bytes, at most [`START_BYTES`].
    pub(super) start: Vec<u8>,
}

/// Work that can be watched and stopped: bytes done are reported, and `false` stops it.
pub trait Progress: Sync {
    /// `bytes` more were worked through. Returns whether to go on.
    fn advance(&self, bytes: u64) -> bool;
}

impl<F: Fn(u64) -> bool + Sync> Progress for F {
    fn advance(&self, bytes: u64) -> bool {
        self(bytes)
    }
}

/// Reads and hashes every entry.
///
/// # Errors
/// As the source; [`io::ErrorKind::Interrupted`] when `progress` stopped it.
pub(super) fn contents<R: ReadAt + ?Sized>(
    source: &R,
    entries: &[Entry],
    threads: usize,
    progress: &dyn Progress,
) -> io::Result<Vec<Content>> {
    let tasks = tasks(entries, threads);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let done: Mutex<Vec<Option<Content>>> = Mutex::new(vec![None; entries.len()]);
    let failure: Mutex<Option<io::Error>> = Mutex::new(None);

    let work = || {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let chunks = Chunks::new(source, &entries[task.entry], progress, &stop);
            let content = if task.with_reader { chunks.hash_beside() } else { chunks.hash() };
            match content {
                Ok(content) => lock(&done)[task.entry] = Some(content),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    lock(&failure).get_or_insert(error);
                    return;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, entries.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });

    if let Some(error) = lock(&failure).take() {
        return Err(error);
    }
    let done = std::mem::take(&mut *lock(&done));
    done.into_iter()
        .map(|content| content.ok_or_else(|| io::ErrorKind::Interrupted.into()))
        .collect()
}

/// One entry to hash.
struct Task {
    /// Its place in the container.
    entry: usize,
    with_reader: bool,
}

/// The entries, largest first. One gets a reader when the entries after it are too little for the
/// other workers to be busy while it is hashed.
fn tasks(entries: &[Entry], threads: usize) -> Vec<Task> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|entry| std::cmp::Reverse(entries[*entry].size_bytes));
    let others = threads.saturating_sub(1) as u64;
    let mut left_bytes: u64 = entries.iter().map(|entry| entry.size_bytes).sum();
    let task = |entry: usize| {
        let size_bytes = entries[entry].size_bytes;
        left_bytes -= size_bytes;
        let idle = left_bytes < size_bytes.saturating_mul(others);
        Task { entry, with_reader: idle && size_bytes >= LARGE_BYTES }
    };
    order.into_iter().map(task).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The content of one entry in chunks, with its CRC and its start.
struct Chunks<'a, R: ReadAt + ?Sized> {
    source: &'a R,
    at: u64,
    left: u64,
    crc: crc32fast::Hasher,
    start: Vec<u8>,
    progress: &'a dyn Progress,
    stop: &'a AtomicBool,
}

impl<'a, R: ReadAt + ?Sized> Chunks<'a, R> {
    fn new(source: &'a R, entry: &Entry, progress: &'a dyn Progress, stop: &'a AtomicBool) -> Self {
        let crc = crc32fast::Hasher::new();
        let (at, left) = (entry.start, entry.size_bytes);
        Self { source, at, left, crc, start: Vec::new(), progress, stop }
    }

    /// Hashes on this thread.
    fn hash(mut self) -> io::Result<Content> {
        let mut hasher = Hasher::new();
        let mut buffer =
            vec![0; CHUNK_BYTES.min(usize::try_from(self.left).unwrap_or(CHUNK_BYTES))];
        while let Some(n) = self.next_into(&mut buffer)? {
            hasher.update(&buffer[..n]);
        }
        Ok(self.content(hasher))
    }

    /// Hashes on this thread while another reads.
    fn hash_beside(mut self) -> io::Result<Content> {
        let (full, filled) = mpsc::sync_channel::<(Vec<u8>, usize)>(CHUNKS);
        let (empty, emptied) = mpsc::sync_channel::<Vec<u8>>(CHUNKS);
        for _ in 0..CHUNKS {
            // The channel holds CHUNKS buffers and its receiver is alive: this cannot fail.
            let _ = empty.send(vec![0; CHUNK_BYTES]);
        }
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || -> io::Result<Self> {
                while let Ok(mut buffer) = emptied.recv() {
                    let Some(n) = self.next_into(&mut buffer)? else { break };
                    if full.send((buffer, n)).is_err() {
                        break;
                    }
                }
                Ok(self)
            });
            let mut hasher = Hasher::new();
            while let Ok((buffer, n)) = filled.recv() {
                hasher.update(&buffer[..n]);
                let _ = empty.send(buffer);
            }
            match reader.join() {
                Ok(chunks) => Ok(chunks?.content(hasher)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn next_into(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if self.left == 0 {
            return Ok(None);
        }
        let n = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.source.read_exact_at(&mut buffer[..n], self.at)?;
        self.crc.update(&buffer[..n]);
        let wanted = (START_BYTES - self.start.len()).min(n);
        self.start.extend_from_slice(&buffer[..wanted]);
        self.at += n as u64;
        self.left -= n as u64;
        if !self.progress.advance(n as u64) || self.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(Some(n))
    }

    fn content(self, hasher: Hasher) -> Content {
        Content { sha256: hasher.finish(), crc32: self.crc.finalize(), start: self.start }
    }
}
