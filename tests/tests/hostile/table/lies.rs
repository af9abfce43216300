//! What the service says in place of the truth, for each cell.

use std::sync::Arc;

use hallmark_core::{
    account::{AccountId, Signed, exchange::Erasure},
    key::SigningKey,
    time::Timestamp,
};
use hallmark_suites::hostile::{Act, Answer};
use serde_json::{Value, json};

use super::model::Endpoint;

/// How the proxy deceives.
pub(super) enum How {
    /// Answers to the requests of the row.
    Says(Act),
    /// The answer to an earlier request of the row, said again.
    Again,
    /// Another account's answer of the row.
    AnotherAccounts,
    /// The service is one that was restored from a backup.
    SetBack,
    /// The service is another one with the same past, and another present.
    Forked,
}

pub(super) struct Lie {
    pub name: String,
    pub how: How,
}

fn lie(name: &str, how: How) -> Lie {
    Lie { name: name.to_owned(), how }
}

fn says(name: &str, act: Act) -> Lie {
    lie(name, How::Says(act))
}

/// All lies of a cell; none where the table has a dash.
pub(super) fn lies(endpoint: &Endpoint, attack: &str) -> Vec<Lie> {
    match attack {
        "substitute" => substitutes(endpoint.name),
        "roll back" => vec![lie("restored from a backup", How::SetBack)],
        "truncate" => {
            let mut cut = vec![
                says("nothing of it", Act::HangUp { after_bytes: 0 }),
                says("within the head", Act::HangUp { after_bytes: 20 }),
            ];
            if has_content(endpoint) {
                cut.push(says(
                    "within the body",
                    Act::body(|mut body| {
                        body.truncate(body.len() / 2);
                        body
                    }),
                ));
            }
            cut
        }
        "reorder" => reordered(endpoint.name),
        "replay" => match endpoint.name {
            // Nothing is said again where every answer is a part asked for by its place.
            "DELETE account" => vec![lie("another's receipt", How::AnotherAccounts)],
            name if has_content(endpoint) || name == "GET content" => {
                vec![lie("an earlier answer", How::Again)]
            }
            _ => vec![says("done, and was not", Act::Answer(empty(endpoint.name)))],
        },
        "withhold" => vec![says("nothing", Act::Withhold { asks: true })],
        "two histories" => vec![lie("the other history", How::Forked)],
        "garbage" => vec![
            says("no HTTP", Act::Bytes(b"\x00\x01 nothing that is spoken here\r\n\r\n".to_vec())),
            says("a page", Act::Answer(page(200))),
            says("a failing page", Act::Answer(page(502))),
            says("other JSON", Act::Answer(Answer::json(200, &json!({"yes": [1, 2]})))),
        ],
        "gigabytes" => {
            let begin = || b"{\"entries\":[".to_vec();
            let flood = |says_length| Act::Flood { begin: begin(), bytes: 4 << 30, says_length };
            let mut floods = vec![says("said at once", flood(true)), says("unsaid", flood(false))];
            if endpoint.name == "GET sync" {
                floods.push(says("pages without end", pages()));
                floods.push(says("the same page without end", still()));
            }
            floods
        }
        _ => unreachable!("an attack of the table"),
    }
}

/// Whether a success says something.
fn has_content(endpoint: &Endpoint) -> bool {
    endpoint.method == "GET" || endpoint.name == "DELETE account"
}

fn empty(name: &str) -> Answer {
    let status = if name == "DELETE blob" { 204 } else { 200 };
    Answer { status, headers: Vec::new(), body: Vec::new() }
}

fn page(status: u16) -> Answer {
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    Answer { status, headers, body: b"<html>Sign in to this network</html>".to_vec() }
}

fn problem(code: &str, status: u16) -> Lie {
    let body = json!({
        "type": format!("urn:hallmark:problem:{code}"), "title": "x", "status": status,
        "detail": "said by a liar",
    });
    says(code, Act::Answer(Answer::json(status, &body)))
}

fn substitutes(name: &str) -> Vec<Lie> {
    let key = SigningKey::generate(&mut rand::rng());
    match name {
        "GET service" => {
            let key = key.public().to_string();
            vec![says("another key", Act::json(move |info| info["key"] = key.as_str().into()))]
        }
        "GET membership" | "GET devices" => vec![lie("another account's", How::AnotherAccounts)],
        "GET sync" => vec![
            lie("another account's", How::AnotherAccounts),
            says("a ciphertext", Act::json(|sync| change(&mut sync["records"][0]["envelope"]))),
            says("a wrapped key", Act::json(|sync| change(&mut sync["records"][0]["key"]))),
            says(
                "an item's name",
                Act::json(|sync| {
                    sync["records"][0]["item"] = "00112233445566778899aabbccddeeff".into();
                }),
            ),
            says("a signature", Act::json(|sync| change(&mut sync["manifests"][0]["signature"]))),
        ],
        "GET blob" => vec![
            lie("another account's", How::AnotherAccounts),
            says("another size", Act::json(|upload| upload["sizeBytes"] = 7.into())),
        ],
        "GET content" => vec![
            lie("another account's", How::AnotherAccounts),
            says(
                "one bit",
                Act::body(|mut body| {
                    let middle = body.len() / 2;
                    body[middle] ^= 1;
                    body
                }),
            ),
        ],
        "POST items" => vec![problem("items-changed", 409), problem("quota", 507)],
        "POST devices" => vec![problem("devices-changed", 409), problem("entry-refused", 422)],
        "DELETE blob" => vec![problem("no-blob", 404)],
        "DELETE account" => vec![says("another key", Act::Answer(receipt(&key)))],
        _ => vec![problem("differs", 409)],
    }
}

/// Another text of the same alphabet.
fn change(text: &mut Value) {
    let old = text.as_str().unwrap().to_owned();
    let middle = old.len() / 2;
    let other = if old.as_bytes()[middle] == b'2' { "3" } else { "2" };
    *text = [&old[..middle], other, &old[middle + 1..]].concat().into();
}

fn receipt(key: &SigningKey) -> Answer {
    let erasure = Erasure {
        account: AccountId::from_bytes([7; 32]),
        at: Timestamp::from_unix_s(1_700_000_000).unwrap(),
        items: 1,
        blobs: 0,
        bytes: 1,
        by: key.public(),
    };
    Answer::json(200, &serde_json::to_value(Signed::new(erasure, key).unwrap()).unwrap())
}

fn reordered(name: &str) -> Vec<Lie> {
    let reverse = |array: &mut Value| array.as_array_mut().unwrap().reverse();
    match name {
        "GET devices" => vec![says("entries", Act::json(move |a| reverse(&mut a["entries"])))],
        "GET sync" => vec![
            says("manifests", Act::json(move |a| reverse(&mut a["manifests"]))),
            // One after the other or the other way round, the items are the same.
            says("items", Act::json(move |a| reverse(&mut a["records"]))),
        ],
        "GET content" => vec![says(
            "halves",
            Act::body(|mut body| {
                let half = body.len() / 2;
                body.rotate_left(half);
                body
            }),
        )],
        _ => Vec::new(),
    }
}

/// New items, page after page.
fn pages() -> Act {
    Act::Change(Arc::new(|request, answer| {
        let honest = answer.value().filter(|_| answer.status == 200);
        let made_up = || json!({"entries": [], "manifests": [], "removed": []});
        let mut sync = honest.unwrap_or_else(made_up);
        let envelope = data_encoding::BASE64.encode(&[7; 65_536]);
        let records = (0..64).map(|_| {
            let item: [u8; 16] = rand::random();
            let item = data_encoding::HEXLOWER.encode(&item);
            json!({"item": item, "version": 1, "key": "", "envelope": envelope})
        });
        sync["records"] = records.collect();
        let read = request.target.split("items=").nth(1).unwrap_or("0");
        let read: u64 = read.split('&').next().unwrap().parse().unwrap();
        sync["next"] = json!({"manifest": read + 1});
        Answer::json(200, &sync)
    }))
}

/// An answer that is never the last one.
fn still() -> Act {
    Act::Change(Arc::new(|request, answer| {
        let Some(mut sync) = answer.value() else { return answer };
        let read = request.target.split("items=").nth(1).unwrap_or("0");
        let read: u64 = read.split('&').next().unwrap().parse().unwrap();
        sync["next"] = json!({"manifest": read});
        Answer::json(200, &sync)
    }))
}
