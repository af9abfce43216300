use super::{
    super::samples::{first, note, version},
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
