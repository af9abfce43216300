//! XMP packets (ISO 16684-1): always removed whole, looked into only to say what they hold.

use std::collections::BTreeSet;

use super::{Trace, search};

/// Notes what an XMP packet tells, by the names of its properties.
pub(super) fn inspect(packet: &[u8], traces: &mut BTreeSet<Trace>) {
    const LOCATION: [&[u8]; 5] = [
        b"GPSLatitude",
        b"photoshop:City",
        b"Iptc4xmpCore:Location",
        b"Iptc4xmpExt:LocationCreated",
        b"GPSCoordinates",
    ];
    const SERIAL: [&[u8]; 2] = [b"SerialNumber", b"DeviceSerialNo"];
    const NAME: [&[u8]; 6] = [
        b"dc:creator",
        b"dc:rights",
        b"OwnerName",
        b"photoshop:Credit",
        b"pdf:Author",
        b"tiff:Artist",
    ];
    traces.insert(Trace::Xmp);
    for (needles, trace) in [
        (&LOCATION[..], Trace::XmpLocation),
        (&SERIAL[..], Trace::XmpSerial),
        (&NAME[..], Trace::XmpName),
    ] {
        if search::any(packet, needles) {
            traces.insert(trace);
        }
    }
}
