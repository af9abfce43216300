//! Fields as they are typed, read from a file, or asked for.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use hallmark_vault::item::{
    Kind,
    kind::{Field, FieldError, Need},
};

use crate::{input, report::Usage, session::Session};

/// Fields by name; an empty value takes a field away.
pub(super) type Fields = BTreeMap<String, String>;

/// What was typed as `field=value`, over what a file says.
pub(super) fn given(typed: &[String], from: Option<&Path>) -> anyhow::Result<Fields> {
    let mut fields = from.map(in_file).transpose()?.unwrap_or_default();
    for pair in typed {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Usage(format!("{pair:?} is no field: write it as name=value, such as size=52"))
        })?;
        fields.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(fields)
}

fn in_file(path: &Path) -> anyhow::Result<Fields> {
    let text = input::text(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).map_err(|error| {
        // The parser's own text quotes the file.
        let line = error.span().map_or(0, |span| text[..span.start].lines().count());
        Usage(format!(
            "{}: line {} is not name = \"value\"; every value is a text in quotes",
            path.display(),
            line.max(1)
        ))
        .into()
    })
}

/// Asks for the fields of a kind, one after the other, and again where an answer is none.
pub(super) fn asked(kind: Kind, session: &Session) -> anyhow::Result<Fields> {
    let mut fields = Fields::new();
    let one_of = |field: &&Field| field.need == Need::OneOf;
    for field in kind.fields() {
        let mut remarks = field.values.join(", ");
        if field.need != Need::Required {
            remarks += if remarks.is_empty() { "may stay empty" } else { "; may stay empty" };
        }
        let question = match &*remarks {
            "" => format!("{}:", field.name),
            remarks => format!("{} ({remarks}):", field.name),
        };
        let is_last = kind.fields().iter().rfind(one_of) == Some(field);
        let none_yet = !kind
            .fields()
            .iter()
            .any(|field| field.need == Need::OneOf && fields.contains_key(field.name));
        let read = |typed: Option<&str>| match typed {
            Some(value) => {
                let checked = kind.check_value(field.name, value, &fields);
                checked.map(|()| Some(value.to_owned())).map_err(|error| error.to_string())
            }
            None if field.need == Need::Required => {
                Err(FieldError::Missing { kind, name: field.name }.to_string())
            }
            None if is_last && none_yet => Err(FieldError::NoneOf { kind }.to_string()),
            None => Ok(None),
        };
        let answer =
            session.ask_for(&question, "the fields as name=value, or --from FILE", &read)?;
        if let Some(value) = answer {
            fields.insert(field.name.to_owned(), value);
        }
    }
    Ok(fields)
}
