//! An issuer whose keys are fetched by gateways: through project, bundle and configuration.

use serde_json::Value;

use crate::palisade::Workshop;

const INLINE: &str = "jwks = \"keys/dev.jwks.json\"";

/// A workshop whose project has these lines in place of `jwks`.
fn workshop(settings: &str) -> Workshop {
    let workshop = Workshop::with_bundle();
    let project = workshop.text("project/palisade.toml");
    assert!(project.contains(INLINE), "{project}");
    workshop.write("project/palisade.toml", project.replace(INLINE, settings));
    workshop
}

#[test]
fn a_project_with_remote_keys_is_checked_tested_built_and_configured() {
    let workshop = workshop("jwks_uri = \"https://idp.example/jwks\"\njwks_fresh_for = \"2m\"");
    workshop.ok("check project");
    workshop.ok("test project");
    workshop.ok("build project -o remote.palisade");
    workshop.ok("sign remote.palisade --key signers/one.pem");
    workshop.needs_cluster("remote.palisade", "idp.example", "--jwks-cluster", "jwks_clusters", "config.jwks_cluster");
}

#[test]
fn a_key_set_that_is_given_takes_the_place_of_the_one_that_would_be_fetched() {
    let workshop = workshop("jwks_uri = \"https://idp.example/jwks\"");
    workshop.ok("build project -o pinned.palisade --jwks dev=issuer.jwks.json");
    workshop.ok("sign pinned.palisade --key signers/one.pem");
    let text = workshop.ok("gateway-config pinned.palisade --trust signers/one.pub");
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file.get("jwks_clusters"), None);
}

#[test]
fn settings_that_make_no_sense_are_findings() {
    let uri = "jwks_uri = \"https://idp.example/jwks\"";
    for (settings, code) in [
        ("".to_owned(), "issuer.jwks_missing"),
        (format!("{INLINE}\n{uri}"), "issuer.jwks_twice"),
        (format!("{INLINE}\njwks_fresh_for = \"1m\""), "issuer.jwks_setting"),
        (format!("{INLINE}\njwks_max_stale = \"1h\""), "issuer.jwks_setting"),
        (format!("{INLINE}\njwks_cooldown = \"30s\""), "issuer.jwks_setting"),
        ("jwks_uri = \"http://idp.example/jwks\"".to_owned(), "issuer.jwks_uri"),
        ("jwks_uri = \"https://idp.example\"".to_owned(), "issuer.jwks_uri"),
        ("jwks_uri = \"https://user@idp.example/jwks\"".to_owned(), "issuer.jwks_uri"),
        ("jwks_uri = \"https://idp.example/jwks#a\"".to_owned(), "issuer.jwks_uri"),
        ("jwks_uri = \"\"".to_owned(), "issuer.jwks_uri"),
        (format!("{uri}\njwks_fresh_for = \"0s\""), "issuer.duration_range"),
        (format!("{uri}\njwks_fresh_for = \"2d\""), "issuer.duration_range"),
        (format!("{uri}\njwks_fresh_for = \"soon\""), "project.duration"),
        (format!("{uri}\njwks_max_stale = \"9m\""), "issuer.duration_range"),
        (format!("{uri}\njwks_fresh_for = \"2h\"\njwks_max_stale = \"1h\""), "issuer.duration_range"),
        (format!("{uri}\njwks_cooldown = \"0s\""), "issuer.duration_range"),
    ] {
        let workshop = workshop(&settings);
        for line in ["check project", "build project -o remote.palisade"] {
            let run = workshop.run(line);
            assert_eq!(run.code, 3, "{line} with {settings}: {run:?}");
            assert!(run.err.contains(code) || run.out.contains(code), "{line} with {settings}: {run:?}");
        }
    }
}
