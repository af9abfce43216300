//! Notes, checkpoints, policies and proofs, against the crate `signed_note` and Go's example note.

use hallmark_consent::log::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    merkle::leaf_hash,
    note::{Algorithm, Note, VerifierKey},
    policy::{Policy, RefusedCheckpoint},
    proof::LogProof,
};
use hallmark_core::{hash::Sha256, key::SigningKey, time::Timestamp};
use signed_note::{StandardVerifier, VerifierList};

const ORIGIN: &str = "log.example.com/studio";

struct Signer {
    key: SigningKey,
    public: VerifierKey,
}

impl Signer {
    fn new(seed: u8, name: &str, algorithm: Algorithm) -> Self {
        let key = SigningKey::from_seed(&[seed; 32]);
        let public = VerifierKey::new(name.parse().unwrap(), algorithm, key.public());
        Self { key, public }
    }

    fn log() -> Self {
        Self::new(1, ORIGIN, Algorithm::Ed25519)
    }

    fn witness(n: u8) -> Self {
        Self::new(10 + n, &format!("w{n}.example.com"), Algorithm::CosignatureV1)
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_s(1_800_000_000 + second).unwrap()
}

/// A checkpoint over one entry, cosigned by these witnesses at these seconds.
fn checkpoint(seen: &[(u8, i64)]) -> SignedCheckpoint {
    let root = leaf_hash(b"entry");
    let says = Checkpoint { origin: ORIGIN.to_owned(), size: 1, root, extensions: Vec::new() };
    let mut signed = SignedCheckpoint::new(says);
    let log = Signer::log();
    let text = signed.note().text().to_owned();
    signed.note_mut().add(log.public.sign(&log.key, &text));
    for (n, second) in seen {
        let witness = Signer::witness(*n);
        signed.note_mut().add(witness.public.cosign(&witness.key, &text, at(*second)));
    }
    signed
}

fn policy(rest: &str) -> Policy {
    let mut text = format!("log {}\n", Signer::log().public);
    for n in 1..=4 {
        text += &format!("witness w{n} {}\n", Signer::witness(n).public);
    }
    (text + rest).parse().unwrap()
}

#[test]
fn others_read_our_notes() {
    let text = checkpoint(&[(1, 0)]).to_string();
    let read = signed_note::Note::from_bytes(text.as_bytes()).unwrap();
    let known = StandardVerifier::new(&Signer::log().public.to_string()).unwrap();
    let (good, other) = read.verify(&VerifierList::new(vec![Box::new(known)])).unwrap();
    assert_eq!((good.len(), other.len()), (1, 1));
    let changed = text.replacen("\n1\n", "\n2\n", 1);
    let read = signed_note::Note::from_bytes(changed.as_bytes()).unwrap();
    let known = StandardVerifier::new(&Signer::log().public.to_string()).unwrap();
    assert!(read.verify(&VerifierList::new(vec![Box::new(known)])).is_err());
}

/// The example of the documentation of Go's `golang.org/x/mod/sumdb/note`.
#[test]
fn we_read_notes_of_others() {
    let key: VerifierKey =
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\
                \n\
                \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let read = Note::parse(note.as_bytes()).unwrap();
    assert_eq!(read.verify(&key), Ok(Some(None)));
    assert_eq!(read.to_string(), note);
    let changed = Note::parse(note.replace("problem,", "answer,").as_bytes()).unwrap();
    assert!(changed.verify(&key).is_err());
    let stranger = Signer::log().public;
    assert_eq!(read.verify(&stranger), Ok(None), "unknown keys are passed over");
}

#[test]
fn what_is_no_note() {
    let good = checkpoint(&[(1, 0)]).to_string();
    assert!(SignedCheckpoint::parse(good.as_bytes()).is_ok());
    let line = good.lines().last().unwrap();
    for changed in [
        String::new(),
        good.trim_end().to_owned(),
        good.replacen('\n', "\r\n", 1),
        good.replacen("\n\n", "\n", 1),
        good.replace(" w1", "  w1"),
        good.replace('=', ""),
        format!("{good}\n"),
        format!("{good}no signature\n"),
        format!("{good}\u{2014} w1+ {}\n", line.rsplit(' ').next().unwrap()),
        good.replacen("\n1\n", "\n01\n", 1),
        good.replacen("\n1\n", "\n+1\n", 1),
        good.replacen("\n1\n", "\n9223372036854775808\n", 1),
        good.replacen(ORIGIN, "", 1),
        format!("{good}{}", format!("{line}\n").repeat(63)),
    ] {
        assert!(SignedCheckpoint::parse(changed.as_bytes()).is_err(), "{changed}");
    }
    for key in [
        "",
        "log",
        "log+00000000+AAAA",
        "log+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(key.parse::<VerifierKey>().is_err(), "{key}");
    }
}

#[test]
fn quorums() {
    let two = policy("group any-two 2 w1 w2 w3\nquorum any-two\n");
    let accepted = two.accept(checkpoint(&[(1, 10), (2, 20), (3, 30)])).unwrap();
    assert_eq!((accepted.as_of(), accepted.existed_by()), (Some(at(20)), Some(at(20))));
    let accepted = two.accept(checkpoint(&[(1, 10), (3, 30), (4, 99)])).unwrap();
    assert_eq!((accepted.as_of(), accepted.existed_by()), (Some(at(10)), Some(at(30))));
    assert_eq!(accepted.seen().len(), 3);
    // One witness signs as often as it likes, and counts once.
    let one = two.accept(checkpoint(&[(1, 10), (1, 11), (4, 12)]));
    assert!(matches!(one, Err(RefusedCheckpoint::Quorum { .. })));

    let nested = "group x 2 w1 w2\ngroup y any w3 w4\ngroup both all x y\nquorum both\n";
    assert!(policy(nested).accept(checkpoint(&[(1, 0), (2, 0), (4, 0)])).is_ok());
    assert!(policy(nested).accept(checkpoint(&[(1, 0), (3, 0), (4, 0)])).is_err());

    let none = policy("quorum none\n");
    assert_eq!(none.accept(checkpoint(&[])).unwrap().as_of(), None);
    assert!(!none.asks_for_witnesses());

    let map = policy("group map any w4\ngroup q all w1 map\nquorum q\n");
    assert!(map.accept(checkpoint(&[(1, 0), (2, 0)])).is_err(), "the policy requires it");
    assert_eq!(map.accept(checkpoint(&[(1, 0), (4, 7)])).unwrap().map_as_of(), Some(at(7)));
    let apart = policy("group map any w4\nquorum w1\n");
    assert_eq!(apart.accept(checkpoint(&[(1, 0)])).unwrap().map_as_of(), None);
}

#[test]
fn checkpoints_that_do_not_count() {
    let policy = policy("quorum w1\n");
    let good = checkpoint(&[(1, 0)]).to_string();
    let accept = |text: &str| policy.accept(SignedCheckpoint::parse(text.as_bytes()).unwrap());
    assert!(accept(&good).is_ok());
    let elsewhere = accept(&good.replacen(ORIGIN, "log.example.com/other", 1));
    assert!(matches!(elsewhere, Err(RefusedCheckpoint::UnknownLog { .. })));
    for changed in [good.replacen("\n1\n", "\n2\n", 1), good.replacen("=\n\n", "=\nmore\n\n", 1)] {
        assert!(matches!(accept(&changed), Err(RefusedCheckpoint::Signature(_))), "{changed}");
    }
    let mut lines: Vec<&str> = good.lines().collect();
    let log = lines.remove(4);
    assert!(matches!(
        accept(&format!("{}\n", lines.join("\n"))),
        Err(RefusedCheckpoint::UnknownLog { .. })
    ));
    // The log's own extension lines are refused although it signed them.
    let _ = log;
    let says = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 1,
        root: leaf_hash(b"entry"),
        extensions: vec!["more".to_owned()],
    };
    let mut signed = SignedCheckpoint::new(says);
    let (log, text) = (Signer::log(), signed.note().text().to_owned());
    signed.note_mut().add(log.public.sign(&log.key, &text));
    assert_eq!(policy.accept(signed), Err(RefusedCheckpoint::Extensions));
    // A log's key does not sign as a witness, nor a witness's as a log.
    let witness = Signer::witness(1);
    let mut signed = checkpoint(&[]);
    let text = signed.note().text().to_owned();
    signed.note_mut().add(witness.public.sign(&witness.key, &text));
    assert!(matches!(policy.accept(signed), Err(RefusedCheckpoint::Signature(_))));
}

#[test]
fn policies_that_are_none() {
    let (log, w1, w2) =
        (Signer::log().public, Signer::witness(1).public, Signer::witness(2).public);
    let read = |text: &str| text.parse::<Policy>();
    assert!(read(&format!("# ours\n\n \tlog {log} https://log.example.com \nquorum none")).is_ok());
    for (text, line) in [
        (String::new(), 0),
        (format!("log {log}"), 0),
        (format!("log {log}\nlog {log}\nquorum none"), 2),
        (format!("log {w1}\nquorum none"), 1),
        (format!("witness a {log}\nquorum a"), 1),
        (format!("witness a {w1}\nwitness b {w1}\nquorum a"), 2),
        (format!("witness a {w1}\nwitness a {w2}\nquorum a"), 2),
        (format!("witness none {w1}\nquorum none"), 1),
        (format!("witness a {w1}\nquorum b"), 2),
        (format!("quorum a\nwitness a {w1}"), 1),
        (format!("witness a {w1}\nquorum a\nquorum a"), 3),
        (format!("witness a {w1}\ngroup g 0 a\nquorum g"), 2),
        (format!("witness a {w1}\ngroup g 2 a\nquorum g"), 2),
        (format!("witness a {w1}\ngroup g 01 a\nquorum g"), 2),
        (format!("witness a {w1}\ngroup g any\nquorum g"), 2),
        (format!("witness a {w1}\ngroup g any a a\nquorum g"), 2),
        (format!("witness a {w1}\ngroup g any a\ngroup h any a\nquorum g"), 3),
        (format!("witness a {w1}\ngroup g any none\nquorum g"), 2),
        (format!("witness a {w1}\r\nquorum a"), 1),
        (format!("log {log} one two\nquorum none"), 1),
        ("quorum".to_owned(), 1),
        ("something else".to_owned(), 1),
    ] {
        assert_eq!(read(&text).map_err(|error| error.line), Err(line), "{text}");
    }
}

#[test]
fn proofs_of_places() {
    let policy = policy("quorum w1\n");
    let proof = LogProof { index: 0, hashes: Vec::new(), checkpoint: checkpoint(&[(1, 0)]) };
    let text = proof.to_string();
    let read: LogProof = text.parse().unwrap();
    assert_eq!(read, proof);
    assert_eq!(read.verify(b"entry", &policy).unwrap().existed_by(), Some(at(0)));
    assert!(proof.clone().verify(b"another", &policy).is_err());
    assert!(LogProof { index: 1, ..proof.clone() }.verify(b"entry", &policy).is_err());
    let longer = LogProof { hashes: vec![Sha256::of(b"x")], ..proof };
    assert!(longer.verify(b"entry", &policy).is_err());
    let with_extra = text.replacen("index", "extra eHh4\nindex", 1);
    assert!(with_extra.parse::<LogProof>().is_ok());
    for changed in [
        text.replacen("proof@v1", "proof@v2", 1),
        text.replacen("index 0", "index 00", 1),
        text.replacen("index 0", "index -1", 1),
        text.replacen("index 0", "index 0\nno hash", 1),
        text.replacen("index", "extra ???\nindex", 1),
        text.replacen("index 0\n", "", 1),
        text.replacen("\n\n", "\n", 1),
    ] {
        assert!(changed.parse::<LogProof>().is_err(), "{changed}");
    }
}
