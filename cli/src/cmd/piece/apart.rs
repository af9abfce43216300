//! What may lie beside a maker's photographs and never becomes part of a piece: what editors and
//! systems leave behind, and what this program itself writes and nobody else may read.
//!
//! The first is left out and named. The second is known by its content, since a secret may have any
//! name, and refused: whoever packs it by mistake has given it away to everybody with the file.

use std::{fs::File, io::Read, path::Path};

use hallmark_vault::{provenance::hidden::Disclosure, state::Passphrase};
use zeroize::Zeroizing;

use crate::{
    cmd::studio::{SUCCESSOR_HEADING, SUCCESSOR_SECRET},
    input::{self, MAX_WHOLE_BYTES, Seen},
    output::STATE_MAGIC,
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
pub(super) fn content(path: &Path, session: &Session) -> std::io::Result<Content> {
    let bytes = start_of(path, MAX_WHOLE_BYTES)?;
    Ok(if holds_passphrase(&bytes, session) {
        Content::Secret("a copy of your passphrase")
    } else {
        of(&bytes)
    })
}

fn start_of(path: &Path, most: u64) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let (file, _): (File, u64) = input::open(path)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text in these bytes, also where an editor saved two bytes a letter or a mark before it.
fn text_in(bytes: &[u8]) -> Zeroizing<String> {
    let letters: Zeroizing<Vec<u8>> =
        Zeroizing::new(bytes.iter().copied().filter(|byte| *byte != 0).collect());
    let text = Zeroizing::new(String::from_utf8_lossy(&letters).into_owned());
    Zeroizing::new(text.trim_start_matches(['\u{feff}', '\u{fffd}']).to_owned())
}

/// True where a line is a passphrase of this run, as far as one comes from a file.
fn holds_passphrase(bytes: &[u8], session: &Session) -> bool {
    let most = Passphrase::MAX_BYTES as u64 + 3;
    let text = text_in(bytes);
    // A source that is no file, such as a pipe, is not read twice.
    session.passphrase_files().filter_map(|file| start_of(file, most).ok()).any(|passphrase| {
        let passphrase = text_in(&passphrase);
        let passphrase = passphrase.trim();
        !passphrase.is_empty() && text.lines().any(|line| line.trim() == passphrase)
    })
}

fn of(bytes: &[u8]) -> Content {
    if bytes.starts_with(STATE_MAGIC) {
        return Content::Secret("the state of a profile");
    }
    let text = text_in(bytes);
    let text = text.as_str();
    if text.starts_with(PUB_FILE) {
        return Content::PublicKey;
    }
    let secret = if is_successor(text) {
        Some("the successor key of a studio")
    } else if holds_key(text) {
        Some("a text with what may be a secret key (64 hexadecimal digits)")
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

/// A key in hexadecimal, such as `blob seal` writes, whatever stands around it. The same digits are
/// in checksums, and the list of them that `sha256sum` writes is no secret.
fn holds_key(text: &str) -> bool {
    // Photographs, films and reports hold digits of their own.
    let unprintable = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    if text.starts_with("%PDF") || text.contains(unprintable) {
        return false;
    }
    let key = |word: &str| {
        let word = word.strip_prefix("0x").unwrap_or(word);
        word.len() == HEX_KEY_CHARS && is_hex(word)
    };
    text.split(|c: char| !c.is_alphanumeric()).any(key) && !lists_checksums(text)
}

/// Lines of a checksum in small letters, two blanks (or a blank and a star) and the name of a file.
fn lists_checksums(text: &str) -> bool {
    text.lines().filter(|line| !line.trim().is_empty()).all(|line| {
        let line = line.strip_prefix('\\').unwrap_or(line);
        let name = line.get(HEX_KEY_CHARS..).and_then(|rest| {
            rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *")).map(str::trim)
        });
        let small = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        line.bytes().take(HEX_KEY_CHARS).all(|byte| small(&byte))
            && name.is_some_and(|name| !name.is_empty())
    })
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
    match toml::from_str::<toml::Table>(text) {
        Ok(recipe) => recipe.get("hidden").is_some_and(says_something),
        Err(_) => text.split(['\n', '\r']).any(begins_hidden),
    }
}

fn says_something(value: &toml::Value) -> bool {
    match value {
        toml::Value::Table(table) => !table.is_empty(),
        toml::Value::Array(list) => list.iter().any(says_something),
        _ => true,
    }
}

/// True for a line that begins a hidden field in TOML, or would if nothing else were wrong with it.
fn begins_hidden(line: &str) -> bool {
    let line = line.trim();
    let key = line.trim_start_matches('[');
    let in_table = key.len() < line.len();
    let key = key.trim_start();
    let rest = ["hidden", "\"hidden\"", "'hidden'"].iter().find_map(|name| key.strip_prefix(name));
    let Some(rest) = rest.map(str::trim_start) else { return false };
    // As far as the names go: `.price`, `."gold price"`.
    let names = |text: &str| {
        let bare = |c: char| c.is_alphanumeric() || "-_.\"' \t".contains(c);
        (text.trim().is_empty() || text.starts_with('.')) && text.chars().all(bare)
    };
    if in_table {
        let (more, after) = rest.split_once(']').unwrap_or((rest, ""));
        let after = after.trim_start_matches(']').trim_start();
        return names(more) && matches!(after.chars().next(), None | Some('#'));
    }
    rest.split_once('=').is_some_and(|(more, _)| names(more))
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
            b"hidden.price = \"1890 EUR\"\n".to_vec(),
            b"hidden = { price = \"1890 EUR\" }\n".to_vec(),
            b"[\"hidden\"]\nprice = \"1890 EUR\"\n".to_vec(),
            b"\"\\u0068idden\".price = 5\n".to_vec(),
            b"[[hidden]]\nprice = 5\n".to_vec(),
            b"no recipe\n[\"hidden\"]\nprice = 5\n".to_vec(),
            b"no recipe\r['hidden'.price] # mine\ramount = 5\r".to_vec(),
            b"no recipe\n[hidden\nprice = 5\n".to_vec(),
            b"no recipe\nhidden.price = 5\n".to_vec(),
            b"no recipe\n\thidden . \"price\" = 5\n".to_vec(),
            b"no recipe\nhidden = { price = 5 }\n".to_vec(),
            format!("Secret key (hex): {key}\n").into_bytes(),
            format!("key.bin 0x{key}.\n").into_bytes(),
            format!("{key}  ring.jpg\nkey.bin {key}\n").into_bytes(),
            format!("{}  KEY\n", key.to_uppercase()).into_bytes(),
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
            &format!("{key} *ring.jpg\r\n\\{key}  a\\nb.jpg\n\n"),
            &format!("{key}0 is too long, {} too short\n", &key[1..]),
            "[hidden]\n",
            "title = \"T\"\n[maker]\nhidden.price = 5\n",
            "Some of it stays\nhidden. The price is five.\n",
            "[hidden] from others, it stays so.\nhidden from me\n",
            "Secret key: under the mat\n",
            "[[hidden]]\n",
        ] {
            assert_eq!(of(fit.as_bytes()), Content::Fit, "{fit}");
        }
        assert_eq!(of(format!("{PUB_FILE}did:key:z Rosa\nRW\n").as_bytes()), Content::PublicKey);
    }
}
