//! The signature base: the exact bytes a request signature covers (RFC 9421, section 2.5).

use std::fmt::Write;

/// The signature base of RFC 9421, section 2.5: one line for each component, identifier and value,
/// and the signature's parameters last.
///
/// Values are in their canonical form and hold no line breaks; both are the caller's to see to.
pub(super) fn signature_base(components: &[(&str, &str)], params: &str) -> String {
    let mut base = String::new();
    for (identifier, value) in components {
        // Writing to a string cannot fail.
        let _ = writeln!(base, "\"{identifier}\": {value}");
    }
    let _ = write!(base, "\"@signature-params\": {params}");
    base
}
