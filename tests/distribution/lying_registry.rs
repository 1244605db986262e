//! Registries that lie, and token servers.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use palisade_tests::answering::{Answering, Asked, Reply};
use palisade_tests::oci_registry::OciRegistry;
use sha2::{Digest as _, Sha256};

use crate::fixture::{Site, text};
use crate::registry::{fails, succeeds};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An honest registry's manifest and layer, to be told wrongly.
#[derive(Clone)]
struct Artifact {
    manifest: Vec<u8>,
    layer: Vec<u8>,
}

struct Client {
    site: Site,
    artifact: Artifact,
    bundle: PathBuf,
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Client {
    fn new() -> Result<Self> {
        let site = Site::new()?;
        let bundle = site.bundle(1)?;
        let layer = fs::read(&bundle)?;
        let kind = "application/vnd.palisade.bundle.v1";
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": kind,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(b"{}"), "size": 2},
            "layers": [{"mediaType": kind, "digest": sha256(&layer), "size": layer.len()}],
        });
        let artifact = Artifact { manifest: manifest.to_string().into_bytes(), layer };
        Ok(Self { site, artifact, bundle })
    }

    fn output(&self) -> PathBuf {
        self.site.home.path().join("pulled.palisade")
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.site.cli);
        command.args(arguments).arg("--plain-http").env("DOCKER_CONFIG", self.site.home.path());
        Ok(command.env("REGISTRY_PASSWORD", "p").output()?)
    }

    fn pull(&self, server: &Answering, name: &str) -> Result<Output> {
        let reference = format!("oci://{}/policies/quickstart{name}", server.address);
        self.run(&["pull", &reference, "-o", text(&self.output())])
    }
}

/// An honest answer to a pull.
fn honest(artifact: &Artifact, asked: &Asked) -> Reply {
    if asked.target.contains("/manifests/") {
        let digest = ("docker-content-digest", sha256(&artifact.manifest));
        return (200, vec![("content-type", MANIFEST.to_owned()), digest], artifact.manifest.clone());
    }
    (200, Vec::new(), artifact.layer.clone())
}

#[test]
fn a_registry_that_lies_is_found_out() -> Result<()> {
    let client = Client::new()?;
    let good = client.artifact.clone();
    let server = Answering::start(move |asked| honest(&good, asked))?;
    succeeds(&client.pull(&server, ":1")?);
    fs::remove_file(client.output())?;

    type Lie = Box<dyn Fn(&Artifact, &Asked) -> Reply + Send + Sync>;
    let in_layer = |change: fn(&mut Vec<u8>)| -> Lie {
        Box::new(move |artifact, asked| {
            let (status, headers, mut body) = honest(artifact, asked);
            if asked.target.contains("/blobs/") {
                change(&mut body);
            }
            (status, headers, body)
        })
    };
    let in_manifest = |change: fn(&mut Vec<u8>)| -> Lie {
        Box::new(move |artifact, asked| {
            let (status, headers, mut body) = honest(artifact, asked);
            if asked.target.contains("/manifests/") {
                change(&mut body);
            }
            (status, headers, body)
        })
    };
    let instead = |answer: fn(&Asked) -> Option<Reply>| -> Lie {
        Box::new(move |artifact, asked| answer(asked).unwrap_or_else(|| honest(artifact, asked)))
    };
    let by_digest = format!("@{}", sha256(&client.artifact.manifest));
    let flip = |body: &mut Vec<u8>| body[100] ^= 1;
    let space = |body: &mut Vec<u8>| body.push(b' ');
    for (name, lie, code) in [
        (":1", in_layer(flip), "oci.digest_mismatch"),
        (":1", in_layer(|body| body.truncate(100)), "oci.size_mismatch"),
        (":1", in_layer(|body| body.push(0)), "oci.size_mismatch"),
        (":1", in_layer(Vec::clear), "oci.size_mismatch"),
        (":1", in_manifest(space), "oci.digest_mismatch"),
        (&by_digest, in_manifest(space), "oci.digest_mismatch"),
        (&by_digest, in_manifest(|body| *body = b"{}".to_vec()), "oci.digest_mismatch"),
        (":1", in_manifest(|body| body.resize(5 << 20, b' ')), "oci.size_mismatch"),
        (":1", instead(|_| Some((200, Vec::new(), b"<html>".to_vec()))), "oci.manifest"),
        (":1", instead(|_| Some((500, Vec::new(), b"\x1b[31mred".to_vec()))), "oci.status"),
        (":1", instead(|_| Some((404, Vec::new(), Vec::new()))), "oci.not_found"),
        (":1", instead(|_| Some((200, vec![("content-length", "99999999".to_owned())], Vec::new()))), "oci.http"),
        (
            ":1",
            instead(|_| Some((302, vec![("location", "http://127.0.0.1:1/".to_owned())], Vec::new()))),
            "oci.status",
        ),
        (":1", instead(|_| Some((401, Vec::new(), Vec::new()))), "oci.unauthorized"),
        (
            ":1",
            instead(|_| Some((401, vec![("www-authenticate", "Digest realm=x".to_owned())], Vec::new()))),
            "oci.unauthorized",
        ),
        // A token server that anybody on the way could be.
        (
            ":1",
            instead(|_| {
                Some((401, vec![("www-authenticate", "Bearer realm=\"http://auth.test/t\"".to_owned())], Vec::new()))
            }),
            "oci.location",
        ),
        (":1", instead(|asked| elsewhere(asked, "http://storage.test/blob")), "oci.location"),
        (":1", instead(|asked| elsewhere(asked, "file:///etc/passwd")), "oci.location"),
        (":1", instead(|asked| elsewhere(asked, &asked.target)), "oci.status"),
    ] {
        let artifact = client.artifact.clone();
        let server = Answering::start(move |asked| lie(&artifact, asked))?;
        let output = client.pull(&server, name)?;
        fails(&output, code);
        assert!(!output.stderr.contains(&0x1b), "what a registry says does not reach the terminal as it is");
        assert!(!client.output().exists(), "{code}");
    }
    Ok(())
}

/// A redirect of blobs to somewhere else.
fn elsewhere(asked: &Asked, to: &str) -> Option<Reply> {
    asked.target.contains("/blobs/").then(|| (307, vec![("location", to.to_owned())], Vec::new()))
}

#[test]
fn tokens_are_fetched_and_go_to_the_registry_alone() -> Result<()> {
    let client = Client::new()?;
    let storage_saw = Arc::new(Mutex::new(Vec::new()));
    let (layer, saw) = (client.artifact.layer.clone(), Arc::clone(&storage_saw));
    let storage = Answering::start(move |asked| {
        saw.lock().unwrap().push(asked.header("authorization").map(str::to_owned));
        (200, Vec::new(), layer.clone())
    })?;
    let issuer = Answering::start(|asked| {
        let wanted = "/token?service=registry.test&scope=repository%3Apolicies%2Fquickstart%3Apull";
        if asked.target != wanted || asked.header("authorization") != Some("Basic dTpw") {
            return (403, Vec::new(), asked.target.clone().into_bytes());
        }
        (200, Vec::new(), br#"{"token": "of the issuer"}"#.to_vec())
    })?;
    let (artifact, issuer, storage) = (client.artifact.clone(), issuer.address, storage.address);
    let server = Answering::start(move |asked| match asked.header("authorization") {
        Some("Bearer of the issuer") if asked.target.contains("/blobs/") => {
            (307, vec![("location", format!("http://{storage}/blob"))], Vec::new())
        }
        Some("Bearer of the issuer") => honest(&artifact, asked),
        Some(_) => (400, Vec::new(), Vec::new()),
        None => {
            let challenge = format!(
                "Bearer realm=\"http://{issuer}/token\",service=\"registry.test\",scope=\"repository:policies/quickstart:pull\""
            );
            (401, vec![("www-authenticate", challenge)], Vec::new())
        }
    })?;
    let reference = format!("oci://{}/policies/quickstart:1", server.address);
    let output = client.output();
    let pull = ["pull", &reference, "-o", text(&output)];
    fails(&client.run(&pull)?, "oci.unauthorized");
    succeeds(&client.run(&[pull.as_slice(), &["--username", "u", "--password-env", "REGISTRY_PASSWORD"]].concat())?);
    assert!(fs::read(client.output())? == client.artifact.layer);
    assert_eq!(*storage_saw.lock().unwrap(), [None], "the storage has seen no token");
    Ok(())
}

#[test]
fn an_upload_stays_with_the_registry() -> Result<()> {
    let client = Client::new()?;
    for (location, code) in [
        (Some("http://elsewhere.test/upload"), "oci.location"),
        (Some("//elsewhere.test/upload"), "oci.location"),
        (None, "oci.location"),
    ] {
        let server = Answering::start(move |asked| match asked.method.as_str() {
            "POST" => (202, location.map(|place| ("location", place.to_owned())).into_iter().collect(), Vec::new()),
            _ => (404, Vec::new(), Vec::new()),
        })?;
        let reference = format!("oci://{}/policies/quickstart:1", server.address);
        fails(&client.run(&["push", text(&client.bundle), &reference])?, code);
    }
    // A registry that stores something else says so by its digest.
    let server = Answering::start(|asked| match asked.method.as_str() {
        "HEAD" => (200, Vec::new(), Vec::new()),
        _ => (201, vec![("docker-content-digest", sha256(b"something else"))], Vec::new()),
    })?;
    let reference = format!("oci://{}/policies/quickstart:1", server.address);
    fails(&client.run(&["push", text(&client.bundle), &reference])?, "oci.digest_mismatch");
    Ok(())
}

#[test]
fn only_signed_bundles_are_pushed() -> Result<()> {
    let client = Client::new()?;
    let folder = client.site.home.path().join("registry");
    fs::create_dir(&folder)?;
    let registry = OciRegistry::start(&folder, None)?;
    let reference = format!("oci://{}/policies/quickstart:1", registry.address);
    let file = client.site.home.path().join("b.palisade");
    let key = client.site.home.path().join("key.palisade");
    fs::write(&file, &client.artifact.layer[..100])?;
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\nnot for a registry\n")?;
    let unsigned = client.site.unsigned_bundle(2)?;
    for (file, code) in [(&file, "bundle.layout"), (&key, "bundle.magic"), (&unsigned, "artefact.unsigned")] {
        fails(&client.run(&["push", text(file), &reference])?, code);
    }
    Ok(())
}
