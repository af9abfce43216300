//! What a file is, by its first bytes.

use std::fmt;

use serde::{Serialize, Serializer};

use super::text;

/// A type this project can read, or `OctetStream` for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// ITU-T T.81, JFIF or EXIF.
    Jpeg,
    /// W3C PNG, animated or not.
    Png,
    /// RFC 9649.
    WebP,
    /// ISO/IEC 23008-12 with HEVC.
    Heic,
    /// AV1 image file format.
    Avif,
    /// ISO/IEC 14496-14 and relatives, with pictures or of undecided content.
    Mp4,
    /// The same container announced as sound alone.
    M4a,
    /// QuickTime file format.
    QuickTime,
    /// MPEG audio layer III.
    Mp3,
    /// RFC 3533 with any content.
    Ogg,
    /// RFC 9639.
    Flac,
    /// RIFF WAVE.
    Wav,
    /// ISO 32000.
    Pdf,
    /// UTF-8 text without NUL that is not markup.
    PlainText,
    /// The same, which its author calls Markdown: content cannot tell, so it is never sniffed.
    Markdown,
    /// Anything else.
    OctetStream,
}

impl MediaType {
    const ALL: [(MediaType, &'static str); 16] = [
        (MediaType::Jpeg, "image/jpeg"),
        (MediaType::Png, "image/png"),
        (MediaType::WebP, "image/webp"),
        (MediaType::Heic, "image/heic"),
        (MediaType::Avif, "image/avif"),
        (MediaType::Mp4, "video/mp4"),
        (MediaType::M4a, "audio/mp4"),
        (MediaType::QuickTime, "video/quicktime"),
        (MediaType::Mp3, "audio/mpeg"),
        (MediaType::Ogg, "audio/ogg"),
        (MediaType::Flac, "audio/flac"),
        (MediaType::Wav, "audio/wav"),
        (MediaType::Pdf, "application/pdf"),
        (MediaType::PlainText, "text/plain"),
        (MediaType::Markdown, "text/markdown"),
        (MediaType::OctetStream, "application/octet-stream"),
    ];

    /// The MIME type, such as `image/jpeg`.
    pub fn mime(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The type with exactly this MIME string, in lower case and without parameters.
    pub fn from_mime(mime: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == mime).map(|&(media_type, _)| media_type)
    }

    /// What a file beginning with `head` is. Give at least its first 4,096 bytes, or all of it.
    pub fn sniff(head: &[u8]) -> Self {
        match head {
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            _ if head.starts_with(b"\x89PNG\r\n\x1a\n") => Self::Png,
            _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => Self::WebP,
            _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WAVE") => Self::Wav,
            _ if head.starts_with(b"OggS") => Self::Ogg,
            _ if head.starts_with(b"fLaC") => Self::Flac,
            _ if head.starts_with(b"%PDF-") => Self::Pdf,
            _ if head.starts_with(b"ID3") || is_mpeg_audio(head) => Self::Mp3,
            _ if head.get(4..8) == Some(b"ftyp") => brand(head),
            // QuickTime before 2001 had no brand box.
            _ if matches!(head.get(4..8), Some(b"moov" | b"mdat" | b"wide")) => Self::QuickTime,
            _ if text::is_plain_beginning(head) => Self::PlainText,
            _ => Self::OctetStream,
        }
    }
}

/// Whether content beginning with `head` may be called `declared`: what verification asks, so that
/// "a photo" is one. Everything may be called `application/octet-stream`, which promises nothing;
/// the two texts, and the three MP4 names, are one to the bytes.
pub fn matches_magic(declared: MediaType, head: &[u8]) -> bool {
    use MediaType::{Heic, M4a, Markdown, Mp4, OctetStream, PlainText, QuickTime};
    match declared {
        OctetStream => true,
        PlainText | Markdown => text::is_utf8_beginning(head),
        Mp4 | M4a | QuickTime => matches!(MediaType::sniff(head), Mp4 | M4a | QuickTime),
        Heic => MediaType::sniff(head) == Heic,
        _ => MediaType::sniff(head) == declared,
    }
}

/// Two MPEG audio frames in a row, or one where the head ends before the second.
fn is_mpeg_audio(head: &[u8]) -> bool {
    let frame = |at: usize| head.get(at..at + 4)?.first_chunk().and_then(super::mp3::Frame::parse);
    frame(0).is_some_and(|first| {
        let next = first.len_bytes as usize;
        head.len() < next + 4 || frame(next).is_some_and(|second| second.is_like(&first))
    })
}

/// ISO base media by its major brand, and the compatible ones for the general image brands.
fn brand(head: &[u8]) -> MediaType {
    let size = head.first_chunk().map_or(0, |b| u32::from_be_bytes(*b)) as usize;
    let brands = head.get(8..size.min(head.len())).unwrap_or_default();
    let mut compatible = brands.chunks_exact(4).skip(2);
    match brands.get(..4).unwrap_or_default() {
        b"avif" | b"avis" => MediaType::Avif,
        b"mif1" | b"msf1" if compatible.any(|b| b == b"avif" || b == b"avis") => MediaType::Avif,
        b"mif1" | b"msf1" | b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => {
            MediaType::Heic
        }
        b"qt  " => MediaType::QuickTime,
        b"M4A " | b"M4B " | b"M4P " => MediaType::M4a,
        // Raw camera pictures and JPEG 2000 families share the container and nothing else.
        b"crx " | b"jp2 " | b"jpx " | b"jxl " | b"jpm " => MediaType::OctetStream,
        b"" => MediaType::OctetStream,
        _ => MediaType::Mp4,
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mime())
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.mime())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_enum() {
        for (index, &(media_type, mime)) in MediaType::ALL.iter().enumerate() {
            assert_eq!(media_type as usize, index);
            assert_eq!(MediaType::from_mime(mime), Some(media_type));
            assert_eq!(media_type.to_string(), mime);
        }
        assert_eq!(MediaType::from_mime("image/tiff"), None);
    }

    #[test]
    fn content_decides() {
        let cases: &[(&[u8], MediaType)] = &[
            (b"\xff\xd8\xff\xe0", MediaType::Jpeg),
            (b"\xff\xd8", MediaType::OctetStream),
            (b"RIFF\x04\0\0\0WEBPVP8 ", MediaType::WebP),
            (b"RIFF\x04\0\0\0AVI LIST", MediaType::OctetStream),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", MediaType::Heic),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", MediaType::Avif),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", MediaType::QuickTime),
            (b"\0\0\0\x14ftypM4A \0\0\0\0M4A ", MediaType::M4a),
            (b"\0\0\0\x14ftypisom\0\0\0\0isom", MediaType::Mp4),
            (b"\0\0\0\x14ftypcrx \0\0\0\0crx ", MediaType::OctetStream),
            (b"%PDF-1.7\n", MediaType::Pdf),
            (b"GIF89a\x01\0", MediaType::OctetStream),
            ("Anneau en or, 18 ct, d\u{e9}c.".as_bytes(), MediaType::PlainText),
            (b"<svg xmlns=''/>", MediaType::OctetStream),
            (b"", MediaType::PlainText),
        ];
        for (head, media_type) in cases {
            assert_eq!(
                MediaType::sniff(head),
                *media_type,
                "{:?}",
                head.escape_ascii().to_string()
            );
            assert!(matches_magic(*media_type, head));
        }
    }

    #[test]
    fn a_photo_that_is_not_one_is_refused() {
        assert!(!matches_magic(MediaType::Jpeg, b"\x89PNG\r\n\x1a\n"));
        assert!(!matches_magic(MediaType::Jpeg, b"<html>"));
        assert!(!matches_magic(MediaType::PlainText, b"\xff\xd8\xff\xe0"));
        assert!(!matches_magic(MediaType::Markdown, b"a\0b"));
        assert!(!matches_magic(MediaType::Avif, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"));
        assert!(matches_magic(MediaType::Markdown, b"# Ring\n"));
        assert!(matches_magic(MediaType::OctetStream, b"\xff\xd8\xff\xe0"));
    }
}
