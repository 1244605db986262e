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
