//! What every command says of itself.

use clap::CommandFactory;
use hallmark_cli::args::Cli;

use crate::{golden::Transcript, world::World};

/// Every command by its path, the program itself first.
pub fn commands() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, path: &[String], all: &mut Vec<Vec<String>>) {
        all.push(path.to_vec());
        for child in command.get_subcommands() {
            walk(child, &[path, &[child.get_name().to_owned()]].concat(), all);
        }
    }
    let mut all = Vec::new();
    walk(&Cli::command(), &[], &mut all);
    all
}

#[test]
fn every_command_explains_itself() {
    let world = World::new();
    let mut told = Transcript::in_world(&world);
    for path in commands() {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        assert_eq!(told.run(&args).code, Some(0), "{args:?}");
    }
    told.holds("help.txt");
}

#[test]
fn every_argument_says_what_it_is() {
    fn walk(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
        for argument in command.get_arguments() {
            let told = argument.get_help().is_some_and(|help| !help.to_string().is_empty());
            assert!(told, "{} {} says nothing", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Cli::command());
}

#[test]
fn wrong_usage_is_told_from_failure() {
    let world = World::new();
    for args in [
        &["no-such-command"] as &[&str],
        &["verify"],
        &["piece", "event", "x.hallmark"],
        &["piece", "event", "x.hallmark", "--kind", "melted"],
        &["piece", "status", "x.hallmark", "--revoke", "--stolen"],
        &["trust", "add"],
        &["trust", "add", "--card", "x", "--fingerprint", "y"],
        &["trust", "add", "--domain", "rosa.example"],
        &["verify", "x.hallmark", "--ca", "x.pem"],
    ] {
        let run = world.run(args);
        assert_eq!(run.code, Some(2), "{args:?}: {run:?}");
        assert!(run.err.contains("Usage: hallmark") || run.err.contains("--help"), "{run:?}");
    }
    assert!(world.run(&[]).err.contains("Usage: hallmark"), "no command at all");
}
