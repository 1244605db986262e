//! Build, sign, verify, inspect, and the gateway's configuration.

use palisade_gateway::{ConfigurationFile, Gateway, NativeHost};
use serde_json::Value;

use crate::palisade::{Run, Workshop};

/// A moment at which the workshop's bundle is good: a day after it was built.
const AT: &str = "--at 2026-01-02T00:00:00Z";

#[test]
fn the_same_source_gives_the_same_bytes() {
    let workshop = Workshop::with_bundle();
    let build = |file: &str, extra: &str| {
        workshop.ok(&format!("build project -o {file} --version 7 --jwks dev=issuer.jwks.json {extra}"));
        workshop.read(file)
    };
    let first = workshop.read("b.palisade");
    assert_eq!(first, build("2.palisade", "--created 2026-01-01T00:00:00Z"));
    assert_ne!(first, build("3.palisade", "--created 2026-01-01T00:00:01Z"));
    let mut command = workshop.command(&["build", "project/palisade.toml", "-o", "4.palisade", "--version", "7"]);
    command.args(["--jwks", "dev=issuer.jwks.json"]).env("SOURCE_DATE_EPOCH", "1767225600");
    assert_eq!(Run::of(&mut command).code, 0);
    assert_eq!(first, workshop.read("4.palisade"));
    workshop.write("project/policies/repositories.cedar", workshop.text("project/policies/repositories.cedar") + "//");
    assert_ne!(first, build("5.palisade", "--created 1767225600"), "sources are part of the manifest");
}

#[test]
fn a_source_date_that_is_no_number_is_refused() {
    let workshop = Workshop::new();
    let mut command = workshop.command(&["build", "project", "-o", "b.palisade"]);
    let run = Run::of(command.env("SOURCE_DATE_EPOCH", "today"));
    assert_eq!(run.code, 1);
    assert!(run.err.contains("error[clock.source_date_epoch]"), "{}", run.err);
    assert!(!workshop.path("b.palisade").exists());
}

#[test]
fn a_version_that_is_not_given_is_the_time_of_creation() {
    let workshop = Workshop::with_bundle();
    workshop.ok("build project -o b.palisade --created 1767225600 --jwks dev=issuer.jwks.json");
    let manifest = &workshop.json("inspect b.palisade --format json")["manifest"];
    assert_eq!(manifest["version"], 1_767_225_600);
    assert_eq!(manifest["expires"], 1_767_225_600 + 30 * 86_400);
}

#[test]
fn bundles_are_verified_by_threshold() {
    let workshop = Workshop::with_bundle();
    let (one, two) = ("--trust signers/one.pub", "--trust signers/two.pub");
    workshop.fails(&format!("verify b.palisade {one} {AT}"), 1, "bundle.threshold");
    workshop.ok("sign b.palisade --key signers/one.pem");
    workshop.ok(&format!("verify b.palisade {one} {AT}"));
    workshop.fails(&format!("verify b.palisade {two} {AT}"), 1, "bundle.threshold");
    workshop.ok(&format!("verify b.palisade {one} {two} {AT}"));
    workshop.fails(&format!("verify b.palisade {one} {two} --threshold 2 {AT}"), 1, "bundle.threshold");
    workshop.ok("sign b.palisade --key signers/two.pem");
    let verified = workshop.json(&format!("verify b.palisade {one} {two} --threshold 2 {AT} --format json"));
    assert_eq!(verified["schema"], "palisade.verify/v1");
    assert_eq!(verified["signers"].as_array().unwrap().len(), 2);
    assert_eq!(verified["expires"], "2026-01-31T00:00:00Z");
    workshop.fails(&format!("verify b.palisade {one} {one} {AT}"), 1, "trust.set");
    workshop.fails(&format!("verify b.palisade {one} --threshold 2 {AT}"), 1, "trust.set");
    workshop.fails(&format!("verify b.palisade {one} --threshold 0 {AT}"), 1, "trust.set");
    workshop.fails(&format!("verify b.palisade --trust rsa:AAAA {AT}"), 1, "trust.key");
    workshop.fails(&format!("verify b.palisade --trust project/palisade.toml {AT}"), 1, "trust.key");
    workshop.fails(&format!("verify b.palisade --trust nowhere {AT}"), 1, "io.read");
}

#[test]
fn signing_twice_changes_nothing_and_the_output_can_go_elsewhere() {
    let workshop = Workshop::with_bundle();
    let unsigned = workshop.read("b.palisade");
    workshop.ok("sign b.palisade --key signers/one.pem -o signed.palisade");
    assert_eq!(unsigned, workshop.read("b.palisade"));
    let signed = workshop.read("signed.palisade");
    workshop.ok("sign signed.palisade --key signers/one.pem");
    assert_eq!(signed, workshop.read("signed.palisade"));
}

#[test]
fn bundles_out_of_date_channel_or_version_are_refused() {
    let workshop = Workshop::with_bundle();
    workshop.ok("sign b.palisade --key signers/one.pem");
    let verify = |extra: &str| format!("verify b.palisade --trust signers/one.pub {extra}");
    workshop.fails(&verify("--at 2026-01-31T00:00:00Z"), 1, "bundle.expired");
    workshop.ok(&verify("--at 2026-01-30T23:59:59Z"));
    workshop.fails(&verify(&format!("{AT} --channel other")), 1, "bundle.channel");
    workshop.ok(&verify(&format!("{AT} --channel repositories")));
    workshop.fails(&verify(&format!("{AT} --min-version 8")), 1, "bundle.version");
    workshop.ok(&verify(&format!("{AT} --min-version 7")));
}

#[test]
fn damaged_bundles_are_refused_by_every_command() {
    let workshop = Workshop::with_bundle();
    workshop.ok("sign b.palisade --key signers/one.pem");
    let good = workshop.read("b.palisade");
    let size = |at: usize| usize::try_from(u32::from_le_bytes(good[at..at + 4].try_into().unwrap())).unwrap();
    let section = 24 + size(12);
    let damages: [(&str, Vec<u8>); 5] = [
        ("bundle.layout", Vec::new()),
        ("bundle.layout", good[..good.len() - 1].to_vec()),
        ("bundle.layout", [good.as_slice(), b"\0"].concat()),
        ("bundle.magic", [b"p", &good[1..]].concat()),
        ("bundle.section_digest", [&good[..section], &[good[section] ^ 1], &good[section + 1..]].concat()),
    ];
    for (code, bytes) in damages {
        workshop.write("bad.palisade", bytes);
        workshop.fails(&format!("verify bad.palisade --trust signers/one.pub {AT}"), 1, code);
        workshop.fails("inspect bad.palisade", 1, code);
        workshop.fails("sign bad.palisade --key signers/one.pem", 1, code);
        workshop.fails("gateway-config bad.palisade --trust signers/one.pub", 1, code_at_now(code));
    }
    workshop.fails("inspect nowhere.palisade", 1, "io.read");
}

/// The bundle of these tests has expired by now, which is found before its sections are looked at.
fn code_at_now(code: &str) -> &str {
    if code == "bundle.section_digest" { "bundle.expired" } else { code }
}

#[test]
fn inspection_shows_the_manifest_and_the_policies() {
    let workshop = Workshop::with_bundle();
    workshop.ok("sign b.palisade --key signers/two.pem");
    let seen = workshop.json("inspect b.palisade --format json --index");
    assert_eq!(seen["schema"], "palisade.inspect/v1");
    assert_eq!(
        seen["policies"],
        serde_json::json!(["policies/repositories.cedar#3", "team-reads", "team-writes-with-ticket"])
    );
    assert_eq!(seen["signatures"][0]["algorithm"], "es256");
    assert_eq!(seen["gateway"]["issuers"][0]["principal"]["type"], "Agent");
    let sources: Vec<&str> =
        seen["manifest"]["sources"].as_array().unwrap().iter().map(|s| s["path"].as_str().unwrap()).collect();
    let expected = [
        "entities/repositories.json",
        "jwks:dev",
        "palisade.toml",
        "policies/repositories.cedar",
        "schema.cedarschema",
    ];
    assert_eq!(sources, expected);
    let text = workshop.ok("inspect b.palisade");
    assert!(text.contains("repositories version 7 on channel repositories"), "{text}");
    assert!(text.contains("not verified"), "{text}");
}

#[test]
fn the_gateways_configuration_configures_a_gateway() {
    let workshop = Workshop::with_bundle();
    workshop.ok("build project -o b.palisade --jwks dev=issuer.jwks.json");
    workshop.ok("sign b.palisade --key signers/one.pem");
    let line = "gateway-config b.palisade --trust signers/one.pub --trust signers/two.pub";
    let text = workshop.ok(line);
    assert!(Gateway::configure(text.trim().as_bytes(), &mut NativeHost::new()).is_ok());
    let file: ConfigurationFile = serde_json::from_str(&text).unwrap();
    assert_eq!(file.channel.as_deref(), Some("repositories"));
    assert_eq!(file.trust.keys.unwrap_or_default().len(), 2);

    workshop.ok(&format!("{line} --ecds --wasm /w.wasm --filter-name f -o ecds.json --min-version 1"));
    let ecds: Value = serde_json::from_str(&workshop.text("ecds.json")).unwrap();
    let config = &ecds["resources"][0]["typed_config"]["config"];
    assert_eq!(config["vm_config"]["code"]["local"]["filename"], "/w.wasm");
    assert_eq!(config["configuration"]["@type"], "type.googleapis.com/google.protobuf.StringValue");
    let inner: ConfigurationFile = serde_json::from_str(config["configuration"]["value"].as_str().unwrap()).unwrap();
    assert_eq!(inner.min_version, 1);

    workshop.fails("gateway-config b.palisade --trust signers/two.pub", 1, "bundle.threshold");
}

#[test]
fn a_gateway_is_configured_to_fetch_its_bundle() {
    let workshop = Workshop::with_bundle();
    workshop.ok("build project -o b.palisade --jwks dev=issuer.jwks.json");
    workshop.ok("sign b.palisade --key signers/one.pem");
    let file = |line: &str| {
        let text = workshop.ok(line);
        assert!(Gateway::configure(text.trim().as_bytes(), &mut NativeHost::new()).is_ok(), "{line}");
        serde_json::from_str::<ConfigurationFile>(&text).unwrap()
    };
    let trust = "--trust signers/one.pub";
    let alone = file(&format!("gateway-config --remote bundles=bundles.internal:8443/a/b --channel dev {trust}"));
    let remote = alone.bundle.remote.unwrap();
    assert_eq!((remote.cluster.as_str(), remote.authority.as_str()), ("bundles", "bundles.internal:8443"));
    assert_eq!((remote.prefix.as_str(), remote.poll_interval_s, remote.wait_s), ("/a/b/", 10, 30));
    assert_eq!((alone.bundle.inline, alone.channel.as_deref(), alone.min_version), (None, Some("dev"), 0));

    let line =
        format!("gateway-config b.palisade --remote bundles=bundles.internal --poll-interval 1 --poll-wait 0 {trust}");
    let both = file(&line);
    let remote = both.bundle.remote.unwrap();
    assert_eq!((remote.prefix.as_str(), remote.poll_interval_s, remote.wait_s), ("/", 1, 0));
    assert_eq!((both.bundle.inline.is_some(), both.channel.as_deref()), (true, Some("repositories")));
    assert_ne!(both.min_version, 0, "a server cannot offer an older one");

    for usage in ["", "--remote bundles=b.internal", "--remote bundles --channel dev", "b.palisade --poll-wait 1"] {
        assert_eq!(workshop.run(&format!("gateway-config {usage} {trust}")).code, 64, "{usage}");
    }
    for remote in
        ["=b.internal", "bundles=", "bundles=b.internal/../x", "bundles=user@b.internal", "bundles=b.internal/a?b"]
    {
        workshop.fails(&format!("gateway-config --remote {remote} --channel dev {trust}"), 1, "config.bundle_remote");
    }
    workshop.fails(
        &format!("gateway-config --remote bundles=b.internal --channel a/b {trust}"),
        1,
        "config.bundle_remote",
    );
    let often = format!("gateway-config --remote bundles=b.internal --channel dev --poll-interval 0 {trust}");
    workshop.fails(&often, 1, "config.bundle_remote");
}

#[test]
fn an_expired_bundle_is_not_configured() {
    let workshop = Workshop::with_bundle();
    workshop.ok("sign b.palisade --key signers/one.pem");
    workshop.fails("gateway-config b.palisade --trust signers/one.pub", 1, "bundle.expired");
}

#[test]
fn a_build_reports_to_tools() {
    let workshop = Workshop::with_bundle();
    let build = "build project -o c.palisade --version 9 --created 1767225600 --format json";
    let report = workshop.json(&format!("{build} --jwks dev=issuer.jwks.json"));
    assert_eq!(report["schema"], "palisade.build/v1");
    assert_eq!(report["bundle"]["version"], 9);
    assert_eq!(report["bundle"]["size"], workshop.read("c.palisade").len());
    workshop.ok("sign c.palisade --key signers/one.pem");
    let verified = workshop.json(&format!("verify c.palisade --trust signers/one.pub {AT} --format json"));
    assert_eq!(report["bundle"]["digest"], verified["digest"]);

    let run = workshop.run(build);
    assert_eq!(run.code, 3);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["findings"][0]["code"], "issuer.jwks_missing");
    assert!(report.get("bundle").is_none());
}

#[test]
fn a_build_that_fails_leaves_the_old_bundle() {
    let workshop = Workshop::with_bundle();
    let before = workshop.read("b.palisade");
    workshop.write("project/policies/bad.cedar", "permit");
    let run = workshop.run("build project -o b.palisade --jwks dev=issuer.jwks.json");
    assert_eq!(run.code, 3);
    assert_eq!(before, workshop.read("b.palisade"));
}

/// What an HSM does: it signs bytes that it is given, and never gives away its key.
fn openssl_signs(workshop: &Workshop, key: &str, payload: &str, to: &str) {
    let arguments: &[&str] = match key {
        "two" => &["dgst", "-sha256", "-sign", "signers/two.pem", "-out", to, payload],
        _ => &["pkeyutl", "-sign", "-rawin", "-inkey", "signers/one.pem", "-in", payload, "-out", to],
    };
    openssl(workshop, arguments);
}

fn openssl(workshop: &Workshop, arguments: &[&str]) -> String {
    let output = std::process::Command::new("openssl").current_dir(workshop.path("")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn keys_that_stay_elsewhere_sign_in_two_steps() {
    let workshop = Workshop::with_bundle();
    let trust = "--trust signers/one.pub --trust signers/two.pub --threshold 2";
    let digest = workshop.ok("sign b.palisade --digest --payload payload");
    let of_payload = openssl(&workshop, &["dgst", "-sha256", "-r", "payload"]);
    assert_eq!(of_payload.split(' ').next(), Some(digest.trim()));
    for (key, other) in [("one", "two"), ("two", "one")] {
        openssl_signs(&workshop, key, "payload", "signature");
        let attach = |file: &str, key: &str| format!("sign b.palisade --signature {file} --trust signers/{key}.pub");
        workshop.fails(&attach("signature", other), 1, "sign.signature");
        workshop.fails(&attach("payload", key), 1, "sign.signature");
        openssl_signs(&workshop, key, "b.palisade", "of-the-file");
        workshop.fails(&attach("of-the-file", key), 1, "sign.signature");
        let before = workshop.read("b.palisade");
        workshop.ok(&attach("signature", key));
        assert_ne!(before, workshop.read("b.palisade"));
        // As services answer: in base64.
        let encoded = openssl(&workshop, &["base64", "-A", "-in", "signature"]);
        workshop.write("b.palisade.again", &before);
        workshop.write("signature.b64", encoded + "\n");
        workshop.ok(&attach("signature.b64", key).replace("b.palisade", "b.palisade.again"));
        assert_eq!(workshop.read("b.palisade.again"), workshop.read("b.palisade"));
        assert_eq!(workshop.ok("sign b.palisade --digest --payload payload"), digest, "signatures are not signed");
    }
    workshop.ok(&format!("verify b.palisade {trust} {AT}"));
}

#[test]
fn other_tools_verify_what_we_sign() {
    let workshop = Workshop::with_bundle();
    workshop.ok("sign b.palisade --key signers/one.pem");
    workshop.ok("sign b.palisade --key signers/two.pem");
    let trust = "--trust signers/one.pub --trust signers/two.pub --threshold 2";
    workshop.ok(&format!("verify b.palisade {trust} {AT} --export out"));
    for (key, is_ecdsa) in [("one", false), ("two", true)] {
        let line = workshop.text(&format!("signers/{key}.pub"));
        let id = palisade_gateway::bundle::TrustKey::parse(line.trim()).unwrap().id();
        let (pem, signature) = (format!("out/{id}.pem"), format!("out/{id}.sig"));
        openssl(&workshop, &["base64", "-d", "-A", "-in", &signature, "-out", "raw"]);
        let verify: &[&str] = match is_ecdsa {
            true => &["dgst", "-sha256", "-verify", &pem, "-signature", "raw"],
            false => &["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey", &pem, "-sigfile", "raw", "-in"],
        };
        openssl(&workshop, &[verify, &["out/payload"]].concat());
        let mut command = std::process::Command::new("openssl");
        let refused = command.current_dir(workshop.path("")).args(verify).arg("b.palisade").output().unwrap();
        assert!(!refused.status.success(), "{refused:?}");
    }
}

#[test]
fn a_key_may_stand_in_the_environment() {
    let workshop = Workshop::with_bundle();
    let key = workshop.text("signers/one.pem");
    let sign = |name: &str, value: Option<&str>| {
        let mut command = workshop.command(&["sign", "b.palisade", "--key-env", name]);
        value.map(|value| command.env(name, value));
        Run::of(&mut command)
    };
    for (value, code) in [(None, "key.environment"), (Some(""), "key.unreadable"), (Some("x"), "key.unreadable")] {
        let run = sign("PALISADE_TEST_KEY", value);
        assert!(run.code == 1 && run.err.contains(code), "{run:?}");
    }
    assert_eq!(sign("PALISADE_TEST_KEY", Some(&key)).code, 0);
    workshop.ok(&format!("verify b.palisade --trust signers/one.pub {AT}"));
    for line in
        ["sign b.palisade", "sign b.palisade --key signers/one.pem --key-env X", "sign b.palisade --signature s"]
    {
        assert_eq!(workshop.run(line).code, 64, "{line}");
    }
}

#[test]
fn documents_are_signed_as_bundles_are() {
    let workshop = Workshop::with_bundle();
    let list = "production.revocations.json";
    workshop.ok(&format!("revoke subject dev/coder-7 --list {list} --key signers/one.pem"));
    workshop.ok(&format!("sign {list} --digest --payload payload"));
    openssl_signs(&workshop, "two", "payload", "signature");
    workshop.fails(&format!("sign {list} --signature signature --trust signers/one.pub"), 1, "sign.signature");
    workshop.ok(&format!("sign {list} --signature signature --trust signers/two.pub"));
    let signed: Value = serde_json::from_str(&workshop.text(list)).unwrap();
    assert_eq!(signed["signatures"].as_array().unwrap().len(), 2);
    workshop.write("none.json", "{\"payload\":1}");
    workshop.fails("sign none.json --key signers/one.pem", 1, "signed.syntax");
}
