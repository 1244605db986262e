//! Workload identity tokens and their proofs: minted, verified, and in decision cases.

use serde_json::{Value, json};

use crate::palisade::{Run, Workshop};

const SUBJECT: &str = "wimse://example.org/ns/prod/fixer";
const URL: &str = "https://repos.internal/repos/website/README.md";

/// A workshop whose project takes workload identity tokens, with the keys of its identity server and of two workloads.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let project = workshop.text("project/palisade.toml").replace(
        "issuer = \"https://issuer.example\"\naudiences = [\"https://gateway.example\"]\n",
        "profile = \"wimse-wit-03\"\ntrust_domain = \"example.org\"\n",
    );
    let rules = "[workload_proof]\ndraft = \"draft-ietf-wimse-wpt-02\"\norigins = [\"https://repos.internal\"]\n\
                 covered_headers = [\"x-user\"]\n\n[[routes]]";
    workshop.write("project/palisade.toml", project.replacen("[[routes]]", rules, 1));
    workshop.ok("keys generate --algorithm es256 --kid dev-es256 --out issuer");
    workshop.ok("keys jwks issuer -o issuer.jwks.json");
    workshop.ok("keys generate --algorithm es256 --kid own --out workloads");
    workshop.ok("keys generate --algorithm ed25519 --kid other --out workloads");
    workshop
}

fn mint(workshop: &Workshop, file: &str, line: &str, extra: &[&str]) {
    let words: Vec<&str> = line.split_whitespace().chain(extra.iter().copied()).collect();
    let run = Run::of(&mut workshop.command(&[&["token", "mint"], words.as_slice()].concat()));
    assert_eq!(run.code, 0, "{run:?}");
    workshop.write(file, run.out);
}

/// Writes a token that is bound to a workload's key.
fn token(workshop: &Workshop, extra: &[&str]) {
    let line =
        format!("--key issuer/dev-es256.pem --kid dev-es256 --workload-key workloads/own.pem --subject {SUBJECT}");
    let extra = [extra, &["--claims", r#"{"autonomous":true}"#]].concat();
    mint(workshop, "wit", &line, &extra);
}

/// Writes a proof for it.
fn proof(workshop: &Workshop, key: &str, extra: &[&str]) {
    mint(workshop, "wpt", &format!("--key workloads/{key}.pem --proof-for wit --audience {URL}"), extra);
}

#[test]
fn a_token_and_its_proof_are_minted_and_verified() {
    let workshop = workshop();
    token(&workshop, &[]);
    let (code, report) = workshop.verify("wit", "");
    assert_eq!((code, report["reason"].as_str()), (0, Some("token.accepted")));
    assert_eq!((report["profile"].as_str(), report["binding"].as_str()), (Some("wimse-wit-03"), Some("workload_key")));
    assert_eq!(report["principal"], json!(format!("Agent::\"dev/{SUBJECT}\"")));
    assert_eq!(report["key_thumbprint"].as_str().map(str::len), Some(43));

    let shown = workshop.json("token inspect wit");
    assert_eq!(
        (shown["header"]["typ"].as_str(), shown["claims"]["cnf"]["jwk"]["alg"].as_str()),
        (Some("wit+jwt"), Some("ES256"))
    );
    assert_eq!(shown["claims"]["cnf"]["jwk"].get("d"), None);

    proof(&workshop, "own", &[]);
    let shown = workshop.json("token inspect wpt");
    assert_eq!((shown["header"]["typ"].as_str(), shown["header"].get("kid")), (Some("wpt+jwt"), None));
    let with = |url: &str| workshop.verify("wit", &format!("--proof wpt --url {url}"));
    assert_eq!(with(URL).1["reason"], "token.accepted");
    assert_eq!(with(&format!("{URL}?a=b")).1["reason"], "token.accepted");
    let elsewhere = with("https://repos.internal/repos/website/other");
    assert_eq!((elsewhere.0, elsewhere.1["reason"].as_str()), (2, Some("wpt.aud")));
    // The key of another workload, and a proof of another token.
    proof(&workshop, "other", &[]);
    assert_eq!(with(URL).1["reason"], "wpt.alg");
    proof(&workshop, "own", &[]);
    token(&workshop, &["--expires-in", "6m"]);
    assert_eq!(with(URL).1["reason"], "wpt.wth");
    proof(&workshop, "own", &["--expires-in", "-1m"]);
    assert_eq!(with(URL).1["reason"], "wpt.expired");

    proof(&workshop, "own", &[]);
    let line = format!("token verify wit --project project --jwks dev=issuer.jwks.json --proof wpt --url {URL}");
    let run = |header: &str| {
        let words: Vec<&str> = line.split_whitespace().chain(["--header", header]).collect();
        Run::of(&mut workshop.command(&words))
    };
    assert!(run("X-User: ann").out.starts_with("reason         wpt.oth\n"));
    assert!(run("txn-token: x").out.starts_with("reason         wpt.tth\n"));
    assert!(run("authorization: Bearer x").out.starts_with("reason         wpt.ath\n"));
    assert!(run("accept: */*").out.starts_with("reason         token.accepted\n"));
    assert_eq!(run("accept").code, 64);
    assert_eq!(workshop.run("token verify wit --project project --proof wpt --url /repos").code, 64);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let workshop = workshop();
    token(&workshop, &[]);
    let (code, report) = workshop.verify("wit", "--at 2100-01-01T00:00:00Z");
    assert_eq!((code, report["reason"].as_str()), (2, Some("token.expired")));
    token(&workshop, &["--header", r#"{"typ":"JWT"}"#]);
    assert_eq!(workshop.verify("wit", "").1["reason"], "token.issuer_missing");
    token(&workshop, &["--audience", "https://gateway.example"]);
    assert_eq!(workshop.verify("wit", "").1["reason"], "token.audience");
    for words in [
        "token mint --key issuer/dev-es256.pem",
        "token mint --key issuer/dev-es256.pem --kid a --workload-key workloads/own.pem --proof-for wit",
        "token verify wit --project project --proof wit",
        "token verify wit --project project --url https://a/",
        "jwks lint issuer.jwks.json --svid --wit-svid",
    ] {
        assert_eq!(workshop.run(words).code, 64, "{words}");
    }
    // None of its keys is for WIT-SVIDs.
    assert_eq!(workshop.run("jwks lint issuer.jwks.json --wit-svid").code, 3);
}

/// Cases of which the first three are good.
#[test]
fn cases_prove_what_they_are_told_to() {
    let workshop = workshop();
    let case = |name: &str, request: Value, token: Value, reason: &str| {
        let mut all = json!({"method": "GET", "host": "repos.internal", "path": "/repos/website/README.md?x=1"});
        all.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
        let mut who = json!({"issuer": "dev", "key": "dev-es256",
                             "claims": {"sub": SUBJECT, "teams": ["web"], "autonomous": true}});
        who.as_object_mut().unwrap().extend(token.as_object().unwrap().clone());
        let decision = if reason == "policy.allow" { "allow" } else { "deny" };
        json!({"name": name, "request": all, "token": who, "expect": {"decision": decision, "reason": reason}})
    };
    let header = |name: &str, value: &str| json!({"headers": [[name, value]]});
    let proof = |proof: Value| json!({ "proof": proof });
    let cases = json!([
        case("a workload reads", json!({}), json!({}), "policy.allow"),
        case("with a covered header", header("X-User", "ann"), json!({}), "policy.allow"),
        case("with a covered transaction token", header("Txn-Token", "x"), json!({}), "policy.allow"),
        case("without a proof", json!({}), proof(json!({"absent": true})), "wpt.missing"),
        case("with a stolen token", json!({}), proof(json!({"stolen": true})), "wpt.signature"),
        case("with an old proof", json!({}), proof(json!({"exp": -10})), "wpt.expired"),
        case("with a proof for others", json!({}), proof(json!({"claims": {"aud": "https://other/"}})), "wpt.aud"),
        case("without a claim", json!({}), proof(json!({"claims": {"jti": null}})), "wpt.claim_missing"),
        case("with a proof of another kind", json!({}), proof(json!({"header": {"typ": "dpop+jwt"}})), "wpt.typ"),
        case(
            "with a header that is not covered",
            header("X-User", "ann"),
            proof(json!({"claims": {"oth": null}})),
            "wpt.oth"
        ),
        case("with an access token", header("Authorization", "Bearer x"), json!({}), "credential.two_methods"),
        case(
            "with another key's confirmation",
            json!({}),
            json!({"claims": {"sub": SUBJECT, "cnf": {"jwk": {}}}}),
            "token.cnf_jwk_alg"
        ),
        case("with the wrong type", json!({}), json!({"header": {"typ": "at+jwt"}}), "token.typ"),
    ]);
    workshop.write("project/tests/reading.json", cases.to_string());
    let run = workshop.run("test project");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.contains("13 passed, 0 failed"), "{}", run.out);
    for (case, code) in
        [(json!({"proof": {"key": "x"}}), "test.case"), (json!({"proof": {"header": {"alg": "none"}}}), "test.header")]
    {
        let case = json!([self::case_with(&case)]);
        workshop.write("project/tests/reading.json", case.to_string());
        let run = workshop.run("test project");
        assert!(run.code == 3 && run.err.contains(code), "{run:?}");
    }
    // Tokens in `Authorization` have no such proof.
    let bearer = Workshop::new();
    bearer.write("project/tests/reading.json", json!([case_with(&json!({"proof": {"absent": true}}))]).to_string());
    let run = bearer.run("test project");
    assert!(run.code == 3 && run.err.contains("test.proof"), "{run:?}");
}

fn case_with(token: &Value) -> Value {
    let mut who = json!({"issuer": "dev", "key": "dev-es256", "claims": {}});
    who.as_object_mut().unwrap().extend(token.as_object().unwrap().clone());
    json!({"name": "x", "request": {"method": "GET", "host": "a", "path": "/"}, "token": who, "expect": {"decision": "deny"}})
}
