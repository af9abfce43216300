//! Fields as they are typed, read from a file, or asked for.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use hallmark_vault::item::{Kind, kind::Need};

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

/// Asks for the fields of a kind, one after the other.
pub(super) fn asked(kind: Kind, session: &Session) -> anyhow::Result<Fields> {
    let mut fields = Fields::new();
    for field in kind.fields() {
        let question = match field.need {
            Need::Required => format!("{}:", field.name),
            Need::Optional | Need::OneOf => format!("{} (may stay empty):", field.name),
        };
        let needed = field.need == Need::Required;
        let answer =
            session.ask_for(&question, "the fields as name=value, or --from FILE", &|typed| {
                match typed {
                    None if needed => Err(format!("{kind} needs {}", field.name)),
                    typed => Ok(typed.map(str::to_owned)),
                }
            })?;
        if let Some(value) = answer {
            fields.insert(field.name.to_owned(), value);
        }
    }
    Ok(fields)
}
