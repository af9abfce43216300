//! The search for leaks finds everything that leaks, and nothing where nothing does.

#![allow(clippy::unwrap_used)] // a control that cannot be set up may say so by panicking

#[path = "../hallmarkd/mod.rs"]
mod daemon;
mod folder;
mod hallmarkd;
mod memory;
mod tour;

use hallmark_suites::blindness::Canaries;

/// One canary of each nature: plain, with every character that some form escapes, a name, a key.
fn canaries() -> Canaries {
    let json = r#"{
        "address": ["Carrer de la Llibertat 12, 08012 Barcelona", "12 Rue \"L'Été\" / 75011 Paris\\♜\n2. OG"],
        "name": ["wedding-ring-invoice.pdf"],
        "note": ["twelve chars"],
        "key": ["9f3b0e5cd1a24478b6e9027f5a1c3d8e4b7f60912ad35c8e7f1b4096c2d8ea53"]
    }"#;
    Canaries::parse(json.as_bytes()).unwrap()
}
