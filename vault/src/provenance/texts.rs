//! The sentences people read, from one table (`texts.json`) that other readers of the format can
//! use too.

use std::{collections::BTreeMap, sync::LazyLock};

static TEXTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("texts.json")).expect("texts.json is a table of strings")
});

/// The sentence for a key of `texts.json`.
///
/// # Panics
/// For a key that is not there; a test in [`super::verdict`] walks them.
pub fn text(key: &str) -> &'static str {
    TEXTS.get(key).unwrap_or_else(|| panic!("texts.json has no {key}"))
}
