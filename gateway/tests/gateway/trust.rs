//! What changes while a bundle decides: how long it does, and who may sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_gateway::bundle::{Digest, FRESHNESS_TYPE, FreshnessFile, ROOT_TYPE, RoleFile, RolesFile, RootFile, pae};
use palisade_gateway::signed::{Envelope, EnvelopeSignature};
use palisade_gateway::{Gateway, NativeHost, NativeMemory, Refreshed};
use serde::Serialize;

use crate::world::{Ask, NOW, Parts, Signer, begin, configuration, finish, send_at};

pub(crate) const HOUR: u64 = 3600;

pub(crate) fn key(number: u8) -> Signer {
    Signer::ed25519(number)
}

/// The world's bundle in a version; it expires at NOW + 1800.
pub(crate) fn bundle(version: u64, name: &str, signers: &[&Signer]) -> Vec<u8> {
    parts(version, name).sign(signers)
}

fn parts(version: u64, name: &str) -> Parts {
    let mut parts = Parts::new();
    parts.manifest.version = version;
    parts.manifest.name = name.to_owned();
    parts
}

pub(crate) fn digest(version: u64, name: &str) -> Digest {
    Digest::of(&parts(version, name).manifest.encode().unwrap())
}

pub(crate) fn document(payload_type: &str, content: &impl Serialize, signers: &[&Signer]) -> Vec<u8> {
    let payload = serde_json::to_vec(content).unwrap();
    let signatures = signers.iter().map(|signer| EnvelopeSignature {
        keyid: signer.id().to_string(),
        sig: STANDARD.encode(signer.sign(&pae(payload_type, &payload))),
    });
    let envelope = Envelope {
        payload: STANDARD.encode(&payload),
        payload_type: payload_type.to_owned(),
        signatures: signatures.collect(),
    };
    serde_json::to_vec(&envelope).unwrap()
}

pub(crate) fn freshness_of(version: u64, name: &str) -> FreshnessFile {
    let digest = digest(version, name);
    FreshnessFile { channel: "test".to_owned(), version, digest, issued: NOW, expires: NOW + 4 * HOUR }
}

pub(crate) fn freshness(file: &FreshnessFile) -> Vec<u8> {
    document(FRESHNESS_TYPE, file, &[&key(1)])
}

fn role(signers: &[&Signer]) -> RoleFile {
    RoleFile { keys: signers.iter().map(|signer| signer.trust()).collect(), threshold: 1 }
}

/// Key 1 signs roots, key 3 freshness, key 4 revocations, and whoever is given bundles.
fn root_file(version: u64, bundle: &[&Signer]) -> RootFile {
    RootFile {
        channel: "test".to_owned(),
        version,
        issued: NOW - 10,
        expires: NOW + 10 * HOUR,
        roles: RolesFile {
            root: role(&[&key(1)]),
            bundle: role(bundle),
            freshness: role(&[&key(3)]),
            revocation: role(&[&key(4)]),
        },
    }
}

pub(crate) fn root(version: u64, bundle: &[&Signer]) -> Vec<u8> {
    document(ROOT_TYPE, &root_file(version, bundle), &[&key(1)])
}

#[derive(Default)]
struct Proxy(NativeMemory);

impl Proxy {
    fn host_at(&self, seconds: u64) -> NativeHost {
        NativeHost::at(seconds).with_memory(self.0.clone())
    }

    fn host(&self) -> NativeHost {
        self.host_at(NOW)
    }

    /// A gateway that trusts key 1 with everything.
    fn with_keys(&self, bundle: &[u8], rest: &str) -> Result<Gateway, &'static str> {
        Gateway::configure(&configuration(bundle, &[&key(1)], 1, rest), &mut self.host()).map_err(|error| error.code())
    }

    fn with_root(&self, bundle: &[u8], root: &[u8], rest: &str) -> Result<Gateway, &'static str> {
        let (bundle, root) = (STANDARD.encode(bundle), STANDARD.encode(root));
        let text = format!(r#"{{"bundle":{{"inline":"{bundle}"}},"trust":{{"root":"{root}"}}{rest}}}"#);
        Gateway::configure(text.as_bytes(), &mut self.host()).map_err(|error| error.code())
    }

    fn refresh(&self, gateway: &mut Gateway, bytes: &[u8]) -> Result<Refreshed, &'static str> {
        gateway.refresh(bytes, &mut self.host()).map_err(|error| error.code())
    }

    fn swap(&self, gateway: &mut Gateway, bundle: &[u8], seconds: u64) -> Result<bool, &'static str> {
        gateway.swap(bundle, &mut self.host_at(seconds), &mut Vec::new()).map_err(|error| error.code())
    }

    fn rotate(&self, gateway: &mut Gateway, bytes: &[u8]) -> Result<(), &'static str> {
        gateway.rotate(bytes, &mut self.host()).map_err(|error| error.code())
    }
}

pub(crate) fn reason_at(gateway: &mut Gateway, seconds: u64) -> &'static str {
    // Without a token: what a bundle decides comes after whether it decides.
    send_at(gateway, &Ask::bare("GET", "/repos/site"), seconds).reason
}

/// What a gateway says to a request without a token while its bundle decides.
pub(crate) const DECIDES: &str = "token.missing";

#[test]
fn a_bundle_lives_as_long_as_it_is_renewed() {
    let proxy = Proxy::default();
    let mut gateway = proxy.with_keys(&bundle(7, "a", &[&key(1)]), "").unwrap();
    assert_eq!(reason_at(&mut gateway, NOW + 1799), DECIDES);
    assert_eq!(reason_at(&mut gateway, NOW + 1800), "bundle.expired");
    let file = freshness_of(7, "a");
    assert_eq!(proxy.refresh(&mut gateway, &freshness(&file)), Ok(Refreshed::Renewed(file.expires)));
    assert_eq!(reason_at(&mut gateway, file.expires - 1), DECIDES);
    assert_eq!(reason_at(&mut gateway, file.expires), "bundle.expired");
    // An older document, or a shorter one, takes nothing away.
    for (issued, expires) in [(NOW - 100, NOW + HOUR), (NOW, NOW + 1), (NOW, file.expires)] {
        let other = FreshnessFile { issued, expires, ..file.clone() };
        assert_eq!(proxy.refresh(&mut gateway, &freshness(&other)), Ok(Refreshed::Unchanged));
        assert_eq!(gateway.bundle().unwrap().expires(), file.expires);
    }
}

#[test]
fn a_renewal_of_another_bundle_changes_nothing() {
    let proxy = Proxy::default();
    let mut gateway = proxy.with_keys(&bundle(7, "a", &[&key(1)]), "").unwrap();
    let good = freshness_of(7, "a");
    for (file, code) in [
        (freshness_of(6, "a"), "freshness.rollback"),
        (freshness_of(7, "b"), "freshness.equivocation"),
        (FreshnessFile { channel: "other".to_owned(), ..good.clone() }, "freshness.channel"),
        (FreshnessFile { issued: NOW - HOUR, expires: NOW, ..good.clone() }, "freshness.expired"),
        (FreshnessFile { issued: NOW + HOUR, ..good.clone() }, "freshness.future"),
        (FreshnessFile { expires: u64::MAX, ..good.clone() }, "freshness.lifetime"),
    ] {
        assert_eq!(proxy.refresh(&mut gateway, &freshness(&file)), Err(code));
        assert_eq!(gateway.bundle().unwrap().expires(), NOW + 1800, "{code}");
    }
    let foreign = document(FRESHNESS_TYPE, &good, &[&key(2)]);
    assert_eq!(proxy.refresh(&mut gateway, &foreign), Err("signed.threshold"));
    assert_eq!(proxy.refresh(&mut gateway, b"nothing"), Err("signed.syntax"));
    // Another worker has opened a newer bundle: this one's own is not renewed any more.
    proxy.with_keys(&bundle(8, "a", &[&key(1)]), "").unwrap();
    assert_eq!(proxy.refresh(&mut gateway, &freshness(&good)), Err("freshness.rollback"));
}

#[test]
fn a_renewal_that_comes_before_its_bundle_waits_for_it() {
    let proxy = Proxy::default();
    let mut gateway = proxy.with_keys(&bundle(7, "a", &[&key(1)]), "").unwrap();
    let ahead = freshness_of(8, "b");
    assert_eq!(proxy.refresh(&mut gateway, &freshness(&ahead)), Ok(Refreshed::Ahead(8)));
    assert_eq!(gateway.bundle().unwrap().expires(), NOW + 1800);
    // The bundle has expired by then, and is renewed.
    let late = NOW + 2 * HOUR;
    assert_eq!(proxy.swap(&mut gateway, &bundle(8, "c", &[&key(1)]), late), Err("bundle.expired"), "another one");
    assert_eq!(proxy.swap(&mut gateway, &bundle(8, "b", &[&key(1)]), late), Ok(true));
    assert_eq!(gateway.bundle().unwrap().expires(), ahead.expires);
    assert_eq!(reason_at(&mut gateway, late), DECIDES);
}

#[test]
fn a_configuration_can_bring_the_renewal() {
    let proxy = Proxy::default();
    let mut expired = parts(7, "a");
    expired.manifest.expires = NOW - 1;
    let digest = Digest::of(&expired.manifest.encode().unwrap());
    let bytes = expired.sign(&[&key(1)]);
    let rest = |file: &FreshnessFile| format!(r#","freshness":"{}""#, STANDARD.encode(freshness(file)));
    assert_eq!(proxy.with_keys(&bytes, "").err(), Some("bundle.expired"));
    assert_eq!(proxy.with_keys(&bytes, &rest(&freshness_of(7, "a"))).err(), Some("bundle.expired"));
    let file = FreshnessFile { digest, ..freshness_of(7, "a") };
    let gateway = proxy.with_keys(&bytes, &rest(&file)).unwrap();
    assert_eq!(gateway.bundle().unwrap().expires(), file.expires);
    assert_eq!(proxy.with_keys(&bytes, r#","freshness":"AAA""#).err(), Some("config.trust_encoding"));
    assert_eq!(proxy.with_keys(&bytes, r#","freshness":"AAAA""#).err(), Some("signed.syntax"));
}

#[test]
fn a_root_says_who_signs_what() {
    let proxy = Proxy::default();
    let (root, two) = (root(1, &[&key(2)]), key(2));
    let mut gateway = proxy.with_root(&bundle(7, "a", &[&two]), &root, "").unwrap();
    assert_eq!(gateway.root().unwrap().file().version, 1);
    let good = freshness_of(7, "a");
    for (signer, result) in
        [(1, Err("signed.threshold")), (2, Err("signed.threshold")), (3, Ok(Refreshed::Renewed(good.expires)))]
    {
        assert_eq!(proxy.refresh(&mut gateway, &document(FRESHNESS_TYPE, &good, &[&key(signer)])), result, "{signer}");
    }
    for signer in [1, 3, 4] {
        assert_eq!(proxy.with_root(&bundle(8, "a", &[&key(signer)]), &root, "").err(), Some("bundle.threshold"));
    }
    assert_eq!(proxy.with_root(&bundle(8, "a", &[&two]), &root, r#","channel":"other""#).err(), Some("root.channel"));
    let mut staging = parts(8, "a");
    staging.manifest.channel = "staging".to_owned();
    assert_eq!(proxy.with_root(&staging.sign(&[&two]), &root, "").err(), Some("bundle.channel"));
    let unsigned = document(ROOT_TYPE, &root_file(1, &[&two]), &[&two]);
    assert_eq!(proxy.with_root(&bundle(8, "a", &[&two]), &unsigned, "").err(), Some("signed.threshold"));
}

#[test]
fn a_bundle_whose_key_is_gone_decides_nothing_until_it_is_signed_anew() {
    let proxy = Proxy::default();
    let (old, new) = (key(2), key(5));
    let mut gateway = proxy.with_root(&bundle(7, "a", &[&old]), &root(1, &[&old]), "").unwrap();
    assert_eq!(reason_at(&mut gateway, NOW), DECIDES);
    assert_eq!(proxy.rotate(&mut gateway, &root(2, &[&new])), Ok(()));
    assert_eq!(reason_at(&mut gateway, NOW), "bundle.untrusted");
    assert_eq!(send_at(&mut gateway, &Ask::new("GET", "/repos/site"), NOW).status, 503);
    // What the old key signs is refused from now on, and the very same bundle decides again with a signature that counts.
    assert_eq!(proxy.swap(&mut gateway, &bundle(7, "a", &[&old]), NOW), Err("bundle.threshold"));
    assert_eq!(proxy.swap(&mut gateway, &bundle(8, "a", &[&old]), NOW), Err("bundle.threshold"));
    assert_eq!(reason_at(&mut gateway, NOW), "bundle.untrusted");
    assert_eq!(proxy.swap(&mut gateway, &bundle(7, "a", &[&old, &new]), NOW), Ok(false), "the same bundle");
    assert_eq!(reason_at(&mut gateway, NOW), DECIDES);
}

#[test]
fn a_key_that_goes_while_a_body_is_awaited_takes_its_bundle_along() {
    let proxy = Proxy::default();
    let (old, new) = (key(2), key(5));
    let mut gateway = proxy.with_root(&bundle(7, "a", &[&old]), &root(1, &[&old]), "").unwrap();
    let ask = Ask::new("POST", "/mcp/http403").header("content-type", "application/json");
    let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let (first, second) = (begin(&mut gateway, &ask), begin(&mut gateway, &ask));
    assert_eq!(finish(&mut gateway, &ask, ping, first, NOW).reason, "policy.allow");
    // Another bundle decides by then, but not about this request.
    assert_eq!(proxy.swap(&mut gateway, &bundle(8, "a", &[&old, &new]), NOW), Ok(true));
    assert_eq!(proxy.rotate(&mut gateway, &root(2, &[&new])), Ok(()));
    assert_eq!(finish(&mut gateway, &ask, ping, second, NOW).reason, "bundle.untrusted");
    let third = begin(&mut gateway, &ask);
    assert_eq!(finish(&mut gateway, &ask, ping, third, NOW).reason, "policy.allow");
}

#[test]
fn a_bundle_that_both_keys_signed_decides_across_the_rotation() {
    let (old, new) = (key(2), key(5));
    // Signed by both from the beginning, or offered again with the second signature before the root.
    for early in [true, false] {
        let proxy = Proxy::default();
        let first = if early { vec![&old, &new] } else { vec![&old] };
        let mut gateway = proxy.with_root(&bundle(7, "a", &first), &root(1, &[&old]), "").unwrap();
        if !early {
            assert_eq!(proxy.swap(&mut gateway, &bundle(7, "a", &[&old, &new]), NOW), Ok(false));
        }
        assert_eq!(proxy.rotate(&mut gateway, &root(2, &[&new])), Ok(()));
        assert_eq!(reason_at(&mut gateway, NOW), DECIDES);
    }
}

#[test]
fn only_the_next_root_is_taken() {
    let proxy = Proxy::default();
    let two = key(2);
    let mut gateway = proxy.with_root(&bundle(7, "a", &[&two]), &root(1, &[&two]), "").unwrap();
    for (bytes, code) in [
        (root(1, &[&two]), "root.version"),
        (root(3, &[&two]), "root.version"),
        (document(ROOT_TYPE, &root_file(2, &[&key(6)]), &[&two]), "root.predecessor"),
        (b"{}".to_vec(), "signed.syntax"),
    ] {
        assert_eq!(proxy.rotate(&mut gateway, &bytes), Err(code));
        assert_eq!(gateway.root().unwrap().file().version, 1);
        assert_eq!(reason_at(&mut gateway, NOW), DECIDES);
    }
    let mut with_keys = proxy.with_keys(&bundle(7, "a", &[&key(1), &two]), "").unwrap();
    assert_eq!(proxy.rotate(&mut with_keys, &root(2, &[&two])), Err("root.none"));
}

#[test]
fn workers_follow_a_root_and_a_new_vm_does_not_go_back() {
    let proxy = Proxy::default();
    let (old, new) = (key(2), key(5));
    let both = bundle(7, "a", &[&old, &new]);
    let mut first = proxy.with_root(&both, &root(1, &[&old]), "").unwrap();
    let mut second = proxy.with_root(&both, &root(1, &[&old]), "").unwrap();
    assert!(!second.follow_roots(&mut proxy.host()));
    for version in [2, 3] {
        assert_eq!(proxy.rotate(&mut first, &root(version, &[&new])), Ok(()));
    }
    assert!(second.follow_roots(&mut proxy.host()));
    assert_eq!(second.root().unwrap().file().version, 3);
    // A worker that is configured anew begins with the root of its configuration, and does not stay there.
    assert_eq!(proxy.with_root(&bundle(8, "a", &[&old]), &root(1, &[&old]), "").err(), Some("bundle.threshold"));
    let third = proxy.with_root(&both, &root(1, &[&old]), "").unwrap();
    assert_eq!(third.root().unwrap().file().version, 3);
    // What others write under the name leads nowhere.
    let forged = document(ROOT_TYPE, &root_file(4, &[&key(6)]), &[&key(6)]);
    let mut host = proxy.host();
    assert!(palisade_gateway::SharedMemory::share(
        &mut host,
        "palisade.root.test.4",
        &forged,
        palisade_gateway::Expected::Anything
    ));
    assert!(!second.follow_roots(&mut proxy.host()));
}

#[test]
fn an_expired_root_vouches_for_nothing_new() {
    let proxy = Proxy::default();
    let two = key(2);
    let short =
        |version, expires| document(ROOT_TYPE, &RootFile { expires, ..root_file(version, &[&two]) }, &[&key(1)]);
    let mut gateway = proxy.with_root(&bundle(7, "a", &[&two]), &short(1, NOW + 60), "").unwrap();
    // What it vouched for goes on.
    assert_eq!(reason_at(&mut gateway, NOW + 60), DECIDES);
    assert_eq!(proxy.swap(&mut gateway, &bundle(8, "a", &[&two]), NOW + 60), Err("root.expired"));
    let renewal = document(FRESHNESS_TYPE, &freshness_of(7, "a"), &[&key(3)]);
    let refreshed = gateway.refresh(&renewal, &mut proxy.host_at(NOW + 60)).map_err(|error| error.code());
    assert_eq!(refreshed, Err("root.expired"));
    // The next one is taken, and the one after an expired one.
    assert_eq!(gateway.rotate(&short(2, NOW + 61), &mut proxy.host_at(NOW + 100)), Ok(()));
    assert_eq!(gateway.rotate(&short(3, NOW + HOUR), &mut proxy.host_at(NOW + 100)), Ok(()));
    assert_eq!(proxy.swap(&mut gateway, &bundle(8, "a", &[&two]), NOW + 100), Ok(true));
    // A configuration with an expired root and nothing after it is refused.
    assert_eq!(Proxy::default().with_root(&bundle(7, "a", &[&two]), &short(1, NOW), "").err(), Some("root.expired"));
}

#[test]
fn keys_and_roots_exclude_each_other() {
    let proxy = Proxy::default();
    let bundle = STANDARD.encode(bundle(7, "a", &[&key(1)]));
    let root = STANDARD.encode(root(1, &[&key(1)]));
    let key = key(1).trust();
    for (trust, code) in [
        ("{}".to_owned(), "config.trust"),
        (format!(r#"{{"keys":["{key}"],"root":"{root}"}}"#), "config.trust"),
        (format!(r#"{{"threshold":1,"root":"{root}"}}"#), "config.trust"),
        (r#"{"threshold":1}"#.to_owned(), "config.trust"),
        (r#"{"root":"AAA"}"#.to_owned(), "config.trust_encoding"),
        (r#"{"root":"AAAA"}"#.to_owned(), "signed.syntax"),
        (format!(r#"{{"roots":"{root}"}}"#), "config.syntax"),
    ] {
        let text = format!(r#"{{"bundle":{{"inline":"{bundle}"}},"trust":{trust}}}"#);
        let refused = Gateway::configure(text.as_bytes(), &mut proxy.host()).map(|_| ()).map_err(|error| error.code());
        assert_eq!(refused, Err(code), "{trust}");
    }
}
