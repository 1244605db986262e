//! SPIFFE bundles that are fetched from their trust domain: they never go back, and are fetched as often as they ask for.

use std::time::Duration;

use anyhow::{Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::key::TokenKey;
use palisade_tests::token::Token;
use palisade_tests::wait;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{assert_denied, home};
use crate::mesh::{self, WORKLOAD, meet};

/// A gateway that fetches the bundle of a trust domain.
struct Mesh {
    gateway: Gateway,
    server: KeyServer,
    _home: TempDir,
}

impl Mesh {
    fn start(settings: &str) -> Result<Self> {
        let (home, server) = (home()?, KeyServer::start(Answer::Close)?);
        let options = Options { keys: Some(server.address()), ..Options::default() };
        let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
            let project = home.path().join("mesh.project");
            mesh::project(&project, &format!("jwks_uri = \"https://example.org/bundle\"\n{settings}"))?;
            let bundle = workshop.bundle_of(&project, Some(&workshop.key_set(Recipe::GOOD.issuer)), Recipe::GOOD)?;
            Ok((workshop.filter_with(&bundle, wasm, &["--jwks-cluster", "example.org=issuer"])?, bundle))
        })?;
        Ok(Self { gateway, server, _home: home })
    }

    /// A key, and its public form.
    fn key(&self, kid: &str) -> Result<(TokenKey, Value)> {
        let (key, jwk) = self.gateway.workshop.rotated_key(kid)?;
        Ok((key, mesh::for_svids(jwk)))
    }

    /// Publishes a bundle of one key, with these further members.
    fn publish(&self, jwk: &Value, members: Value) {
        let mut bundle = members;
        bundle["keys"] = json!([jwk]);
        self.server.answer(Answer::Document(bundle.to_string().into_bytes()));
    }

    fn status(&self, key: &TokenKey) -> Result<u16> {
        Ok(self.gateway.send(&meet("svid").bearer(&svid(key)))?.status)
    }

    fn await_status(&self, key: &TokenKey, status: u16) -> Result<()> {
        wait::until(&format!("{status} with the key `{}`", key.kid), || Ok((self.status(key)? == status).then_some(())))
    }

    fn rollbacks(&self) -> Result<u64> {
        self.gateway.envoy.stat("wasmcustom.palisade_jwks_refresh_total.issuer.mesh.result.rollback")
    }
}

/// A JWT-SVID of the workload.
fn svid(key: &TokenKey) -> String {
    let claims = json!({ "sub": WORKLOAD }).as_object().cloned().unwrap_or_default();
    Token::new(claims).without("iss").sign(key)
}

#[test]
fn an_older_bundle_does_not_replace_a_newer_one() -> Result<()> {
    let mesh = Mesh::start("jwks_fresh_for = \"1s\"\njwks_cooldown = \"1s\"")?;
    let ((old, old_jwk), (new, new_jwk)) = (mesh.key("old")?, mesh.key("new")?);
    mesh.publish(&new_jwk, json!({"spiffe_sequence": 5}));
    mesh.await_status(&new, 200)?;
    ensure!(mesh.rollbacks()? == 0, "a rollback before there was one");
    // A bundle without a sequence would be a way around.
    for older in [json!({"spiffe_sequence": 4}), json!({"spiffe_sequence": 0}), json!({})] {
        let (asked, before) = (mesh.server.asked().len(), mesh.rollbacks()?);
        mesh.publish(&old_jwk, older.clone());
        // There is one fetch at a time: when it asks for the second time, it has taken this answer once.
        wait::until("the older bundle to be taken", || Ok((mesh.server.asked().len() >= asked + 2).then_some(())))?;
        ensure!(mesh.rollbacks()? > before, "not counted: {older}");
        ensure!(mesh.status(&new)? == 200, "the newer keys went with {older}");
        assert_denied(&mesh.gateway, &meet("old").bearer(&svid(&old)), 401, "token.kid_unknown")?;
    }
    let line = "keys of issuer `mesh`: jwks.rollback: the SPIFFE bundle is older than the one before";
    ensure!(mesh.gateway.envoy.log()?.contains(line), "no line in the log");

    mesh.publish(&old_jwk, json!({"spiffe_sequence": 6}));
    mesh.await_status(&old, 200)?;
    assert_denied(&mesh.gateway, &meet("new").bearer(&svid(&new)), 401, "token.kid_unknown").map(drop)
}

#[test]
fn a_bundle_is_fetched_as_often_as_it_asks_for() -> Result<()> {
    // By itself it would be fetched after 7 minutes and a half; a hint of less than half a minute counts as that.
    let mesh = Mesh::start("jwks_fresh_for = \"10m\"")?;
    let (key, jwk) = mesh.key("hinted")?;
    mesh.publish(&jwk, json!({"spiffe_sequence": 1, "spiffe_refresh_hint": 1}));
    mesh.await_status(&key, 200)?;
    let taken = mesh.server.asked();
    let again =
        wait::within(Duration::from_secs(90), "the next fetch", || Ok(mesh.server.asked().get(taken.len()).cloned()))?;
    let interval = taken.last().map(|last| again.at - last.at).unwrap_or_default();
    // Three quarters of half a minute, less what clocks differ.
    ensure!(interval >= Duration::from_secs(22), "asked again after {interval:?}");
    ensure!(mesh.status(&key)? == 200);
    Ok(())
}
