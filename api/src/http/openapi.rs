//! The OpenAPI 3.1 document: paths, parameters and answers from the handlers themselves, schemas
//! from [`super::schema`], and for each operation the codes it can refuse with.

use std::collections::BTreeMap;

use hallmark_core::{
    httpsig::Window,
    json::Value,
    problem::{Code, MEDIA_TYPE},
};
use serde_json::json;
use utoipa::openapi::OpenApi;

use super::schema;
use crate::store::WINDOW;

/// Where a handler names the codes of its own.
const CODES: &str = "x-problems";

/// How requests are signed, in words.
fn signature() -> String {
    let Window { past_s, future_s } = WINDOW;
    format!(
        "Each request is signed by HTTP Message Signatures (RFC 9421) in one profile. \
         `Content-Digest` is `sha-256` of the body (RFC 9530), of the empty one too. \
         `Signature-Input` has one signature labelled `hm` over `\"@method\" \"@authority\" \
         \"@path\" \"@query\" \"content-digest\"`, in this order, with the parameters `created` \
         (Unix seconds, at most {past_s} s ago and {future_s} s ahead), `nonce` (16 random bytes in \
         base64url, 22 characters, never used before), `keyid` (the `did:key` of the Ed25519 key), \
         `alg=\"ed25519\"` and `tag=\"hallmark/request/v1\"`. `Signature` is `hm=:<base64>:`. The \
         authority is the name the service is known by."
    )
}

/// What every request may be refused with.
const ANY: &[Code] = &[
    Code::Method,
    Code::Timeout,
    Code::RateLimited,
    Code::HeadersTooLarge,
    Code::Internal,
    Code::Overloaded,
    Code::Stopping,
];
/// And a signed one. A read too may find no room: its nonce is written down where it was signed
/// ahead of the service's clock.
const SIGNED: &[Code] = &[
    Code::Malformed,
    Code::Digest,
    Code::Unsigned,
    Code::Signature,
    Code::Clock,
    Code::Replayed,
    Code::BeforeRestart,
    Code::TooLarge,
    Code::DiskFull,
];

/// The whole document, of the paths that the handlers describe.
pub(super) fn document(paths: OpenApi) -> Value {
    let mut document = serde_json::to_value(paths).expect("an OpenAPI document is JSON");
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Hallmark vault service",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Stores what it cannot read: device lists, signed manifests, sealed items and \
            blobs. JSON is strict: no repeated keys, integers only, within 2^53, at most \
            262,144 values.",
        "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
    });
    document["components"] = json!({
        "schemas": schema::schemas(),
        "securitySchemes": {"signature": {
            "type": "apiKey", "in": "header", "name": "Signature", "description": signature(),
        }},
    });
    for operation in operations(&mut document) {
        complete(operation);
    }
    document
}

/// All operations of a document.
fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut())
}

/// Adds what the handler leaves to the document: security, schemas of parameters, refusals.
fn complete(operation: &mut Value) {
    let own = operation.as_object_mut().and_then(|fields| fields.remove(CODES));
    let signed = operation.get("security").is_none();
    if signed {
        operation["security"] = json!([{"signature": []}]);
    }
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        parameter["schema"] = schema::parameter(&name);
    }
    let own = own.iter().flat_map(|own| own.as_array().expect("a list of codes"));
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    let common = ANY.iter().chain(if signed { SIGNED } else { &[] });
    for code in common.copied().chain(own.map(code)) {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(&code.as_str()) {
            codes.push(code.as_str());
        }
    }
    for (status, codes) in by_status {
        operation["responses"][status.to_string()] = json!({
            "description": format!("Refused: `{}`.", codes.join("`, `")),
            "content": {MEDIA_TYPE: {"schema": schema::reference("Problem")}},
        });
    }
}

/// The code a handler names.
fn code(named: &Value) -> Code {
    let known = Code::ALL.iter().copied().find(|code| named.as_str() == Some(code.as_str()));
    known.unwrap_or_else(|| panic!("{named} is no problem code: an operation misspells it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(codes: Value) -> Value {
        let mut operation = json!({"responses": {}, CODES: codes});
        complete(&mut operation);
        operation
    }

    #[test]
    fn an_operation_lists_its_own_codes() {
        let listed = operation(json!(["quota"]));
        let status = Code::Quota.status().to_string();
        let text = listed["responses"][&status]["description"].as_str().expect("a text");
        assert!(text.contains("`quota`"), "{text}");
    }

    #[test]
    #[should_panic(expected = "\"qouta\" is no problem code")]
    fn a_misspelt_code_is_no_document() {
        operation(json!(["qouta"]));
    }
}
