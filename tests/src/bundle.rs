//! Building and signing an example's bundle through the command, with keys that live only for the test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::cli::Palisade;
use crate::example::Example;
use crate::filter::Filter;
use crate::key::{Algorithm, TokenKey};
use crate::quickstart;

/// Keys and folder from which bundles are made.
#[derive(Debug)]
pub struct Workshop {
    cli: Palisade,
    example: Example,
    folder: PathBuf,
    /// Keys of the development issuer, one for each algorithm.
    pub token_keys: Vec<TokenKey>,
}

/// What differs between the bundles of a test.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// Name of the file.
    pub name: &'a str,
    /// The bundle's version.
    pub version: u64,
    /// When the bundle was made, in Unix seconds; `None` for now.
    pub created: Option<i64>,
    /// The key that signs it, as given to [`Workshop::signing_key`].
    pub signer: &'a str,
    /// The issuer's keys, as given to [`Workshop::issuer_keys`].
    pub issuer: &'a str,
}

impl Recipe<'_> {
    /// A good bundle.
    pub const GOOD: Recipe<'static> =
        Recipe { name: "quickstart", version: 1, created: None, signer: "release", issuer: "issuer" };
}

impl Workshop {
    /// Makes the issuer's keys and the release key in `folder`, which must be empty.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn open(cli: Palisade, example: Example, folder: &Path) -> Result<Self> {
        let mut workshop = Self { cli, example, folder: folder.to_owned(), token_keys: Vec::new() };
        workshop.token_keys = workshop.issuer_keys(Recipe::GOOD.issuer)?;
        workshop.signing_key(Recipe::GOOD.signer)?;
        Ok(workshop)
    }

    /// Makes a key that can sign bundles.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn signing_key(&self, name: &str) -> Result<()> {
        self.generate("ed25519", name, "signers")
    }

    /// Makes a set of keys for the development issuer, the same key ids each time.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn issuer_keys(&self, name: &str) -> Result<Vec<TokenKey>> {
        let mut keys = Vec::new();
        for algorithm in Algorithm::ALL {
            self.generate(algorithm.option(), algorithm.kid(), name)?;
            let path = self.folder.join(name).join(format!("{}.pem", algorithm.kid()));
            keys.push(TokenKey::read(&path, algorithm, algorithm.kid())?);
        }
        self.cli.succeed(["keys", "jwks", &self.text(name), "-o", &self.text(&format!("{name}.jwks.json"))])?;
        Ok(keys)
    }

    /// Builds and signs a bundle; returns its path.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn bundle(&self, recipe: Recipe<'_>) -> Result<PathBuf> {
        let jwks = self.key_set(recipe.issuer);
        self.bundle_of(&self.example.folder(), Some(&jwks), recipe)
    }

    /// As [`Workshop::bundle`], of another project and with other keys for its development issuer, or none.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn bundle_of(&self, project: &Path, jwks: Option<&Path>, recipe: Recipe<'_>) -> Result<PathBuf> {
        let Recipe { name, version, created, signer, issuer: _ } = recipe;
        let path = self.folder.join(format!("{name}.palisade"));
        let mut build =
            vec!["build".to_owned(), project.display().to_string(), "-o".to_owned(), path.display().to_string()];
        build.extend(["--version".to_owned(), version.to_string()]);
        if let Some(jwks) = jwks {
            build.extend(["--jwks".to_owned(), format!("{}={}", quickstart::ALIAS, jwks.display())]);
        }
        if let Some(created) = created {
            build.extend(["--created".to_owned(), created.to_string()]);
        }
        self.cli.succeed(build)?;
        let key = self.text(&format!("signers/{signer}.pem"));
        self.cli.succeed(["sign".as_ref(), path.as_os_str(), "--key".as_ref(), key.as_ref()])?;
        Ok(path)
    }

    /// Makes a key of its own for the development issuer; returns it with its public form, one member of a JWK Set.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn rotated_key(&self, kid: &str) -> Result<(TokenKey, Value)> {
        let folder = format!("rotated-{kid}");
        self.generate(Algorithm::Es256.option(), kid, &folder)?;
        let set = self.cli.succeed(["keys", "jwks", &self.text(&folder)])?;
        let set: Value = serde_json::from_str(&set)?;
        let key = TokenKey::read(&self.folder.join(&folder).join(format!("{kid}.pem")), Algorithm::Es256, kid)?;
        Ok((key, set.pointer("/keys/0").cloned().unwrap_or_default()))
    }

    /// Builds and signs a bundle of the quickstart's project whose issuer has its keys fetched, with `settings` in place
    /// of `jwks`; returns its path.
    ///
    /// # Errors
    ///
    /// The command failed, or the quickstart's project file no longer names its key set in the way that is replaced here.
    pub fn remote_bundle(&self, name: &str, version: u64, settings: &str) -> Result<PathBuf> {
        let project = self.folder.join(format!("{name}.project"));
        let inline = "jwks = \"build/dev.jwks.json\"";
        let text = fs::read_to_string(quickstart::folder().join("palisade.toml"))?;
        ensure!(text.matches(inline).count() == 1, "the quickstart has another `jwks`");
        quickstart::changed(&project, |text| text.replace(inline, settings))?;
        self.bundle_of(&project, None, Recipe { name, version, ..Recipe::GOOD })
    }

    /// Builds and signs a bundle of the quickstart's project in which a file has other text; returns its path.
    ///
    /// # Errors
    ///
    /// The command failed, or the file does not hold `from` exactly once.
    pub fn edited_bundle(&self, (file, from, to): (&str, &str, &str), recipe: Recipe<'_>) -> Result<PathBuf> {
        let project = self.folder.join(format!("{}.project", recipe.name));
        self.example.edited(&project, file, from, to)?;
        self.bundle_of(&project, Some(&self.key_set(recipe.issuer)), recipe)
    }

    /// Runs `palisade root` with these arguments, and has each of `signers` sign what it wrote; returns that.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn root(&self, name: &str, arguments: &[&str], signers: &[&str]) -> Result<PathBuf> {
        let path = self.folder.join(name);
        let mut all: Vec<&OsStr> = vec!["root".as_ref()];
        all.extend(arguments.iter().map(OsStr::new));
        all.extend(["-o".as_ref(), path.as_os_str()]);
        self.cli.succeed(all)?;
        signers.iter().try_for_each(|signer| self.sign(&path, signer))?;
        Ok(path)
    }

    /// Writes a freshness document for a bundle, signed by one key, with further arguments for `palisade freshness`.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn freshness(&self, bundle: &Path, signer: &str, more: &[&str]) -> Result<Vec<u8>> {
        let (path, key) = (bundle.with_extension("freshness.json"), self.text(&format!("signers/{signer}.pem")));
        let mut all: Vec<&OsStr> = vec!["freshness".as_ref(), bundle.as_os_str()];
        all.extend(["--key".as_ref(), key.as_ref(), "-o".as_ref(), path.as_os_str()]);
        all.extend(more.iter().map(OsStr::new));
        self.cli.succeed(all)?;
        Ok(fs::read(path)?)
    }

    /// As [`Workshop::filter`], with further arguments for `palisade gateway-config`.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn filter_with(&self, bundle: &Path, wasm: &Path, more: &[&str]) -> Result<Filter> {
        let trust = self.text(&format!("signers/{}.pub", Recipe::GOOD.signer));
        let mut arguments = vec!["gateway-config".as_ref(), bundle.as_os_str(), "--wasm".as_ref(), wasm.as_os_str()];
        arguments.extend(["--trust", &trust, "--ecds", "--decision-log", "filter_state"].map(OsStr::new));
        arguments.extend(more.iter().map(OsStr::new));
        Filter::parse(&self.cli.succeed(arguments)?)
    }

    /// The filter for a bundle: code at `wasm` on the gateway, the release key alone trusted, decision records in the
    /// access log alone.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn filter(&self, bundle: &Path, wasm: &Path) -> Result<Filter> {
        self.filter_with(bundle, wasm, &[])
    }

    /// Runs `palisade revoke` with these arguments on the list of a channel, signed with the release key; returns the list's path.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn revoke(&self, folder: &Path, channel: &str, arguments: &[&str]) -> Result<PathBuf> {
        let list = folder.join(format!("{channel}.revocations.json"));
        let key = self.text(&format!("signers/{}.pem", Recipe::GOOD.signer));
        let mut all: Vec<&OsStr> = vec!["revoke".as_ref()];
        all.extend(arguments.iter().map(OsStr::new));
        all.extend(["--list".as_ref(), list.as_os_str(), "--key".as_ref(), key.as_ref()]);
        self.cli.succeed(all)?;
        Ok(list)
    }

    /// The filter for a channel whose bundles are fetched by way of the cluster `bundles`, every second, with decision records in
    /// the access log alone. `more` has the keys that are trusted.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn fetching_filter(&self, wasm: &Path, channel: &str, more: &[&str]) -> Result<Filter> {
        let mut arguments = vec!["gateway-config".as_ref(), "--wasm".as_ref(), wasm.as_os_str()];
        let fixed = ["--ecds", "--decision-log", "filter_state", "--poll-interval", "1", "--channel", channel];
        arguments.extend(fixed.map(OsStr::new));
        arguments.extend(["--remote", "bundles=bundles.internal"].map(OsStr::new));
        arguments.extend(more.iter().map(OsStr::new));
        Filter::parse(&self.cli.succeed(arguments)?)
    }

    /// The file with the public half of a key that can sign bundles.
    #[must_use]
    pub fn public_key(&self, signer: &str) -> String {
        self.text(&format!("signers/{signer}.pub"))
    }

    /// Adds the signature of another key to a bundle or a document.
    ///
    /// # Errors
    ///
    /// The command failed.
    pub fn sign(&self, bundle: &Path, signer: &str) -> Result<()> {
        let key = self.text(&format!("signers/{signer}.pem"));
        self.cli.succeed(["sign".as_ref(), bundle.as_os_str(), "--key".as_ref(), key.as_ref()]).map(drop)
    }

    /// The key with this id.
    #[must_use]
    pub fn token_key(&self, algorithm: Algorithm) -> Option<&TokenKey> {
        self.token_keys.iter().find(|key| key.algorithm == algorithm)
    }

    fn generate(&self, algorithm: &str, kid: &str, folder: &str) -> Result<()> {
        let out = self.text(folder);
        self.cli.succeed(["keys", "generate", "--algorithm", algorithm, "--kid", kid, "--out", &out]).map(|_| ())
    }

    /// The file with the key set of an issuer, as [`Workshop::issuer_keys`] made it.
    #[must_use]
    pub fn key_set(&self, issuer: &str) -> PathBuf {
        self.folder.join(format!("{issuer}.jwks.json"))
    }

    fn text(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}
