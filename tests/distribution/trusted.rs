//! `palisade serve` that serves only what gateways would take.

use std::fs;

use anyhow::Result;
use palisade_tests::bundle::Recipe;
use palisade_tests::cli::Palisade;

use crate::fixture::{BUNDLE, Site, get, text};

/// A bundle by another key than the release key, and the file with its public half.
fn by_another(site: &Site, version: u64) -> Result<(std::path::PathBuf, String)> {
    let public = site.other_key("another")?;
    let name = format!("another-{version}");
    let bundle = site.workshop.bundle(Recipe { name: &name, version, signer: "another", ..Recipe::GOOD })?;
    Ok((bundle, text(&public).to_owned()))
}

#[test]
fn what_others_have_signed_is_refused_and_the_last_good_file_stays() -> Result<()> {
    let site = Site::new()?;
    let trust = site.workshop.public_key(Recipe::GOOD.signer);
    let (strange, other) = by_another(&site, 2)?;
    fs::copy(&strange, site.served().join(BUNDLE))?;
    let mut server = site.serve(&["--trust", &trust])?;
    server.event("refused", |event| event["code"] == "bundle.threshold" && event["still_served"] == false)?;
    assert_eq!(get(BUNDLE).send(server.address)?.status, 503);
    server.publish(BUNDLE, &site.bundle(1)?)?;
    server.event("published", |event| event["version"] == 1)?;
    let good = get(BUNDLE).send(server.address)?;
    server.publish(BUNDLE, &strange)?;
    server.event("refused", |event| event["code"] == "bundle.threshold" && event["still_served"] == true)?;
    assert!(get(BUNDLE).send(server.address)?.body == good.body);
    let candidate = "quickstart.candidate.palisade";
    server.publish(candidate, &strange)?;
    server.event("refused", |event| event["file"] == candidate && event["code"] == "bundle.threshold")?;
    let both = site.home.path().join("both.palisade");
    fs::copy(&strange, &both)?;
    site.workshop.sign(&both, Recipe::GOOD.signer)?;
    server.publish(BUNDLE, &both)?;
    server.event("published", |event| event["version"] == 2)?;
    // Two of two keys.
    let mut strict = site.serve(&["--trust", &trust, "--trust", &other, "--threshold", "2"])?;
    strict.event("published", |event| event["version"] == 2)?;
    strict.publish(BUNDLE, &site.bundle(3)?)?;
    strict.event("refused", |event| event["code"] == "bundle.threshold")?;
    Ok(())
}

#[test]
fn a_root_says_who_signs_and_the_next_one_changes_that() -> Result<()> {
    let site = Site::new()?;
    let cli = Palisade::new(&site.cli);
    let (next, another) = by_another(&site, 2)?;
    let release = site.workshop.public_key(Recipe::GOOD.signer);
    site.workshop.signing_key("root")?;
    let file = |name: &str| site.home.path().join(name).display().to_string();
    let (first, second) = (file("quickstart.root.1.json"), file("quickstart.root.2.json"));
    let root_key = file("workshop/signers/root.pem");
    let roles = [format!("root={}", site.workshop.public_key("root")), format!("bundle={release}")];
    let [root_role, bundle_role] = &roles;
    cli.succeed(["root", "init", "--channel", "quickstart", "--add", root_role, "--add", bundle_role, "-o", &first])?;
    cli.succeed(["sign", &first, "--key", &root_key])?;
    let (gone, come) = (release.clone(), format!("bundle={another}"));
    let others = [format!("freshness={another}"), format!("revocation={another}")];
    let mut rotate = vec!["root", "rotate", &first, "--remove", &gone, "--add", &come, "-o", &second];
    rotate.extend(others.iter().flat_map(|other| ["--add", other]));
    cli.succeed(rotate)?;
    cli.succeed(["sign", &second, "--key", &root_key])?;
    let (one, two) = (text(&site.bundle(1)?).to_owned(), text(&next).to_owned());
    cli.succeed(["verify", &one, "--root", &first])?;
    cli.succeed(["verify", &two, "--root", &first, "--root", &second])?;
    for refused in [vec!["verify", &two, "--root", &first], vec!["verify", &one, "--root", &first, "--root", &second]] {
        let output = cli.run(&refused)?;
        assert!(String::from_utf8_lossy(&output.stderr).contains("error[bundle.threshold]"), "{refused:?}");
    }
    assert_eq!(cli.run(["verify", &one])?.status.code(), Some(64), "by whom?");

    fs::copy(&one, site.served().join(BUNDLE))?;
    let mut server = site.serve(&["--root", &first])?;
    server.event("published", |event| event["version"] == 1)?;
    server.publish(BUNDLE, &next)?;
    server.event("refused", |event| event["code"] == "bundle.threshold")?;
    // A root that nobody of the first has signed changes nothing.
    let forged = file("forged.json");
    cli.succeed(["root", "rotate", &first, "--add", &come, "-o", &forged])?;
    cli.succeed(["sign", &forged, "--key", &file("workshop/signers/another.pem")])?;
    server.publish("quickstart.root.2.json", std::path::Path::new(&forged))?;
    server.event("refused", |event| event["code"] == "root.predecessor")?;
    server.publish("quickstart.root.2.json", std::path::Path::new(&second))?;
    server.event("published", |event| event["file"] == "quickstart.root.2.json")?;
    // What was refused before is judged again.
    server.event("published", |event| event["file"] == BUNDLE && event["version"] == 2)?;
    server.publish(BUNDLE, &site.bundle(3)?)?;
    server.event("refused", |event| event["file"] == BUNDLE && event["still_served"] == true)?;
    // Another channel has no root here.
    server.publish("other.palisade", &next)?;
    server.event("refused", |event| event["file"] == "other.palisade" && event["code"] == "artefact.channel")?;
    Ok(())
}
