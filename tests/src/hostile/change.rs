//! Every small change that can be made to an answer of JSON.

use serde_json::{Value, json};

/// A changed answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where (RFC 6901) and what, for messages.
    pub name: String,
    /// The whole answer with the change.
    pub value: Value,
}

/// One change at a time: members taken out or set to null; arrays emptied, reversed, with their
/// first or last entry taken out or doubled; texts emptied, lengthened, with one character changed;
/// numbers one more, one less, negative, huge; booleans turned round. In long arrays, inside the
/// first and the last entry only.
pub fn every_change(value: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    inside(value, "", &mut |name, pointer, replacement| {
        let mut changed = value.clone();
        match (replacement, changed.pointer_mut(pointer)) {
            (Some(replacement), Some(place)) => *place = replacement,
            (None, _) => remove(&mut changed, pointer),
            (Some(_), None) => return,
        }
        changes.push(Change { name: format!("{pointer} {name}"), value: changed });
    });
    changes
}

/// What a value is replaced by, or nothing where it is taken out.
type Report<'a> = &'a mut dyn FnMut(&str, &str, Option<Value>);

fn inside(value: &Value, pointer: &str, report: Report<'_>) {
    if !pointer.is_empty() {
        report("null", pointer, Some(Value::Null));
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                let pointer = format!("{pointer}/{name}");
                report("taken out", &pointer, None);
                inside(member, &pointer, report);
            }
        }
        Value::Array(entries) => {
            let mut replace = |name: &str, entries: Vec<Value>| {
                report(name, pointer, Some(Value::Array(entries)));
            };
            if let [first, .., last] | [first @ last] = entries.as_slice() {
                replace("emptied", Vec::new());
                replace("without its last", entries[..entries.len() - 1].to_vec());
                replace("with its last twice", [entries, &[last.clone()][..]].concat());
                replace("with its first twice", [&[first.clone()][..], entries].concat());
            }
            if entries.len() > 1 {
                replace("without its first", entries[1..].to_vec());
                replace("reversed", entries.iter().rev().cloned().collect());
            }
            for (at, entry) in entries.iter().enumerate() {
                if at == 0 || at + 1 == entries.len() {
                    inside(entry, &format!("{pointer}/{at}"), report);
                }
            }
        }
        Value::String(text) => {
            report("emptied", pointer, Some("".into()));
            report("longer", pointer, Some(format!("{text}A").into()));
            let middle = text.char_indices().nth(text.chars().count() / 2);
            if let Some((at, c)) = middle {
                // Still base64 or hexadecimal where it was.
                let other = if c == '1' { "2" } else { "1" };
                let changed = [&text[..at], other, &text[at + c.len_utf8()..]].concat();
                report("changed", pointer, Some(changed.into()));
            }
        }
        Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                for other in [number.saturating_add(1), number.saturating_sub(1), -1, i64::MAX] {
                    if other != number {
                        report(&format!("{other}"), pointer, Some(json!(other)));
                    }
                }
            }
        }
        Value::Bool(yes) => report("turned round", pointer, Some((!yes).into())),
        Value::Null => {}
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((folder, name)) = pointer.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    if let Some(Value::Object(members)) = value.pointer_mut(folder) {
        members.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_one_and_another() {
        let value = json!({"a/b": [1, {"c": "x1"}], "d": true, "e": null, "f": []});
        let changes = every_change(&value);
        let named = |name: &str| -> &Value {
            let found = changes.iter().find(|change| change.name == name);
            &found.unwrap_or_else(|| panic!("{name}: {changes:#?}")).value
        };
        assert_eq!(named("/a~1b taken out"), &json!({"d": true, "e": null, "f": []}));
        assert_eq!(named("/a~1b reversed")["a/b"], json!([{"c": "x1"}, 1]));
        assert_eq!(named("/a~1b without its last")["a/b"], json!([1]));
        assert_eq!(named("/a~1b/1/c changed")["a/b"][1]["c"], json!("x2"));
        assert_eq!(named("/a~1b/0 9223372036854775807")["a/b"][0], json!(i64::MAX));
        assert_eq!(named("/d turned round")["d"], json!(false));
        for (at, change) in changes.iter().enumerate() {
            let twice = changes[..at].iter().any(|other| other.name == change.name);
            assert!(!twice, "{} twice", change.name);
            assert!(change.value != value || change.name == "/e null", "{}", change.name);
        }
    }
}
