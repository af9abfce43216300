//! Transcripts, compared with those in `cli/tests/golden`.

use std::{fs, path::PathBuf};

use crate::world::{Run, World};

/// What was typed and what came of it, masked.
pub struct Transcript<'a> {
    world: &'a World,
    text: String,
}

impl<'a> Transcript<'a> {
    pub fn in_world(world: &'a World) -> Self {
        Self { world, text: String::new() }
    }

    /// Runs a command and writes down what it said.
    pub fn run(&mut self, args: &[&str]) -> Run {
        let run = self.world.run(args);
        self.note(args, &run);
        run
    }

    /// Writes down a command that was run in some other way.
    pub fn note(&mut self, args: &[&str], run: &Run) {
        let typed: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
        self.text += &format!("$ hallmark {}\n{}", typed.join(" "), run.out);
        for line in run.err.lines() {
            self.text += &format!("! {line}\n");
        }
        self.text += &format!("[exit {}]\n\n", run.code.unwrap_or(-1));
    }

    /// Compares with the golden file of that name.
    #[track_caller]
    pub fn holds(self, name: &str) {
        let root = self.world.root().display().to_string();
        let text = self.text.replace(&root, "WORLD").replace(crate::world::TIDEWATER, "TIDEWATER");
        compare(name, &mask(&text));
    }
}

/// Compares a text with the golden file of that name, or writes it when asked to.
#[track_caller]
pub fn compare(name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("HALLMARK_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, found).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differs = golden.lines().zip(found.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or(golden.lines().count().min(found.lines().count()));
    assert!(
        golden == found,
        "{} differs from line {}:\n  held  {:?}\n  found {:?}\nIf that is meant: HALLMARK_GOLDEN=write",
        path.display(),
        line + 1,
        golden.lines().nth(line),
        found.lines().nth(line),
    );
}

fn quoted(arg: &str) -> String {
    if arg.is_empty() || arg.contains([' ', '"', '\'']) { format!("{arg:?}") } else { arg.into() }
}

/// Puts a name in the place of everything that is another at every run.
pub fn mask(text: &str) -> String {
    let mut masked = String::new();
    for line in text.lines() {
        if !line.trim().is_empty() && line.chars().all(|c| matches!(c, '█' | '▀' | '▄' | ' '))
        {
            if !masked.ends_with("[QR]\n") {
                masked += "[QR]\n";
            }
            continue;
        }
        let mut token = String::new();
        for c in line.chars() {
            if c.is_whitespace() || "\"'(),;#.[]{}=<>`".contains(c) {
                masked += &name_of(&std::mem::take(&mut token));
                masked.push(c);
            } else {
                token.push(c);
            }
        }
        masked += &name_of(&token);
        masked.push('\n');
    }
    masked
}

fn name_of(token: &str) -> String {
    let all = |text: &str, allowed: fn(u8) -> bool| text.bytes().all(allowed);
    let base32 = |b: u8| matches!(b, b'A'..=b'Z' | b'2'..=b'7');
    let groups = |len: usize, allowed: fn(u8) -> bool| {
        let parts: Vec<&str> = token.split('-').collect();
        parts.len() > 1 && parts.iter().all(|part| part.len() == len && all(part, allowed))
    };
    let digits = |shape: &str| {
        token.len() == shape.len()
            && token.bytes().zip(shape.bytes()).all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                b'f' => found.is_ascii_hexdigit(),
                other => found == other,
            })
    };
    // Items and accounts as people see them.
    if token.len() == 8 && all(token, |b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return "ID".to_owned();
    }
    if token.len() == 9 && groups(4, base32) {
        return "DEVICE".to_owned();
    }
    let uuid = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let did = token.strip_prefix("did:key:").unwrap_or(token);
    let colon = token.trim_end_matches(':');
    if colon != token {
        return format!("{}{}", name_of(colon), &token[colon.len()..]);
    }
    match token {
        _ if token.starts_with("HALLMARK:1:") && token.len() == 80 => "CARD".into(),
        _ if did.starts_with("z6Mk") && did.len() == 48 => token.replace(did, "KEY"),
        _ if token.len() == 39 && groups(4, base32) => "FINGERPRINT".into(),
        _ if token.len() == 32 && all(token, base32) => "FINGERPRINT".into(),
        _ if token.starts_with("RW") && token.len() > 50 => "MINISIGN".into(),
        _ if digits("0000-00-00T00:00:00Z") => "TIME".into(),
        _ if digits("0000-00-00") => "DATE".into(),
        _ if digits(uuid) => "UUID".into(),
        _ if token.starts_with("urn:uuid:") => "urn:uuid:UUID".into(),
        _ if token.len() == 64 && all(token, |b| b.is_ascii_hexdigit()) => "HASH".into(),
        _ if token.len() == 43
            && all(token, |b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) =>
        {
            "DIGEST".into()
        }
        _ => token.to_owned(),
    }
}

#[test]
fn masks_what_changes_and_nothing_else() {
    let text = "From Ring (2026-05-03), at 2026-05-03T12:00:00Z: \
                did:key:z6MkvYpqxK48dnVP9TunEtdM2HALUaEMbrKLmbmAuwBk4sKr.\n\
                5E3F1C9A-3B1D-4F6E-8A2B-0123456789AB lab-grown 750 E-F-G";
    assert_eq!(mask(text), "From Ring (DATE), at TIME: did:key:KEY.\nUUID lab-grown 750 E-F-G\n");
}
