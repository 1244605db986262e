use super::*;
use crate::bundle::{Draft, sign, write};
use crate::keys::{Algorithm, PrivateKey};
use crate::revocation::{ListEditor, Publication};

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate(Algorithm::Ed25519).unwrap()
}

/// A whole bundle without policies, not signed.
pub(crate) fn unsigned(channel: &str, version: u64) -> Vec<u8> {
    expiring(channel, version, 2_000)
}

pub(crate) fn expiring(channel: &str, version: u64, expires: u64) -> Vec<u8> {
    let draft = Draft {
        name: channel.to_owned(),
        version,
        created: 1_000,
        expires,
        policies: b"policies".to_vec(),
        policy_count: 1,
        worst_case_steps: 9,
        gateway: b"gateway".to_vec(),
        sources: Vec::new(),
    };
    write(&draft).unwrap()
}

pub(crate) fn bundle(channel: &str, version: u64) -> Vec<u8> {
    sign(&unsigned(channel, version), &key()).unwrap()
}

/// A document of a kind, with these JSON texts as payload and signatures.
fn envelope(payload_type: &str, payload: &str, signatures: &str) -> Vec<u8> {
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::STANDARD.encode(payload);
    format!(r#"{{"payload":"{payload}","payloadType":"application/vnd.palisade.{payload_type}.v1+json","signatures":{signatures}}}"#)
        .into_bytes()
}

fn revocations(channel: &str, serial: u64, is_signed: bool) -> Vec<u8> {
    let mut editor = ListEditor::new(channel);
    let keys = [key()];
    let keys = if is_signed { keys.as_slice() } else { &[] };
    let publication = Publication { now: 1_000, expires: 2_000, on_expiry: None, keys };
    (0..serial).map(|_| editor.publish(&publication).unwrap().list).last().unwrap()
}

const SIGNATURE: &str = r#"[{"keyid":"","sig":"AAAA"}]"#;

fn read(name: &str, bytes: Vec<u8>) -> Result<Artefact, &'static str> {
    Artefact::read(&ArtefactName::parse(name).unwrap(), bytes).map_err(|error| error.code())
}

#[test]
fn names_of_a_channel_s_files() {
    for (name, channel, kind) in [
        ("shop.palisade", "shop", Kind::Bundle),
        ("shop.candidate.palisade", "shop", Kind::Candidate),
        ("shop.eu-1_b.palisade", "shop.eu-1_b", Kind::Bundle),
        ("shop.freshness.json", "shop", Kind::Freshness),
        ("shop.root.1.json", "shop", Kind::Root(1)),
        ("shop.root.18446744073709551615.json", "shop", Kind::Root(u64::MAX)),
        ("shop.root.7.root.8.json", "shop.root.7", Kind::Root(8)),
        ("shop.revocations.json", "shop", Kind::Revocations),
        ("root.root.1.json", "root", Kind::Root(1)),
        ("shop.revocations.12.json", "shop", Kind::RevocationsBase(12)),
        ("shop.root.1.revocations.json", "shop.root.1", Kind::Revocations),
    ] {
        assert_eq!(ArtefactName::parse(name), Some(ArtefactName { channel, kind }), "{name}");
    }
}

#[test]
fn no_other_name_is_served() {
    for name in [
        "",
        ".",
        "..",
        ".palisade",
        "..palisade",
        ".shop.palisade",
        ".candidate.palisade",
        "shop",
        "shop.json",
        "shop.palisade.tmp",
        "shop.palisade.123.tmp",
        "shop.palisade/",
        "shop.PALISADE",
        "../shop.palisade",
        "a/shop.palisade",
        "a\\shop.palisade",
        "%2e%2e.palisade",
        "shop%00.palisade",
        "shop\0.palisade",
        "sh op.palisade",
        "shöp.palisade",
        "shop.root.json",
        "shop.root..json",
        "shop.root.0.json",
        "shop.root.01.json",
        "shop.root.+1.json",
        "shop.root.1e3.json",
        "shop.root.18446744073709551616.json",
        ".root.1.json",
        "shop.rev.json",
        "shop.7.json",
        "shop.revocations.01.json",
        ".revocations.1.json",
        "key.pem",
        "palisade.toml",
    ] {
        assert_eq!(ArtefactName::parse(name), None, "{name}");
    }
}

#[test]
fn a_signed_bundle_of_the_channel_is_served() {
    let bytes = bundle("shop", 7);
    let artefact = read("shop.palisade", bytes.clone()).unwrap();
    assert_eq!(artefact.bytes(), &bytes);
    assert_eq!(artefact.identity().version, Some(7));
    assert_eq!(artefact.identity().expires, Some(2_000));
    assert_eq!(artefact.etag(), format!("\"{}\"", Digest::of(&bytes)));
    assert_ne!(artefact.identity().digest, Digest::of(&bytes), "the manifest's, as gateways report it");
    assert!(read("shop.candidate.palisade", bytes).is_ok());
}

#[test]
fn what_is_no_signed_bundle_of_the_channel_is_not() {
    let whole = bundle("shop", 7);
    assert_eq!(read("shop.palisade", unsigned("shop", 7)), Err("artefact.unsigned"));
    assert_eq!(read("other.palisade", whole.clone()), Err("artefact.channel"));
    assert_eq!(read("shop.freshness.json", whole.clone()), Err("signed.syntax"));
    for len in 0..whole.len() {
        assert!(read("shop.palisade", whole[..len].to_vec()).is_err(), "the first {len} bytes");
    }
    let surplus = [whole.as_slice(), b"\0"].concat();
    assert!(read("shop.palisade", surplus).is_err());
    let end_of_sections = whole.windows(7).position(|window| window == b"gateway").unwrap();
    let mut altered = whole;
    altered[end_of_sections] ^= 1;
    assert!(read("shop.palisade", altered).is_err());
}

#[test]
fn documents_are_what_their_name_says() {
    let freshness = envelope("freshness", r#"{"channel":"shop","version":7,"expires":9}"#, SIGNATURE);
    let artefact = read("shop.freshness.json", freshness.clone()).unwrap();
    assert_eq!((artefact.identity().version, artefact.identity().expires), (Some(7), Some(9)));
    let root = envelope("root", r#"{"channel":"shop","version":2}"#, SIGNATURE);
    assert!(read("shop.root.2.json", root.clone()).is_ok());
    let list = revocations("shop", 3, true);
    assert_eq!(read("shop.revocations.json", list.clone()).unwrap().identity().version, Some(3));
    assert!(read("shop.revocations.3.json", list.clone()).is_ok());

    assert_eq!(read("shop.root.3.json", root.clone()), Err("artefact.version"));
    assert_eq!(read("shop.root.3.json", envelope("root", r#"{"channel":"shop"}"#, SIGNATURE)), Err("artefact.version"));
    assert_eq!(read("other.root.2.json", root.clone()), Err("artefact.channel"));
    assert_eq!(read("shop.revocations.4.json", list.clone()), Err("artefact.version"));
    assert_eq!(read("other.revocations.json", list.clone()), Err("artefact.channel"));
    assert_eq!(read("shop.revocations.json", revocations("shop", 3, false)), Err("artefact.unsigned"));
    assert_eq!(read("shop.revocations.json", root.clone()), Err("signed.payload_type"));
    let loose = envelope("revocations", r#"{"channel":"shop","serial":3}"#, SIGNATURE);
    assert_eq!(read("shop.revocations.json", loose), Err("revocations.malformed"));
    assert_eq!(read("shop.freshness.json", root), Err("signed.payload_type"));
    assert_eq!(read("shop.root.7.json", freshness), Err("signed.payload_type"));
    assert_eq!(read("shop.palisade", list), Err("bundle.magic"));
    let unsigned = envelope("freshness", r#"{"channel":"shop","version":7}"#, "[]");
    assert_eq!(read("shop.freshness.json", unsigned), Err("artefact.unsigned"));
    for payload in ["", "{}", "[]", "null", r#"{"channel":7}"#, r#"{"channel":"shop","version":-1}"#] {
        let bytes = envelope("freshness", payload, SIGNATURE);
        assert_eq!(read("shop.freshness.json", bytes), Err("signed.payload"), "{payload}");
    }
    for bytes in ["", "{", "[]", "{}", "null", "{\"payload\":\"e30=\"}"] {
        assert_eq!(read("shop.freshness.json", bytes.into()), Err("signed.syntax"), "{bytes}");
    }
}
