use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::bundle::pae;
use crate::bundle::testing::{TestKey, ed25519, es256};
use crate::signed::{Envelope, EnvelopeSignature};

fn role(keys: &[&TestKey], threshold: usize) -> RoleFile {
    RoleFile { keys: keys.iter().map(|key| key.trust()).collect(), threshold }
}

/// Version 3 of channel `test`; two of keys 1, 2 and 3 sign roots, and one of each other role something else.
fn file() -> RootFile {
    RootFile {
        channel: "test".to_owned(),
        version: 3,
        issued: 1_000,
        expires: 2_000,
        roles: RolesFile {
            root: role(&[&ed25519(1), &es256(2), &ed25519(3)], 2),
            bundle: role(&[&ed25519(11)], 1),
            freshness: role(&[&ed25519(12)], 1),
            revocation: role(&[&ed25519(13)], 1),
        },
    }
}

fn next_file() -> RootFile {
    RootFile { version: 4, ..file() }
}

fn sign(file: &RootFile, keys: &[&TestKey]) -> Vec<u8> {
    let payload = serde_json::to_vec(file).unwrap();
    let signature = |key: &&TestKey| EnvelopeSignature {
        keyid: Digest::of(&key.public()).to_string(),
        sig: STANDARD.encode(key.sign_der(&pae(ROOT_TYPE, &payload))),
    };
    let envelope = Envelope {
        payload: STANDARD.encode(&payload),
        payload_type: ROOT_TYPE.to_owned(),
        signatures: keys.iter().map(signature).collect(),
    };
    serde_json::to_vec(&envelope).unwrap()
}

fn first() -> Root {
    Root::trusted(&sign(&file(), &[&ed25519(1), &es256(2)])).unwrap()
}

fn next(file: &RootFile, keys: &[&TestKey]) -> Result<u64, &'static str> {
    first().next(&sign(file, keys)).map(|root| root.file().version).map_err(|error| error.code())
}

#[test]
fn the_first_root_vouches_for_itself() {
    let root = first();
    assert_eq!(root.file(), &file());
    assert_eq!(root.role(Role::Root).threshold(), 2);
    for (role, key) in [(Role::Bundle, 11), (Role::Freshness, 12), (Role::Revocation, 13)] {
        let [only] = root.role(role).keys() else { panic!("{role:?}") };
        assert_eq!(only.to_string(), ed25519(key).trust());
    }
    let code = |bytes: &[u8]| Root::trusted(bytes).unwrap_err().code();
    assert_eq!(code(&sign(&file(), &[])), "signed.threshold");
    assert_eq!(code(&sign(&file(), &[&ed25519(1)])), "signed.threshold");
    assert_eq!(code(&sign(&file(), &[&ed25519(1), &ed25519(11)])), "signed.threshold");
    assert_eq!(code(b"{}"), "signed.syntax");
    assert_eq!(code(&vec![b' '; limits::ROOT_BYTES + 1]), "signed.too_large");
}

#[test]
fn the_next_root_is_signed_by_the_old_and_the_new_threshold() {
    let (a, b, c, d, e) = (ed25519(1), es256(2), ed25519(3), ed25519(4), ed25519(5));
    // The same keys, and the three ways in which two of three can sign.
    for keys in [[&a, &b], [&b, &c], [&a, &c]] {
        assert_eq!(next(&next_file(), &keys), Ok(4));
    }
    assert_eq!(next(&next_file(), &[&a]), Err("root.predecessor"));
    assert_eq!(next(&next_file(), &[]), Err("root.predecessor"));

    // Other keys: both thresholds count, each for itself.
    let mut rotated = next_file();
    rotated.roles.root = role(&[&c, &d, &e], 2);
    assert_eq!(next(&rotated, &[&a, &c, &d]), Ok(4), "one key may count for both");
    assert_eq!(next(&rotated, &[&a, &b, &d, &e]), Ok(4));
    assert_eq!(next(&rotated, &[&d, &e]), Err("root.predecessor"), "whoever has the new keys alone");
    assert_eq!(next(&rotated, &[&a, &d, &e]), Err("root.predecessor"));
    assert_eq!(next(&rotated, &[&a, &b]), Err("signed.threshold"), "nobody has shown that the new keys are there");
    assert_eq!(next(&rotated, &[&a, &b, &d]), Err("signed.threshold"));

    // A lower threshold needs the old one once more.
    let mut lower = next_file();
    lower.roles.root = role(&[&d], 1);
    assert_eq!(next(&lower, &[&d, &a]), Err("root.predecessor"));
    assert_eq!(next(&lower, &[&d, &a, &b]), Ok(4));
}

#[test]
fn versions_go_up_by_one() {
    let keys = [&ed25519(1), &es256(2)];
    for version in [0, 2, 3, 5, u64::MAX] {
        assert_eq!(next(&RootFile { version, ..file() }, &keys), Err("root.version"), "{version}");
    }
    let last = Root::trusted(&sign(&RootFile { version: u64::MAX, ..file() }, &keys)).unwrap();
    assert_eq!(last.next(&sign(&RootFile { version: 0, ..file() }, &keys)).unwrap_err(), RootError::Version);
}

#[test]
fn a_chain_goes_step_by_step() {
    let (a, b, d) = (ed25519(1), es256(2), ed25519(4));
    let mut fourth = next_file();
    fourth.roles.root = role(&[&d], 1);
    let fifth = RootFile { version: 5, ..fourth.clone() };
    let bytes = sign(&fifth, &[&d]);
    assert_eq!(first().next(&bytes).unwrap_err().code(), "root.predecessor");
    let root = first().next(&sign(&fourth, &[&a, &b, &d])).unwrap();
    assert_eq!(root.next(&bytes).unwrap().file().version, 5);
    // What the first root's keys sign counts for nothing after they are gone.
    assert_eq!(root.next(&sign(&fifth, &[&a, &b])).unwrap_err().code(), "root.predecessor");
}

#[test]
fn an_expired_root_leads_to_the_next() {
    assert!(!first().is_expired(1_999));
    assert!(first().is_expired(2_000));
    let keys = [&ed25519(1), &es256(2)];
    assert_eq!(next(&RootFile { issued: 1_500, expires: 1_501, ..next_file() }, &keys), Ok(4));
}

#[test]
fn a_root_is_for_one_channel_and_well_formed() {
    let keys = [&ed25519(1), &es256(2)];
    assert_eq!(next(&RootFile { channel: "other".to_owned(), ..next_file() }, &keys), Err("root.channel"));
    let with = |change: fn(&mut RootFile)| {
        let mut file = next_file();
        change(&mut file);
        next(&file, &keys)
    };
    assert_eq!(with(|f| f.expires = f.issued), Err("root.malformed"));
    assert_eq!(with(|f| f.channel.clear()), Err("root.malformed"));
    assert_eq!(with(|f| f.channel = "a\nb".to_owned()), Err("root.malformed"));
    assert_eq!(with(|f| f.channel = "x".repeat(limits::NAME_BYTES + 1)), Err("root.malformed"));
    for role in Role::ALL {
        let with = |change: &dyn Fn(&mut RoleFile)| {
            let mut file = next_file();
            change(file.roles.role_mut(role));
            next(&file, &keys)
        };
        assert_eq!(with(&|r| r.keys.clear()), Err("root.role"), "{role:?}");
        assert_eq!(with(&|r| r.keys.push(r.keys[0].clone())), Err("root.role"), "{role:?}");
        assert_eq!(with(&|r| r.threshold = 0), Err("root.role"), "{role:?}");
        assert_eq!(with(&|r| r.threshold = 4), Err("root.role"), "{role:?}");
        assert_eq!(with(&|r| r.keys[0] = "ed25519:AAAA".to_owned()), Err("root.key"), "{role:?}");
    }
}

#[test]
fn a_document_of_another_kind_is_no_root() {
    let keys = [&ed25519(1), &es256(2)];
    let text = String::from_utf8(sign(&next_file(), &keys)).unwrap();
    let other = text.replace(ROOT_TYPE, crate::bundle::FRESHNESS_TYPE);
    assert_eq!(first().next(other.as_bytes()).unwrap_err().code(), "root.predecessor");
    assert_eq!(Root::trusted(other.as_bytes()).unwrap_err().code(), "signed.payload_type");
}
