//! What a witness cosigns, and what it does not.

use hallmark_consent::log::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    merkle::empty_root,
    note::{Algorithm, VerifierKey},
    tree::Tree,
    witness::{AddCheckpoint, NotCosigned, conflicting_size, cosignature},
};
use hallmark_core::{hash::Sha256, key::SigningKey, time::Timestamp};

use crate::published::Published;

const ORIGIN: &str = "log.example.com/w";

fn log() -> (SigningKey, VerifierKey) {
    let key = SigningKey::from_seed(&[1; 32]);
    let public = VerifierKey::new(ORIGIN.parse().unwrap(), Algorithm::Ed25519, key.public());
    (key, public)
}

/// The checkpoint of a log of so many entries, and a proof that it goes on from an older one.
fn request(old_size: u64, size: u64, says: &str) -> AddCheckpoint {
    let entries: Vec<Vec<u8>> = (0..size).map(|n| format!("{says} {n}").into_bytes()).collect();
    let published = Published::of(&entries);
    let mut tree = Tree::new(&published, size);
    let root = tree.root(size).unwrap();
    let proof =
        if old_size <= size { tree.consistency(old_size, size).unwrap() } else { Vec::new() };
    let origin = ORIGIN.to_owned();
    let (key, public) = log();
    let mut checkpoint =
        SignedCheckpoint::new(Checkpoint { origin, size, root, extensions: Vec::new() });
    let signature = public.sign(&key, checkpoint.note().text());
    checkpoint.note_mut().add(signature);
    AddCheckpoint { old_size, proof, checkpoint }
}

fn held(size: u64) -> Checkpoint {
    request(0, size, "entry").checkpoint.claimed().clone()
}

#[test]
fn a_log_that_grows_is_cosigned() {
    let logs = [log().1];
    let mut known = None;
    for (old, new) in [(0, 1), (1, 1), (1, 7), (7, 300), (300, 300)] {
        let sent: AddCheckpoint = request(old, new, "entry").to_string().parse().unwrap();
        assert_eq!(sent, request(old, new, "entry"));
        known = Some(sent.decide(&logs, known.as_ref()).unwrap());
    }
    assert_eq!(known, Some(held(300)));
    let empty = request(0, 0, "entry");
    assert!(empty.decide(&logs, None).is_ok());
}

#[test]
fn what_is_not_cosigned() {
    let logs = [log().1];
    let refused = |request: &AddCheckpoint, held: Option<&Checkpoint>| {
        request.decide(&logs, held).expect_err("not cosigned")
    };
    let known = held(7);
    let good = request(7, 9, "entry");
    assert!(good.decide(&logs, Some(&known)).is_ok());
    assert_eq!(good.decide(&[], Some(&known)), Err(NotCosigned::UnknownLog));
    let other = SigningKey::from_seed(&[2; 32]);
    let same_name = VerifierKey::new(ORIGIN.parse().unwrap(), Algorithm::Ed25519, other.public());
    assert_eq!(good.decide(&[same_name], Some(&known)), Err(NotCosigned::NotSigned));
    let changed = good.to_string().replacen("\n9\n", "\n8\n", 1).parse::<AddCheckpoint>().unwrap();
    assert_eq!(refused(&changed, Some(&known)), NotCosigned::NotSigned);
    assert_eq!(refused(&request(9, 7, "entry"), Some(&known)), NotCosigned::OldLarger);
    assert_eq!(refused(&good, None), NotCosigned::Conflict { size: 0 });
    assert_eq!(refused(&good, Some(&held(8))), NotCosigned::Conflict { size: 8 });
    assert_eq!(refused(&request(0, 9, "entry"), Some(&known)), NotCosigned::Conflict { size: 7 });
    assert_eq!(refused(&request(7, 7, "fork"), Some(&known)), NotCosigned::Conflict { size: 7 });
    assert_eq!(refused(&request(7, 9, "fork"), Some(&known)), NotCosigned::Inconsistent);
    let mut longer = good.clone();
    longer.proof.push(Sha256::of(b"x"));
    assert_eq!(refused(&longer, Some(&known)), NotCosigned::Inconsistent);
    let mut from_nothing = request(0, 9, "entry");
    from_nothing.proof.push(Sha256::of(b"x"));
    assert_eq!(refused(&from_nothing, None), NotCosigned::Inconsistent);
    // A tree without leaves has one root.
    let mut empty = request(0, 0, "entry");
    assert_eq!(empty.checkpoint.claimed().root, empty_root());
    let says = Checkpoint { root: Sha256::of(b"x"), ..empty.checkpoint.claimed().clone() };
    let (key, public) = log();
    empty.checkpoint = SignedCheckpoint::new(says);
    let signature = public.sign(&key, empty.checkpoint.note().text());
    empty.checkpoint.note_mut().add(signature);
    assert_eq!(refused(&empty, None), NotCosigned::Inconsistent);
}

#[test]
fn what_a_witness_answers() {
    let key = SigningKey::from_seed(&[9; 32]);
    let witness =
        VerifierKey::new("w.example.com".parse().unwrap(), Algorithm::CosignatureV1, key.public());
    let now = Timestamp::from_unix_s(1_800_000_000).unwrap();
    let sent = request(0, 7, "entry");
    let line = sent.cosign(&witness, &key, now);
    let other = VerifierKey::new(
        "v.example.com".parse().unwrap(),
        Algorithm::CosignatureV1,
        SigningKey::from_seed(&[8; 32]).public(),
    );
    let by_other = sent.cosign(&other, &SigningKey::from_seed(&[8; 32]), now);
    let read = |answer: &str| cosignature(answer, &sent.checkpoint, &witness);
    assert_eq!(read(&format!("{line}\n")), Some((line.clone(), now)));
    assert_eq!(read(&format!("{by_other}\n{line}\n")), Some((line.clone(), now)));
    assert_eq!(read(&format!("{by_other}\n")), None);
    let of_another = request(0, 8, "entry").cosign(&witness, &key, now);
    for nonsense in [
        String::new(),
        line.to_string(),
        "\n".to_owned(),
        "<html>".to_owned(),
        format!("{of_another}\n"),
        "x".repeat(1 << 20),
    ] {
        assert_eq!(read(&nonsense), None);
    }
    for (body, size) in [("7\n", Some(7)), ("7", None), ("", None), ("-1\n", None), ("07\n", None)]
    {
        assert_eq!(conflicting_size(body), size, "{body:?}");
    }
}

#[test]
fn what_is_no_request() {
    let good = request(7, 9, "entry").to_string();
    assert!(good.parse::<AddCheckpoint>().is_ok());
    for changed in [
        String::new(),
        good.replacen("old 7", "old 07", 1),
        good.replacen("old 7", "old -7", 1),
        good.replacen("old 7", "new 7", 1),
        good.replacen("old 7\n", "old 7\nno hash\n", 1),
        good.replacen(
            "old 7\n",
            &format!("old 7\n{}", format!("{}\n", "A".repeat(43) + "=").repeat(64)),
            1,
        ),
        good.replacen("\n\n", "\n", 2),
        format!("old 7\n\n{}", "x".repeat(100)),
    ] {
        assert!(changed.parse::<AddCheckpoint>().is_err(), "{changed}");
    }
}
