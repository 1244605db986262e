//! Bundles: which are served, and which are refused at configuration.

use palisade_gateway::bundle::{Digest, format};
use palisade_gateway::{Gateway, NativeHost, limits};

use crate::world::{Ask, NOW, Parts, Signer, assemble, configuration, gateway, send_at};

fn configure(bundle: &[u8], trust: &[&Signer], threshold: usize, rest: &str) -> Result<Gateway, &'static str> {
    let configuration = configuration(bundle, trust, threshold, rest);
    Gateway::configure(&configuration, &mut NativeHost::at(NOW)).map_err(|error| error.code())
}

fn refused(bundle: &[u8], trust: &[&Signer], threshold: usize, rest: &str) -> &'static str {
    configure(bundle, trust, threshold, rest).err().unwrap_or("accepted")
}

#[test]
fn every_flipped_byte_is_refused() {
    let key = Signer::ed25519(1);
    let bundle = Parts::new().sign(&[&key]);
    assert!(configure(&bundle, &[&key], 1, "").is_ok());
    for at in 0..bundle.len() {
        for bit in [0x01, 0x80] {
            let mut damaged = bundle.clone();
            damaged[at] ^= bit;
            assert_ne!(refused(&damaged, &[&key], 1, ""), "accepted", "byte {at}, bit {bit:#x}");
        }
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let key = Signer::es256(1);
    let bundle = Parts::new().sign(&[&key]);
    assert!(configure(&bundle, &[&key], 1, "").is_ok());
    for end in (0..bundle.len()).step_by(7).chain([bundle.len() - 1]) {
        assert_ne!(refused(&bundle[..end], &[&key], 1, ""), "accepted", "cut at {end}");
    }
    assert_eq!(refused(&[&bundle[..], &[0]].concat(), &[&key], 1, ""), "bundle.layout");
    assert_eq!(refused(&[&[0], &bundle[..]].concat(), &[&key], 1, ""), "bundle.magic");
}

#[test]
fn k_of_n_distinct_keys_must_sign() {
    let (a, b, c) = (Signer::ed25519(1), Signer::es256(2), Signer::ed25519(3));
    let parts = Parts::new();
    let by = |signers: &[&Signer]| parts.sign(signers);
    assert!(configure(&by(&[&a, &b]), &[&a, &b, &c], 2, "").is_ok());
    assert!(configure(&by(&[&a, &b, &c]), &[&a, &c], 2, "").is_ok());
    assert!(configure(&by(&[&a, &b]), &[&a], 1, "").is_ok(), "a stranger's signature does not count, nor harm");

    assert_eq!(refused(&by(&[]), &[&a], 1, ""), "bundle.threshold");
    assert_eq!(refused(&by(&[&b]), &[&a], 1, ""), "bundle.threshold");
    assert_eq!(refused(&by(&[&a]), &[&a, &b], 2, ""), "bundle.threshold");
    assert_eq!(refused(&by(&[&a, &c]), &[&a, &b], 2, ""), "bundle.threshold");
    // The same key twice is not two keys; the list is not even well-formed.
    assert_eq!(refused(&by(&[&a, &a]), &[&a, &b], 2, ""), "bundle.signature_list");
}

#[test]
fn a_signature_is_for_one_key_one_algorithm_and_one_purpose() {
    let key = Signer::ed25519(1);
    let parts = Parts::new();
    let manifest = parts.manifest.encode().unwrap();
    let sections = [&parts.policies[..], &parts.gateway].concat();
    let signed = parts.sign(&[&key]);
    let good = &signed[signed.len() - 99..];
    assert!(configure(&assemble(&manifest, &sections, good), &[&key], 1, "").is_ok());

    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut signatures = good.to_vec();
        change(&mut signatures);
        refused(&assemble(&manifest, &sections, &signatures), &[&key], 1, "")
    };
    assert_eq!(with(&|s| s[32] = format::ALGORITHM_ES256), "bundle.signature");
    assert_eq!(with(&|s| s[32] = 0), "bundle.signature_list");
    assert_eq!(with(&|s| s[32] = 3), "bundle.signature_list");
    assert_eq!(with(&|s| s[33] = 63), "bundle.signature_list");
    assert_eq!(with(&|s| s.extend_from_slice(&[0; 10])), "bundle.layout");
    assert_eq!(with(&|s| s.extend_from_slice(good)), "bundle.signature_list");
    assert_eq!(with(&|s| s[98] ^= 1), "bundle.signature");
    assert_eq!(with(&|s| s[0] ^= 1), "bundle.threshold");

    // Signed, but not as a manifest: the bare bytes instead of their encoding.
    let Signer::Ed25519(private) = &key else { unreachable!() };
    let bare = ed25519_dalek::Signer::sign(private, &manifest).to_bytes();
    assert_eq!(with(&|s| s[35..].copy_from_slice(&bare)), "bundle.signature");
}

#[test]
fn only_the_expected_bundle_is_accepted() {
    let key = Signer::ed25519(1);
    let bundle = Parts::new().sign(&[&key]);
    let refused = |rest: &str| refused(&bundle, &[&key], 1, rest);
    assert_eq!(refused(r#","channel":"test","min_version":7"#), "accepted");
    assert_eq!(refused(r#","channel":"production""#), "bundle.channel");
    assert_eq!(refused(r#","channel":"Test""#), "bundle.channel");
    assert_eq!(refused(r#","min_version":8"#), "bundle.version");

    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::new();
        change(&mut parts);
        self::refused(&parts.sign(&[&key]), &[&key], 1, "")
    };
    assert_eq!(changed(&|p| p.manifest.expires = NOW), "bundle.expired");
    assert_eq!(changed(&|p| p.manifest.expires = NOW + 1), "accepted");
    assert_eq!(changed(&|p| p.manifest.created = NOW + limits::BUNDLE_SKEW_SECONDS), "accepted");
    assert_eq!(changed(&|p| p.manifest.created = NOW + limits::BUNDLE_SKEW_SECONDS + 1), "bundle.not_yet_valid");
    assert_eq!(changed(&|p| p.manifest.created = p.manifest.expires - 1), "bundle.not_yet_valid");
    assert_eq!(changed(&|p| p.manifest.min_engine = format::ENGINE + 1), "bundle.engine");
    assert_eq!(changed(&|p| p.manifest.format = 2), "bundle.format");
    assert_eq!(changed(&|p| p.manifest.policies += 1), "bundle.policies");
    assert_eq!(changed(&|p| p.manifest.sections[0].sha256 = Digest::of(b"")), "bundle.section_digest");
    assert_eq!(changed(&|p| p.manifest.sections[0].size -= 1), "bundle.section_digest");
    assert_eq!(changed(&|p| p.manifest.sections[1].size += 1), "bundle.layout");
    assert_eq!(changed(&|p| p.manifest.sections.truncate(1)), "bundle.section_missing");
    assert_eq!(changed(&|p| p.manifest.sections.swap(0, 1)), "bundle.section_missing");
}

#[test]
fn what_is_signed_is_still_not_trusted() {
    let key = Signer::ed25519(1);
    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::new();
        change(&mut parts);
        parts.describe_sections();
        refused(&parts.sign(&[&key]), &[&key], 1, "")
    };
    let section = |from: &'static str, to: &'static str| {
        move |p: &mut Parts| {
            let text = String::from_utf8(p.gateway.clone()).unwrap();
            assert!(text.contains(from), "{from}");
            p.gateway = text.replacen(from, to, 1).into_bytes();
        }
    };
    assert_eq!(changed(&|p| p.policies.clear()), "bundle.policies");
    assert_eq!(changed(&|p| p.policies.truncate(40)), "bundle.policies");
    assert_eq!(changed(&|p| p.gateway = b"{}".to_vec()), "bundle.gateway");
    for (from, to) in [
        ("\"alias\":\"dev\"", "\"alias\":\"dev\",\"extra\":1"),
        ("\"alias\":\"dev\"", "\"alias\":\"dev\",\"alias\":\"dev\""),
        ("\"ES256\"", "\"HS256\""),
        ("\"ES256\"", "\"none\""),
        ("\"kid\":\"ed\"", "\"kid\":\"es\""),
        ("\"kid\":\"ed\"", "\"kid\":\"ed\",\"kid\":\"ed\""),
        ("\"kid\":\"ed\"", "\"kid\":\"ed\",\"d\":\"AA\""),
        ("\"GET\",\"HEAD\"", "\"GET\",\"GET\""),
        ("/deploy/{env}", "/deploy//{env}"),
        ("x-intent", "x-palisade-intent"),
        ("x-intent", "authorization"),
        ("\"max_lifetime_seconds\":900", "\"max_lifetime_seconds\":900000"),
    ] {
        assert_eq!(changed(&section(from, to)), "bundle.gateway", "{to}");
    }
}

#[test]
fn a_bundle_that_expires_while_serving_stops_deciding() {
    let mut gateway = gateway();
    let ask = Ask::new("GET", "/repos/site");
    assert_eq!(send_at(&mut gateway, &ask, NOW).reason, "policy.allow");
    // The token is valid for 300 seconds; a fresh one would not help either.
    let late = send_at(&mut gateway, &ask, NOW + 1800);
    assert_eq!((late.reason, late.status), ("bundle.expired", 503));
    assert_eq!(late.header("retry-after"), Some("10"));
    assert_eq!(late.record["principal"], serde_json::Value::Null);
    let anonymous = send_at(&mut gateway, &Ask::bare("GET", "/"), NOW + 1800);
    assert_eq!(anonymous.reason, "bundle.expired");
}

#[test]
fn while_the_clock_shows_a_time_before_the_bundle_nothing_is_decided() {
    let mut gateway = gateway();
    let ask = Ask::new("GET", "/repos/site");
    assert_eq!(send_at(&mut gateway, &ask, NOW).reason, "policy.allow");
    let created = gateway.bundle().unwrap().manifest().created;
    // What has expired long ago would be good again, for a clock that was set back.
    for wrong in [0, 1, created - 30 * 24 * 60 * 60, created - limits::BUNDLE_SKEW_SECONDS - 1] {
        for ask in [&ask, &Ask::bare("GET", "/"), &Ask::bare("GET", "/.well-known/oauth-protected-resource")] {
            let answer = send_at(&mut gateway, ask, wrong);
            assert_eq!((answer.reason, answer.status), ("bundle.not_yet_valid", 503), "{wrong}");
            assert_eq!(answer.record["principal"], serde_json::Value::Null);
        }
    }
    assert_ne!(send_at(&mut gateway, &ask, created - limits::BUNDLE_SKEW_SECONDS).reason, "bundle.not_yet_valid");
    assert_eq!(send_at(&mut gateway, &ask, NOW).reason, "policy.allow", "and once it is right, all goes on");
}
