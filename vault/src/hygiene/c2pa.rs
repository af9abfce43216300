//! C2PA manifests (C2PA 2.1): never touched, since they sign the bytes around them; looked into only
//! to say what they tell. Assertions are JSON or CBOR whose keys stand there in clear.

use std::io::{Read, Seek};
use std::ops::Range;

use super::plan::Plan;
use super::source::Source;
use super::{HygieneError, Trace, search};

/// Type of the JUMBF superbox that is a manifest store (section 11.1.4.2).
pub(super) const JUMBF_TYPE: [u8; 16] = *b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71";

/// User type of the `uuid` box that holds one (section 11.3.1).
pub(super) const USER_TYPE: [u8; 16] = [
    0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81,
];

/// What assertions tell, by the keys that say it.
const TELLING: [(Trace, &[&[u8]]); 3] = [
    (Trace::C2paLocation, &[b"GPSLatitude", b"GPSCoordinates", b"LocationCreated"]),
    (Trace::C2paSerial, &[b"SerialNumber"]),
    (Trace::C2paName, &[b"CreativeWork", b"dc:creator", b"OwnerName"]),
];

/// Notes that the file is signed by the manifest in `bytes`.
pub(super) fn found(bytes: &[u8], plan: &mut Plan) {
    plan.signed(Trace::C2pa);
    for (trace, keys) in TELLING {
        if search::any(bytes, keys) {
            plan.leaves.insert(trace);
        }
    }
}

/// The same for a manifest that may be long.
pub(super) fn found_at<R: Read + Seek>(
    source: &mut Source<'_, R>,
    range: Range<u64>,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    plan.signed(Trace::C2pa);
    for (trace, keys) in TELLING {
        if source.contains(range.clone(), keys)? {
            plan.leaves.insert(trace);
        }
    }
    Ok(())
}
