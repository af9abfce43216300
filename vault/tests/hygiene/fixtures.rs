//! Small files of every format, built here byte by byte, each with secrets to remove and a payload
//! that must survive. Long, since the formats share their secrets and each other's pieces: a PDF holds
//! the JPEG, which holds the EXIF and the colour profile.

use hallmark_vault::hygiene::{MediaType, Trace};

/// The secrets written into the fixtures. None may be in a cleaned file.
pub(crate) const SECRETS: [&str; 4] =
    ["Rosa Diamanti", "SN-4711-0815", "+48.8566+002.3522", "hidden"];
/// What stands for the picture or sound. Must be in a cleaned file.
pub(crate) const PAYLOAD: &[u8] = b"\x12\x34payload that a decoder needs\x56\x78";

/// One file and what is to be found in it.
pub(crate) struct Fixture {
    pub(crate) name: &'static str,
    pub(crate) media_type: MediaType,
    pub(crate) bytes: Vec<u8>,
    pub(crate) removed: Vec<Trace>,
    pub(crate) payload: Vec<u8>,
}

/// One of each format.
pub(crate) fn all() -> Vec<Fixture> {
    use MediaType as M;
    use Trace as T;
    let exif =
        [T::ExifGps, T::ExifSerial, T::ExifName, T::ExifMakerNote, T::ExifThumbnail, T::ExifOther];
    let xmp = [T::Xmp, T::XmpLocation, T::XmpSerial, T::XmpName];
    let with = |base: &[Trace], more: &[Trace]| {
        let mut traces = [base, more].concat();
        traces.sort();
        traces
    };
    let fixture = |name, media_type, bytes, removed| Fixture {
        name,
        media_type,
        bytes,
        removed,
        payload: PAYLOAD.to_vec(),
    };
    let pictures = with(&exif, &xmp);
    vec![
        fixture(
            "jpeg",
            M::Jpeg,
            jpeg(),
            with(
                &pictures,
                &[
                    T::Iptc,
                    T::Mpf,
                    T::JpegComment,
                    T::JpegThumbnail,
                    T::JpegSegment,
                    T::ColourProfile,
                    T::TrailingData,
                ],
            ),
        ),
        fixture(
            "png",
            M::Png,
            png(),
            with(
                &pictures,
                &[T::ColourProfile, T::PngText, T::PngTime, T::PngChunk, T::TrailingData],
            ),
        ),
        fixture(
            "webp",
            M::WebP,
            webp(),
            with(&pictures, &[T::ColourProfile, T::RiffChunk, T::TrailingData]),
        ),
        fixture(
            "heic",
            M::Heic,
            heic(),
            with(
                &pictures,
                &[
                    T::ColourProfile,
                    T::HeifDescription,
                    T::Mp4Name,
                    T::Mp4OtherBox,
                    T::TrailingData,
                ],
            ),
        ),
        fixture(
            "wav",
            M::Wav,
            wav(),
            with(
                &[
                    T::RiffInfo,
                    T::WavBext,
                    T::WavIxml,
                    T::RiffChunk,
                    T::Id3,
                    T::Id3Picture,
                    T::TrailingData,
                ],
                &[],
            ),
        ),
        Fixture {
            payload: frames(),
            ..fixture("mp3", M::Mp3, mp3(), with(&[T::Id3, T::Id3Picture, T::Ape], &[]))
        },
        fixture("ogg vorbis", M::Ogg, ogg(false, 70_000), vec![T::VorbisComment, T::VorbisPicture]),
        fixture("ogg opus", M::Ogg, ogg(true, 100), vec![T::VorbisComment, T::VorbisPicture]),
        fixture(
            "flac",
            M::Flac,
            flac(),
            with(
                &[
                    T::VorbisComment,
                    T::VorbisPicture,
                    T::FlacBlock,
                    T::FlacCueSheet,
                    T::Id3,
                    T::TrailingData,
                ],
                &[],
            ),
        ),
        fixture(
            "mp4",
            M::Mp4,
            mp4(b"isom", None),
            with(
                &[
                    T::Mp4UserData,
                    T::Mp4Location,
                    T::Mp4Metadata,
                    T::Mp4Name,
                    T::Mp4Path,
                    T::Mp4OtherBox,
                    T::Xmp,
                    T::TrailingData,
                ],
                &[],
            ),
        ),
        fixture("pdf", M::Pdf, pdf(), with(&exif, &[T::PdfInfo, T::PdfXmp, T::TrailingData])),
    ]
}

/// A TIFF block with everything in it that EXIF has for secrets, turned by 90 degrees.
pub(crate) fn exif(big_endian: bool) -> Vec<u8> {
    let u16 = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let u32 = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let mut out = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    out.extend(u32(8));
    // Directories are laid out one after the other, values behind each.
    type Entry<'a> = (u16, u16, &'a [u8]);
    let mut directory = |entries: &[Entry<'_>], next: &dyn Fn(u32) -> u32| {
        let mut values = Vec::new();
        let base = out.len() + 2 + entries.len() * 12 + 4;
        out.extend(u16(entries.len() as u16));
        for (tag, kind, value) in entries {
            let width = [0, 1, 1, 2, 4, 8, 1, 1][usize::from(*kind)];
            out.extend(u16(*tag));
            out.extend(u16(*kind));
            out.extend(u32((value.len() / width) as u32));
            if value.len() <= 4 {
                out.extend_from_slice(value);
                out.resize(out.len() + 4 - value.len(), 0);
            } else {
                out.extend(u32((base + values.len()) as u32));
                values.extend_from_slice(value);
            }
        }
        out.extend(u32(next((base + values.len()) as u32)));
        out.extend(values);
    };
    let name = b"Rosa Diamanti\0";
    let serial = b"SN-4711-0815\0";
    // The first directory has four entries, with 14 bytes of name behind it.
    let exif_at = 8 + 2 + 4 * 12 + 4 + 14;
    let gps_at = exif_at + 2 + 4 * 12 + 4 + 13 + 13 + 14 + 20;
    let thumbnail_at = gps_at + 2 + 3 * 12 + 4 + 24;
    directory(
        &[
            (0x0112, 3, &u16(6)),
            (0x013b, 2, name),
            (0x8769, 4, &u32(exif_at)),
            (0x8825, 4, &u32(gps_at)),
        ],
        &|_| thumbnail_at,
    );
    directory(
        &[
            (0xa431, 2, serial),
            (0xa435, 2, serial),
            (0xa430, 2, name),
            (0x927c, 7, b"SN-4711-0815 maker  "),
        ],
        &|_| 0,
    );
    directory(
        &[
            (0, 1, &[2, 3, 0, 0]),
            (1, 2, b"N\0"),
            (2, 5, &[0, 0, 0, 48, 0, 0, 0, 1, 0, 0, 0, 51, 0, 0, 0, 1, 0, 0, 0, 24, 0, 0, 0, 1]),
        ],
        &|_| 0,
    );
    directory(&[(0x0103, 3, &u16(6))], &|_| 0);
    out
}

pub(crate) fn xmp() -> Vec<u8> {
    b"<x:xmpmeta><dc:creator>Rosa Diamanti</dc:creator><exif:GPSLatitude>+48.8566+002.3522</exif:GPSLatitude>\
      <aux:SerialNumber>SN-4711-0815</aux:SerialNumber></x:xmpmeta>"
        .to_vec()
}

pub(crate) fn jpeg_segment(marker: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = vec![0xff, marker];
    out.extend((body.len() as u16 + 2).to_be_bytes());
    out.extend(body);
    out
}

/// A colour profile with numbers, a text, and bytes that belong to no tag.
pub(crate) fn icc(text: &[u8]) -> Vec<u8> {
    let desc = match text {
        b"" => Vec::new(),
        _ => {
            let len = (text.len() as u32 + 1).to_be_bytes();
            [b"desc\0\0\0\0", len.as_slice(), text, &[0; 79]].concat()
        }
    };
    let numbers = b"XYZ \0\0\0\0the numbers.".to_vec();
    let gap: &[u8] = if text.is_empty() { b"" } else { b"hidden" };
    let mut out = vec![0; 128];
    out[36..40].copy_from_slice(b"acsp");
    out.extend(2_u32.to_be_bytes());
    let at = 128 + 4 + 24;
    let tags = [(b"rXYZ", at, numbers.len()), (b"desc", at + numbers.len(), desc.len())];
    for (name, at, len) in tags {
        // Without a text, both names stand for the numbers.
        let (at, len) = if len == 0 { (128 + 4 + 24, numbers.len()) } else { (at, len) };
        out.extend(name);
        out.extend((at as u32).to_be_bytes());
        out.extend((len as u32).to_be_bytes());
    }
    out.extend([&numbers, desc.as_slice(), gap].concat());
    let size = out.len() as u32;
    out[..4].copy_from_slice(&size.to_be_bytes());
    out
}

/// A zlib stream of one stored block.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() as u16;
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut out = b"\x78\x01\x01".to_vec();
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend(bytes);
    out.extend((b << 16 | a).to_be_bytes());
    out
}

pub(crate) fn jpeg() -> Vec<u8> {
    let mut out = b"\xff\xd8".to_vec();
    out.extend(jpeg_segment(0xe0, &[b"JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01", b"\xaa\xbb\xcc"]));
    out.extend(jpeg_segment(0xe1, &[b"Exif\0\0", &exif(false)]));
    out.extend(jpeg_segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", &xmp()]));
    out.extend(jpeg_segment(0xe1, &[b"http://ns.adobe.com/xmp/extension/\0", &xmp()]));
    out.extend(jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", &icc(b"Rosa Diamanti")]));
    out.extend(jpeg_segment(0xe2, &[b"MPF\0II*\0\x08\0\0\0"]));
    out.extend(jpeg_segment(0xed, &[b"Photoshop 3.0\08BIM Rosa Diamanti"]));
    out.extend(jpeg_segment(0xee, &[b"Adobe\0\x64\0\0\0\0\x01"]));
    for marker in [0xef, 0xf0, 0x02, 0xc8] {
        out.extend(jpeg_segment(marker, &[b"hidden"]));
    }
    out.extend(jpeg_segment(0xfe, &[b"Rosa Diamanti"]));
    out.extend(jpeg_picture());
    out.extend(b"\xff\xd8\xff\xe0 hidden second picture");
    out
}

/// Tables, frame, scan and end.
pub(crate) fn jpeg_picture() -> Vec<u8> {
    let mut out = jpeg_segment(0xdb, &[&[0; 65]]);
    out.extend(jpeg_segment(0xc0, &[b"\x08\0\x08\0\x08\x01\x01\x11\0"]));
    out.extend(jpeg_segment(0xda, &[b"\x01\x01\0\0\x3f\0"]));
    out.extend(b"\xff\x00\xff\xd0");
    out.extend(PAYLOAD);
    out.extend(b"\xff\xd9");
    out
}

pub(crate) fn png_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32).to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    out.extend(crc32fast::hash(&out[4..]).to_be_bytes());
    out
}

pub(crate) fn png() -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    out.extend(png_chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]));
    out.extend(png_chunk(b"iCCP", &[b"Rosa Diamanti\0\0", zlib(&icc(b"")).as_slice()].concat()));
    out.extend(png_chunk(b"sPLT", b"Rosa Diamanti\0\x08\0\0\0\0\0\0"));
    out.extend(png_chunk(b"pHYs", b"123456789hidden"));
    out.extend(png_chunk(b"tEXt", b"Author\0Rosa Diamanti"));
    out.extend(png_chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), &xmp()].concat()));
    out.extend(png_chunk(b"eXIf", &exif(true)));
    out.extend(png_chunk(b"tIME", &[7, 232, 1, 1, 1, 1, 1]));
    out.extend(png_chunk(b"prVt", b"hidden"));
    out.extend(png_chunk(b"IDAT", &[zlib(PAYLOAD).as_slice(), b"hidden"].concat()));
    out.extend(png_chunk(b"IDAT", b"hidden"));
    out.extend(png_chunk(b"IEND", b"hidden"));
    out.extend(b"hidden");
    out
}

pub(crate) fn riff_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_vec();
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out.resize(out.len() + body.len() % 2, 0);
    out
}

pub(crate) fn riff(form: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    riff_chunk(b"RIFF", &[form.as_slice(), &chunks.concat()].concat())
}

pub(crate) fn webp() -> Vec<u8> {
    let mut out = riff(
        b"WEBP",
        &[
            riff_chunk(b"VP8X", &[0x2c, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            riff_chunk(b"ICCP", &icc(b"Rosa Diamanti")),
            riff_chunk(b"VP8 ", PAYLOAD),
            riff_chunk(b"EXIF", &exif(false)),
            riff_chunk(b"XMP ", &xmp()),
            riff_chunk(b"prvt", b"hidden!"),
        ],
    );
    out.extend(b"hidden");
    out
}

pub(crate) fn wav() -> Vec<u8> {
    let mut out = riff(
        b"WAVE",
        &[
            riff_chunk(b"bext", b"Rosa Diamanti"),
            riff_chunk(b"fmt ", &[1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0]),
            riff_chunk(b"JUNK", &[0; 10]),
            riff_chunk(b"data", PAYLOAD),
            riff_chunk(b"LIST", b"INFOIART\x0e\0\0\0Rosa Diamanti\0"),
            riff_chunk(b"iXML", b"<SN-4711-0815/>"),
            riff_chunk(b"id3 ", &id3(b"Rosa Diamanti")),
            riff_chunk(b"prvt", b"hidden"),
        ],
    );
    out.extend(b"hidden");
    out
}

/// An ID3v2.3 tag with an artist and a picture.
pub(crate) fn id3(artist: &[u8]) -> Vec<u8> {
    let frame = |kind: &[u8; 4], body: &[u8]| {
        let mut out = kind.to_vec();
        out.extend((body.len() as u32).to_be_bytes());
        out.extend([0, 0]);
        out.extend(body);
        out
    };
    let body =
        [frame(b"TPE1", &[b"\0", artist].concat()), frame(b"APIC", b"\0image/jpeg\0\x03\0hidden")]
            .concat();
    let mut out = b"ID3\x03\0\0\0\0".to_vec();
    out.extend([(body.len() >> 7) as u8, (body.len() & 0x7f) as u8]);
    out.extend(body);
    out
}

/// Three frames of MPEG-1 layer III at 32 kbit/s and 48 kHz: 96 bytes each.
pub(crate) fn frames() -> Vec<u8> {
    let mut frame = b"\xff\xfb\x14\xc4".to_vec();
    frame.extend(PAYLOAD);
    frame.resize(96, 0x55);
    frame.repeat(3)
}

pub(crate) fn mp3() -> Vec<u8> {
    let mut out = id3(b"Rosa Diamanti");
    out.extend(frames());
    let item = b"\x0d\0\0\0\0\0\0\0Artist\0Rosa Diamanti";
    let ape = |flags: u32| {
        let mut out = b"APETAGEX\xd0\x07\0\0".to_vec();
        out.extend((item.len() as u32 + 32).to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        out.extend(flags.to_le_bytes());
        out.extend([0; 8]);
        out
    };
    out.extend(ape(0xa000_0000));
    out.extend(item);
    out.extend(ape(0x8000_0000));
    let mut id3v1 = b"TAGtitle".to_vec();
    id3v1.resize(33, 0);
    id3v1.extend(b"Rosa Diamanti");
    id3v1.resize(128, 0);
    out.extend(id3v1);
    out
}

/// Ogg pages: first packet, headers, three packets of sound. The comments hold a picture of about
/// `picture` bytes.
pub(crate) fn ogg(opus: bool, picture: usize) -> Vec<u8> {
    let mut comments = if opus { b"OpusTags".to_vec() } else { b"\x03vorbis".to_vec() };
    let mut text = |t: &[u8]| {
        comments.extend((t.len() as u32).to_le_bytes());
        comments.extend(t);
    };
    text(b"Lavf58 on SN-4711-0815");
    let picture = [b"METADATA_BLOCK_PICTURE=hidden".as_slice(), &vec![b'A'; picture]].concat();
    let entries: [&[u8]; 3] = [b"ARTIST=Rosa Diamanti", b"LOCATION=+48.8566+002.3522", &picture];
    let mut list = (entries.len() as u32).to_le_bytes().to_vec();
    for entry in entries {
        list.extend((entry.len() as u32).to_le_bytes());
        list.extend(entry);
    }
    comments.extend(list);
    let mut headers = vec![comments];
    let mut first = b"OpusHead\x01\x02\0\0\x80\xbb\0\0\0\0\0".to_vec();
    if !opus {
        headers[0].push(1);
        headers.push([b"\x05vorbis".as_slice(), &[7; 600]].concat());
        first = b"\x01vorbis\0\0\0\0\x02\x44\xac\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb8\x01".to_vec();
    }
    let mut out = ogg_page(&[first.len() as u8], &first, 2, 0, 0);
    let mut table = Vec::new();
    for packet in &headers {
        table.extend(vec![255; packet.len() / 255]);
        table.push((packet.len() % 255) as u8);
    }
    let data = headers.concat();
    let (mut at, mut sequence, mut flags) = (0, 1, 0);
    for table in table.chunks(255) {
        let len: usize = table.iter().map(|&l| usize::from(l)).sum();
        out.extend(ogg_page(table, &data[at..at + len], flags, 0, sequence));
        flags = u8::from(table.last() == Some(&255));
        (at, sequence) = (at + len, sequence + 1);
    }
    for index in 0..3 {
        let flags = if index == 2 { 4 } else { 0 };
        out.extend(ogg_page(
            &[PAYLOAD.len() as u8],
            PAYLOAD,
            flags,
            960 * (index + 1),
            sequence + index as u32,
        ));
    }
    out
}

pub(crate) fn ogg_page(
    table: &[u8],
    body: &[u8],
    flags: u8,
    granule: u64,
    sequence: u32,
) -> Vec<u8> {
    let mut out = b"OggS\0".to_vec();
    out.push(flags);
    out.extend(granule.to_le_bytes());
    out.extend(0x1234_u32.to_le_bytes());
    out.extend(sequence.to_le_bytes());
    out.extend([0; 4]);
    out.push(table.len() as u8);
    out.extend(table);
    out.extend(body);
    let crc = ogg_crc(&out);
    out[22..26].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Bit by bit, unlike the code under test.
pub(crate) fn ogg_crc(bytes: &[u8]) -> u32 {
    let mut crc = 0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte) << 24;
        for _ in 0..8 {
            crc = if crc & 0x8000_0000 != 0 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
        }
    }
    crc
}

pub(crate) fn flac() -> Vec<u8> {
    let block = |kind: u8, body: &[u8]| {
        let mut out = vec![kind];
        out.extend(&(body.len() as u32).to_be_bytes()[1..]);
        out.extend(body);
        out
    };
    let mut comments = 8_u32.to_le_bytes().to_vec();
    comments.extend(b"flac 1.4\x01\0\0\0\x14\0\0\0ARTIST=Rosa Diamanti");
    let mut out = b"fLaC".to_vec();
    out.extend(block(0, &[0x10; 34]));
    out.extend(block(2, b"hidden application"));
    out.extend(block(3, &[0; 18]));
    out.extend(block(4, &comments));
    out.extend(block(5, &[b'5'; 396]));
    out.extend(block(6, b"\0\0\0\x03 hidden picture"));
    out.extend(block(1, b"hidden padding"));
    out.extend(block(0x81, &[0; 20]));
    out.extend(b"\xff\xf8\xc9\x18");
    out.extend(PAYLOAD);
    let mut id3v1 = b"TAGRosa Diamanti".to_vec();
    id3v1.resize(128, 0);
    out.extend(id3v1);
    out
}

pub(crate) fn boxed(kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    out
}

/// A movie with one track of pictures, and one of `timed` samples if asked for.
pub(crate) fn mp4(brand: &[u8; 4], timed: Option<&[u8; 4]>) -> Vec<u8> {
    let udta =
        || boxed(b"udta", &[boxed(b"\xa9xyz", &[b"\0\x11\x15\xc7+48.8566+002.3522/".to_vec()])]);
    let track = |handler: &[u8; 4], entry: &[u8; 4], more: Vec<u8>| {
        let hdlr =
            boxed(b"hdlr", &[[&[0; 8], handler.as_slice(), &[0; 12], b"Rosa Diamanti\0"].concat()]);
        let mut sample = vec![0; 78];
        sample[42..56].copy_from_slice(b"\x0dRosa Diamanti");
        let sample = if entry == b"avc1" { sample } else { vec![0; 8] };
        let stsd = boxed(b"stsd", &[vec![0, 0, 0, 0, 0, 0, 0, 1], boxed(entry, &[sample])]);
        let path = boxed(b"url ", &[b"\0\0\0\x01file:///Users/Rosa Diamanti/a.mov\0".to_vec()]);
        let dref = boxed(b"dref", &[vec![0, 0, 0, 0, 0, 0, 0, 1], path]);
        let dinf = boxed(b"dinf", &[dref]);
        let stbl =
            boxed(b"stbl", &[stsd, boxed(b"stco", &[vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 28]])]);
        let minf = boxed(b"minf", &[boxed(b"vmhd", &[vec![0; 12]]), dinf, stbl]);
        boxed(b"trak", &[boxed(b"tkhd", &[vec![0; 84]]), boxed(b"mdia", &[hdlr, minf]), more])
    };
    let name = || b"Rosa Diamanti SN-4711-0815".to_vec();
    let xmp_id = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac".to_vec();
    let mut tracks = track(b"vide", b"avc1", udta());
    if let Some(entry) = timed {
        tracks.extend(track(b"meta", entry, Vec::new()));
    }
    let moov = boxed(
        b"moov",
        &[
            boxed(b"mvhd", &[vec![0; 100]]),
            tracks,
            udta(),
            boxed(b"meta", &[vec![0; 4], name()]),
            boxed(b"gps ", &[b"hidden".to_vec()]),
        ],
    );
    [
        boxed(b"ftyp", &[brand.to_vec(), vec![0; 4], brand.to_vec()]),
        boxed(b"mdat", &[PAYLOAD.to_vec()]),
        moov,
        boxed(b"free", &[b"hidden".to_vec()]),
        boxed(b"uuid", &[xmp_id, xmp()]),
        boxed(b"sefd", &[name()]),
        b"hidden trailer".to_vec(),
    ]
    .concat()
}

/// A picture of one item, with EXIF and XMP items in the media data.
pub(crate) fn heic() -> Vec<u8> {
    let exif_item = [vec![0, 0, 0, 6], b"Exif\0\0".to_vec(), exif(true)].concat();
    let xmp_item = xmp();
    let entry = |id: u8, kind: &[u8; 4], more: &[u8]| {
        boxed(
            b"infe",
            &[
                vec![2, 0, 0, 0, 0, id, 0, 0],
                kind.to_vec(),
                b"Rosa Diamanti\0".to_vec(),
                more.to_vec(),
            ],
        )
    };
    let iinf = boxed(
        b"iinf",
        &[
            vec![0, 0, 0, 0, 0, 3],
            entry(1, b"hvc1", b""),
            entry(2, b"Exif", b""),
            entry(3, b"mime", b"application/rdf+xml\0"),
        ],
    );
    let ftyp = boxed(b"ftyp", &[b"heic\0\0\0\0mif1heic".to_vec()]);
    let build = |at: u32| {
        let mut iloc = vec![0, 0, 0, 0, 0x44, 0, 0, 3];
        let mut at = at;
        for (id, len) in [(1, PAYLOAD.len()), (2, exif_item.len()), (3, xmp_item.len())] {
            iloc.extend([0, id, 0, 0, 0, 1]);
            iloc.extend(at.to_be_bytes());
            iloc.extend((len as u32).to_be_bytes());
            at += len as u32;
        }
        let pitm = boxed(b"pitm", &[vec![0, 0, 0, 0, 0, 1]]);
        let hdlr = boxed(b"hdlr", &[[[0; 8].as_slice(), b"pict", &[0; 12], b"hidden\0"].concat()]);
        let iloc = boxed(b"iloc", &[iloc]);
        boxed(b"meta", &[vec![0; 4], hdlr, pitm, iinf.clone(), iloc, heic_properties(0x03)])
    };
    let at = ftyp.len() + build(0).len() + 8;
    let mdat = boxed(b"mdat", &[PAYLOAD.to_vec(), exif_item.clone(), xmp_item.clone()]);
    [ftyp, build(at as u32), mdat, b"hidden".to_vec()].concat()
}

/// Size, description, colours and something unknown, all of them the picture's; `unknown` says which
/// property is the last, and in its highest bit whether it is essential.
pub(crate) fn heic_properties(unknown: u8) -> Vec<u8> {
    let ipco = boxed(
        b"ipco",
        &[
            boxed(b"ispe", &[vec![0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8]]),
            boxed(b"udes", &[b"\0\0\0\0en\0Rosa Diamanti\0hidden\0\0".to_vec()]),
            boxed(b"prvt", &[b"hidden".to_vec()]),
            boxed(b"colr", &[b"prof".to_vec(), icc(b"Rosa Diamanti")]),
        ],
    );
    let ipma = boxed(b"ipma", &[vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 4, 0x81, 0x02, unknown, 0x04]]);
    boxed(b"iprp", &[ipco, ipma])
}

/// A PDF whose information was updated once, with XMP and a photograph.
pub(crate) fn pdf() -> Vec<u8> {
    let photo =
        [b"\xff\xd8".to_vec(), jpeg_segment(0xe1, &[b"Exif\0\0", &exif(true)]), jpeg_picture()]
            .concat();
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut add = |text: &[u8]| out.extend_from_slice(text);
    add(b"1 0 obj\n<</Type/Catalog/Metadata 4 0 R>>\nendobj\n");
    add(b"2 0 obj\n<</Author (Rosa \\(Diamanti\\) and (Rosa Diamanti)) /Title 5 0 R/ModDate<486964>>>\nendobj\n");
    add(b"3 0 obj\n<</Producer(hidden)/#41uthor<526f7361>/Trapped/False>>\nendobj\n");
    add(format!("4 0 obj\n<</Type/Metadata/Subtype/XML/Length {}>>stream\n", xmp().len())
        .as_bytes());
    add(&xmp());
    add(b"\nendstream\nendobj\n5 0 obj (hidden title) endobj\n");
    add(format!("6 0 obj\n<</Subtype/Image/Filter/DCTDecode/Length {}>>stream\r\n", photo.len())
        .as_bytes());
    add(&photo);
    add(b"\r\nendstream endobj\n");
    add(b"xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 7/Root 1 0 R/Info 2 0 R>>\nstartxref\n0\n%%EOF\n");
    add(b"hidden");
    out
}
