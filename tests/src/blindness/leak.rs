//! The control of the search: a folder that leaks everything in every form.
//!
//! What is leaked is written with other means than what is looked for: whole documents are encoded
//! here, of which the search knows a part.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use data_encoding::{BASE64, BASE64URL, HEXUPPER};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use serde_json::json;

use super::{Canaries, Form, Packing, Place, Subject, forms::bytes_of_hex};

/// Something that was leaked on purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// Where.
    pub place: Place,
    /// The canary's kind.
    pub kind: String,
    /// Its place among its kind, counted from 0.
    pub number: usize,
    /// Its characters or the bytes they stand for.
    pub subject: Subject,
    /// How it is written.
    pub form: Form,
    /// What it lies inside of.
    pub packing: Packing,
}

/// Fills an empty folder with each canary in each form, packed in each way, alone and among other
/// things, and in names. Returns what the search has to find.
///
/// # Errors
/// When it cannot be written.
pub fn leak(folder: &Path, canaries: &Canaries) -> io::Result<Vec<Leak>> {
    let mut leaks = Vec::new();
    for (kind, number, value) in canaries.iter() {
        let texts = Form::ALL.map(|form| (Subject::Text, form, Some(of_text(form, value))));
        let bytes = bytes_of_hex(value);
        let keys = Form::ALL.map(|form| {
            (Subject::Bytes, form, bytes.as_ref().and_then(|bytes| of_bytes(form, bytes)))
        });
        for (subject, form, shown) in texts.into_iter().chain(keys) {
            let Some(shown) = shown else { continue };
            let mut note = |place, packing| {
                let kind = kind.to_owned();
                leaks.push(Leak { place, kind, number, subject, form, packing });
            };
            for packing in [Packing::None, Packing::Deflate, Packing::Zlib, Packing::Gzip] {
                for (size, surroundings) in [("alone", 0), ("among", 400)] {
                    let name = format!("{kind}-{number}/{subject:?}-{form:?}-{packing:?}-{size}");
                    write(folder, &name, &packed(&shown, packing, surroundings))?;
                    note(Place::File(name.into()), packing);
                }
            }
            for name in names(&format!("{kind}-{number}/{subject:?}-{form:?}-name"), &shown) {
                write(folder, &name, b"")?;
                note(Place::Name(name.into()), Packing::None);
            }
        }
    }
    Ok(leaks)
}

fn write(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let path: PathBuf = folder.join(name);
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    fs::write(path, content)
}

/// Paths that show it, as a name and as folders with a name; none where it cannot be one.
fn names(inside: &str, shown: &[u8]) -> Vec<String> {
    let Ok(name) = std::str::from_utf8(shown) else { return Vec::new() };
    if name.contains(['/', '\0']) || name.len() > 200 || !name.is_char_boundary(2) {
        return Vec::new();
    }
    let (folder, rest) = name.split_at(2);
    vec![format!("{inside}/{name}"), format!("{inside}-split/{folder}/{rest}")]
}

/// Bytes that look like nothing, always the same.
fn filler(len: usize) -> Vec<u8> {
    (0..len as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn packed(shown: &[u8], packing: Packing, surroundings: usize) -> Vec<u8> {
    let words = "the quick brown fox jumps over the lazy dog, once more; ";
    let words: String = words.chars().cycle().take(surroundings).collect();
    let content = [words.as_bytes(), shown, words.as_bytes()].concat();
    let stream = match packing {
        Packing::None => content,
        Packing::Deflate => compress_to_vec(&content, 6),
        Packing::Zlib => compress_to_vec_zlib(&content, 9),
        Packing::Gzip => {
            let header = [0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
            let trailer = [0, 0, 0, 0].map(|byte: u8| byte);
            let stream = compress_to_vec(&content, 6);
            [&header[..], b"name\0", &stream, &trailer, &(content.len() as u32).to_le_bytes()]
                .concat()
        }
    };
    [filler(surroundings + 37), stream, filler(surroundings)].concat()
}

fn of_text(form: Form, text: &str) -> Vec<u8> {
    let percent = |kept: &str| {
        text.bytes().fold(String::new(), |mut shown, byte| {
            let c = char::from(byte);
            match c.is_ascii_alphanumeric() || kept.contains(c) {
                true => shown.push(c),
                false => write!(shown, "%{byte:02x}").expect("a string takes everything"),
            }
            shown
        })
    };
    let shown = match form {
        Form::Utf16Le => {
            return text.encode_utf16().flat_map(|unit| [unit as u8, (unit >> 8) as u8]).collect();
        }
        Form::Utf16Be => {
            return text.encode_utf16().flat_map(|unit| [(unit >> 8) as u8, unit as u8]).collect();
        }
        Form::Percent => percent("-._~"),
        Form::PercentUri => percent("-._~:/?#[]@!$&'()*+,;="),
        Form::PercentForm => percent("-._~ ").replace(' ', "+"),
        Form::PercentAll => text.bytes().fold(String::new(), |s, byte| s + &format!("%{byte:02X}")),
        Form::Json => json!({"name": text, "other": 1}).to_string(),
        Form::JsonAscii => text
            .chars()
            .map(|c| match c {
                '"' | '\\' => format!("\\{c}"),
                '\n' => "\\n".to_owned(),
                '\t' => "\\t".to_owned(),
                ' '..='~' => c.to_string(),
                _ => c
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .fold(String::new(), |s, unit| format!("{s}\\u{unit:04X}")),
            })
            .collect(),
        Form::Debug => format!("{:?}", Some(text)),
        Form::Raw | Form::Hex | Form::Base64(_) | Form::Base64Url(_) | Form::Decimal => {
            return of_bytes(form, text.as_bytes()).unwrap_or_default();
        }
    };
    shown.into_bytes()
}

fn of_bytes(form: Form, bytes: &[u8]) -> Option<Vec<u8>> {
    let document = |after: u8| [&b"{:\n|~}"[..3 + usize::from(after)], bytes, b"?>?"].concat();
    let shown = match form {
        Form::Raw => return Some(bytes.to_vec()),
        Form::Hex => HEXUPPER.encode(bytes),
        Form::Base64(after) => BASE64.encode(&document(after)),
        Form::Base64Url(after) => BASE64URL.encode(&document(after)),
        Form::Decimal => format!("{:?}", [b"ab", bytes, b"cd"].concat()),
        _ => return None,
    };
    Some(shown.into_bytes())
}
