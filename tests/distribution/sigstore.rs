//! What `palisade verify --export` writes for cosign, verified by Sigstore's own library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result};
use palisade_tests::cli::Palisade;
use palisade_tests::tools;
use serde_json::Value;

use crate::fixture::Site;

/// A bundle with a signature by an Ed25519 key and one by an ES256 key, exported.
struct Exported {
    site: Site,
    folder: PathBuf,
    /// Name of the ES256 key's files, without extension.
    key: String,
}

impl Exported {
    fn new(es256: &str) -> Result<Self> {
        let site = Site::new()?;
        let bundle = site.bundle(1)?;
        let (signers, folder) = (site.home.path().join("workshop/signers"), site.home.path().join("exported"));
        let file = |extension: &str| signers.join(format!("{es256}.{extension}")).into_os_string();
        let palisade = Palisade::new(&site.cli);
        let generate = ["keys", "generate", "--algorithm", "es256", "--kid", es256, "--out"];
        palisade.succeed(generate.iter().map(AsRef::as_ref).chain([signers.as_os_str()]))?;
        palisade.succeed(["sign".as_ref(), bundle.as_os_str(), "--key".as_ref(), &file("pem")])?;
        let release = signers.join("release.pub");
        palisade.succeed([
            "verify".as_ref(),
            bundle.as_os_str(),
            "--trust".as_ref(),
            release.as_os_str(),
            "--trust".as_ref(),
            &file("pub"),
            "--threshold".as_ref(),
            "2".as_ref(),
            "--export".as_ref(),
            folder.as_os_str(),
        ])?;
        let key = sigstore_bundles(&folder)?.pop().context("there is no Sigstore bundle")?;
        Ok(Self { site, folder, key })
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.key))
    }

    fn payload(&self) -> PathBuf {
        self.folder.join("payload")
    }

    /// The Sigstore bundle with one member changed, in a file of its own.
    fn with(&self, pointer: &str, value: Value) -> Result<PathBuf> {
        let mut bundle: Value = serde_json::from_slice(&fs::read(self.file("sigstore.json"))?)?;
        *bundle.pointer_mut(pointer).with_context(|| format!("there is no {pointer}"))? = value;
        let path = self.folder.join("changed.json");
        fs::write(&path, bundle.to_string())?;
        Ok(path)
    }
}

/// Names of the files in `folder` that end with `.sigstore.json`, without that.
fn sigstore_bundles(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        names.extend(name.strip_suffix(".sigstore.json").map(str::to_owned));
    }
    Ok(names)
}

fn sigstore(bundle: &Path, key: &Path, file: &Path) -> Result<Output> {
    let script = tools::folder("PALISADE_ISSUERS")?.join("sigstore.mjs");
    Ok(Command::new("node").arg(script).args([bundle, key, file]).output()?)
}

fn assert_refused(output: &Output, code: &str) {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && complaint.starts_with(code), "{code}: {complaint}");
}

#[test]
fn sigstores_library_verifies_what_es256_keys_signed() -> Result<()> {
    let exported = Exported::new("cosign")?;
    let output = sigstore(&exported.file("sigstore.json"), &exported.file("pem"), &exported.payload())?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(sigstore_bundles(&exported.folder)?.len(), 1, "of the ES256 key only");
    Ok(())
}

#[test]
fn and_nothing_else() -> Result<()> {
    let exported = Exported::new("cosign")?;
    let (good, key, payload) = (exported.file("sigstore.json"), exported.file("pem"), exported.payload());
    // The file is not what is signed: its signatures are in it.
    assert_refused(&sigstore(&good, &key, &exported.site.home.path().join("workshop/v1.palisade"))?, "SIGNATURE_ERROR");

    let mut flipped = fs::read(&payload)?;
    *flipped.last_mut().context("the payload is empty")? ^= 1;
    let changed = exported.folder.join("flipped");
    fs::write(&changed, flipped)?;
    assert_refused(&sigstore(&good, &key, &changed)?, "SIGNATURE_ERROR");

    let other = Exported::new("other")?;
    assert_refused(&sigstore(&good, &other.file("pem"), &payload)?, "Error: the bundle names");
    let theirs: Value = serde_json::from_slice(&fs::read(other.file("sigstore.json"))?)?;
    let bundle = exported.with("/messageSignature/signature", theirs["messageSignature"]["signature"].clone())?;
    assert_refused(&sigstore(&bundle, &key, &payload)?, "SIGNATURE_ERROR");
    let bundle = exported.with("/mediaType", "application/vnd.dev.sigstore.bundle.v9+json".into())?;
    assert_refused(&sigstore(&bundle, &key, &payload)?, "");
    Ok(())
}
