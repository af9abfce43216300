//! How a file of ours looks.

use super::tree::sources;

/// No program of ours is longer; a specification is one document.
const MOST_LINES: usize = 1000;
/// Rust without its tests is longer only with a reason.
const MOST_LINES_WITHOUT_A_REASON: usize = 600;
/// How that reason begins, in the `//!` at the top.
const REASON: &str = "//! Long because ";

#[test]
fn no_file_is_too_long() {
    for source in sources(&[".rs", ".py", ".sh", ".js", ".mjs", ".toml"]) {
        let lines = source.text.lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", source.path);
    }
    for source in sources(&[".rs"]) {
        let lines = source.production().lines().count();
        let reason = source.text.lines().take_while(|line| line.starts_with("//!"));
        let has_reason = reason.into_iter().any(|line| line.starts_with(REASON));
        assert!(
            lines <= MOST_LINES_WITHOUT_A_REASON || has_reason,
            "{} has {lines} lines without its tests; split it, or say why not in a line that \
             begins with {REASON:?}",
            source.path
        );
    }
}

#[test]
fn modules_are_named_for_what_they_are() {
    for source in sources(&[".rs", ".py", ".mjs"]) {
        for part in source.path.split('/') {
            let name = part.split('.').next().unwrap();
            let vague = matches!(name, "utils" | "util" | "common" | "helpers" | "helper" | "misc");
            assert!(!vague, "{} is named for nothing", source.path);
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for source in sources(&[".rs"]) {
        // The tests of a file are part of that file, wherever they lie.
        if source.path.ends_with("/tests.rs") || source.path.contains("/fuzz/") {
            continue;
        }
        assert!(source.text.starts_with("//! "), "{} has no //! at its top", source.path);
    }
}

/// Production code does not know that it is tested: no branch, no back door, no clock of its own.
#[test]
fn there_are_no_test_hooks_in_production_code() {
    let hooks = [
        "cfg!(test)",
        "cfg(not(test))",
        "cfg(any(test",
        "cfg(all(test",
        "cfg_attr(test",
        "cfg_attr(not(test)",
        "feature = \"test",
        "fail_point!",
        "HALLMARK_TEST",
        "mock",
    ];
    for source in sources(&[".rs"]) {
        let code = source.production();
        for hook in hooks {
            assert!(!code.contains(hook), "{} holds {hook}", source.path);
        }
        // `#[cfg(test)]` stands before a module of tests at the end, and nowhere else.
        let rest = if code.is_empty() { "" } else { source.tests() };
        let again = rest.matches("#[cfg(test)]").count();
        let item =
            rest.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("#["));
        let module = item.is_none_or(|item| item.starts_with("mod tests"));
        assert!(module && again == 0, "{}: #[cfg(test)] before something else", source.path);
    }
}

/// The clock is a parameter of everything below the command line.
#[test]
fn only_the_command_line_and_the_service_look_at_the_clock() {
    for source in sources(&[".rs"]) {
        let below = ["vault/", "consent/", "demand/"].iter().any(|at| source.path.starts_with(at));
        for clock in ["SystemTime::now", "Instant::now", "OffsetDateTime::now"] {
            let looks = below && source.production().contains(clock);
            assert!(!looks || source.path.contains("/examples/"), "{} calls {clock}", source.path);
        }
    }
}
