//! What a command has to say, once for people and once for machines.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use hallmark_vault::{online::OnlineError, provenance::text::is_plain};
use serde::Serialize;
use serde_json::Value;

use crate::cmd::audit::Finding;

/// Exit code when a command could not do what it was asked to: a disk, a passphrase, a file that
/// does not hold where one is needed.
pub const FAILED: u8 = 1;
/// Exit code of wrong usage; of `verify` also where there is no file to give a verdict on.
pub const USAGE: u8 = 2;

/// Exit code when what the service answered does not hold.
pub const DECEIVED: u8 = 8;

/// The outcome of a command.
#[derive(Debug)]
pub struct Report {
    json: Value,
    text: String,
    code: u8,
}

impl Report {
    /// A success: `json` for `--json`, `text` (one or more lines) otherwise.
    ///
    /// # Errors
    /// When `json` is no JSON value.
    pub fn new(json: &impl Serialize, text: impl Into<String>) -> anyhow::Result<Self> {
        Ok(Self { json: serde_json::to_value(json)?, text: text.into(), code: 0 })
    }

    /// The same with another exit code.
    #[must_use]
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// What machines get.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What people get.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Prints the report on standard output.
    pub fn print(&self, json: bool) -> ExitCode {
        let mut line = if json {
            serde_json::to_string_pretty(&self.json).unwrap_or_default()
        } else {
            self.text.clone()
        };
        if !line.is_empty() && !line.ends_with('\n') {
            line.push('\n');
        }
        match io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush()) {
            Ok(()) => ExitCode::from(self.code),
            // A reader that went away (`| head`) is no failure of ours.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(self.code),
            Err(error) => {
                let told = "the command is done, but its answer could not be printed";
                print_error(&anyhow::Error::new(error).context(told), json)
            }
        }
    }
}

/// The most characters of a text from a file that stand on one line.
const MAX_LINE_CHARS: usize = 600;

/// Text from a file on one line, runs of blanks made one, and cut where it is very long: a line
/// break in it, or blanks up to the terminal's edge, could otherwise begin a line that looks like
/// ours, such as a verdict.
#[must_use]
pub fn one_line(text: &str) -> String {
    short_line(text, MAX_LINE_CHARS)
}

/// [`one_line`] of at most so many characters.
#[must_use]
pub fn short_line(text: &str, most: usize) -> String {
    let all = whole_line(text);
    match all.char_indices().nth(most) {
        Some((end, _)) => format!("{} ...", &all[..end]),
        None => all,
    }
}

/// [`one_line`] of any length, for whoever answers for every word of it.
#[must_use]
pub fn whole_line(text: &str) -> String {
    escaped(&in_line(text))
}

/// What stands for characters that would move the cursor, hide or reorder text, spelt out: a terminal
/// shows nothing but what the text says. Line breaks stay.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c.encode_utf8(&mut [0; 4])) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

fn in_line(text: &str) -> String {
    // U+2800 is drawn as a blank and counts as none.
    let blank = |c: char| c.is_whitespace() || c == '\u{2800}';
    let line = |line: &str| {
        line.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = text.split('\n').map(line).filter(|line| !line.is_empty()).collect();
    lines.join(" / ")
}

/// The text in lines of at most `width` characters, where its words allow it, each but the first
/// after `indent`.
#[must_use]
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let len = word.chars().count();
        if used > 0 && used + 1 + len > width {
            out += "\n";
            out += indent;
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out += word;
        used += len;
    }
    out
}

/// An error that stands for wrong usage (exit 2).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The exit code of an error.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if let Some(finding) = error.downcast_ref::<Finding>() {
        return finding.exit_code();
    }
    match error.downcast_ref() {
        Some(OnlineError::Deceived(_)) => DECEIVED,
        _ if error.is::<Usage>() => USAGE,
        _ => FAILED,
    }
}

/// Prints an error with its causes on standard error; with `--json` as an object.
pub fn print_error(error: &anyhow::Error, json: bool) -> ExitCode {
    let code = exit_code(error);
    // Names that another device or a service gave may stand in it.
    let causes: Vec<String> = error.chain().map(|cause| escaped(&cause.to_string())).collect();
    // A cause that its error already repeats is not said twice.
    let mut said: Vec<&str> = Vec::new();
    for cause in &causes {
        if !said.iter().any(|earlier| earlier.contains(cause.as_str())) {
            said.push(cause);
        }
    }
    let message = if json {
        serde_json::json!({"error": said.join(": "), "exitCode": code}).to_string()
    } else {
        format!("hallmark: {}", said.join("\n  because: "))
    };
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_end_between_words() {
        assert_eq!(super::wrapped("one two three", 7, "  "), "one two\n  three");
        assert_eq!(super::wrapped("incomprehensible", 3, "  "), "incomprehensible");
        assert_eq!(super::wrapped("", 3, "  "), "");
    }

    /// T-11: a line break in a file's text cannot start a line of ours.
    #[test]
    fn text_from_files_stays_on_its_line() {
        let title = "Ring\n\nSIGNER     pinned: Signed by a key you trust";
        assert_eq!(super::one_line(title), "Ring / SIGNER pinned: Signed by a key you trust");
        let padded = format!("Ring{}SIGNER\u{2800}\u{2800}pinned", " ".repeat(76));
        assert_eq!(super::one_line(&padded), "Ring SIGNER pinned");
        assert_eq!(super::one_line(&"x".repeat(5000)).len(), 604);
    }

    /// T-11: nothing in a text moves the cursor, hides or turns around what stands beside it.
    #[test]
    fn what_does_not_show_is_spelt_out() {
        let text = "a\u{1b}[2Jb\rc\u{202e}d\u{200b}e\u{9b}f";
        let line = super::one_line(text);
        assert_eq!(line, "a\\u{1b}[2Jb c\\u{202e}d\\u{200b}e\\u{9b}f");
        assert_eq!(super::escaped("two\nlines\r"), "two\nlines\\u{d}");
    }
}
