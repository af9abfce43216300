//! PDF (ISO 32000): offsets must stay valid, so everything is overwritten in place, at its length.
//!
//! Blanked with spaces: every string of the information dictionary, also of those that an update
//! replaced and left in the file; XMP streams, plain or deflated. Blanked with zeros: the metadata of
//! JPEG pictures inside. Data after the last end mark goes.
//!
//! Left and named: an information dictionary inside a compressed object stream, XMP under another
//! filter, pictures under other filters than JPEG's alone, attachments, authors of annotations, filled
//! forms, private data of programs, everything in an encrypted PDF.

mod named;
mod object;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use named::Named;
use object::{Object, Token, references};

use super::plan::{Plan, Verdict};
use super::{HygieneError, Trace, c2pa, inflate, jpeg, search};

/// Reads the objects of a PDF, first for what it is, then for what to blank. Where objects lie so
/// oddly that blanking one would spoil another, or bring a further one to light, the file is one we
/// cannot read.
pub(super) fn plan(data: &[u8]) -> Result<Plan, HygieneError> {
    let mut plan = planned(data)?.sorted()?;
    if plan.verdict == Verdict::Readable && !plan.edits.is_empty() {
        let settled = planned(&plan.applied(data))
            .is_ok_and(|again| again.edits.is_empty() && again.leaves == plan.leaves);
        if !settled {
            plan.verdict = Verdict::Unreadable;
            plan.leaves.append(&mut plan.takes);
        }
    }
    Ok(plan)
}

fn planned(data: &[u8]) -> Result<Plan, HygieneError> {
    let mut plan = Plan::default();
    // What is cut names nothing and needs no blanking.
    let data = cut_after_end(data, &mut plan)?;
    let facts = Facts::read(data, &mut plan)?;
    if facts.encrypted {
        plan.leaves.insert(Trace::PdfEncrypted);
        if plan.verdict == Verdict::Readable {
            plan.verdict = Verdict::Unreadable;
        }
        return Ok(plan);
    }
    plan.leaves.extend(facts.compressed.traces.iter().copied());
    let mut found = BTreeSet::new();
    let mut named = Named::default();
    let mut texts = BTreeSet::new();
    object::for_each(data, |object| {
        if object.number.is_some_and(|number| facts.information.contains(&number))
            || looks_like_information(&object)
        {
            found.extend(object.number);
            if object.tokens.first() == Some(&Token::Open) {
                texts.extend(references(data, &object.tokens));
            }
            blank_strings(data, &object, &mut plan)?;
        } else {
            named.read(&object);
            if names_information(&object) {
                let information = object.all(b"Info");
                if information.first() == Some(&Token::Open) {
                    texts.extend(references(data, &information));
                    blank_tokens(data, &information, &mut plan)?;
                }
            }
        }
        match &object.stream {
            Some(stream) => {
                let number = object.number.unwrap_or_default();
                let is_metadata = facts.compressed.metadata.contains(&number);
                blank_stream(data, &object, stream, is_metadata, &mut plan)
            }
            None => Ok(()),
        }
    })?;
    plan.leaves.extend(named.traces);
    if !facts.information.is_subset(&found) {
        plan.leaves.insert(Trace::PdfInfo); // in a compressed object stream
    }
    if !texts.is_empty() {
        blank_referenced(data, texts, &mut plan)?;
    }
    Ok(plan)
}

/// What the trailers say, and whether a signature covers the file.
#[derive(Default)]
struct Facts {
    information: BTreeSet<u64>,
    encrypted: bool,
    /// What all objects call their metadata, and what those in compressed streams tell.
    compressed: Named,
}

impl Facts {
    fn read(data: &[u8], plan: &mut Plan) -> Result<Self, HygieneError> {
        let mut facts = Self::default();
        // Objects that are nothing but a reference to another.
        let mut aliases: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        object::for_each(data, |object| {
            if let Some(number) = object.number
                && object.tokens.len() == 3
            {
                let others = references(data, &object.tokens);
                aliases.entry(number).or_default().extend(others);
            }
            if names_information(&object) {
                facts.encrypted |= object.get(b"Encrypt").is_some();
                let information = object.all(b"Info");
                if information.first() != Some(&Token::Open) {
                    facts.information.extend(references(data, &information));
                }
            }
            let mut named = Named::default();
            named.read(&object);
            facts.compressed.metadata.append(&mut named.metadata);
            if object.mentions(b"ByteRange") {
                plan.signed(Trace::PdfSignature);
            }
            let stream = object.stream.clone().map(|range| &data[range]).unwrap_or_default();
            if object.is(b"Type", b"ObjStm")
                && !read_compressed(&object, stream, &mut facts.compressed)
            {
                facts.compressed.traces.insert(Trace::PdfUnreadable);
            }
            let head = &stream[..stream.len().min(64)];
            if search::find(head, &c2pa::JUMBF_TYPE, 0).is_some() {
                c2pa::found(stream, plan);
            } else if object.mentions(b"C2PA_Manifest") || object.mentions(b"application/c2pa") {
                plan.signed(Trace::C2pa);
            }
            Ok(())
        })?;
        let mut open: Vec<u64> = facts.information.iter().copied().collect();
        while let Some(number) = open.pop() {
            let others = aliases.remove(&number).unwrap_or_default();
            open.extend(others.into_iter().filter(|&other| facts.information.insert(other)));
        }
        Ok(facts)
    }
}

/// Whether an object is a trailer, which says where the information dictionary is.
fn names_information(object: &Object<'_>) -> bool {
    object.number.is_none() || object.is(b"Type", b"XRef")
}

/// Reads the objects in a compressed stream. False when they cannot be seen.
fn read_compressed(object: &Object<'_>, stream: &[u8], into: &mut Named) -> bool {
    const LIMIT_BYTES: usize = 16 << 20;
    let inflated;
    let inside = if object.get(b"Filter").is_none() {
        stream
    } else {
        let plain = object.is(b"Filter", b"FlateDecode") && object.get(b"DecodeParms").is_none();
        match inflate::inflate(stream, LIMIT_BYTES) {
            Ok(bytes) if plain => inflated = bytes,
            _ => return false,
        }
        inflated.as_slice()
    };
    let Ok(inside) = object::within(inside) else { return false };
    into.read(&inside);
    !inside.is_cut
}

/// An information dictionary that no trailer names any more: it has no type, and two of the usual
/// keys, one of them a name.
fn looks_like_information(object: &Object<'_>) -> bool {
    let (mut usual, mut names) = (0, 0);
    for (key, value) in object.entries() {
        if !matches!(value, [Token::Text(_)]) {
            if *key == *b"Type" || *key == *b"Subtype" {
                return false;
            }
            continue;
        }
        match &*key {
            b"Author" | b"Creator" | b"Producer" => (usual, names) = (usual + 1, names + 1),
            b"Title" | b"Subject" | b"Keywords" | b"CreationDate" | b"ModDate" => usual += 1,
            _ => {}
        }
    }
    usual >= 2 && names >= 1
}

/// Overwrites every string of an object with spaces.
fn blank_strings(data: &[u8], object: &Object<'_>, plan: &mut Plan) -> Result<(), HygieneError> {
    if object.is_cut {
        return Err(HygieneError::Damaged {
            what: "PDF with a far longer information dictionary than any real file has",
        });
    }
    blank_tokens(data, &object.tokens, plan)
}

fn blank_tokens(data: &[u8], tokens: &[Token], plan: &mut Plan) -> Result<(), HygieneError> {
    for token in tokens {
        if let Token::Text(text) = token {
            blank(data, text, Trace::PdfInfo, plan)?;
        }
    }
    Ok(())
}

/// Overwrites strings that an information dictionary keeps in objects of their own. What leads to
/// further objects or is no string is named.
fn blank_referenced(
    data: &[u8],
    texts: BTreeSet<u64>,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let mut missing = texts.clone();
    object::for_each(data, |object| {
        let Some(number) = object.number.filter(|number| texts.contains(number)) else {
            return Ok(());
        };
        missing.remove(&number);
        match object.tokens.as_slice() {
            [Token::Text(text)] => blank(data, text, Trace::PdfInfo, plan)?,
            [Token::Integer(_)] | [Token::Name(_)] | [Token::Word(_)] | [] => {}
            _ => drop(plan.leaves.insert(Trace::PdfInfo)),
        }
        Ok(())
    })?;
    if !missing.is_empty() {
        plan.leaves.insert(Trace::PdfInfo);
    }
    Ok(())
}

/// Decides about a stream by its dictionary.
fn blank_stream(
    data: &[u8],
    object: &Object<'_>,
    stream: &Range<usize>,
    is_metadata: bool,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    const STRUCTURE: [&[u8]; 3] = [b"ObjStm", b"XRef", b"XObject"];
    let bytes = &data[stream.clone()];
    let refers = is_metadata && !STRUCTURE.iter().any(|name| object.is(b"Type", name));
    if object.is(b"Type", b"Metadata") || object.is(b"Subtype", b"XML") || refers {
        if object.get(b"Filter").is_none() {
            return blank(data, stream, Trace::PdfXmp, plan);
        }
        let deflated = object.is(b"Filter", b"FlateDecode") && object.get(b"DecodeParms").is_none();
        match deflated_spaces(bytes.len()).filter(|_| deflated) {
            Some(blank) if blank == bytes => {}
            Some(blank) => {
                plan.takes.insert(Trace::PdfXmp);
                plan.replace(stream.start as u64..stream.end as u64, blank)?;
            }
            None => drop(plan.leaves.insert(Trace::PdfXmp)),
        }
    } else if object.is(b"Type", b"EmbeddedFile") {
        plan.leaves.insert(Trace::PdfAttachment);
    } else if object.is(b"Filter", b"DCTDecode") && object.all(b"Filter").len() <= 3 {
        jpeg::blank(bytes, stream.start as u64, plan)?;
    } else if hides_a_picture(object) {
        plan.leaves.insert(Trace::PdfPicture);
    }
    Ok(())
}

/// Whether a stream is, or may be, a picture with metadata of its own that is not looked into.
fn hides_a_picture(object: &Object<'_>) -> bool {
    const PICTURES: [&[u8]; 3] = [b"DCTDecode", b"DCT", b"JPXDecode"];
    object.all(b"Filter").iter().any(|token| match token {
        Token::Name(name) => PICTURES.contains(&&*object.name(name)),
        // A filter in an object of its own.
        Token::Word(_) => true,
        _ => false,
    })
}

fn blank(
    data: &[u8],
    range: &Range<usize>,
    trace: Trace,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    if data[range.clone()].iter().all(|&b| b == b' ') {
        return Ok(());
    }
    plan.fill(range.start as u64..range.end as u64, b' ', trace)
}

/// A zlib stream (RFC 1950) of exactly `len` bytes that inflates to spaces: stored blocks (RFC 1951,
/// section 3.2.4), which need no compressor. `None` where it does not fit.
fn deflated_spaces(len: usize) -> Option<Vec<u8>> {
    const BLOCK: usize = 65_535;
    const HEADER: usize = 5;
    let mut room = len.checked_sub(2 + 4 + HEADER)?;
    let mut stream = vec![0x78, 0x01];
    let mut spaces = 0_usize;
    loop {
        // A further block costs its header; a rest too short for one is left out of this block.
        let here = match room.checked_sub(BLOCK) {
            Some(rest) if rest >= HEADER => BLOCK,
            Some(rest) if rest > 0 => BLOCK - HEADER,
            _ => room,
        };
        room -= here;
        stream.push(u8::from(room == 0));
        stream.extend_from_slice(&(here as u16).to_le_bytes());
        stream.extend_from_slice(&(!(here as u16)).to_le_bytes());
        stream.resize(stream.len() + here, b' ');
        spaces += here;
        if room == 0 {
            break;
        }
        room -= HEADER;
    }
    stream.extend_from_slice(&adler32_of_spaces(spaces).to_be_bytes());
    Some(stream)
}

/// Adler-32 (RFC 1950, section 8.2) of `count` spaces.
fn adler32_of_spaces(count: usize) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for _ in 0..count {
        a = (a + u32::from(b' ')) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

/// Cuts what follows the last end mark, if it is more than the end of a line; the rest.
fn cut_after_end<'a>(data: &'a [u8], plan: &mut Plan) -> Result<&'a [u8], HygieneError> {
    const END: &[u8] = b"%%EOF";
    let Some(mark) = data.windows(END.len()).rposition(|window| window == END) else {
        return Ok(data);
    };
    let (kept, rest) = data.split_at(mark + END.len());
    if rest.iter().all(|b| *b == 0 || b.is_ascii_whitespace()) {
        return Ok(data);
    }
    plan.cut(kept.len() as u64..data.len() as u64, Trace::TrailingData)?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deflated_spaces_have_exactly_the_length_asked_for() {
        assert_eq!(deflated_spaces(10), None);
        for len in [11, 12, 500, 65_546, 65_547, 65_551, 65_552, 65_553, 131_086, 131_090, 200_000]
        {
            let stream = deflated_spaces(len).expect("fits");
            assert_eq!(stream.len(), len);
            let mut at = 2;
            let mut spaces = 0;
            loop {
                let size = u16::from_le_bytes([stream[at + 1], stream[at + 2]]);
                assert_eq!(!size, u16::from_le_bytes([stream[at + 3], stream[at + 4]]));
                let body = &stream[at + 5..at + 5 + usize::from(size)];
                assert!(body.iter().all(|&b| b == b' '));
                spaces += body.len();
                let last = stream[at] == 1;
                at += 5 + body.len();
                if last {
                    break;
                }
            }
            assert_eq!(stream[at..], adler32_of_spaces(spaces).to_be_bytes());
        }
    }
}
