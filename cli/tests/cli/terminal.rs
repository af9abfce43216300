//! Questions and answers, on a terminal made by `script`.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Duration,
};

use crate::world::{Run, World, missing};

/// A run of the program with a person at the keyboard.
struct Conversation {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Conversation {
    /// Begins one, or says why it cannot.
    fn begin(world: &World, args: &[&str], surround: impl FnOnce(&mut Command)) -> Option<Self> {
        if missing("script", &["-q", "-e", "-c", "true", "/dev/null"]) {
            return None;
        }
        let mut command = script();
        world.surround(&mut command);
        let line = format!("{} {}", env!("CARGO_BIN_EXE_hallmark"), args.join(" "));
        command.args(["-c", &line, "/dev/null"]);
        command.env("SHELL", "/bin/sh");
        surround(&mut command);
        Self::of(command)
    }

    /// One that is ready to begin.
    fn of(mut command: Command) -> Option<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut screen = child.stdout.take().unwrap();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut buffer) {
                let _ = sender.send(buffer[..n].to_vec());
            }
        });
        let keyboard = child.stdin.take().unwrap();
        Some(Self { child, keyboard, screen: receiver, seen: String::new() })
    }

    /// Waits until `question` stands on the screen, and types `answer` and Enter.
    #[track_caller]
    fn answer(&mut self, question: &str, answer: &str) {
        self.wait_for(question);
        // What was asked before must not answer for what is asked next.
        let at = self.seen.rfind(question).unwrap() + question.len();
        let rest = self.seen.split_off(at);
        self.seen.clear();
        self.seen.push_str(&rest);
        self.keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.screen.recv_timeout(Duration::from_secs(60)) {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(error) => panic!("no {text:?} but {error} after: {}", self.seen),
            }
        }
    }

    /// The exit code, and what stood on the screen since the last answer.
    fn end(mut self) -> Run {
        loop {
            match self.screen.recv_timeout(Duration::from_secs(60)) {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on after: {}", self.seen),
            }
        }
        let code = self.child.wait().unwrap().code();
        Run { code, out: self.seen, err: String::new() }
    }
}

/// A terminal of its own, where an interrupt interrupts: a shell has what it starts in the background
/// ignore that, and whoever starts the tests may have been started so.
fn script() -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,QUIT", "script", "-q", "-e", "-f"]);
    command
}

const MINT: [&str; 4] = ["piece", "mint", "--from", "bench"];

/// A jeweller is not a cryptographer: four questions, and it is done.
#[test]
fn four_questions_make_a_piece() {
    let world = World::with_studio();
    world.bench("");
    let Some(mut talk) = Conversation::begin(&world, &MINT, |_| ()) else { return };
    talk.answer("What is the piece called?", "Tidewater ring");
    talk.answer("Which metal is it (gold, silver, platinum ...)?", "gold");
    talk.answer("Its fineness in thousandths (750 is 18 carat gold, 925 sterling silver)?", "750");
    talk.answer("What does it weigh, in grams (Enter to leave it out)?", "4.35");
    let run = talk.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.contains("Minted Tidewater ring into piece.hallmark"), "{run:?}");
    let file = world.sound("piece.hallmark");
    assert_eq!(file.piece().weight_mg, Some(4350));
    assert_eq!(file.piece().metals[0].fineness, 750);
    assert_eq!(world.run(&["verify", "piece.hallmark", "--trust", "studio.pub"]).code, Some(0));
}

/// Stones and the rest are asked for when that is wanted.
#[test]
fn more_is_asked_when_wanted() {
    let world = World::with_studio();
    world.bench("title = \"T\"\nweight_mg = 4350\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    let more = [&MINT as &[&str], &["--more"]].concat();
    let Some(mut talk) = Conversation::begin(&world, &more, |_| ()) else { return };
    for (question, answer) in [
        ("serial number?", "TW-7"),
        ("size", ""),
        ("inscribed", "the tide comes back"),
        ("Which stone", "sapphire"),
        ("natural, laboratory-grown", "who knows"),
        ("natural, laboratory-grown", "natural"),
        ("treated", "heated"),
        ("carats", "1,02 ct"),
        ("report", "EGL-1"),
        ("Of which laboratory", "Example Gem Laboratory"),
        ("Which other stone", ""),
        ("come from", "Recycled here"),
        ("Kimberley", ""),
        ("GTIN", "09506000134352"),
    ] {
        talk.answer(question, answer);
    }
    let run = talk.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    let file = world.sound("piece.hallmark");
    let piece = file.piece();
    assert_eq!(piece.serial.as_ref().unwrap().as_str(), "TW-7");
    assert_eq!(piece.size, None);
    let stone = &piece.stones[0];
    assert_eq!((stone.carat_thousandths, stone.treatments.len()), (Some(1020), 1));
    assert_eq!(stone.report.as_ref().unwrap().number.as_str(), "EGL-1");
    assert_eq!(piece.gs1.as_ref().unwrap().gtin, "09506000134352");
}

#[test]
fn what_is_known_is_not_asked() {
    let world = World::with_studio();
    world.bench("title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    let Some(mut talk) = Conversation::begin(&world, &MINT, |_| ()) else { return };
    talk.answer("What does it weigh", "");
    let run = talk.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(world.sound("piece.hallmark").piece().weight_mg, None);
}

/// Whoever thinks better of it sees again what they type.
#[test]
fn an_interrupted_question_gives_the_terminal_back() {
    let world = World::new();
    let shell = format!(
        "trap : INT; {} studio init --name Rosa; echo; stty -a; echo the end",
        env!("CARGO_BIN_EXE_hallmark")
    );
    if missing("script", &["-q", "-e", "-c", "true", "/dev/null"]) {
        return;
    }
    let mut command = script();
    world.surround(&mut command);
    command.env_remove("HALLMARK_PASSPHRASE_FILE").env("SHELL", "/bin/sh");
    command.args(["-c", &shell, "/dev/null"]);
    let Some(mut talk) = Conversation::of(command) else { return };
    talk.wait_for("passphrase");
    talk.keyboard.write_all(b"\x03").unwrap();
    talk.wait_for("the end");
    assert!(talk.seen.contains(" echo "), "{}", talk.seen);
    assert!(!talk.seen.contains("-echo "), "{}", talk.seen);
    talk.end();
}

/// A slip costs the one answer, not those before it.
#[test]
fn a_slip_is_asked_again() {
    let world = World::with_studio();
    world.bench("");
    let Some(mut talk) = Conversation::begin(&world, &MINT, |_| ()) else { return };
    talk.answer("called?", "Tidewater ring");
    talk.answer("Which metal", "");
    talk.wait_for("--metal is needed");
    talk.answer("Which metal", "gold");
    for (slip, why) in [("18", "18 carat is 750"), ("1000", "1 to 999"), ("24k", "18k is 750")] {
        talk.answer("Its fineness", slip);
        talk.wait_for(why);
    }
    talk.answer("Its fineness", "18 ct");
    talk.wait_for("18 ct is 750 thousandths");
    talk.answer("weigh", "0.2 oz");
    talk.wait_for("in grams, please");
    talk.answer("weigh", "4,35 g");
    let run = talk.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    let file = world.sound("piece.hallmark");
    assert_eq!((file.piece().metals[0].fineness, file.piece().weight_mg), (750, Some(4350)));
}

/// An odd metal, an odd weight, and a place that stays in a file, are minted when that is meant.
#[test]
fn what_is_hardly_meant_is_asked() {
    let recipe =
        "title = \"T\"\nweight_mg = 9000000\n[[metal]]\nmetal = \"mithril\"\nfineness = 750\n";
    for (answer, code) in [("no", Some(1)), ("yes", Some(0))] {
        let world = World::with_studio();
        world.bench(recipe);
        world.signed_photograph("bench/signed.jpg");
        let Some(mut talk) = Conversation::begin(&world, &MINT, |_| ()) else { return };
        talk.wait_for("mithril is no metal this program knows");
        talk.wait_for("9000 g is more than 5 kg");
        talk.wait_for("the place where it was taken");
        talk.answer("Mint it as it is (yes/no)?", "perhaps");
        talk.wait_for("type yes or no");
        talk.answer("Mint it as it is (yes/no)?", answer);
        let run = talk.end();
        assert_eq!(run.code, code, "{run:?}");
        assert_eq!(world.path("piece.hallmark").exists(), code == Some(0));
    }
}

#[test]
fn an_answer_that_is_none_is_named() {
    let state = |world: &World| std::fs::read(world.state_file()).unwrap();
    for (answers, word) in [
        (&[("called?", "")] as &[(&str, &str)], "--title is needed"),
        (&[("called?", "T"), ("metal", "")], "--metal is needed"),
        (&[("called?", "T"), ("metal", "gold"), ("fineness", "24 carat")], "750"),
        (&[("called?", "T"), ("metal", "gold"), ("fineness", "750"), ("weigh", "a lot")], "4.35"),
    ] {
        let world = World::with_studio();
        world.bench("");
        let before = state(&world);
        let Some(mut talk) = Conversation::begin(&world, &MINT, |_| ()) else { return };
        let (last, earlier) = answers.split_last().unwrap();
        for (question, answer) in earlier {
            talk.answer(question, answer);
        }
        for _ in 0..5 {
            talk.answer(last.0, last.1);
        }
        let run = talk.end();
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.out.contains(word), "{word} in {}", run.out);
        assert!(!world.path("piece.hallmark").exists());
        assert_eq!(state(&world), before);
    }
}

/// T-18: an interruption at a question leaves everything as it was, and the profile free.
#[test]
fn an_interruption_changes_nothing() {
    let world = World::with_studio();
    world.bench("");
    let before = world.snapshot();
    let Some(mut talk) = Conversation::begin(&world, &MINT, |_| ()) else { return };
    talk.answer("called?", "T");
    talk.answer("metal", "\u{3}");
    let run = talk.end();
    assert_ne!(run.code, Some(0), "{run:?}");
    let changed: Vec<_> =
        world.snapshot().into_iter().filter(|file| !before.contains(file)).collect();
    assert!(changed.iter().all(|(path, _)| path.ends_with("lock")), "{changed:?}");
    world.done(&["studio", "show"]);
}

/// T-17: a passphrase is asked for, twice when it is new, and does not stand on the screen.
#[test]
fn a_passphrase_is_typed_unseen() {
    let world = World::new();
    let alone = |command: &mut Command| {
        command.env_remove("HALLMARK_PASSPHRASE_FILE");
    };
    let init = ["studio", "init", "--name", "Rosa"];
    let secret = "typed by hand";
    // Long enough for the program to have turned the echo off after its question.
    let pause = || std::thread::sleep(Duration::from_secs(1));

    let Some(mut talk) = Conversation::begin(&world, &init, alone) else { return };
    talk.wait_for("Choose a passphrase for profile default:");
    pause();
    talk.answer("Choose a passphrase for profile default:", secret);
    talk.wait_for("The same passphrase again:");
    pause();
    talk.answer("again:", "mistyped");
    let run = talk.end();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("the two passphrases differ"), "{run:?}");
    assert!(!world.state_file().exists());

    let Some(mut talk) = Conversation::begin(&world, &init, alone) else { return };
    talk.wait_for("Choose a passphrase for profile default:");
    pause();
    talk.answer("Choose a passphrase for profile default:", secret);
    talk.wait_for("The same passphrase again:");
    assert!(!talk.seen.contains(secret), "{}", talk.seen);
    pause();
    talk.answer("again:", secret);
    let run = talk.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(!run.out.contains(secret), "{run:?}");

    let Some(mut talk) = Conversation::begin(&world, &["studio", "show"], alone) else { return };
    talk.wait_for("Passphrase of profile default:");
    pause();
    talk.answer("Passphrase of profile default:", secret);
    let run = talk.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.contains("Rosa"), "{run:?}");
}

/// T-22: at a terminal, what is about to be signed is shown and asked for.
#[test]
fn a_countersignature_is_asked_for() {
    let world = World::minted();
    world.person("buyer");
    world.done(&["--profile", "buyer", "piece", "offer", "piece.hallmark"]);
    world.done(&[
        "piece",
        "event",
        "piece.hallmark",
        "--kind",
        "sold",
        "--offer",
        "offer.json",
        "--price",
        "1890.00 EUR",
        "--note",
        "With its box",
    ]);
    let draft = world.read("draft.json");
    let sign = ["--profile", "buyer", "piece", "countersign", "piece.hallmark", "draft.json"];
    for (answer, code) in [("no", Some(1)), ("", Some(1)), ("yes", Some(0))] {
        assert_eq!(world.read("draft.json"), draft);
        let Some(mut talk) = Conversation::begin(&world, &sign, |_| ()) else { return };
        for shown in ["about to sign \"sold\" of Tidewater ring", "With its box", "1890.00 EUR"] {
            talk.wait_for(shown);
        }
        talk.answer("Type yes to sign:", answer);
        let run = talk.end();
        assert_eq!(run.code, code, "{run:?}");
        assert!(code == Some(0) || run.out.contains("nothing was signed"), "{run:?}");
    }
    assert_ne!(world.read("draft.json"), draft);
}

/// The first thing kept brings the recovery code, asks for two of its words back, and erases it only
/// then.
#[test]
fn the_recovery_code_is_written_down() {
    let world = World::new();
    world.person("default");
    let put = ["item", "put", "ring-size"];
    let Some(mut talk) = Conversation::begin(&world, &put, |_| ()) else { return };
    talk.answer("system (eu, us, uk, jp):", "mm");
    talk.wait_for("system is one of eu, us, uk, jp");
    talk.answer("system (eu, us, uk, jp):", "eu");
    talk.answer("size:", "banana");
    talk.wait_for("size is a number from 30 to 90");
    talk.answer("size:", "52");
    talk.answer("finger (may stay empty):", "");
    talk.answer("note (may stay empty):", "");
    talk.wait_for("from your paper (or Enter for later):");
    let screen = talk.seen.clone();
    let words: std::collections::BTreeMap<usize, String> = numbered(&screen);
    assert_eq!(words.len(), 14, "{screen}");
    let asked = screen.rsplit("Type words ").next().unwrap();
    let positions: Vec<usize> =
        asked.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    let [first, second] = positions[..] else { panic!("{asked}") };
    let wrong = format!("{} {}", words[&second], words[&first]);
    talk.answer("(or Enter for later):", &wrong);
    let right = format!("{} {}", words[&first], words[&second]);
    talk.answer("(or Enter for later):", &right);
    let run = talk.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.contains("only your paper has it now"), "{run:?}");
    world.run(&["account", "code"]).refused(1, &["on your paper alone"]);
}

/// A field shows what it says on a terminal, and a contact without any way to reach it is asked for
/// one.
#[test]
fn a_contact_is_asked_for() {
    let world = World::new();
    world.person("default");
    world.done(&["item", "put", "note", "text=x"]);
    let words = world.json(&["account", "code"])["words"].clone();
    let words: Vec<&str> = words.as_array().unwrap().iter().filter_map(|w| w.as_str()).collect();
    world.write("paper", words.join(" ").as_bytes());
    world.done(&["account", "code", "--written", "paper"]);
    let Some(mut talk) = Conversation::begin(&world, &["item", "put", "contact"], |_| ()) else {
        return;
    };
    talk.answer("name (may stay empty):", "Ada\u{202e}x");
    talk.answer("email (may stay empty):", "nope");
    talk.wait_for("email is an e-mail address");
    talk.answer("email (may stay empty):", "");
    talk.answer("phone (may stay empty):", "");
    talk.answer("other (may stay empty):", "");
    talk.wait_for("contact needs one of email, phone, other");
    talk.answer("other (may stay empty):", "by pigeon");
    talk.answer("note (may stay empty):", "");
    let run = talk.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    let get = ["item", "get", "contact", "--field", "name"];
    let shown = Conversation::begin(&world, &get, |_| ()).unwrap().end();
    assert!(shown.out.contains("Ada\\u{202e}x"), "{shown:?}");
    assert_eq!(world.done(&get).out, "Ada\u{202e}x\n");
}

/// The words of a numbered table.
fn numbered(screen: &str) -> std::collections::BTreeMap<usize, String> {
    let tokens: Vec<&str> = screen.split_whitespace().collect();
    let pairs = tokens.windows(2).filter_map(|pair| {
        let number = pair[0].strip_suffix('.')?.parse().ok()?;
        Some((number, pair[1].to_owned()))
    });
    pairs.collect()
}
