//! Keys: files, modes, key sets.

use serde_json::Value;

use crate::palisade::Workshop;

#[test]
fn private_keys_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let workshop = Workshop::new();
    for algorithm in ["ed25519", "es256", "rs256"] {
        workshop.ok(&format!("keys generate --algorithm {algorithm} --kid {algorithm} --out keys"));
        let private = std::fs::metadata(workshop.path(&format!("keys/{algorithm}.pem"))).unwrap();
        assert_eq!(private.permissions().mode() & 0o777, 0o600);
        assert!(workshop.text(&format!("keys/{algorithm}.pem")).starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_eq!(workshop.path(&format!("keys/{algorithm}.pub")).exists(), algorithm != "rs256");
    }
}

#[test]
fn private_keys_that_others_may_read_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let workshop = Workshop::with_bundle();
    for mode in [0o644, 0o640, 0o604, 0o620] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(workshop.path("signers/one.pem"), permissions).unwrap();
        workshop.fails("sign b.palisade --key signers/one.pem", 1, "key.permissions");
        workshop.fails("token mint --key signers/one.pem --kid one", 1, "key.permissions");
    }
    std::fs::set_permissions(workshop.path("signers/one.pem"), std::fs::Permissions::from_mode(0o400)).unwrap();
    workshop.ok("sign b.palisade --key signers/one.pem");
}

#[test]
fn keys_are_not_overwritten() {
    let workshop = Workshop::new();
    workshop.ok("keys generate --algorithm ed25519 --kid k --out keys");
    let before = workshop.text("keys/k.pem");
    workshop.fails("keys generate --algorithm es256 --kid k --out keys", 1, "key.exists");
    std::fs::remove_file(workshop.path("keys/k.pem")).unwrap();
    workshop.fails("keys generate --algorithm es256 --kid k --out keys", 1, "key.exists");
    assert!(!before.is_empty());
}

#[test]
fn what_is_no_signing_key_does_not_sign() {
    let workshop = Workshop::with_bundle();
    workshop.ok("keys generate --algorithm rs256 --kid rsa --out keys");
    workshop.fails("sign b.palisade --key keys/rsa.pem", 1, "key.not_for_bundles");
    workshop.fails("sign b.palisade --key nowhere.pem", 1, "io.read");
    let key = workshop.text("signers/one.pem");
    let wrong = [("key.wrong_kind", key.replace("PRIVATE", "PUBLIC")), ("key.unreadable", "nothing".to_owned())];
    for (code, text) in wrong {
        workshop.write("signers/one.pem", text);
        workshop.fails("sign b.palisade --key signers/one.pem", 1, code);
    }
}

#[test]
fn key_sets_hold_public_keys_by_id() {
    let workshop = Workshop::with_bundle();
    let set: Value = serde_json::from_str(&workshop.text("issuer.jwks.json")).unwrap();
    let kids: Vec<&str> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids, ["dev-eddsa", "dev-es256"]);
    assert_eq!(workshop.ok("keys jwks issuer"), workshop.text("issuer.jwks.json"));
    let one: Value = serde_json::from_str(&workshop.ok("keys jwks issuer/dev-es256.jwk.json")).unwrap();
    assert_eq!(one["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn key_sets_refuse_what_does_not_belong() {
    let workshop = Workshop::with_bundle();
    workshop.fails("keys jwks nowhere", 1, "io.read");
    workshop.fails("keys jwks project", 1, "key.none");
    workshop.fails("keys jwks issuer issuer/dev-es256.jwk.json", 1, "key.duplicate");
    workshop.fails("keys jwks issuer/dev-es256.pem", 1, "key.jwk");
    workshop.write("issuer/x.jwk.json", "{}");
    workshop.fails("keys jwks issuer", 1, "key.jwk");
    workshop.write("issuer/x.jwk.json", r#"{"kty": "oct", "kid": "x", "k": "AAAA"}"#);
    workshop.fails("keys jwks issuer", 1, "key.secret");
}

#[test]
fn a_private_key_in_a_key_set_stops_the_build() {
    let workshop = Workshop::with_bundle();
    workshop.write("bad.json", r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "AA", "d": "AA"}]}"#);
    workshop.fails("build project -o x.palisade --jwks dev=bad.json", 3, "issuer.jwks_secret");
    assert!(!workshop.path("x.palisade").exists());
}
