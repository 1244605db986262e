//! Roots, freshness documents, and the gateway's configuration with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_gateway::{ConfigurationFile, Gateway, NativeHost};

use crate::palisade::{Run, Workshop};

/// A workshop with root keys `r1` to `r4` besides its two signing keys.
fn workshop() -> Workshop {
    let workshop = Workshop::with_bundle();
    for (name, algorithm) in [("r1", "ed25519"), ("r2", "es256"), ("r3", "ed25519"), ("r4", "es256")] {
        workshop.ok(&format!("keys generate --algorithm {algorithm} --kid {name} --out signers"));
    }
    workshop
}

/// Root 1 of the workshop's channel: two of r1, r2 and r3 sign roots, key `one` the rest. Signed as it must be.
fn with_root() -> Workshop {
    let workshop = workshop();
    workshop.ok(
        "root init --channel repositories --add root=signers/r1.pub --add root=signers/r2.pub --add root=signers/r3.pub \
         --threshold root=2 --add bundle=signers/one.pub -o root.1.json",
    );
    workshop.ok("sign root.1.json --key signers/r1.pem");
    workshop.ok("sign root.1.json --key signers/r2.pem");
    workshop
}

/// The bundle as of now, signed with these keys.
fn build(workshop: &Workshop, keys: &[&str]) {
    workshop.ok("build project -o now.palisade --jwks dev=issuer.jwks.json");
    for key in keys {
        workshop.ok(&format!("sign now.palisade --key signers/{key}.pem"));
    }
}

#[test]
fn a_root_counts_when_enough_of_its_own_keys_have_signed() {
    let workshop = with_root();
    let root = workshop.json("root show root.1.json --format json");
    assert_eq!((root["schema"].as_str(), root["version"].as_u64()), (Some("palisade.root/v1"), Some(1)));
    assert_eq!(root["roles"]["root"]["threshold"], 2);
    for role in ["bundle", "freshness", "revocation"] {
        assert_eq!(root["roles"][role]["keys"][0], workshop.text("signers/one.pub").trim(), "{role}");
    }
    workshop.ok("root init --channel c --add root=signers/r1.pub --add bundle=signers/one.pub -o alone.json");
    workshop.fails("root show alone.json", 1, "signed.threshold");
    workshop.ok("sign alone.json --key signers/one.pem");
    workshop.fails("root show alone.json", 1, "signed.threshold");
    workshop.ok("sign alone.json --key signers/r1.pem");
    workshop.ok("root show alone.json");
}

#[test]
fn what_would_never_be_accepted_is_not_written() {
    let workshop = workshop();
    let (root, bundle) = ("--add root=signers/r1.pub", "--add bundle=signers/one.pub");
    for (arguments, code) in [
        (format!("--channel c {root}"), "root.role"),
        (format!("--channel c {bundle}"), "root.role"),
        (format!("--channel c {root} {root} {bundle}"), "root.role"),
        (format!("--channel c {root} {bundle} --threshold root=2"), "root.role"),
        (format!("--channel c {root} {bundle} --threshold bundle=0"), "root.role"),
        (format!("--channel c {root} {bundle} --for 0s"), "root.malformed"),
        (format!("--channel c {root} --add bundle=signers/none.pub"), "io.read"),
    ] {
        workshop.fails(&format!("root init {arguments} -o x.json"), 1, code);
        assert!(!workshop.path("x.json").exists(), "{arguments}");
    }
    for wrong in ["--add bundel=signers/one.pub", "--add signers/one.pub", "--threshold root=two", "--for soon"] {
        let run = workshop.run(&format!("root init --channel c {root} {bundle} {wrong} -o x.json"));
        assert_eq!(run.code, 64, "{run:?}");
    }
}

#[test]
fn a_rotation_needs_old_and_new_keys() {
    let workshop = with_root();
    workshop.ok("root rotate root.1.json --remove signers/r1.pub --add root=signers/r4.pub -o root.2.json");
    let chain = "root show root.1.json root.2.json";
    workshop.fails(chain, 1, "root.predecessor");
    workshop.ok("sign root.2.json --key signers/r2.pem");
    workshop.ok("sign root.2.json --key signers/r4.pem");
    workshop.fails(chain, 1, "root.predecessor");
    workshop.ok("sign root.2.json --key signers/r1.pem");
    let text = workshop.ok(chain);
    assert!(text.contains("root 2 of channel repositories: verified"), "{text}");
    assert!(!text.contains(workshop.text("signers/r1.pub").trim()), "{text}");
    // Out of order, and twice.
    workshop.fails("root show root.2.json root.1.json", 1, "root.predecessor");
    workshop.fails("root show root.2.json root.2.json", 1, "root.version");
    workshop.fails("root rotate root.1.json --remove signers/r4.pub -o x.json", 1, "root.no_such_key");
}

#[test]
fn a_key_in_a_service_signs_a_root() {
    let workshop = with_root();
    workshop.ok("root rotate root.1.json -o root.2.json");
    let digest = workshop.ok("sign root.2.json --digest --payload message");
    let openssl = |arguments: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        let run = Run::of(command.args(arguments).current_dir(workshop.path(".")));
        assert_eq!(run.code, 0, "{run:?}");
        run.out
    };
    assert!(openssl(&["dgst", "-sha256", "message"]).trim().ends_with(digest.trim()));
    openssl(&["dgst", "-sha256", "-sign", "signers/r2.pem", "-out", "r2.sig", "message"]);
    openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", "signers/r3.pem", "-in", "message", "-out", "r3.sig"]);
    workshop.fails("sign root.2.json --signature r3.sig --trust signers/r2.pub", 1, "sign.signature");
    workshop.ok("sign root.2.json --signature r2.sig --trust signers/r2.pub");
    workshop.fails("root show root.1.json root.2.json", 1, "root.predecessor");
    workshop.ok("sign root.2.json --signature r3.sig --trust signers/r3.pub");
    workshop.ok("root show root.1.json root.2.json");
}

#[test]
fn a_gateway_begins_with_the_last_root() {
    let workshop = with_root();
    build(&workshop, &["one"]);
    let text = workshop.ok("gateway-config now.palisade --root root.1.json");
    let file: ConfigurationFile = serde_json::from_str(&text).unwrap();
    assert_eq!((file.channel.as_deref(), file.trust.keys), (Some("repositories"), None));
    assert_eq!(STANDARD.decode(file.trust.root.unwrap()).unwrap(), workshop.read("root.1.json"));
    let gateway = Gateway::configure(text.trim().as_bytes(), &mut NativeHost::new()).unwrap();
    assert_eq!(gateway.root().unwrap().file().version, 1);

    workshop.ok("root rotate root.1.json --remove signers/one.pub --add bundle=signers/two.pub --add freshness=signers/two.pub --add revocation=signers/two.pub -o root.2.json");
    workshop.ok("sign root.2.json --key signers/r1.pem");
    workshop.ok("sign root.2.json --key signers/r3.pem");
    workshop.fails("gateway-config now.palisade --root root.1.json --root root.2.json", 1, "bundle.threshold");
    workshop.ok("sign now.palisade --key signers/two.pem");
    workshop.ok("gateway-config now.palisade --root root.1.json --root root.2.json");
    workshop.fails("gateway-config now.palisade", 1, "trust.none");
    let run = workshop.run("gateway-config now.palisade --root root.1.json --trust signers/one.pub");
    assert_eq!(run.code, 64, "{run:?}");
}

#[test]
fn an_old_bundle_is_renewed() {
    let workshop = workshop();
    // Built long ago: it has expired by now.
    workshop.ok("sign b.palisade --key signers/one.pem");
    let config = "gateway-config b.palisade --trust signers/one.pub";
    workshop.fails(config, 1, "bundle.expired");
    workshop.ok("freshness b.palisade --key signers/one.pem --for 1h -o fresh.json");
    let text = workshop.ok(&format!("{config} --freshness fresh.json"));
    assert!(Gateway::configure(text.trim().as_bytes(), &mut NativeHost::new()).is_ok());

    // By another key, for another bundle, or over.
    workshop.ok("freshness b.palisade --key signers/two.pem --for 1h -o stranger.json");
    workshop.fails(&format!("{config} --freshness stranger.json"), 1, "signed.threshold");
    build(&workshop, &["one"]);
    workshop.ok("freshness now.palisade --key signers/one.pem --for 1h -o other.json");
    workshop.fails(&format!("{config} --freshness other.json"), 1, "bundle.expired");
    workshop.ok("freshness b.palisade --key signers/one.pem --for 1h --issued 2026-01-01T00:00:00Z -o over.json");
    workshop.fails(&format!("{config} --freshness over.json"), 1, "freshness.expired");

    // Signed later, and with a key from the environment.
    workshop.ok("freshness b.palisade --unsigned --for 1h -o later.json");
    workshop.fails(&format!("{config} --freshness later.json"), 1, "signed.threshold");
    workshop.ok("sign later.json --key signers/one.pem");
    workshop.ok(&format!("{config} --freshness later.json"));
    let mut command =
        workshop.command(&["freshness", "b.palisade", "--key-env", "KEY", "--for", "1h", "-o", "env.json"]);
    assert_eq!(Run::of(command.env("KEY", workshop.text("signers/one.pem"))).code, 0);
    workshop.ok(&format!("{config} --freshness env.json"));
}

#[test]
fn a_renewal_is_short_and_of_a_whole_bundle() {
    let workshop = workshop();
    for (duration, code) in [("0s", "freshness.lifetime"), ("32d", "freshness.lifetime")] {
        let line = format!("freshness b.palisade --key signers/one.pem --for {duration} -o x.json");
        workshop.fails(&line, 1, code);
    }
    let mut bytes = workshop.read("b.palisade");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    workshop.write("damaged.palisade", bytes);
    workshop.fails("freshness damaged.palisade --key signers/one.pem --for 1h -o x.json", 1, "bundle.section_digest");
    assert_eq!(workshop.run("freshness b.palisade --for 1h -o x.json").code, 64, "without a key");
}
