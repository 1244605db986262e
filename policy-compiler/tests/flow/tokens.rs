//! Development tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::palisade::{Run, Workshop};

fn mint(workshop: &Workshop, extra: &[&str]) -> Run {
    let base = ["token", "mint", "--key", "issuer/dev-es256.pem", "--kid", "dev-es256"];
    Run::of(&mut workshop.command(&[&base, extra].concat()))
}

fn parts(token: &str) -> [Value; 2] {
    let mut parts = token.trim().split('.').take(2);
    [(); 2].map(|()| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap()).unwrap())
}

#[test]
fn tokens_carry_what_is_asked_for() {
    let workshop = Workshop::with_bundle();
    workshop.write("claims.json", r#"{"task": {"id": "T-1"}, "sub": null}"#);
    let run = mint(
        &workshop,
        &[
            "--issuer",
            "https://i",
            "--audience",
            "a",
            "--audience",
            "b",
            "--subject",
            "s",
            "--claims",
            "@claims.json",
            "--expires-in",
            "-5m",
            "--issued-in",
            "-10m",
            "--not-before-in",
            "1h",
            "--header",
            r#"{"typ":"at+jwt"}"#,
        ],
    );
    let [header, claims] = parts(&run.out);
    assert_eq!(header, serde_json::json!({"alg": "ES256", "kid": "dev-es256", "typ": "at+jwt"}));
    assert_eq!(claims["iss"], "https://i");
    assert_eq!(claims["aud"], serde_json::json!(["a", "b"]));
    assert_eq!(claims["task"]["id"], "T-1");
    assert!(claims.get("sub").is_none(), "null removes");
    let time = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(time("exp") - time("iat"), 300);
    assert_eq!(time("nbf") - time("exp"), 3_900);
}

#[test]
fn one_audience_is_a_text() {
    let workshop = Workshop::with_bundle();
    let [_, claims] = parts(&mint(&workshop, &["--audience", "a"]).out);
    assert_eq!(claims["aud"], "a");
    assert!(claims.get("nbf").is_none() && claims.get("iss").is_none());
}

#[test]
fn what_cannot_be_minted_is_refused() {
    let workshop = Workshop::with_bundle();
    for (extra, code) in [
        (["--claims", "{"], "token.claims"),
        (["--claims", "[]"], "token.claims"),
        (["--claims", "@nowhere.json"], "io.read"),
        (["--header", "[]"], "token.header"),
        (["--header", r#"{"alg":"none"}"#], "token.header"),
        (["--header", r#"{"jwk":{}}"#], "token.header"),
        (["--header", r#"{"kid":1}"#], "token.header"),
    ] {
        let run = mint(&workshop, &extra);
        assert_eq!(run.code, 1, "{extra:?}");
        assert!(run.err.contains(&format!("error[{code}]")), "{}", run.err);
        assert_eq!(run.out, "");
    }
}

const CLAIMS: &str = r#"{"autonomous":true}"#;

/// A token of the project's issuer, in a file.
fn good(workshop: &Workshop, extra: &[&str]) -> String {
    let base = ["--issuer", "https://issuer.example", "--audience", "https://gateway.example", "--subject", "coder-7"];
    let run = mint(workshop, &[&base, extra].concat());
    assert_eq!(run.code, 0, "{run:?}");
    workshop.write("token", &run.out);
    run.out.trim().to_owned()
}

#[test]
fn a_good_token_is_accepted_and_explained() {
    let workshop = Workshop::with_bundle();
    good(&workshop, &["--claims", CLAIMS]);
    let (code, report) = workshop.verify("token", "");
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["schema"], "palisade.token.verify/v1");
    assert_eq!((report["accepted"].as_bool(), report["reason"].as_str()), (Some(true), Some("token.accepted")));
    assert_eq!((report["issuer"].as_str(), report["profile"].as_str()), (Some("dev"), Some("oauth-lenient")));
    assert_eq!((report["alg"].as_str(), report["kid"].as_str()), (Some("ES256"), Some("dev-es256")));
    assert_eq!(report["binding"], "none");
    assert!(report["principal"].as_str().unwrap().contains("dev/coder-7"));
    assert!(report["accepted_until"].as_u64() > report["accepted_from"].as_u64());

    let text = workshop.ok("token verify token --project project --jwks dev=issuer.jwks.json");
    assert!(text.starts_with("reason         token.accepted\n"), "{text}");
}

#[test]
fn every_kind_of_key_mints_what_a_gateway_takes() {
    let workshop = Workshop::with_bundle();
    let file = workshop.path("project/palisade.toml");
    let algorithms = r#"["ES384", "RS256", "RS512", "PS256", "PS384", "PS512", "RS384"]"#;
    let text = workshop.text("project/palisade.toml").replace(r#"["ES256", "EdDSA"]"#, algorithms);
    std::fs::write(file, text).unwrap();
    workshop.ok("keys generate --algorithm es384 --kid ec --out all");
    workshop.ok("keys generate --algorithm rs256 --kid rsa --out all");
    workshop.ok("keys jwks all -o all.json");
    // An RSA key's file says RS256, which would be its only algorithm.
    let mut set: Value = serde_json::from_slice(&workshop.read("all.json")).unwrap();
    for key in set["keys"].as_array_mut().unwrap() {
        key.as_object_mut().unwrap().remove("alg");
    }
    workshop.write("all.json", set.to_string());
    let mint = |key: &str, alg: &str| {
        let line = format!(
            "token mint --key all/{key}.pem --kid {key} --issuer https://issuer.example --audience https://gateway.example \
             --subject a --claims {{\"autonomous\":true}} {alg}"
        );
        workshop.run(&line)
    };
    for (key, alg) in [
        ("ec", "ES384"),
        ("rsa", "RS256"),
        ("rsa", "RS384"),
        ("rsa", "RS512"),
        ("rsa", "PS256"),
        ("rsa", "PS384"),
        ("rsa", "PS512"),
    ] {
        let run = mint(key, &format!("--alg {alg}"));
        assert_eq!(run.code, 0, "{alg}: {run:?}");
        workshop.write("token", run.out);
        let report = workshop.json("token verify token --project project --jwks dev=all.json --format json");
        assert_eq!((report["accepted"].as_bool(), report["alg"].as_str()), (Some(true), Some(alg)));
    }
    for (key, alg) in [("ec", "ES256"), ("ec", "PS256"), ("rsa", "ES384"), ("rsa", "EdDSA"), ("rsa", "ES512")] {
        let run = mint(key, &format!("--alg {alg}"));
        assert!(run.code == 1 && run.err.contains("error[key.not_for_tokens]"), "{key} {alg}: {run:?}");
    }
    assert_eq!(mint("rsa", "--alg none").code, 64);
    assert_eq!(mint("rsa", "--alg HS256").code, 64);
}

#[test]
fn refusals_have_the_gateways_reasons() {
    let workshop = Workshop::with_bundle();
    let token = good(&workshop, &["--claims", CLAIMS]);
    let later = "--at 2100-01-01T00:00:00Z";
    assert_eq!(workshop.verify("token", later).1["reason"], "token.expired");
    let (input, _) = token.rsplit_once('.').unwrap();
    for (text, reason) in [
        (format!("{input}.{}", "A".repeat(86)), "token.signature"),
        (format!("{token}.AA"), "token.parts"),
        (format!("{token}.AA.AA"), "token.encrypted"),
        (format!("Bearer {token}"), "credential.malformed"),
        (String::new(), "credential.malformed"),
        ("x".repeat(9000), "token.too_large"),
    ] {
        workshop.write("token", text);
        let (code, report) = workshop.verify("token", "");
        assert_eq!((code, report["reason"].as_str()), (2, Some(reason)));
        assert_eq!((report["accepted"].as_bool(), &report["principal"]), (Some(false), &Value::Null));
    }
    for (extra, reason) in [
        (["--claims", r#"{"aud":"https://other"}"#], "token.audience"),
        (["--claims", r#"{"iss":"https://other"}"#], "token.issuer_unknown"),
        (["--claims", r#"{"exp":"soon"}"#], "token.claim_type"),
        (["--claims", r#"{"autonomous":true,"act":{"sub":"x"}}"#], "delegation.unexpected"),
        (["--claims", r#"{"cnf":{"jwk":{}}}"#], "token.cnf_unknown"),
        (["--claims", r#"{"sub":null}"#], "identity.id_missing"),
        (["--header", r#"{"typ":"dpop+jwt"}"#], "token.typ"),
        (["--header", r#"{"kid":"nobody"}"#], "token.kid_unknown"),
    ] {
        good(&workshop, &extra);
        let (code, report) = workshop.verify("token", "");
        assert_eq!((code, report["reason"].as_str()), (2, Some(reason)), "{extra:?}");
    }
}

#[test]
fn a_gateways_own_configuration_says_the_same() {
    let workshop = Workshop::with_bundle();
    workshop.ok("build project -o c.palisade --version 8 --jwks dev=issuer.jwks.json");
    workshop.ok("sign c.palisade --key signers/one.pem");
    workshop.ok("gateway-config c.palisade --trust signers/one.pub -o gateway.json");
    good(&workshop, &["--claims", CLAIMS]);
    let report = workshop.json("token verify token --gateway-config gateway.json --format json");
    assert_eq!(report, workshop.verify("token", "").1);
    // A bundle that is not in date verifies nothing.
    workshop.fails("token verify token --gateway-config gateway.json --at 2100-01-01T00:00:00Z", 1, "bundle.expired");
    workshop.fails("token verify token --gateway-config project/palisade.toml", 1, "config.syntax");
    workshop.fails("token verify nowhere --project project --jwks dev=issuer.jwks.json", 1, "io.read");
}

#[test]
fn inspecting_shows_what_a_token_says_and_believes_none_of_it() {
    let workshop = Workshop::with_bundle();
    good(&workshop, &["--claims", CLAIMS]);
    let shown = workshop.json("token inspect token");
    assert_eq!((shown["verified"].as_bool(), shown["header"]["alg"].as_str()), (Some(false), Some("ES256")));
    assert_eq!((shown["claims"]["sub"].as_str(), shown["signature_bytes"].as_u64()), (Some("coder-7"), Some(64)));
    // `{"a":1,"a":1}` as header.
    for (text, reason) in [("eyJhIjoxLCJhIjoxfQ.e30.AA", "token.duplicate_member"), ("a.b", "token.parts")] {
        workshop.write("token", text);
        let run = workshop.run("token inspect token");
        let shown: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!((run.code, shown["reason"].as_str()), (2, Some(reason)));
        assert_eq!(shown.get("claims"), None);
    }
}

#[test]
fn key_sets_are_read_as_a_gateway_reads_them() {
    let workshop = Workshop::with_bundle();
    let report = workshop.json("jwks lint issuer.jwks.json --format json");
    assert_eq!((report["usable"].as_u64(), report["defects"].as_u64()), (Some(2), Some(0)));
    let text = workshop.ok("jwks lint issuer.jwks.json");
    assert!(text.contains("(dev-es256): ES256, thumbprint "), "{text}");
    let thumbprints: Vec<_> = report["keys"].as_array().unwrap().iter().map(|key| &key["thumbprint"]).collect();
    assert!(thumbprints.iter().all(|thumbprint| thumbprint.as_str().unwrap().len() == 43), "{report}");
    assert_ne!(thumbprints[0], thumbprints[1]);

    let set: Value = serde_json::from_slice(&workshop.read("issuer.jwks.json")).unwrap();
    let [first, second] = [&set["keys"][0], &set["keys"][1]];
    let with = |change: &dyn Fn(&mut Value)| {
        let mut key = first.clone();
        change(&mut key);
        serde_json::json!({"keys": [key, second]}).to_string()
    };
    for (text, code) in [
        (with(&|key| key["d"] = "AAAA".into()), "jwk.private"),
        (with(&|key| key["kid"] = second["kid"].clone()), "jwk.duplicate_kid"),
        (with(&|key| key["x"] = "AAAA".into()), "jwk.malformed"),
        (with(&|key| key["alg"] = "RS256".into()), "jwk.alg"),
    ] {
        workshop.write("bad.json", text);
        let run = workshop.run("jwks lint bad.json --format json");
        let report: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(run.code, 3, "{code}: {report}");
        assert!(run.out.contains(code), "{code}: {report}");
    }
    // Passed over, and enough is left.
    workshop.write("other.json", with(&|key| key["use"] = "enc".into()));
    let report = workshop.json("jwks lint other.json --format json");
    assert_eq!(
        (report["usable"].as_u64(), report["keys"][0]["code"].as_str()),
        (Some(1), Some("jwk.not_for_signatures"))
    );
    // None of them is for JWT-SVIDs.
    assert_eq!(workshop.run("jwks lint issuer.jwks.json --svid").code, 3);
    for (text, code) in [("{", "jwks.json"), ("[]", "jwks.malformed"), (r#"{"keys":[],"keys":[]}"#, "jwks.json")] {
        workshop.write("bad.json", text);
        workshop.fails("jwks lint bad.json", 1, code);
    }
    workshop.write("bad.json", r#"{"keys":[]}"#);
    assert_eq!(workshop.run("jwks lint bad.json").code, 3);
}
