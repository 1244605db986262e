//! The keys that sign the tokens of cases, and the key sets that let the gateway verify them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::file::CaseFile;
use crate::keys::{Algorithm, KeyError, PrivateKey, jwk_set};
use crate::project::ProjectFile;
use crate::section::jwk_use;
use crate::source::SourceFile;

/// Where keys come from: a folder of development keys, or fresh ones.
pub trait KeySource {
    /// The private key with that id.
    ///
    /// # Errors
    ///
    /// A sentence, when there is none.
    fn key(&mut self, kid: &str) -> Result<PrivateKey, String>;
}

/// The keys that cases name, by issuer and key id.
#[derive(Debug, Default)]
pub struct CaseKeys {
    keys: BTreeMap<(String, String), PrivateKey>,
}

impl CaseKeys {
    /// Gets every key that the cases name from a source.
    ///
    /// # Errors
    ///
    /// When one is missing.
    pub fn collect(files: &[CaseFile], source: &mut dyn KeySource) -> Result<Self, String> {
        let mut keys = BTreeMap::new();
        for (alias, kid) in named(files) {
            let key = source.key(&kid)?;
            keys.insert((alias, kid), key);
        }
        Ok(Self { keys })
    }

    /// Makes a fresh key for each that the cases name.
    ///
    /// A key's name says its algorithm where it ends in `es256`, `rs256`, `ed25519` or `eddsa`; other keys take the
    /// first algorithm of their issuer.
    ///
    /// # Errors
    ///
    /// When a key cannot be made.
    pub fn generate(files: &[CaseFile], project: &ProjectFile) -> Result<Self, KeyError> {
        let mut keys = BTreeMap::new();
        for (alias, kid) in named(files) {
            let key = PrivateKey::generate(algorithm(&alias, &kid, project))?;
            keys.insert((alias, kid), key);
        }
        Ok(Self { keys })
    }

    /// The key of an issuer with that id.
    #[must_use]
    pub fn get(&self, alias: &str, kid: &str) -> Option<&PrivateKey> {
        self.keys.get(&(alias.to_owned(), kid.to_owned()))
    }

    /// A JWK Set for each issuer that has keys here, by alias.
    ///
    /// # Errors
    ///
    /// When a key has no public form.
    pub fn key_sets(&self, project: &ProjectFile) -> Result<BTreeMap<String, SourceFile>, KeyError> {
        let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for ((alias, kid), key) in &self.keys {
            let mut jwk = key.public_jwk(kid)?;
            let issuer = project.issuers.iter().find(|issuer| issuer.alias.as_ref() == alias);
            if let (Some(issuer), Some(members)) = (issuer, jwk.as_object_mut()) {
                members.insert("use".to_owned(), jwk_use(issuer).into());
            }
            lists.entry(alias).or_default().push(jwk);
        }
        let file = |(alias, keys)| {
            let name = format!("jwks:{alias}");
            (String::from(alias), SourceFile::new(name, jwk_set(keys).to_string()))
        };
        Ok(lists.into_iter().map(file).collect())
    }
}

fn named(files: &[CaseFile]) -> BTreeSet<(String, String)> {
    let tokens = files.iter().flat_map(|file| &file.cases).filter_map(|case| case.token.as_ref());
    tokens.map(|token| (token.issuer.clone(), token.key.clone())).collect()
}

fn algorithm(alias: &str, kid: &str, project: &ProjectFile) -> Algorithm {
    let suffixes = [
        ("es256", Algorithm::Es256),
        ("rs256", Algorithm::Rs256),
        ("ed25519", Algorithm::Ed25519),
        ("eddsa", Algorithm::Ed25519),
    ];
    let by_name = suffixes.into_iter().find(|(suffix, _)| kid.to_ascii_lowercase().ends_with(suffix));
    let of_issuer = || {
        let issuer = project.issuers.iter().find(|issuer| issuer.alias.as_ref() == alias)?;
        issuer.algorithms.as_ref().iter().find_map(|name| Algorithm::from_jose(name.as_ref()))
    };
    by_name.map(|(_, algorithm)| algorithm).or_else(of_issuer).unwrap_or(Algorithm::Es256)
}
