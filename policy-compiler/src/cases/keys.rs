//! The keys that sign the tokens of cases, and the key sets that let the gateway verify them.

use std::collections::{BTreeMap, BTreeSet};

use palisade_gateway::token::Algorithm;
use serde_json::Value;

use super::file::CaseFile;
use crate::keys::{Algorithm as KeyAlgorithm, KeyError, PrivateKey, jwk_set};
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
    /// A key's name says its algorithm where it ends in one's name, such as `es256` or `eddsa`; other keys take the first algorithm
    /// of their issuer.
    ///
    /// # Errors
    ///
    /// When a key cannot be made.
    pub fn generate(files: &[CaseFile], project: &ProjectFile) -> Result<Self, KeyError> {
        let mut keys = BTreeMap::new();
        for (alias, kid) in named(files) {
            let key = PrivateKey::generate_for(algorithm(&alias, &kid, project))?;
            keys.insert((alias, kid), key);
        }
        Ok(Self { keys })
    }

    /// The key of an issuer with that id.
    #[must_use]
    pub fn get(&self, alias: &str, kid: &str) -> Option<&PrivateKey> {
        self.keys.get(&(alias.to_owned(), kid.to_owned()))
    }

    /// The keys of an issuer, with their ids.
    pub(super) fn of<'a>(&'a self, alias: &'a str) -> impl Iterator<Item = (&'a str, &'a PrivateKey)> {
        self.keys.iter().filter(move |((of, _), _)| of == alias).map(|((_, kid), key)| (kid.as_str(), key))
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
    let kid = kid.to_ascii_lowercase();
    let can_mint = |algorithm: &Algorithm| KeyAlgorithm::of_token(*algorithm).is_some();
    let mut known = Algorithm::ALL.into_iter().filter(can_mint);
    let by_name = known.find(|algorithm| kid.ends_with(&algorithm.name().to_ascii_lowercase()));
    let of_issuer = || {
        let issuer = project.issuers.iter().find(|issuer| issuer.alias.as_ref() == alias)?;
        let names = issuer.algorithms.as_ref().iter();
        names.filter_map(|name| Algorithm::from_name(name.as_ref())).find(can_mint)
    };
    // The library that signs knows Ed25519 by its older name only.
    match by_name.or_else(of_issuer) {
        Some(Algorithm::Ed25519) => Algorithm::EdDsa,
        Some(algorithm) => algorithm,
        None => Algorithm::Es256,
    }
}
