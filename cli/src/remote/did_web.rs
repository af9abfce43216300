//! Asking a domain which key is its studio's: `did:web` (W3C CCG did-method-web), as `FORMAT.md`
//! section 10 narrows it.
//!
//! One GET of `https://DOMAIN/.well-known/did.json`, no redirects, at most 64 KiB, ten seconds. The
//! document's `id` must be the domain's `did:web`, and a `Multikey` verification method that
//! `assertionMethod` names must hold the key.
//!
//! A domain that only the file names is asked at a public address alone: whoever made the file would
//! otherwise choose what this machine connects to inside its own network. (A name server that answers
//! twice differently gets around that; the answer then shows nothing but whether a key is listed.)

use std::{
    net::{IpAddr, ToSocketAddrs},
    path::Path,
    time::Duration,
};

use anyhow::Context;
use hallmark_core::{
    json::{self, Value},
    key::PublicKey,
    time::Timestamp,
};
use hallmark_vault::provenance::{piece::Domain, trust::DomainCheck};
use serde_json::json;

const MAX_DOCUMENT_BYTES: u64 = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// What came of asking.
#[derive(Debug)]
pub struct Asked {
    /// For the verdict.
    pub outcome: DomainCheck,
    /// Why the domain could not be asked, where it could not.
    pub failure: Option<String>,
}

/// The document a studio puts on its domain.
#[must_use]
pub fn document(domain: &Domain, key: &PublicKey) -> Value {
    let did = did(domain);
    let method = format!("{did}#studio");
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [{
            "id": method,
            "type": "Multikey",
            "controller": did,
            "publicKeyMultibase": key.multikey(),
        }],
        "assertionMethod": [method],
    })
}

/// Asks `domain` whether it lists `key`. `ca` is a PEM file of certificates to accept in place of the
/// usual ones.
#[must_use]
pub fn check(
    domain: &Domain,
    key: &PublicKey,
    named_by_person: bool,
    ca: Option<&Path>,
    at: Timestamp,
) -> Asked {
    // Whoever gives a certificate means a network of their own.
    let anywhere = named_by_person || ca.is_some();
    let may_ask = if anywhere { Ok(()) } else { check_public(domain) };
    let answer =
        may_ask.and_then(|()| fetch(domain, ca)).map(|document| lists(&document, domain, key));
    let (lists_key, failure) = match answer {
        Ok(lists) => (Some(lists), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let outcome = DomainCheck { domain: domain.clone(), named_by_person, at, lists_key };
    Asked { outcome, failure }
}

fn check_public(domain: &Domain) -> anyhow::Result<()> {
    let text = domain.to_string();
    let host = text.split_once(':').map_or(text.as_str(), |(host, _)| host);
    let addresses = (host, 443).to_socket_addrs().with_context(|| format!("cannot find {host}"))?;
    for address in addresses {
        anyhow::ensure!(
            is_public(address.ip()),
            "the file names {domain}, which is on this machine or network; ask it with --online \
             {domain} if you mean it"
        );
    }
    Ok(())
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_documentation()
                || ip.is_multicast()
                || a == 0
                || shared)
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public(ip.into()),
            // global unicast, without the addresses for documents and translators
            None => ip.segments()[0] & 0xe000 == 0x2000 && ip.segments()[0] != 0x2002,
        },
    }
}

fn did(domain: &Domain) -> String {
    format!("did:web:{}", domain.to_string().replace(':', "%3A"))
}

fn lists(document: &Value, domain: &Domain, key: &PublicKey) -> bool {
    let array = |name: &str| document.get(name).and_then(Value::as_array).into_iter().flatten();
    let asserted = |id: &Value| array("assertionMethod").any(|method| method == id);
    let is_key = |method: &Value| {
        method.get("type").and_then(Value::as_str) == Some("Multikey")
            && method.get("publicKeyMultibase").and_then(Value::as_str)
                == Some(key.multikey().as_str())
            && method.get("id").is_some_and(asserted)
    };
    document.get("id").and_then(Value::as_str) == Some(did(domain).as_str())
        && array("verificationMethod").any(is_key)
}

fn fetch(domain: &Domain, ca: Option<&Path>) -> anyhow::Result<Value> {
    let agent: ureq::Agent = super::agent(ca, TIMEOUT)?.https_only(true).build().into();
    let url = format!("https://{domain}/.well-known/did.json");
    let mut response = agent.get(&url).call().with_context(|| format!("cannot fetch {url}"))?;
    anyhow::ensure!(response.status() == 200, "{url} answered {}", response.status());
    let bytes = response.body_mut().with_config().limit(MAX_DOCUMENT_BYTES).read_to_vec()?;
    json::parse(&bytes).with_context(|| format!("{url} is no DID document"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_core::key::SigningKey;
    use proptest::prelude::*;

    /// T-25: a file does not choose what is asked on this machine or in its network.
    #[test]
    fn only_public_addresses_for_what_a_file_names() {
        for public in ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        let domain: Domain = "localhost:9".parse().unwrap();
        let key = SigningKey::from_seed(&[1; 32]).public();
        let asked = check(&domain, &key, false, None, "2026-05-03T12:00:00Z".parse().unwrap());
        assert!(asked.failure.unwrap().contains("on this machine or network"));
    }

    /// T-09: only the exact key, in a document of exactly that domain, counts as listed.
    #[test]
    fn a_document_lists_what_it_asserts_and_nothing_else() {
        let domain: Domain = "rosa.example:8443".parse().unwrap();
        let key = SigningKey::from_seed(&[1; 32]).public();
        let good = document(&domain, &key);
        assert_eq!(good["id"], "did:web:rosa.example%3A8443");
        assert!(lists(&good, &domain, &key));
        assert!(!lists(&good, &domain, &SigningKey::from_seed(&[2; 32]).public()));
        assert!(!lists(&good, &"rosa.example".parse().unwrap(), &key));
        for (pointer, value) in [
            ("/assertionMethod", json!([])),
            ("/verificationMethod/0/type", json!("JsonWebKey")),
            ("/verificationMethod", json!([])),
            ("/id", json!("did:web:other.example")),
        ] {
            let mut changed = good.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            assert!(!lists(&changed, &domain, &key), "{pointer}");
        }
    }

    /// JSON of any shape, with the names and values a document has.
    fn any_document() -> impl Strategy<Value = Value> {
        let words = [
            "id",
            "type",
            "Multikey",
            "verificationMethod",
            "assertionMethod",
            "publicKeyMultibase",
            "did:web:rosa.example",
            "did:web:rosa.example#studio",
        ];
        let word = proptest::sample::select(words.to_vec());
        let leaf =
            prop_oneof![word.clone().prop_map(Value::from), any::<u32>().prop_map(Value::from)];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((word.clone(), inner), 0..5).prop_map(|entries| {
                    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                }),
            ]
        })
    }

    proptest! {
        /// T-09: no document that does not spell the key out lists it, whatever its shape.
        #[test]
        fn any_other_document_lists_nothing(document in any_document()) {
            let domain: Domain = "rosa.example".parse().unwrap();
            let key = SigningKey::from_seed(&[1; 32]).public();
            prop_assert!(!lists(&document, &domain, &key));
        }
    }
}
