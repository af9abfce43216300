use super::{
    super::tests::{first, note, version},
    *,
};

#[test]
fn what_was_not_sent_yet_is_amended_within_the_same_bounds() {
    let mut content = first();
    for n in 1..12 {
        content = content.edited(n, note("Ring", &"x".repeat(8 << 10))).unwrap();
    }
    let short = content.edited(12, note("Ring", "short")).unwrap();
    let amended = short.amended(note("Ring", &"y".repeat(8 << 10))).unwrap();
    assert!(amended.plaintext().len() <= MAX_CONTENT_LEN);
    assert!(amended.amended(version(&[("size", "52")], &[])).is_err());
}

#[test]
fn nothing_private_is_printed_by_accident() {
    let content = first().edited(1, note("Ring", "sized at the Harbour branch")).unwrap();
    let printed = format!("{content:?}");
    assert!(printed.contains("text") && !printed.contains("Harbour"), "{printed}");
}

#[test]
fn history_makes_room_for_what_is_new() {
    let mut content = first();
    for n in 1..40 {
        content = content.edited(n, note("Ring", &format!("{n}"))).unwrap();
    }
    assert_eq!(content.history.len(), MAX_HISTORY);
    for n in 40..60 {
        content = content.edited(n, note("Ring", &"x".repeat(8 << 10))).unwrap();
    }
    assert!(content.plaintext().len() <= MAX_CONTENT_LEN);
    assert_eq!(content.history[0].version, 59);
    assert!((3..8).contains(&content.history.len()));
}

#[test]
fn only_what_was_written_is_read() {
    let plaintext = first().plaintext();
    assert!(Content::read(&plaintext).is_some());
    let text = String::from_utf8(plaintext.to_vec()).unwrap();
    for (from, to) in [("\"note\"", "\"device\""), ("\"now\"", "\"later\""), ("{", "{ ")] {
        assert!(Content::read(text.replacen(from, to, 1).as_bytes()).is_none(), "{from}");
    }
}

/// T-11: what another device wrote is checked in every part, the history included: a terminal shows
/// it, and files are named after it.
#[test]
fn a_history_is_read_like_what_is_now() {
    let content = first().edited(1, version(&[("text", "53")], &[1])).unwrap();
    let content = content.edited(2, version(&[("text", "54")], &[1])).unwrap();
    assert!(Content::read(&content.plaintext()).is_some());
    type Spoil = fn(&mut Version);
    let name = |said: &mut Version, name: &str| said.attachments[0].name = name.into();
    let spoils: [Spoil; 6] = [
        |said| drop(said.fields.insert("text".into(), "\u{1b}[2J".into())),
        |said| drop(said.fields.insert("\u{1b}[2J".into(), "x".into())),
        |said| drop(said.fields.insert("text".into(), "x".repeat(9 << 10))),
        |said| said.fields.clear(),
        |said| said.attachments = vec![said.attachments[0].clone(); MAX_JOINED_ATTACHMENTS + 1],
        |said| said.attachments[0].name = "x".repeat(256),
    ];
    let names = ["", ".", "..", "a/b", "/etc/passwd", "a\u{1b}[2Jb", "a\rb", "a\nb"];
    for at in 0..2 {
        let spoiled = |spoil: &dyn Fn(&mut Version)| {
            let mut content = content.clone();
            match at {
                0 => spoil(&mut content.now),
                _ => spoil(&mut content.history[at - 1].said),
            }
            Content::read(&content.plaintext()).is_some()
        };
        for (nth, spoil) in spoils.iter().enumerate() {
            assert!(!spoiled(spoil), "{at} {nth}");
        }
        for other in names {
            assert!(!spoiled(&|said| name(said, other)), "{at} {other:?}");
        }
        assert!(spoiled(&|said| name(said, "a \u{202e}b.jpg")), "shown as what it is");
    }
    let mut long = content.clone();
    long.history = vec![long.history[0].clone(); MAX_HISTORY + 1];
    assert!(Content::read(&long.plaintext()).is_none());
}

#[test]
fn an_attachment_has_a_name_of_a_file() {
    let mut now = version(&[("text", "52")], &[1]);
    now.attachments[0].name = "../52".into();
    let refused = Content::new(Kind::Note, now).unwrap_err();
    assert!(matches!(refused, ContentError::Name { .. }), "{refused}");
}
