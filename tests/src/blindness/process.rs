//! The memory of a running process, as `/proc/PID/maps` and `/proc/PID/mem` show it (proc(5)).

use std::{fs, io, os::unix::fs::FileExt};

use super::{
    Search,
    search::{Place, Searched},
};

/// Memory is read and searched in pieces of this size.
const PIECE_BYTES: usize = 16 << 20;

impl Search {
    /// What the process has in memory that it can write: heap, stacks, what libraries keep. Needs
    /// to be its parent or to be permitted to trace it. What is swapped out is read back in.
    ///
    /// The process may go on meanwhile; what it moves at the wrong moment is missed, so stop it
    /// first where that matters.
    ///
    /// # Errors
    /// When its memory cannot be read, or there was none to read.
    pub fn in_process(&self, pid: u32) -> io::Result<Searched> {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let memory = fs::File::open(format!("/proc/{pid}/mem"))?;
        let mut searched = Searched::default();
        for region in maps.lines().filter_map(Region::parse) {
            self.region(&memory, &region, &mut searched);
        }
        if searched.bytes == 0 {
            return Err(io::Error::other(format!("no memory of process {pid} could be read")));
        }
        Ok(searched)
    }

    fn region(&self, memory: &fs::File, region: &Region, searched: &mut Searched) {
        let mut piece = Vec::new();
        let mut at = region.start;
        while at < region.end {
            let len = usize::try_from(region.end - at).unwrap_or(usize::MAX).min(PIECE_BYTES);
            let kept = piece.len();
            piece.resize(kept + len, 0);
            // A region may have gone since it was listed.
            let Ok(read) = memory.read_at(&mut piece[kept..], at) else { return };
            if read == 0 {
                return;
            }
            piece.truncate(kept + read);
            let mut found = self.in_bytes(&piece);
            found.iter_mut().for_each(|found| found.offset += at - kept as u64);
            let place = Place::Memory { mapped: region.mapped.clone() };
            searched.take(place, &piece[kept..], found);
            at += read as u64;
            // What lies across the seam is found with the next piece.
            let seam = piece.len().saturating_sub(self.longest());
            piece.drain(..seam);
        }
    }
}

struct Region {
    start: u64,
    end: u64,
    mapped: String,
}

impl Region {
    /// A line of `maps`, if it is of memory that can be read and written.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        if !fields.next()?.starts_with("rw") {
            return None;
        }
        let address = |text| u64::from_str_radix(text, 16).ok();
        let mapped = fields.nth(3).unwrap_or_default().to_owned();
        Some(Self { start: address(start)?, end: address(end)?, mapped })
    }
}
