//! What may lie beside a maker's photographs and never becomes part of a piece: what editors and
//! systems leave behind, and what this program itself writes and nobody else may read.
//!
//! The first is left out and named. The second is known by its content, since a secret may have any
//! name, and refused: whoever packs it by mistake has given it away to everybody with the file.

use std::{fs::File, io::Read, path::Path};

use hallmark_vault::provenance::hidden::Disclosure;

use crate::{
    cmd::studio::{SUCCESSOR_HEADING, SUCCESSOR_SECRET},
    input::{self, MAX_WHOLE_BYTES, Seen},
    session::Session,
};

/// How names end that editors, systems and unfinished copies leave.
const LEFTOVER_ENDINGS: [&str; 9] =
    ["~", ".bak", ".swp", ".swo", ".tmp", ".orig", ".part", ".crdownload", ".hallmark"];
const LEFTOVER_NAMES: [&str; 3] = ["thumbs.db", "desktop.ini", "studio.pub"];
/// How the public file of a party begins, whatever it is called.
const PUB_FILE: &str = "untrusted comment: hallmark studio ";
/// The characters of a 32-byte key in hexadecimal.
const HEX_KEY_CHARS: usize = 64;

/// True for a name that says: no file of a piece.
pub(super) fn is_leftover(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with('.')
        || (name.starts_with('#') && name.ends_with('#'))
        || LEFTOVER_NAMES.contains(&name.as_str())
        || LEFTOVER_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// True for the file that a passphrase of this run is read from, by whatever path.
pub(super) fn is_passphrase_file(path: &Path, session: &Session) -> bool {
    let seen = |path: &Path| std::fs::metadata(path).ok().map(|found| Seen::of(&found));
    let Some(this) = seen(path) else { return false };
    session.passphrase_files().any(|file| seen(file).is_some_and(|file| file.is_same_file(&this)))
}

/// What a file holds, as far as its beginning tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Something for a piece.
    Fit,
    /// The public key of a party: no secret, and no part of a piece.
    PublicKey,
    /// What nobody else may read, in words.
    Secret(&'static str),
}

/// Looks at the first bytes of a file, at most [`MAX_WHOLE_BYTES`].
pub(super) fn content(path: &Path) -> std::io::Result<Content> {
    let (file, _): (File, u64) = input::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_WHOLE_BYTES).read_to_end(&mut bytes)?;
    Ok(of(&bytes))
}

fn of(bytes: &[u8]) -> Content {
    if bytes.starts_with(b"hallmark-state") {
        return Content::Secret("the state of a profile");
    }
    // Two bytes a letter, as some editors save, is the same text.
    let letters: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&letters);
    let text = text.trim_start_matches(['\u{feff}', '\u{fffd}']);
    if text.starts_with(PUB_FILE) {
        return Content::PublicKey;
    }
    let secret = if is_successor(text) {
        Some("the successor key of a studio")
    } else if is_key(text) {
        Some("a secret key")
    } else if let Some(what) = handed_over(text) {
        Some(what)
    } else if discloses(text) {
        Some("the disclosure of a hidden field")
    } else if hides(text) {
        Some("a piece.toml with hidden fields in clear")
    } else {
        None
    };
    secret.map_or(Content::Fit, Content::Secret)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The text of `studio init`, also where other words stand around it.
fn is_successor(text: &str) -> bool {
    let mut after = text.split(SUCCESSOR_SECRET.trim_end()).skip(1);
    text.contains(SUCCESSOR_HEADING)
        || after.any(|rest| rest.trim_start().get(..HEX_KEY_CHARS).is_some_and(is_hex))
}

/// The key file of `blob seal`, or several in one.
fn is_key(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some() && lines.all(|line| line.len() == HEX_KEY_CHARS && is_hex(line))
}

/// What two parties pass to each other on the way to a sale.
fn handed_over(text: &str) -> Option<&'static str> {
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    match json.get("hallmark")?.as_str()?.split('/').next()? {
        "offer" => Some("an offer"),
        "draft" => Some("a draft"),
        _ => None,
    }
}

fn discloses(text: &str) -> bool {
    let no_digit = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    // A disclosure is a JSON array that begins with a text.
    text.split(no_digit)
        .filter(|word| word.starts_with("Wy"))
        .any(|word| word.parse::<Disclosure>().is_ok())
}

/// A copy of a recipe under another name, also one that would not be read as a recipe.
fn hides(text: &str) -> bool {
    text.lines().any(|line| {
        line.trim_start().strip_prefix('[').is_some_and(|rest| {
            let (name, rest) = rest.split_once(']').unwrap_or_default();
            let table = name.trim().split('.').next().unwrap_or_default().trim();
            table == "hidden" && matches!(rest.trim_start().chars().next(), None | Some('#'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_known_by_name_and_nothing_else_is() {
        for name in [
            ".DS_Store",
            "Thumbs.db",
            "piece.toml~",
            "piece.toml.bak",
            ".piece.toml.swp",
            "#note.md#",
            "film.mp4.part",
            "studio.pub",
            "Last.HALLMARK",
        ] {
            assert!(is_leftover(name), "{name}");
        }
        for name in ["ring.jpg", "note.md", "bakery.jpg", "part.mp4", "thumbs.jpg", "# 1.md"] {
            assert!(!is_leftover(name), "{name}");
        }
    }

    /// T-24: a secret is known in whatever form it was saved.
    #[test]
    fn secrets_are_known_by_what_they_say() {
        let key = "0123456789abcdef".repeat(4);
        let utf16: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(format!("Secret key: {key}\n").bytes().flat_map(|byte| [byte, 0]))
            .collect();
        let disclosure = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTcO2Yml1cyJd";
        for secret in [
            b"hallmark-state\0\x01...".to_vec(),
            format!("{SUCCESSOR_HEADING}\n").into_bytes(),
            format!("Kept for later.\n> Secret key:   {key} \n").into_bytes(),
            utf16,
            format!("{key}\n").into_bytes(),
            format!("\u{feff}{}\r\n\r\n{key}", key.to_uppercase()).into_bytes(),
            b"{\"hallmark\": \"offer/1\", \"id\": 5}".to_vec(),
            b"\xef\xbb\xbf{\"hallmark\": \"draft/2\"}".to_vec(),
            format!("{disclosure}\n").into_bytes(),
            format!("price = \"{disclosure}\"").into_bytes(),
            b"title = \"T\"\n[hidden] # not for the buyer\nprice = 5\n".to_vec(),
            b"this is no recipe any more\n  [ hidden.price ]\namount = 5\n".to_vec(),
        ] {
            let found = of(&secret);
            assert!(matches!(found, Content::Secret(_)), "{}", String::from_utf8_lossy(&secret));
        }
        for fit in [
            "",
            "The price stays [hidden] from others.\n",
            "Wyvern ring, Wyoming jade\n",
            "{\"hallmark\": \"750\"}",
            &format!("{key}  ring.jpg\n"),
            "Secret key: under the mat\n",
            "[[hidden]]\n",
        ] {
            assert_eq!(of(fit.as_bytes()), Content::Fit, "{fit}");
        }
        assert_eq!(of(format!("{PUB_FILE}did:key:z Rosa\nRW\n").as_bytes()), Content::PublicKey);
    }
}
