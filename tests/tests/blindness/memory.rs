//! The memory of a process.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use hallmark_suites::blindness::{Form, Place, Search};

use super::canaries;

/// A shell that keeps in a variable what it is told.
fn told(text: &str) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", "read -r kept; echo ready; read -r end"]);
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{text}").unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    child
}

#[test]
fn what_a_process_keeps_is_found_and_what_it_does_not_is_not() {
    let canaries = canaries();
    let search = Search::new(&canaries).unwrap();
    let (kind, number, value) = canaries.iter().find(|(kind, ..)| *kind == "key").unwrap();
    for (text, keeps) in [(value, true), ("nothing of anybody's", false)] {
        let mut child = told(text);
        let searched = match search.in_process(child.id()) {
            Ok(searched) => searched,
            Err(error) => {
                eprintln!("skipped: {error}");
                child.kill().unwrap();
                child.wait().unwrap();
                return;
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(searched.bytes > 10_000, "{} bytes", searched.bytes);
        let raw = searched.hits.iter().any(|hit| {
            let found = &hit.found;
            matches!(hit.place, Place::Memory { .. })
                && (found.kind.as_str(), found.number, found.form) == (kind, number, Form::Raw)
        });
        assert_eq!((raw, searched.hits.is_empty()), (keeps, !keeps));
    }
}
