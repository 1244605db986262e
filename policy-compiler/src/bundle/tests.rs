use palisade_gateway::bundle::{Expectation, TrustKey, TrustSet};

use super::*;
use crate::keys::Algorithm;

fn draft() -> Draft {
    let source = |path: &str| SourceEntry { path: path.to_owned(), sha256: Digest::of(path.as_bytes()) };
    Draft {
        name: "test".to_owned(),
        version: 3,
        created: 1_000,
        expires: 2_000,
        policies: b"policies".to_vec(),
        policy_count: 1,
        worst_case_steps: 9,
        gateway: b"gateway".to_vec(),
        sources: vec![source("b"), source("a")],
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(Algorithm::Ed25519).unwrap()
}

fn trust(keys: &[&PrivateKey], threshold: usize) -> TrustSet {
    let keys: Vec<TrustKey> = keys.iter().map(|key| key.trust_key().unwrap()).collect();
    TrustSet::new(keys, threshold).unwrap()
}

#[test]
fn the_same_draft_gives_the_same_bytes() {
    let bytes = write(&draft()).unwrap();
    assert_eq!(bytes, write(&draft()).unwrap());
    let mut swapped = draft();
    swapped.sources.reverse();
    assert_eq!(bytes, write(&swapped).unwrap());
}

#[test]
fn the_reader_reads_what_is_written_and_signed() {
    let (first, second) = (key(), PrivateKey::generate(Algorithm::Es256).unwrap());
    let signed = sign(&write(&draft()).unwrap(), &first).unwrap();
    let signed = sign(&signed, &second).unwrap();
    let container = Container::read(&signed).unwrap();
    assert_eq!(container.signatures().len(), 2);
    let verified = container.verify(&trust(&[&first, &second], 2)).unwrap();
    assert_eq!(verified.manifest().version, 3);
    let expectation = Expectation { channel: Some("test"), min_version: 3, now_seconds: 1_500 };
    assert!(verified.accept(&expectation).is_ok());
}

#[test]
fn signing_again_replaces_the_signature() {
    let key = key();
    let once = sign(&write(&draft()).unwrap(), &key).unwrap();
    assert_eq!(once, sign(&once, &key).unwrap());
}

#[test]
fn the_order_of_signing_does_not_matter() {
    let (first, second) = (key(), key());
    let bytes = write(&draft()).unwrap();
    let one = sign(&sign(&bytes, &first).unwrap(), &second).unwrap();
    let other = sign(&sign(&bytes, &second).unwrap(), &first).unwrap();
    assert_eq!(one, other);
}

#[test]
fn every_flipped_byte_is_refused() {
    let key = key();
    let signed = sign(&write(&draft()).unwrap(), &key).unwrap();
    let trust = trust(&[&key], 1);
    for at in 0..signed.len() {
        let mut bytes = signed.clone();
        bytes[at] ^= 1;
        let refused = Container::read(&bytes)
            .and_then(|container| {
                check_whole(&container)?;
                container.verify(&trust)
            })
            .is_err();
        assert!(refused, "byte {at}");
    }
}

#[test]
fn only_whole_bundles_are_signed() {
    let bytes = write(&draft()).unwrap();
    let key = key();
    let code = |bytes: &[u8]| sign(bytes, &key).unwrap_err().code();
    assert_eq!(code(b""), "bundle.layout");
    assert_eq!(code(b"hello, this is no bundle at all"), "bundle.magic");
    assert_eq!(code(&bytes[..bytes.len() - 1]), "bundle.layout");
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(code(&changed), "bundle.section_digest");
    let mut expired = draft();
    expired.expires = expired.created;
    assert_eq!(code(&write(&expired).unwrap()), "bundle.manifest");
}

#[test]
fn a_bundle_holds_sixteen_signatures() {
    let mut bytes = write(&draft()).unwrap();
    for _ in 0..limits::BUNDLE_SIGNATURES {
        bytes = sign(&bytes, &key()).unwrap();
    }
    assert_eq!(sign(&bytes, &key()).unwrap_err(), WriteError::TooManySignatures);
}

#[test]
fn rsa_keys_do_not_sign() {
    let key = PrivateKey::generate(Algorithm::Rs256).unwrap();
    let refused = sign(&write(&draft()).unwrap(), &key).unwrap_err();
    assert_eq!(refused.code(), "key.not_for_bundles");
}

#[test]
fn parts_beyond_the_limits_are_refused() {
    let mut large = draft();
    large.policies = vec![0; limits::BUNDLE_BYTES];
    assert_eq!(write(&large), Err(WriteError::TooLarge));
    let mut many = draft();
    let name = "n".repeat(limits::MANIFEST_BYTES);
    many.sources = vec![SourceEntry { path: name, sha256: Digest::of(b"") }];
    assert_eq!(write(&many), Err(WriteError::TooLarge));
}
