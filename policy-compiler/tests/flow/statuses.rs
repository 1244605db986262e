//! An issuer with status lists: through project, cases, bundle, configuration, and a token looked up by hand.

use serde_json::{Value, json};

use crate::palisade::{Run, Workshop};

const JWKS: &str = "jwks = \"keys/dev.jwks.json\"";
const URI: &str = "https://issuer.example/lists/1";
/// The statuses 0, 1, 2 and 3 with two bits each, and four more that are 0; compressed by Python's zlib.
const LST: &str = "eNp7wgAAAcoA5Q";

/// A workshop whose issuer has status lists.
fn workshop(settings: &str) -> Workshop {
    let workshop = Workshop::with_bundle();
    let project = workshop.text("project/palisade.toml");
    assert!(project.contains(JWKS), "{project}");
    let lists = format!("{JWKS}\nstatus_lists = {{ uris = [\"https://issuer.example/lists/\"]{settings} }}");
    workshop.write("project/palisade.toml", project.replace(JWKS, &lists));
    workshop
}

fn mint(workshop: &Workshop, file: &str, claims: &Value, header: &str) {
    let claims = claims.to_string();
    let arguments = [
        "token",
        "mint",
        "--key",
        "issuer/dev-es256.pem",
        "--kid",
        "dev-es256",
        "--claims",
        &claims,
        "--header",
        header,
    ];
    let run = Run::of(&mut workshop.command(&arguments));
    assert_eq!(run.code, 0, "{run:?}");
    workshop.write(file, run.out);
}

fn token(workshop: &Workshop, status: Value) {
    let mut claims = json!({"iss": "https://issuer.example", "aud": "https://gateway.example", "sub": "coder-7", "autonomous": true});
    if !status.is_null() {
        claims["status"] = status;
    }
    mint(workshop, "token", &claims, "{}");
}

fn list(workshop: &Workshop, sub: &str, bits: u8) {
    let claims = json!({"sub": sub, "status_list": {"bits": bits, "lst": LST}});
    mint(workshop, "list", &claims, r#"{"typ":"statuslist+jwt"}"#);
}

fn at(index: i64) -> Value {
    json!({"status_list": {"idx": index, "uri": URI}})
}

#[test]
fn a_project_with_status_lists_is_checked_built_and_configured() {
    let workshop = workshop("");
    workshop.ok("check project");
    workshop.ok("build project -o listed.palisade --jwks dev=issuer.jwks.json");
    workshop.ok("sign listed.palisade --key signers/one.pem");
    let (option, code) = ("--status-list-cluster", "config.status_list_cluster");
    workshop.needs_cluster("listed.palisade", "issuer.example", option, "status_list_clusters", code);
    let keys_only = "gateway-config listed.palisade --trust signers/one.pub --jwks-cluster issuer.example=idp";
    workshop.fails(keys_only, 1, code);
}

#[test]
fn settings_that_make_no_sense_are_findings() {
    for (settings, code) in [
        (", mode = \"never\"", "issuer.status_mode"),
        (", mode = \"ignore\"", "issuer.status_setting"),
        (", on_unavailable = \"warn\"", "issuer.status_on_unavailable"),
        (", fresh_for = \"0s\"", "issuer.duration_range"),
        (", max_stale = \"1m\"", "issuer.duration_range"),
        (", fresh_for = \"often\"", "project.duration"),
        (", urls = []", "project.syntax"),
    ] {
        let workshop = workshop(settings);
        let run = workshop.run("check project");
        assert_eq!(run.code, 3, "{settings}: {run:?}");
        assert!(run.err.contains(code) || run.out.contains(code), "{settings}: {run:?}");
    }
}

#[test]
fn a_token_is_looked_up_in_a_list_by_hand() {
    let workshop = workshop("");
    list(&workshop, URI, 2);
    for (index, reason, status, value) in [
        (0, "token.accepted", json!("valid"), json!(0)),
        (1, "token.status_invalid", json!("invalid"), json!(1)),
        (2, "token.status_suspended", json!("suspended"), json!(2)),
        (3, "token.status_application", json!("application"), json!(3)),
        (7, "token.accepted", json!("valid"), json!(0)),
        (8, "token.status_out_of_range", Value::Null, Value::Null),
    ] {
        token(&workshop, at(index));
        let (code, report) = workshop.verify("token", "--status-list list");
        assert_eq!(
            (code, report["reason"].as_str()),
            (if status == "valid" { 0 } else { 2 }, Some(reason)),
            "{report}"
        );
        let expected = json!({"uri": URI, "idx": index, "status": status, "value": value, "error": null});
        assert_eq!(report["status_list"], expected);
        // Without the list, nobody says anything of it.
        let (code, report) = workshop.verify("token", "");
        assert_eq!((code, &report["status_list"]["status"]), (0, &Value::Null));
    }
    token(&workshop, at(1));
    let text = workshop.run("token verify token --project project --jwks dev=issuer.jwks.json --status-list list").out;
    assert!(text.contains(&format!("\nstatus         invalid (1), at 1 of {URI}\n")), "{text}");
    let text = workshop.ok("token verify token --project project --jwks dev=issuer.jwks.json");
    assert!(text.contains(&format!("\nstatus         not looked up, at 1 of {URI}\n")), "{text}");
    token(&workshop, Value::Null);
    assert_eq!(workshop.verify("token", "--status-list list").1["status_list"], Value::Null);
}

#[test]
fn what_is_no_list_of_the_issuer_looks_nobody_up() {
    let workshop = workshop("");
    token(&workshop, at(0));
    let refused = |error: &str| {
        let (code, report) = workshop.verify("token", "--status-list list");
        assert_eq!((code, report["reason"].as_str()), (2, Some("token.status_unavailable")));
        assert_eq!((&report["status_list"]["error"], &report["status_list"]["status"]), (&json!(error), &Value::Null));
    };
    list(&workshop, "https://issuer.example/lists/2", 2);
    refused("status_list.sub");
    list(&workshop, URI, 3);
    refused("status_list.bits");
    workshop.write("list", workshop.read("token"));
    refused("status_list.typ");
    workshop.write("list", "[]");
    refused("status_list.malformed");
    for (status, reason) in [
        (at(-1), "token.status_malformed"),
        (json!({"other": {}}), "token.status_malformed"),
        (json!({"status_list": {"idx": 0, "uri": "https://elsewhere.example/1"}}), "token.status_uri"),
    ] {
        token(&workshop, status);
        assert_eq!(workshop.verify("token", "").1["reason"], reason);
    }
    let line = "token verify token --project project --jwks dev=issuer.jwks.json --status-list nowhere";
    workshop.fails(line, 1, "io.read");
}

/// What a case with this token comes to, as `palisade test` tells it.
fn case(workshop: &Workshop, token: Value, reason: &str) -> Run {
    let mut all = json!({"issuer": "dev", "key": "dev-es256", "claims": {"sub": "coder-7", "autonomous": true}});
    all.as_object_mut().unwrap().extend(token.as_object().unwrap().clone());
    let cases = json!([{
        "name": "a case",
        "request": {"method": "GET", "host": "nowhere.internal", "path": "/"},
        "token": all,
        "expect": {"decision": "deny", "reason": reason},
    }]);
    for file in std::fs::read_dir(workshop.path("project/tests")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    workshop.write("project/tests/statuses.json", cases.to_string());
    workshop.run("test project")
}

#[test]
fn cases_give_tokens_a_status() {
    let workshop = workshop(", mode = \"required\"");
    for (token, reason) in [
        // Whoever has a good token is told that there is no such route.
        (json!({"status": "valid"}), "route.unknown"),
        (json!({"status": 0}), "route.unknown"),
        (json!({"status": "invalid"}), "token.status_invalid"),
        (json!({"status": "suspended"}), "token.status_suspended"),
        (json!({"status": 15}), "token.status_application"),
        (json!({"status": 255}), "token.status_reserved"),
        (json!({}), "token.status_missing"),
        (
            json!({"claims": {"sub": "coder-7", "autonomous": true, "status": {"status_list": {"idx": 256, "uri": URI}}}}),
            "token.status_out_of_range",
        ),
    ] {
        let run = case(&workshop, token.clone(), reason);
        assert_eq!(run.code, 0, "{token}: {run:?}");
        let other = if reason == "token.status_invalid" { "token.status_suspended" } else { "token.status_invalid" };
        assert_eq!(case(&workshop, token.clone(), other).code, 2, "{token}");
    }
    for status in [json!("revoked"), json!(256), json!(-1), json!(true), json!({})] {
        let run = case(&workshop, json!({"status": status}), "route.unknown");
        assert!(run.code == 3 && run.err.contains("test.case"), "{status}: {run:?}");
    }
    let without = Workshop::with_bundle();
    let run = case(&without, json!({"status": "valid"}), "route.unknown");
    assert!(run.code == 3 && run.err.contains("test.status"), "{run:?}");
}
