//! `palisade push` and `pull` with Debian's docker-registry.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::Result;
use palisade_tests::http1::Request;
use palisade_tests::oci_registry::OciRegistry;
use serde_json::Value;

use crate::fixture::{Site, text};

/// A registry and a bundle.
struct Store {
    site: Site,
    registry: OciRegistry,
    bundle: PathBuf,
}

impl Store {
    fn new(user: Option<(&str, &str)>) -> Result<Self> {
        let site = Site::new()?;
        let folder = site.home.path().join("registry");
        fs::create_dir(&folder)?;
        let registry = OciRegistry::start(&folder, user)?;
        let bundle = site.bundle(1)?;
        Ok(Self { site, registry, bundle })
    }

    fn reference(&self, rest: &str) -> String {
        format!("oci://{}/{rest}", self.registry.address)
    }

    fn output(&self) -> PathBuf {
        self.site.home.path().join("pulled.palisade")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.site.cli);
        command.args(arguments).arg("--plain-http").env("DOCKER_CONFIG", self.site.home.path());
        command
    }

    fn push(&self, reference: &str, more: &[&str]) -> Result<Output> {
        Ok(self.command(&["push", text(&self.bundle), reference]).args(more).output()?)
    }

    fn pull(&self, reference: &str, more: &[&str]) -> Result<Output> {
        Ok(self.command(&["pull", reference, "-o", text(&self.output())]).args(more).output()?)
    }

    fn trust(&self) -> String {
        self.site.home.path().join("workshop/signers/release.pub").display().to_string()
    }
}

pub(crate) fn fails(output: &Output, code: &str) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains(&format!("error[{code}]")), "not {code}: {complaint}");
}

pub(crate) fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_bundle_goes_to_the_registry_and_comes_back() -> Result<()> {
    let store = Store::new(None)?;
    let by_tag = store.reference("policies/quickstart:1");
    let pinned = succeeds(&store.push(&by_tag, &[])?);
    assert!(pinned.starts_with(&store.reference("policies/quickstart@sha256:")), "{pinned}");
    assert_eq!(succeeds(&store.push(&by_tag, &[])?), pinned, "the same bundle has the same digest");
    for reference in [&pinned, &by_tag] {
        assert_eq!(succeeds(&store.pull(reference, &["--trust", &store.trust(), "--channel", "quickstart"])?), pinned);
        assert!(fs::read(store.output())? == fs::read(&store.bundle)?);
        fs::remove_file(store.output())?;
    }
    let report: Value = serde_json::from_str(&succeeds(&store.pull(&pinned, &["--format", "json"])?))?;
    assert_eq!((&report["version"], &report["verified"]), (&1.into(), &false.into()), "{report}");

    // As any client of registries sees it.
    let digest = pinned.split_once('@').map_or("", |(_, digest)| digest);
    let target = format!("/v2/policies/quickstart/manifests/{digest}");
    let request = Request::new("GET", "registry.test", &target);
    let request = request.header("accept", "application/vnd.oci.image.manifest.v1+json");
    let manifest = request.send(store.registry.address)?.json()?;
    assert_eq!(manifest["artifactType"], "application/vnd.palisade.bundle.v1");
    assert_eq!(manifest["layers"][0]["annotations"]["org.opencontainers.image.title"], "quickstart.palisade");

    // Without a tag, it is there by its digest alone.
    let untagged = succeeds(&store.push(&store.reference("other/quickstart"), &[])?);
    assert!(store.pull(&untagged, &[])?.status.success());
    fails(&store.pull(&store.reference("other/quickstart"), &[])?, "oci.not_found");
    Ok(())
}

#[test]
fn what_is_not_wanted_is_not_written() -> Result<()> {
    let store = Store::new(None)?;
    let tag = store.reference("policies/quickstart:1");
    let pinned = succeeds(&store.push(&tag, &[])?);
    let other = store.site.other_key("somebody")?;
    let other = text(&other);
    let trust = store.trust();
    for (reference, more, code) in [
        (&tag, vec!["--trust", other], "bundle.threshold"),
        (&tag, vec!["--trust", &trust, "--trust", other, "--threshold", "2"], "bundle.threshold"),
        (&tag, vec!["--trust", &trust, "--channel", "other"], "bundle.channel"),
        (&tag, vec!["--trust", &trust, "--min-version", "2"], "bundle.version"),
        (&store.reference("policies/quickstart:2"), vec![], "oci.not_found"),
        (&store.reference("policies/nothing:1"), vec![], "oci.not_found"),
        (&pinned.replace("@sha256:", "@sha256:0").replace(&pinned[pinned.len() - 1..], "0"), vec![], "oci.reference"),
    ] {
        fails(&store.pull(reference, &more)?, code);
        assert!(!store.output().exists(), "{reference} {more:?}");
    }
    fails(&store.push(&pinned, &[])?, "oci.reference");
    fails(&store.pull(&tag.replace("oci://", "https://"), &[])?, "oci.reference");
    fails(&store.pull(&format!("oci://registry.test/{}", "a"), &[])?, "oci.plain_http");
    Ok(())
}

#[test]
fn a_registry_with_users_wants_one() -> Result<()> {
    let store = Store::new(Some(("publisher", "correct horse")))?;
    let tag = store.reference("policies/quickstart:1");
    fails(&store.push(&tag, &[])?, "oci.unauthorized");
    let user = ["--username", "publisher", "--password-env", "REGISTRY_PASSWORD"];
    let push = |password: &str| -> Result<Output> {
        let mut command = store.command(&["push", text(&store.bundle), &tag]);
        Ok(command.args(user).env("REGISTRY_PASSWORD", password).output()?)
    };
    fails(&push("wrong")?, "oci.unauthorized");
    fails(&store.push(&tag, &user)?, "oci.password");
    let pinned = succeeds(&push("correct horse")?);

    // What `docker login` stores.
    fails(&store.pull(&pinned, &[])?, "oci.unauthorized");
    let config = store.site.home.path().join("config.json");
    let login = "cHVibGlzaGVyOmNvcnJlY3QgaG9yc2U=";
    let stored = serde_json::json!({"auths": {store.registry.address.to_string(): {"auth": login}}});
    fs::write(&config, stored.to_string())?;
    succeeds(&store.pull(&pinned, &[])?);
    fs::write(&config, "not json")?;
    fails(&store.pull(&pinned, &[])?, "oci.docker_config");
    Ok(())
}
