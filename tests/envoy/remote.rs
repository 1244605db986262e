//! A gateway whose issuer publishes its keys.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::issuer::Answer;
use palisade_tests::key::TokenKey;
use palisade_tests::token::Token;
use palisade_tests::wait;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{home, read};
use crate::workers::await_everywhere;

/// As often as a bundle may ask for.
pub(crate) const QUICK: &str = "jwks_fresh_for = \"1s\"\njwks_cooldown = \"1s\"";
pub(crate) const REFRESHES: &str = "wasmcustom.palisade_jwks_refresh_total.issuer.dev.result.";

/// A gateway whose issuer publishes its keys.
pub(crate) struct Remote {
    pub(crate) gateway: Gateway,
    _home: TempDir,
}

impl Remote {
    pub(crate) fn start(keys: SocketAddr, workers: u32, settings: &str) -> Result<Self> {
        Self::start_with(Options { workers, keys: Some(keys), ..Options::default() }, settings)
    }

    pub(crate) fn start_with(options: Options<'_>, settings: &str) -> Result<Self> {
        let home = home()?;
        let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
            let bundle = workshop.remote_bundle("remote", 1, &project(settings))?;
            Ok((workshop.filter_with(&bundle, wasm, &CLUSTER)?, bundle))
        })?;
        Ok(Self { gateway, _home: home })
    }

    /// A key, and its public form.
    pub(crate) fn key(&self, kid: &str) -> Result<(TokenKey, Value)> {
        self.gateway.workshop.rotated_key(kid)
    }

    /// The status of a request with a token by this key.
    pub(crate) fn status(&self, key: &TokenKey) -> Result<u16> {
        Ok(self.gateway.send(&read("keys").bearer(&Token::coder().sign(key)))?.status)
    }

    /// Waits until no worker can still be of another mind.
    pub(crate) fn await_everywhere(&self, key: &TokenKey, status: u16) -> Result<()> {
        let request = read("keys").bearer(&Token::coder().sign(key));
        await_everywhere(&self.gateway, &request, status).with_context(|| format!("with the key `{}`", key.kid))
    }

    pub(crate) fn refreshes(&self, result: &str) -> Result<u64> {
        self.gateway.envoy.stat(&format!("{REFRESHES}{result}"))
    }

    /// Waits for one more refresh with this result.
    pub(crate) fn await_refresh(&self, result: &str) -> Result<()> {
        let before = self.refreshes(result)?;
        wait::until(&format!("a refresh that ends in `{result}`"), || {
            Ok((self.refreshes(result)? > before).then_some(()))
        })
    }
}

pub(crate) const CLUSTER: [&str; 2] = ["--jwks-cluster", "issuer.quickstart.example=issuer"];

pub(crate) fn project(settings: &str) -> String {
    format!("jwks_uri = \"https://issuer.quickstart.example/jwks?v=1\"\n{settings}")
}

pub(crate) fn document(keys: &[&Value]) -> Answer {
    Answer::Document(json!({ "keys": keys }).to_string().into_bytes())
}
