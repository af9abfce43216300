//! The categories of what a file tells besides what it shows.

use serde::{Deserialize, Serialize};

/// Declares the traces once: variant, stable code (its kebab-case name, checked by a test) and words.
macro_rules! traces {
    ($($(#[$doc:meta])* $name:ident => $words:literal,)*) => {
        /// One category of metadata. Serialised as its stable kebab-case code, such as `exif-gps`.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Trace { $($(#[$doc])* $name,)* }

        impl Trace {
            /// Every trace, in the order of declaration.
            pub const ALL: &'static [Trace] = &[$(Trace::$name,)*];
        }

        /// The trace in words for a person, as a fragment that fits after "removed:".
        pub fn describe(trace: Trace) -> &'static str {
            match trace { $(Trace::$name => $words,)* }
        }
    };
}

traces! {
    /// A GPS directory in EXIF.
    ExifGps => "the place where it was taken (EXIF GPS)",
    /// `BodySerialNumber`, `LensSerialNumber`, `CameraSerialNumber` or `ImageUniqueID`.
    ExifSerial => "the serial number of the camera or lens, or the picture's unique number (EXIF)",
    /// `Artist`, `Copyright`, `CameraOwnerName`, `XPAuthor` or `HostComputer`.
    ExifName => "the name of a person or computer (EXIF artist, owner or copyright)",
    /// A maker note: the manufacturer's own format, often with serial numbers in it.
    ExifMakerNote => "the camera maker's own notes, which often hold serial numbers (EXIF)",
    /// A second, small picture inside EXIF.
    ExifThumbnail => "a small copy of the picture, perhaps from before it was cropped (EXIF)",
    /// Any other EXIF tag than the orientation: model, settings, times, comments.
    ExifOther => "camera model, settings, times or comments (EXIF)",
    /// An EXIF block whose directories cannot be followed.
    ExifUnreadable => "an EXIF block that cannot be read",
    /// An XMP packet.
    Xmp => "editing history and descriptions (XMP)",
    /// A position or a place name in XMP.
    XmpLocation => "a place (XMP)",
    /// A device's serial number in XMP.
    XmpSerial => "the serial number of a device (XMP)",
    /// A creator, owner or credit line in XMP.
    XmpName => "the name of a person (XMP creator, owner or credit)",
    /// Photoshop resources, where IPTC keeps names, places and captions.
    Iptc => "names, places and captions (IPTC, Photoshop resources)",
    /// The index of further pictures in the same file.
    Mpf => "the index of further pictures hidden in the file (MPF)",
    /// A JPEG comment.
    JpegComment => "a comment (JPEG)",
    /// A thumbnail in a JFIF or JFXX segment.
    JpegThumbnail => "a small copy of the picture (JFIF)",
    /// Any other application segment of a JPEG.
    JpegSegment => "application data of the camera or editor (JPEG)",
    /// Texts, unknown tags and gaps of a colour profile.
    ColourProfile => "the texts of a colour profile, which can name a device or a person (ICC)",
    /// Text chunks of a PNG.
    PngText => "texts such as author, comment and software (PNG)",
    /// The time of last change of a PNG.
    PngTime => "the time of the last change (PNG)",
    /// A PNG chunk that no decoder needs.
    PngChunk => "application data of the camera or editor (PNG)",
    /// A RIFF `LIST` of texts: artist, comment, label.
    RiffInfo => "names, titles and comments (RIFF INFO)",
    /// Broadcast audio extension: originator, dates, coding history.
    WavBext => "originator, dates and history (WAV bext)",
    /// iXML: project, tape, note, location, device.
    WavIxml => "project, notes and recorder (WAV iXML)",
    /// A RIFF chunk that no decoder needs.
    RiffChunk => "application data of the recorder or editor (RIFF)",
    /// An ID3 tag of any version, or a Lyrics3 block.
    Id3 => "names, titles and comments (ID3)",
    /// A picture in an ID3 tag.
    Id3Picture => "a picture inside the sound file (ID3)",
    /// An APE tag.
    Ape => "names, titles and comments (APE tag)",
    /// Comments of Ogg Vorbis, Opus or FLAC, or the name of the encoder.
    VorbisComment => "names, titles, places and encoder (Vorbis comments)",
    /// A picture in Vorbis comments or a FLAC picture block.
    VorbisPicture => "a picture inside the sound file (Vorbis or FLAC)",
    /// A FLAC cue sheet with its catalogue numbers.
    FlacCueSheet => "a cue sheet with catalogue numbers (FLAC)",
    /// Any other FLAC metadata block.
    FlacBlock => "application data (FLAC)",
    /// A user data box: title, artist, device, comments.
    Mp4UserData => "names, titles, device and comments (MP4 user data)",
    /// A metadata box: device, software, names, times.
    Mp4Metadata => "device, software, names and times (MP4 metadata)",
    /// A position in a user data or metadata box.
    Mp4Location => "the place where it was recorded (MP4 location)",
    /// A track of timed metadata: position, speed, sensors.
    Mp4TimedMetadata => "a track of position, motion or sensor readings (MP4 timed metadata)",
    /// A text or subtitle track, where some cameras and drones write their position.
    Mp4TextTrack => "a text track, where some cameras write their position (MP4)",
    /// A description, a name or a date that HEIC keeps for the picture or one of its items.
    HeifDescription => "descriptions, names or dates of the picture and its parts (HEIC)",
    /// The name of a handler, a compressor or a reel.
    Mp4Name => "names of tracks, compressors, devices or reels (MP4 headers)",
    /// Where the samples once were.
    Mp4Path => "the path of a file on the computer where it was edited (MP4 data reference)",
    /// Supplemental enhancement information with user data.
    Mp4StreamData => "what a camera wrote between the pictures, perhaps the place and the time (H.264/H.265 user data)",
    /// A box that no player needs.
    Mp4OtherBox => "application data of the camera or editor (MP4)",
    /// The PDF information dictionary.
    PdfInfo => "author, title, software and dates (PDF information)",
    /// An XMP stream in a PDF.
    PdfXmp => "author, software and editing history (PDF XMP)",
    /// A file attached to a PDF.
    PdfAttachment => "an attached file, which was not looked into (PDF)",
    /// A picture under a filter that is not undone, or one whose segments cannot be followed.
    PdfPicture => "what a picture inside tells besides its pixels, which could not be looked into (PDF)",
    /// An annotation with an author.
    PdfAnnotation => "the author of a comment (PDF annotation)",
    /// Form fields.
    PdfForm => "what was filled into a form (PDF)",
    /// An application's own data.
    PdfPrivate => "private data of the program it was made with (PDF)",
    /// A compressed stream of objects that cannot be read.
    PdfUnreadable => "whatever is in a part that could not be decompressed (PDF)",
    /// The PDF is encrypted, so nothing in it could be looked at.
    PdfEncrypted => "whatever is inside: the PDF is encrypted and could not be looked into",
    /// A C2PA manifest.
    C2pa => "a signed C2PA manifest, which can name its signer, the device, the place and the time",
    /// A position in a C2PA manifest.
    C2paLocation => "the place where it was taken, inside the signed C2PA manifest",
    /// A device's serial number in a C2PA manifest.
    C2paSerial => "the serial number of a device, inside the signed C2PA manifest",
    /// An author or owner in a C2PA manifest.
    C2paName => "the name of an author or owner, inside the signed C2PA manifest",
    /// A digital signature in a PDF.
    PdfSignature => "a digital signature with the name of its signer (PDF)",
    /// Bytes before, between or after the parts the format defines.
    TrailingData => "data that belongs to no part of the file, such as leftovers or further pictures",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_kebab_case_and_everything_has_its_own_words() {
        let mut codes = BTreeSet::new();
        let mut words = BTreeSet::new();
        for &trace in Trace::ALL {
            let code = serde_json::to_value(trace).expect("a unit variant serialises");
            let code = code.as_str().expect("as a string").to_owned();
            assert!(
                code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
            assert!(codes.insert(code) && words.insert(describe(trace)), "{trace:?} is twice");
        }
        assert_eq!(serde_json::to_string(&Trace::ExifGps).expect("serialises"), "\"exif-gps\"");
        assert_eq!(
            serde_json::to_string(&Trace::Id3Picture).expect("serialises"),
            "\"id3-picture\""
        );
        assert_eq!(
            serde_json::to_string(&Trace::Mp4TimedMetadata).expect("serialises"),
            "\"mp4-timed-metadata\""
        );
    }
}
