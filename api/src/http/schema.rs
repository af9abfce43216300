//! The wire types as JSON Schema (2020-12), for the OpenAPI document.
//!
//! The types themselves live in [`hallmark_core::account::exchange`], which knows no OpenAPI; a test
//! validates a real value of each against its schema here, and altered ones.

use hallmark_core::{
    account::{
        device_list::{MAX_DEVICES, MAX_LEN},
        exchange::MAX_SYNC_MANIFESTS,
        manifest::MAX_ITEMS,
    },
    json::{MAX_INTEGER, Value},
    problem::Code,
};
use serde_json::{Map, json};

/// All named schemas.
pub(super) fn schemas() -> Value {
    let mut all = Map::new();
    for (name, schema) in names().into_iter().chain(lists()).chain(bodies()) {
        all.insert(name.to_owned(), schema);
    }
    Value::Object(all)
}

/// The schema of a path or query parameter.
pub(super) fn parameter(name: &str) -> Value {
    match name {
        "account" => reference("AccountId"),
        "blob" => reference("BlobId"),
        "item" => reference("ItemId"),
        "label" => reference("Label"),
        "part" => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        _ => json!({"type": "integer", "minimum": 0, "maximum": MAX_INTEGER, "default": 0}),
    }
}

/// A `$ref` to a named schema.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn names() -> [(&'static str, Value); 12] {
    [
        ("Label", hex(32, "A place in a private chain of the log.")),
        ("AccountId", hex(32, "An account: the hash of its recovery key.")),
        ("ItemId", hex(16, "An item of an account, random.")),
        ("BlobId", hex(16, "A blob of an account, random.")),
        ("RootId", hex(16, "Tells one root from another.")),
        ("WrapKey", hex(32, "An X25519 public key.")),
        ("Sha256", hex(32, "A SHA-256 hash.")),
        ("PublicKey", text("^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$", "An Ed25519 key (did:key).")),
        ("Signature", text("^[A-Za-z0-9+/]{86}==$", "An Ed25519 signature, base64.")),
        (
            "Timestamp",
            text(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", "A time in UTC, whole seconds."),
        ),
        (
            "Base64",
            text("^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", "Bytes."),
        ),
        ("Count", json!({"type": "integer", "minimum": 0, "maximum": MAX_INTEGER})),
    ]
}

/// Device lists and manifests.
fn lists() -> Vec<(&'static str, Value)> {
    let signed =
        |name| object(&[("statement", reference(name)), ("signature", r("Signature"))], &[]);
    vec![
        ("SignedEntry", signed("Entry")),
        ("SignedManifest", signed("Manifest")),
        ("SignedErasure", signed("Erasure")),
        ("Device", object(&[("key", r("PublicKey")), ("wrap", r("WrapKey"))], &[])),
        ("ManifestHead", object(&[("version", r("Count")), ("hash", r("Sha256"))], &[])),
        ("Change", change()),
        (
            "Entry",
            object(
                &[
                    ("account", r("AccountId")),
                    ("seq", r("Count")),
                    ("at", r("Timestamp")),
                    ("epoch", r("Count")),
                    ("root", r("RootId")),
                    ("wraps", r("Sha256")),
                    ("change", r("Change")),
                    ("by", r("PublicKey")),
                ],
                &[("previous", r("Sha256")), ("manifest", r("ManifestHead"))],
            ),
        ),
        (
            "Manifest",
            object(
                &[
                    ("account", r("AccountId")),
                    ("version", r("Count")),
                    ("devices", r("Count")),
                    ("items", r("Count")),
                    ("root", r("Sha256")),
                    ("at", r("Timestamp")),
                    ("by", r("PublicKey")),
                ],
                &[("previous", r("Sha256"))],
            ),
        ),
        (
            "Erasure",
            object(
                &[
                    ("account", r("AccountId")),
                    ("at", r("Timestamp")),
                    ("items", r("Count")),
                    ("blobs", r("Count")),
                    ("bytes", r("Count")),
                    ("by", r("PublicKey")),
                ],
                &[],
            ),
        ),
    ]
}

/// What travels as a body, and its parts.
fn bodies() -> Vec<(&'static str, Value)> {
    let wraps_max = MAX_DEVICES as u64 + 1;
    let items_max = MAX_ITEMS as u64;
    vec![
        (
            "Recipient",
            json!({"oneOf": [
                object(&[("device", r("PublicKey"))], &[]),
                {"const": "recovery"},
            ]}),
        ),
        (
            "Wrap",
            object(&[("to", r("Recipient")), ("enc", r("Base64")), ("sealed", r("Base64"))], &[]),
        ),
        (
            "Wraps",
            object(
                &[
                    ("account", r("AccountId")),
                    ("epoch", r("Count")),
                    ("root", r("RootId")),
                    ("wraps", array("Wrap", wraps_max)),
                ],
                &[],
            ),
        ),
        (
            "WrappedKey",
            object(&[("item", r("ItemId")), ("version", r("Count")), ("key", r("Base64"))], &[]),
        ),
        (
            "Record",
            object(
                &[
                    ("item", r("ItemId")),
                    ("version", r("Count")),
                    ("key", r("Base64")),
                    ("envelope", r("Base64")),
                ],
                &[],
            ),
        ),
        ("CreateAccount", object(&[("entry", r("SignedEntry")), ("wraps", r("Wraps"))], &[])),
        (
            "AppendEntry",
            object(
                &[("entry", r("SignedEntry")), ("wraps", r("Wraps"))],
                &[("rewrapped", array("WrappedKey", items_max))],
            ),
        ),
        (
            "Devices",
            object(&[("entries", array("SignedEntry", MAX_LEN))], &[("wraps", r("Wraps"))]),
        ),
        ("Membership", object(&[], &[("account", r("AccountId"))])),
        (
            "ServiceInfo",
            object(
                &[
                    ("key", r("PublicKey")),
                    ("now", r("Timestamp")),
                    ("quotaBytes", r("Count")),
                    ("maxBodyBytes", r("Count")),
                ],
                &[],
            ),
        ),
        (
            "Commit",
            object(
                &[("manifest", r("SignedManifest"))],
                &[("records", array("Record", items_max)), ("removed", array("ItemId", items_max))],
            ),
        ),
        ("Cursor", object(&[("manifest", r("Count"))], &[("item", r("ItemId"))])),
        (
            "Sync",
            object(
                &[
                    ("entries", array("SignedEntry", MAX_LEN)),
                    ("manifests", array("SignedManifest", MAX_SYNC_MANIFESTS as u64)),
                    ("records", array("Record", items_max)),
                    ("removed", json!({"type": "array", "items": r("ItemId")})),
                    ("rewrapped", array("WrappedKey", items_max)),
                ],
                &[("wraps", r("Wraps")), ("next", r("Cursor"))],
            ),
        ),
        (
            "Lookup",
            object(
                &[
                    (
                        "end",
                        json!({"oneOf": [
                            object(&[("there", r("Count"))], &[]),
                            object(&[("another", r("Placed"))], &[]),
                            {"const": "nothing"},
                        ]}),
                    ),
                    ("siblings", array("Sha256", 256)),
                ],
                &[],
            ),
        ),
        ("Placed", object(&[("label", r("Label")), ("index", r("Count"))], &[])),
        (
            "LookedUp",
            object(
                &[
                    ("checkpoint", json!({"type": "string"})),
                    ("mapRoot", r("Sha256")),
                    ("mapInclusion", array("Sha256", 64)),
                    ("lookup", r("Lookup")),
                ],
                &[],
            ),
        ),
        ("Labels", object(&[("labels", array("Label", 256))], &[])),
        ("Found", object(&[("lookup", r("Lookup")), ("inclusion", array("Sha256", 64))], &[])),
        (
            "LookedUpAll",
            object(
                &[
                    ("checkpoint", json!({"type": "string"})),
                    ("mapRoot", r("Sha256")),
                    ("mapInclusion", array("Sha256", 64)),
                    ("labels", array("Found", 256)),
                ],
                &[],
            ),
        ),
        ("StartUpload", object(&[("blob", r("BlobId")), ("sizeBytes", positive())], &[])),
        (
            "Upload",
            object(
                &[
                    ("blob", r("BlobId")),
                    ("sizeBytes", positive()),
                    ("parts", json!({"type": "array", "items": parameter("part")})),
                    ("complete", json!({"type": "boolean"})),
                ],
                &[],
            ),
        ),
        ("Problem", problem()),
    ]
}

/// One of four, by its only key.
fn change() -> Value {
    let create = object(&[("recoveryWrap", r("WrapKey")), ("device", r("Device"))], &[]);
    let one_device = object(&[("device", r("Device"))], &[]);
    let revoked = object(&[("device", r("PublicKey"))], &[]);
    let devices = json!({
        "type": "array", "items": r("Device"), "minItems": 1, "maxItems": MAX_DEVICES,
    });
    json!({"oneOf": [
        object(&[("create", create)], &[]),
        object(&[("add", one_device)], &[]),
        object(&[("revoke", revoked)], &[]),
        object(&[("recover", object(&[("devices", devices)], &[]))], &[]),
    ]})
}

/// RFC 9457, with the codes there are.
fn problem() -> Value {
    let codes: Vec<Value> = Code::ALL.iter().map(|code| json!(code)).collect();
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"enum": codes},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
        },
    })
}

fn r(name: &str) -> Value {
    reference(name)
}

fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    let fields = required.iter().chain(optional);
    let properties: Map<String, Value> =
        fields.map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({
        "type": "object",
        "required": names,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn array(of: &str, max: u64) -> Value {
    json!({"type": "array", "items": reference(of), "maxItems": max})
}

fn positive() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": MAX_INTEGER})
}

fn hex(bytes: usize, description: &str) -> Value {
    text(&format!("^[0-9a-f]{{{}}}$", 2 * bytes), description)
}

fn text(pattern: &str, description: &str) -> Value {
    json!({"type": "string", "pattern": pattern, "description": description})
}
