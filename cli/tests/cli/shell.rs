//! Completions, manual pages, and what a shell does to the output.

use std::{
    fs::{self, OpenOptions},
    process::{Command, Stdio},
};

use crate::{
    help::commands,
    world::{Run, World, missing},
};

/// Every shell's own parser accepts its script, and the script knows every command.
#[test]
fn completions_are_scripts() {
    let world = World::new();
    for (shell, check) in [
        ("bash", &["bash", "-n"] as &[&str]),
        ("zsh", &["zsh", "-n"]),
        ("fish", &["fish", "-n"]),
        ("elvish", &[]),
        ("powershell", &[]),
    ] {
        let script = world.done(&["completions", shell]).out;
        for word in commands().iter().flatten() {
            assert!(script.contains(word.as_str()), "{word} in the completions for {shell}");
        }
        world.write("script", script.as_bytes());
        let [program, option] = check else { continue };
        if missing(program, &["-c", "true"]) {
            continue;
        }
        let parsed = Command::new(program).arg(option).arg(world.path("script")).output().unwrap();
        assert!(parsed.status.success(), "{shell}: {}", String::from_utf8_lossy(&parsed.stderr));
    }
}

/// Bash itself completes with it.
#[test]
fn bash_completes_a_command() {
    if missing("bash", &["-c", "true"]) {
        return;
    }
    let world = World::new();
    world.write("script", world.done(&["completions", "bash"]).out.as_bytes());
    let ask = "source ./script; COMP_WORDS=(hallmark piece m); COMP_CWORD=2; \
               _hallmark hallmark m piece; echo ${COMPREPLY[@]}";
    let mut bash = Command::new("bash");
    world.surround(&mut bash);
    let answer = Run::of(bash.args(["-c", ask]).output().unwrap());
    assert_eq!(answer.out.trim(), "mint", "{answer:?}");
}

#[test]
fn manual_pages_for_every_command() {
    let world = World::new();
    let done = world.done(&["man", "pages"]);
    assert!(done.out.contains("man pages/hallmark.1"), "{done:?}");
    let pages: Vec<_> =
        fs::read_dir(world.path("pages")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(pages.len(), commands().len());
    let has_mandoc = !missing("mandoc", &["/dev/null"]);
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{}", page.display());
        if has_mandoc {
            let lint =
                Command::new("mandoc").args(["-Tlint", "-Werror"]).arg(page).output().unwrap();
            let told = String::from_utf8_lossy(&lint.stdout).into_owned();
            assert!(lint.status.success(), "{}: {told}", page.display());
        }
    }
    if !missing("man", &["--version"]) {
        let mut man = Command::new("man");
        man.args(["-l", "pages/hallmark-piece-mint.1"]);
        world.surround(&mut man);
        let shown = Run::of(man.output().unwrap());
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert!(shown.out.contains("--from") && shown.out.contains("photographs"), "{shown:?}");
    }
    world.write("pages-file", b"");
    world.run(&["man", "pages-file"]).refused(1, &["pages-file"]);
}

/// A reader that goes away is no failure: `| head -1` shows one line and no complaint.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = World::minted();
    for command in [
        "verify piece.hallmark --trust studio.pub",
        "--json verify piece.hallmark --trust studio.pub",
        "piece show piece.hallmark",
        "completions bash",
        "--help",
        "verify --help",
    ] {
        let mut bash = Command::new("bash");
        world.surround(&mut bash);
        let line = format!(
            "set -o pipefail; {} {command} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}",
            env!("CARGO_BIN_EXE_hallmark")
        );
        let run = Run::of(bash.args(["-c", &line]).output().unwrap());
        assert_eq!((run.out.trim(), run.err.as_str()), ("0", ""), "{command}: {run:?}");
    }
}

/// Standard error that nobody reads stops nothing.
#[test]
fn a_closed_standard_error_stops_nothing() {
    let world = World::minted();
    let mut mode = Command::new("chmod");
    mode.args(["644", "passphrase"]);
    world.surround(&mut mode);
    assert!(mode.status().unwrap().success());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = world.command();
    command.args(["piece", "event", "piece.hallmark", "--kind", "serviced"]).stderr(writer);
    let run = Run::of(command.output().unwrap());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(world.sound("piece.hallmark").custody().events(), 2);
}

/// An answer that cannot be printed is said, with what was done before.
#[test]
fn an_answer_that_cannot_be_printed_is_said() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("skipped: there is no /dev/full");
        return;
    };
    let world = World::minted();
    let mut command = world.command();
    command.args(["piece", "event", "piece.hallmark", "--kind", "serviced"]).stdout(full);
    let run = Run::of(command.stderr(Stdio::piped()).output().unwrap());
    run.refused(1, &["the command is done", "could not be printed", "No space left"]);
    assert_eq!(world.sound("piece.hallmark").custody().events(), 2);
}
