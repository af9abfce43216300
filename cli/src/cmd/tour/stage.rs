//! Plays steps one after the other: times them, keeps what they checked, and says so on the
//! terminal as it happens.

use std::{
    fmt::Debug,
    io::Write,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::summary::{Outcome, Step};
use crate::session::Session;

/// Columns that a line on the terminal keeps to.
const WIDTH: usize = 98;
/// Columns of the outcome in front of a line.
const MARGIN: usize = 10;

/// A step did not come out as it must, so what hangs on it cannot be played.
#[derive(Debug)]
pub(super) struct Stopped;

/// Where the steps are played.
pub(super) struct Stage {
    steps: Vec<Step>,
    /// Headings, each with the number of steps before it.
    chapters: Vec<(&'static str, usize)>,
    notes: Vec<String>,
    bar: ProgressBar,
    quiet: bool,
}

impl Stage {
    /// An empty stage; it stays silent but for notes where the session's answer is JSON.
    pub(super) fn new(session: &Session) -> Self {
        let bar = if session.progress { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {elapsed:>4}    {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(100));
        let (steps, chapters, notes) = (Vec::new(), Vec::new(), Vec::new());
        Self { steps, chapters, notes, bar, quiet: session.json }
    }

    /// Begins a chapter.
    pub(super) fn chapter(&mut self, title: &'static str) {
        self.chapters.push((title, self.steps.len()));
        self.say(&format!("\n{title}"));
    }

    /// Plays a step that must come out as `outcome`, which it does when nothing `play` checks
    /// fails.
    pub(super) fn step<T>(
        &mut self,
        name: impl Into<String>,
        outcome: Outcome,
        play: impl FnOnce(&mut Checks) -> anyhow::Result<T>,
    ) -> Result<T, Stopped> {
        let name = name.into();
        self.bar.set_message(name.clone());
        let started = Instant::now();
        let mut checks = Checks::default();
        let played = play(&mut checks);
        let outcome = match &played {
            Ok(_) => outcome,
            Err(error) => {
                let what = if error.is::<NotSo>() { "NOT SO" } else { "COULD NOT BE DONE" };
                checks.0.push(format!("{what}: {error:#}"));
                Outcome::Failed
            }
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let step = Step { name, checked: checks.0.join("; "), outcome, ms };
        self.show(&step);
        self.steps.push(step);
        played.map_err(|_| Stopped)
    }

    /// Something a person should know that no check covers.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.quiet {
            let _ = writeln!(std::io::stderr(), "hallmark: note: {text}");
        } else {
            self.say(&hanging("note", &text));
        }
        self.notes.push(text);
    }

    /// Ends the play.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// The steps so far.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The chapters with their steps.
    pub(super) fn chapters(&self) -> impl Iterator<Item = (&'static str, &[Step])> {
        let ends = self.chapters.iter().skip(1).map(|(_, start)| *start);
        let ends = ends.chain([self.steps.len()]);
        self.chapters
            .iter()
            .zip(ends)
            .map(|((title, start), end)| (*title, &self.steps[*start..end]))
    }

    /// The notes so far.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    fn show(&self, step: &Step) {
        let indent = " ".repeat(MARGIN);
        let mut text = hanging(step.outcome.name(), &step.name);
        for line in wrapped(&step.checked, WIDTH - MARGIN - 2) {
            text += &format!("\n{indent}  {line}");
        }
        self.say(&text);
    }

    /// A line for people, above whatever progress is drawn. A reader that went away is no failure.
    fn say(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| {
                let _ = writeln!(std::io::stdout(), "{text}");
            });
        }
    }
}

/// A check that failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotSo(String);

/// What a step looked at, in sentences.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<String>);

impl Checks {
    /// Checks that `what` is so.
    ///
    /// # Errors
    /// [`NotSo`].
    pub(super) fn that(&mut self, what: impl Into<String>, so: bool) -> anyhow::Result<()> {
        let what = what.into();
        if !so {
            return Err(NotSo(what).into());
        }
        self.0.push(what);
        Ok(())
    }

    /// Checks that `found` is what it should be; `what` says so in a sentence.
    ///
    /// # Errors
    /// [`NotSo`], which shows what was found.
    pub(super) fn same<T: PartialEq + Debug>(
        &mut self,
        what: impl Into<String>,
        found: T,
        expected: T,
    ) -> anyhow::Result<()> {
        let what = what.into();
        let shown = format!("{what} (found {found:?}, expected {expected:?})");
        self.that(if found == expected { what } else { shown }, found == expected)
    }
}

/// A text with a word in the margin.
fn hanging(margin: &str, text: &str) -> String {
    let indent = " ".repeat(MARGIN);
    let lines = wrapped(text, WIDTH - MARGIN);
    format!("{margin:<MARGIN$}{}", lines.join(&format!("\n{indent}")))
}

/// Lines of at most `width` characters, broken at spaces where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.len() - 1;
        if lines[line].is_empty() {
            lines[line] = word.to_owned();
        } else if lines[line].chars().count() + 1 + word.chars().count() <= width {
            lines[line] += " ";
            lines[line] += word;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_break_at_spaces_and_keep_every_word() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensible", 4), ["incomprehensible"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
