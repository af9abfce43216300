//! A file that cannot be cleaned is not silent about what is plainly in it: EXIF and XMP look the
//! same wherever they lie.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use super::source::Source;
use super::{DOCUMENT_LIMIT_BYTES, HygieneError, Trace, exif, search, xmp};

/// EXIF blocks followed at most.
const BLOCKS_LIMIT: usize = 64;

/// What EXIF blocks and XMP packets anywhere in the file tell. A file beyond the limit for documents
/// is not looked through.
pub(super) fn traces<R: Read + Seek>(
    source: &mut Source<'_, R>,
) -> Result<BTreeSet<Trace>, HygieneError> {
    let mut traces = BTreeSet::new();
    if source.size_bytes() > DOCUMENT_LIMIT_BYTES {
        return Ok(traces);
    }
    let data = source.whole()?;
    // A TIFF header whose first directory follows it, in either order of bytes.
    for header in [b"MM\0*\0\0\0\x08", b"II*\0\x08\0\0\0"] {
        let mut at = 0;
        for _ in 0..BLOCKS_LIMIT {
            let Some(found) = search::find(&data, header, at) else { break };
            at = found + header.len();
            traces.extend(exif::inspect(&data[found..]).traces);
        }
    }
    if data.starts_with(b"MM\0*") || data.starts_with(b"II*\0") {
        traces.extend(exif::inspect(&data).traces);
    }
    if search::any(&data, &[b"<x:xmpmeta", b"<?xpacket", b"http://ns.adobe.com/xap/1.0/"]) {
        xmp::inspect(&data, &mut traces);
    }
    Ok(traces)
}
