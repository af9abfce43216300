use super::base::signature_base;
use super::*;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::key::{KeyError, PublicKey, SigningKey};

const NOW: i64 = 1_700_000_000;
const WINDOW: Window = Window { past_s: 60, future_s: 10 };
const BODY: &[u8] = b"{\"hello\": \"world\"}";

fn key() -> SigningKey {
    SigningKey::from_seed(&[9; 32])
}

fn target() -> Target {
    Target::new("POST", "Hub.Example:8443", "/v1/holds", Some("a=1&b=%20")).unwrap()
}

fn digest() -> ContentDigest {
    ContentDigest::of(BODY)
}

fn signed() -> SignedHeaders {
    let id = KeyId::new("device-7").unwrap();
    sign(&key(), &id, &target(), &digest(), NOW, &mut StdRng::seed_from_u64(2)).unwrap()
}

fn verify(headers: &SignedHeaders) -> Result<Verified, HttpSigError> {
    verify_by(headers, &key().public(), &target(), &digest(), NOW)
}

fn verify_by(
    headers: &SignedHeaders,
    key: &PublicKey,
    target: &Target,
    digest: &ContentDigest,
    now: i64,
) -> Result<Verified, HttpSigError> {
    Unverified::parse(&headers.content_digest, &headers.signature_input, &headers.signature)?
        .verify(key, target, digest, now, WINDOW)
}

/// Signs whatever Signature-Input it is given, as a signer outside the profile would.
fn signed_outside_the_profile(components: &[(&str, &str)], params: &str) -> SignedHeaders {
    let signature = key().sign_standard(signature_base(components, params).as_bytes());
    SignedHeaders {
        signature_input: format!("hm={params}"),
        signature: format!("hm=:{}:", BASE64.encode(signature.as_bytes())),
        ..signed()
    }
}

/// RFC 9421, appendix B.2.6, with the key of B.1.4.
#[test]
fn rfc_9421_b_2_6() {
    let seed = BASE64URL_NOPAD.decode(b"n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU").unwrap();
    let public = BASE64URL_NOPAD.decode(b"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs").unwrap();
    let key = SigningKey::from_seed(&seed.try_into().unwrap());
    assert_eq!(key.public().as_bytes(), public.as_slice());
    let params = concat!(
        r#"("date" "@method" "@path" "@authority" "content-type" "content-length")"#,
        r#";created=1618884473;keyid="test-key-ed25519""#
    );
    let base = signature_base(
        &[
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ],
        params,
    );
    let expected = concat!(
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1",
        "u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    );
    assert_eq!(BASE64.encode(key.sign_standard(base.as_bytes()).as_bytes()), expected);
}

/// RFC 9530, appendix B.1 and B.2.
#[test]
fn rfc_9530_digests() {
    for (body, value) in [
        (
            &b"{\"hello\": \"world\"}\n"[..],
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
        ),
        (b"", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
    ] {
        assert_eq!(ContentDigest::of(body).header_value(), value);
        assert_eq!(ContentDigest::parse(value), Ok(ContentDigest::of(body)));
    }
}

#[test]
fn round_trip() {
    let verified = verify(&signed()).unwrap();
    assert_eq!(verified.key_id().as_str(), "device-7");
    assert_eq!(verified.created(), NOW);
    let nonce = Nonce::generate(&mut StdRng::seed_from_u64(2));
    assert_eq!(*verified.nonce(), nonce);
}

/// One request, base and signature made by another implementation.
#[test]
fn frozen() {
    let params = params::Params::parse(FROZEN_INPUT).unwrap();
    assert_eq!(format!("hm={}", params.serialize()), FROZEN_INPUT);
    let base = params.signature_base(&target(), &digest());
    assert_eq!(base, FROZEN_BASE);
    let signature = key().sign_standard(base.as_bytes()).as_bytes().to_owned();
    assert_eq!(format!("hm=:{}:", BASE64.encode(&signature)), FROZEN_SIGNATURE);
    let headers = SignedHeaders {
        content_digest: digest().header_value(),
        signature_input: FROZEN_INPUT.to_owned(),
        signature: FROZEN_SIGNATURE.to_owned(),
    };
    assert!(verify(&headers).is_ok());
}

const FROZEN_INPUT: &str = concat!(
    r#"hm=("@method" "@authority" "@path" "@query" "content-digest");created=1700000000"#,
    r#";nonce="AAECAwQFBgcICQoLDA0ODw";keyid="device-7";alg="ed25519""#,
    r#";tag="hallmark/request/v1""#
);
const FROZEN_SIGNATURE: &str = concat!(
    "hm=:nqQd3UxZU1aNlGejyRzJacKZB8aK7/qUrBLPBJtcyiw4",
    "OBTxUq5BxfcxmkMxH9it9KBFyy+GLgw/1ZQOVb5cDA==:"
);
const FROZEN_BASE: &str = concat!(
    "\"@method\": POST\n",
    "\"@authority\": hub.example:8443\n",
    "\"@path\": /v1/holds\n",
    "\"@query\": ?a=1&b=%20\n",
    "\"content-digest\": sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:\n",
    "\"@signature-params\": (\"@method\" \"@authority\" \"@path\" \"@query\" ",
    r#""content-digest");created=1700000000;nonce="AAECAwQFBgcICQoLDA0ODw";keyid="device-7""#,
    r#";alg="ed25519";tag="hallmark/request/v1""#
);

#[test]
fn canonical_targets() {
    let target = Target::new("GET", "HUB.example", "", None).unwrap();
    assert_eq!((target.authority(), target.path(), target.query()), ("hub.example", "/", "?"));
    assert_eq!(Target::new("GET", "hub.example", "/", Some("")).unwrap(), target);
    for (method, authority, path, query) in [
        ("get", "a", "/", None),
        ("", "a", "/", None),
        ("GET", "", "/", None),
        ("GET", "a b", "/", None),
        ("GET", "user@a", "/", None),
        ("GET", "a", "v1", None),
        ("GET", "a", "/x?y", None),
        ("GET", "a", "/x#y", None),
        ("GET", "a", "/x\n\"@query\": ?", None),
        ("GET", "a", "/", Some("a b")),
        ("GET", "a", "/", Some("a#b")),
        ("GET", "a", "/", Some("\u{e9}")),
    ] {
        let refused = Target::new(method, authority, path, query);
        assert_eq!(refused, Err(HttpSigError::Target), "{method} {authority} {path} {query:?}");
    }
}

#[test]
fn another_target_body_or_key() {
    let headers = signed();
    let (key, digest) = (key().public(), digest());
    let query = Some("a=1&b=%20");
    for other in [
        Target::new("PUT", "hub.example:8443", "/v1/holds", query),
        Target::new("POST", "hub.example", "/v1/holds", query),
        Target::new("POST", "hub.example:8443", "/v1/hold", query),
        Target::new("POST", "hub.example:8443", "/v1/holds", Some("a=1&b=+")),
        Target::new("POST", "hub.example:8443", "/v1/holds", None),
    ] {
        let refused = verify_by(&headers, &key, &other.unwrap(), &digest, NOW);
        assert_eq!(refused, Err(HttpSigError::Signature));
    }
    let other_body = ContentDigest::of(b"{\"hello\": \"World\"}");
    let refused = verify_by(&headers, &key, &target(), &other_body, NOW);
    assert_eq!(refused, Err(HttpSigError::Digest));
    let swapped = SignedHeaders { content_digest: other_body.header_value(), ..headers.clone() };
    assert_eq!(verify(&swapped), Err(HttpSigError::Digest));
    let refused = verify_by(&swapped, &key, &target(), &other_body, NOW);
    assert_eq!(refused, Err(HttpSigError::Signature), "body and digest both exchanged");
    let stranger = SigningKey::from_seed(&[10; 32]).public();
    let refused = verify_by(&headers, &stranger, &target(), &digest, NOW);
    assert_eq!(refused, Err(HttpSigError::Signature));
}

#[test]
fn window_in_both_directions() {
    let headers = signed();
    let at = |now| verify_by(&headers, &key().public(), &target(), &digest(), now);
    for now in [NOW - 10, NOW, NOW + 60] {
        assert!(at(now).is_ok(), "{now}");
    }
    for now in [NOW - 11, NOW + 61, 0, i64::MIN, i64::MAX] {
        assert_eq!(at(now), Err(HttpSigError::OutsideWindow { created: NOW, now }));
    }
    let id = KeyId::new("device-7").unwrap();
    for created in [-1, 1_000_000_000_000_000] {
        let mut rng = StdRng::seed_from_u64(2);
        assert!(sign(&key(), &id, &target(), &digest(), created, &mut rng).is_err());
    }
}

#[test]
fn altered_parameters_do_not_verify() {
    let headers = signed();
    for (from, to) in [("device-7", "device-8"), ("1700000000", "1700000001")] {
        let signature_input = headers.signature_input.replace(from, to);
        assert_ne!(signature_input, headers.signature_input);
        let altered = SignedHeaders { signature_input, ..headers.clone() };
        assert_eq!(verify(&altered), Err(HttpSigError::Signature), "{to}");
    }
}

/// Properly signed, and still refused: the profile has one form.
#[test]
fn other_components_and_parameters() {
    let (target, value) = (target(), digest().header_value());
    let all = [
        ("@method", target.method()),
        ("@authority", target.authority()),
        ("@path", target.path()),
        ("@query", target.query()),
        ("content-digest", value.as_str()),
    ];
    let ours = signed().signature_input.strip_prefix("hm=").unwrap().to_owned();
    assert!(verify(&signed_outside_the_profile(&all, &ours)).is_ok(), "the control");

    let list = |components: &[(&str, &str)]| {
        let names: Vec<_> = components.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        format!("({})", names.join(" "))
    };
    let params = ours.split_once(')').unwrap().1;
    let mut swapped = all;
    swapped.swap(0, 1);
    let extended = [&all[..], &[("date", "now")]].concat();
    let repeated = [&all[..], &all[..1]].concat();
    for components in [&all[..4], &all[1..], &[], &swapped, &extended, &repeated] {
        let input = format!("{}{params}", list(components));
        let refused = verify(&signed_outside_the_profile(components, &input));
        let malformed = HttpSigError::Malformed { header: Header::SignatureInput };
        assert_eq!(refused, Err(malformed), "{input}");
    }

    let nonce = ours.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    for (from, to) in [
        (";created=1700000000", ""),
        (";created=1700000000", ";created=1700000000;created=1700000000"),
        (";created=1700000000", ";created=+1700000000"),
        (";created=1700000000", ";created=01700000000"),
        (";created=1700000000", ";created=1700000000.0"),
        (";created=1700000000", ";created=-1"),
        (";created=1700000000", ";created=1700000000;expires=1800000000"),
        (";created=1700000000", "; created=1700000000"),
        (";alg=\"ed25519\"", ""),
        (";alg=\"ed25519\"", ";alg=\"hmac-sha256\""),
        (";alg=\"ed25519\"", ";alg=\"ed25519\";alg=\"ed25519\""),
        (";tag=\"hallmark/request/v1\"", ""),
        (";tag=\"hallmark/request/v1\"", ";tag=\"hallmark/request/v2\""),
        (";tag=\"hallmark/request/v1\"", ";tag=\"hallmark/request/v1\";extra"),
        (";keyid=\"device-7\"", ";keyid=\"device-7\";keyid=\"device-8\""),
        (";keyid=\"device-7\"", ";keyid=\"\""),
        (";keyid=\"device-7\"", ";keyid=\"device\\\"7\""),
        (";keyid=\"device-7\"", ";keyid=device-7"),
        (nonce, ""),
        (nonce, &nonce[1..]),
        (nonce, &format!("{nonce}AA")),
        (nonce, &format!("{}==", nonce)),
        (nonce, &non_canonical(nonce)),
        (" \"@path\"", "  \"@path\""),
        ("\"@query\"", "\"@query\";req"),
    ] {
        let input = ours.replacen(from, to, 1);
        assert_ne!(input, ours, "{from} -> {to}");
        let refused = verify(&signed_outside_the_profile(&all, &input));
        let malformed = HttpSigError::Malformed { header: Header::SignatureInput };
        assert_eq!(refused, Err(malformed), "{input}");
    }
}

/// The same bytes with a bit set that no byte uses.
fn non_canonical(encoded: &str) -> String {
    let body = encoded.trim_end_matches('=');
    let (head, last) = body.split_at(body.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(&last.replace('+', "-").replace('/', "_")).unwrap();
    assert_eq!(at % 4, 0, "a canonical last character has unused bits of zero");
    format!("{head}{}{}", &alphabet[at + 1..at + 2], &encoded[body.len()..])
}

#[test]
fn headers_are_exactly_one_signature() {
    let headers = signed();
    let SignedHeaders { content_digest, signature_input, signature } = headers.clone();
    let refused = |headers: SignedHeaders, header: Header| {
        assert_eq!(verify(&headers), Err(HttpSigError::Malformed { header }), "{headers:?}");
    };
    for value in [
        format!("{signature_input}, {}", signature_input.replacen("hm", "other", 1)),
        format!("{signature_input}, {signature_input}"),
        signature_input.replacen("hm", "sig1", 1),
        format!(" {signature_input}"),
        format!("{signature_input} "),
        signature_input.replacen("hm=", "hm=\t", 1),
        String::new(),
    ] {
        refused(
            SignedHeaders { signature_input: value, ..headers.clone() },
            Header::SignatureInput,
        );
    }
    let base64 = signature.strip_prefix("hm=:").unwrap().strip_suffix(':').unwrap();
    for value in [
        format!("{signature}, {}", signature.replacen("hm", "other", 1)),
        format!("{signature}, {signature}"),
        signature.replacen("hm", "sig1", 1),
        format!("hm=:{}:", base64.trim_end_matches('=')),
        format!("hm=:{}:", BASE64.encode(&[1; 63])),
        format!("hm=:{}:", BASE64.encode(&[1; 65])),
        format!("hm=:{base64}:;x=1"),
        format!("hm=:{}:", signature_with_unused_bit(base64)),
        format!("hm=:{}\n{}:", &base64[..8], &base64[8..]),
        String::new(),
    ] {
        refused(SignedHeaders { signature: value, ..headers.clone() }, Header::Signature);
    }
    let sha_512 = "sha-512=:".to_owned() + &BASE64.encode(&[0; 64]) + ":";
    for value in [
        format!("{content_digest}, {sha_512}"),
        sha_512,
        content_digest.replace("sha-256", "SHA-256"),
        content_digest.replace("=:", "="),
        format!("sha-256=:{}:", non_canonical(&content_digest[9..content_digest.len() - 1])),
        format!("sha-256=:{}:", HEXLOWER.encode(digest().as_bytes())),
        String::new(),
    ] {
        refused(SignedHeaders { content_digest: value, ..headers.clone() }, Header::ContentDigest);
    }
}

/// Sixty-four bytes leave four unused bits in their last base64 character.
fn signature_with_unused_bit(base64: &str) -> String {
    let last = base64.trim_end_matches('=').len() - 1;
    let flipped = match &base64[last..=last] {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        _ => "x",
    };
    format!("{}{flipped}{}", &base64[..last], &base64[last + 1..])
}

/// T-08: a key under which anything verifies is no key, so none reaches a signature check.
#[test]
fn weak_keys_are_refused() {
    // The identity: R = identity and s = 0 satisfy the plain equation for any message.
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(PublicKey::from_bytes(&identity), Err(KeyError::Weak));
    let signature = [identity, [0; 32]].concat();
    let headers =
        SignedHeaders { signature: format!("hm=:{}:", BASE64.encode(&signature)), ..signed() };
    assert_eq!(verify(&headers), Err(HttpSigError::Signature));
}

#[test]
fn key_ids() {
    for id in ["a", "did:key:z6MkhaXg#z6MkhaXg", &"x".repeat(128)] {
        assert_eq!(KeyId::new(id).unwrap().as_str(), id);
    }
    for id in ["", "a b", "a\"", "a\\", "\u{e9}", &"x".repeat(129)] {
        assert_eq!(KeyId::new(id), Err(HttpSigError::KeyId), "{id}");
    }
}
