//! Tokens that are not what they should be: every line of `cases/tokens.txt` is sent and has its own reason.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::cases::{self, Case};
use crate::keys::{self, TestKey, b64};
use crate::world::{Ask, CLAIMS, gateway, send};

#[test]
fn every_case_has_its_reason() {
    let mut gateway = gateway();
    let mut reasons = std::collections::BTreeSet::new();
    for mut case in cases::read(include_str!("../cases/tokens.txt")) {
        let name = case.require("case");
        let expected = case.require("expect");
        let token = mint(&mut case);
        case.finish();
        let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"));
        // Twice: a refusal must not be remembered as anything else.
        for _ in 0..2 {
            let answer = send(&mut gateway, &ask);
            assert_eq!(answer.reason, expected, "{name}");
            let status = if expected == "policy.allow" { 200 } else { 401 };
            assert_eq!(answer.status, status, "{name}");
        }
        reasons.insert(expected);
    }
    let all: Vec<_> = TOKEN_REASONS.iter().filter(|reason| !reasons.contains(**reason)).collect();
    assert!(all.is_empty(), "no case for {all:?}");
}

/// Every reason for which a token can be refused.
const TOKEN_REASONS: [&str; 28] = [
    "token.too_large",
    "token.header_too_large",
    "token.parts",
    "token.encrypted",
    "token.base64",
    "token.json",
    "token.duplicate_member",
    "token.header_forbidden",
    "token.crit",
    "token.typ",
    "token.alg_not_allowed",
    "token.kid_invalid",
    "token.kid_unknown",
    "token.key_ambiguous",
    "token.key_mismatch",
    "token.signature",
    "token.issuer_missing",
    "token.issuer_unknown",
    "token.claim_type",
    "token.exp_missing",
    "token.expired",
    "token.not_yet_valid",
    "token.issued_in_future",
    "token.issued_at_missing",
    "token.lifetime",
    "token.audience_missing",
    "token.audience",
    "token.audience_multiple",
];

fn mint(case: &mut Case) -> String {
    let key = match case.take("key").as_deref() {
        None | Some("es") => keys::p256(1),
        Some("es-2") => keys::p256(3),
        Some("rs") => keys::rsa(1),
        Some("ed") => keys::ed25519(1),
        Some("es384") => keys::p384(1),
        Some("es512") => keys::p521(1),
        Some("rs-only-rs256") => keys::rsa(2),
        Some("stranger-es") => keys::p256(9),
        Some("stranger-rs") => keys::rsa(2),
        Some("stranger-ed") => keys::ed25519(9),
        Some(other) => panic!("no key `{other}`"),
    };
    let header = case.take("header").unwrap_or_else(|| r#"{"alg":"ES256","kid":"es"}"#.to_owned());
    // A header that is too long would not fit on a line.
    let header = header.replace("PADDING", &"x".repeat(palisade_gateway::limits::JOSE_HEADER_BYTES));
    let claims = case.take("claims").unwrap_or_else(|| CLAIMS.to_owned());
    let token = key.token(&header, &claims);
    match case.take("change") {
        None => token,
        Some(change) => changed(&change, &token, &key),
    }
}

/// Changes a signed token.
fn changed(change: &str, token: &str, key: &TestKey) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let with_signature = |bytes: &[u8]| format!("{input}.{}", b64(bytes));
    let hmac_with = |secret: &[u8]| with_signature(&keys::hmac(secret, input.as_bytes()));
    match change.split_once(' ').unwrap_or((change, "")) {
        ("claims", other) => format!("{header}.{}.{signature}", b64(other)),
        ("header", other) => format!("{}.{claims}.{signature}", b64(other)),
        ("flip-signature", at) => {
            let mut bytes = raw;
            bytes[at.parse::<usize>().unwrap()] ^= 1;
            with_signature(&bytes)
        }
        ("zero-signature", len) => with_signature(&vec![0; len.parse().unwrap()]),
        ("truncate-signature", _) => with_signature(&raw[..raw.len() - 1]),
        ("extend-signature", _) => with_signature(&[&raw[..], &[0]].concat()),
        ("prepend-signature", _) => with_signature(&[&[0], &raw[..]].concat()),
        ("der-signature", _) => {
            let (r, s) = raw.split_at(raw.len() / 2);
            with_signature(&palisade_gateway::token::der::ecdsa_signature(r, s))
        }
        ("no-signature", _) => format!("{input}."),
        ("drop-signature", _) => input.to_owned(),
        ("append", text) => format!("{token}{text}"),
        ("trailing-bits", _) => {
            // The last character of 64 bytes carries four bits that decode to nothing.
            let last = signature.chars().last().unwrap();
            let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
            format!("{}{next}", token.strip_suffix(last).unwrap())
        }
        ("encrypted", _) => format!("{input}.{signature}.{signature}.{signature}"),
        ("pad-claims", len) => {
            let padding = "x".repeat(len.parse().unwrap());
            format!("{header}.{}.{signature}", b64(format!("{{\"x\":\"{padding}\"}}")))
        }
        ("hmac", "spki") => hmac_with(&spki(key)),
        ("hmac", "pem") => hmac_with(pem(key).as_bytes()),
        ("hmac", "padded-pem") => hmac_with(format!(" {}", pem(key)).as_bytes()),
        ("hmac", "jwk") => hmac_with(key.jwk("rs").as_bytes()),
        ("hmac", "empty") => hmac_with(b""),
        (other, _) => panic!("no change `{other}`"),
    }
}

fn pem(key: &TestKey) -> String {
    let body = STANDARD.encode(spki(key));
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn spki(key: &TestKey) -> Vec<u8> {
    use rsa::traits::PublicKeyParts as _;
    match key {
        TestKey::Rsa(key) => palisade_gateway::token::der::rsa_spki(&key.n().to_bytes_be(), &key.e().to_bytes_be()),
        TestKey::P256(key) => {
            let point = key.verifying_key().to_encoded_point(false);
            [&palisade_gateway::token::der::P256_SPKI_PREFIX, point.as_bytes()].concat()
        }
        TestKey::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
        TestKey::P384(_) | TestKey::P521(_) => panic!("no attack needs it"),
    }
}
