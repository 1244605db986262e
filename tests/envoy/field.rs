//! A gateway whose bundles are fetched, and the server that has them.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::example::Example;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::Response;
use palisade_tests::http2::TrailerPost;
use palisade_tests::issuer::Answer;
use palisade_tests::key::Algorithm;
use palisade_tests::token::Token;
use palisade_tests::trap::trap;
use palisade_tests::wait;
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{good_token, home, read};

/// The callback that [`Field::crash`] has Envoy call.
const CRASHING: &str = "proxy_on_request_trailers";

/// What the gateway asks for.
pub(crate) const TARGET: &str = "/quickstart.palisade";
const EVENTS: &str = "wasmcustom.palisade_bundle_events_total.result.";

/// A gateway whose bundles are fetched.
pub(crate) struct Field {
    pub(crate) gateway: Gateway,
    /// By version: building one again would make another of the same version.
    bundles: Mutex<BTreeMap<u64, Vec<u8>>>,
    _home: TempDir,
}

impl Field {
    /// Begins without a bundle, trusts the release key, and fetches from `server`.
    pub(crate) fn start(server: SocketAddr, workers: u32) -> Result<Self> {
        Self::start_with(server, Options { workers, ..Options::default() }, |_| Ok(Vec::new()))
    }

    /// The same with more arguments for `palisade gateway-config`.
    pub(crate) fn start_with(
        server: SocketAddr,
        options: Options<'_>,
        more: impl FnOnce(&Workshop) -> Result<Vec<String>>,
    ) -> Result<Self> {
        Self::start_trusting(server, options, |workshop| {
            let mut arguments = vec!["--trust".to_owned(), workshop.public_key(Recipe::GOOD.signer)];
            arguments.extend(more(workshop)?);
            Ok(arguments)
        })
    }

    /// The same with all arguments for `palisade gateway-config` that say whom to trust.
    pub(crate) fn start_trusting(
        server: SocketAddr,
        options: Options<'_>,
        arguments: impl FnOnce(&Workshop) -> Result<Vec<String>>,
    ) -> Result<Self> {
        let home = home()?;
        let channel = match options.example {
            Example::Quickstart | Example::Fleet => "quickstart",
            Example::Mcp => "mcp",
            Example::A2a => "a2a",
        };
        let options = Options { bundles: Some(server), ..options };
        let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
            let arguments = arguments(workshop)?;
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            Ok((workshop.fetching_filter(wasm, channel, &arguments)?, home.path().join("none.palisade")))
        })?;
        Ok(Self { gateway, bundles: Mutex::default(), _home: home })
    }

    /// As [`Field::start`], with one worker, and a filter that [`Field::crash`] makes trap.
    pub(crate) fn start_trapped(server: SocketAddr) -> Result<Self> {
        let home = home()?;
        let trapped = home.path().join("trapped.wasm");
        let options = Options { bundles: Some(server), ..Options::default() };
        let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
            fs::write(&trapped, trap(&fs::read(wasm)?, CRASHING)?)?;
            let trust = workshop.public_key(Recipe::GOOD.signer);
            let filter = workshop.fetching_filter(&trapped, "quickstart", &["--trust", &trust])?;
            Ok((filter, home.path().join("none.palisade")))
        })?;
        Ok(Self { gateway, bundles: Mutex::default(), _home: home })
    }

    /// Ends the worker's VM, as a bug of ours would.
    pub(crate) fn crash(&self) -> Result<()> {
        let trailers = [("x-checksum", "abc")];
        // One that is allowed: what is denied never gets as far as its trailers.
        let token = Token::coder()
            .claim("teams", json!(["payments"]))
            .claim("autonomous", true)
            .claim("task", json!({"id": "T-1", "started_at": 1_767_225_600}))
            .sign(self.gateway.key(Algorithm::Es256)?);
        let post = TrailerPost {
            host: "deploys.internal",
            path: "/environments/staging/services/checkout/deployments",
            token: Some(&token),
            content_type: None,
            body: "0123456789",
            trailers: &trailers,
        };
        let answer = post.send(self.gateway.envoy.address())?;
        ensure!(answer.status == 503, "a request got through a crash: {answer:?}");
        Ok(())
    }

    /// The bundle of this version, signed with the release key.
    pub(crate) fn bundle(&self, version: u64) -> Result<Vec<u8>> {
        let mut bundles = self.bundles.lock().map_err(|_| anyhow::anyhow!("a test panicked"))?;
        if let Some(bundle) = bundles.get(&version) {
            return Ok(bundle.clone());
        }
        let name = format!("version-{version}");
        let path = self.gateway.workshop.bundle(Recipe { name: &name, version, ..Recipe::GOOD })?;
        let bundle = fs::read(path)?;
        bundles.insert(version, bundle.clone());
        Ok(bundle)
    }

    /// An answer with this version.
    pub(crate) fn document(&self, version: u64) -> Result<Answer> {
        Ok(Answer::Tagged(self.bundle(version)?, format!("\"{version}\"")))
    }

    /// A request that every version lets through.
    pub(crate) fn ask(&self) -> Result<Response> {
        self.gateway.send(&read("field").bearer(&good_token(&self.gateway)?))
    }

    /// The version that lets a good request through; `None` while every request is denied for want of a bundle.
    pub(crate) fn decides(&self) -> Result<Option<u64>> {
        let answer = self.ask()?;
        let line = self.gateway.access_line(&answer)?;
        let record = line.record.as_ref().context("no record")?;
        match answer.status {
            200 => Ok(Some(record["bundle"]["version"].as_u64().context("no version")?)),
            503 => {
                ensure!(line.text("reason") == Some("bundle.missing"), "{line:?}");
                ensure!(record["bundle"].is_null(), "{record}");
                Ok(None)
            }
            _ => anyhow::bail!("{answer:?}"),
        }
    }

    /// Waits until so many requests in a row, each on a connection of its own, are decided by this version that no worker can
    /// still be of another mind. What decides meanwhile is never older than what decided before, in whichever worker.
    pub(crate) fn await_version(&self, version: u64) -> Result<()> {
        wait::until(&format!("version {version} in every worker"), || {
            for _ in 0..12 {
                match self.decides()? {
                    Some(decides) if decides == version => {}
                    Some(decides) if decides > version => anyhow::bail!("version {decides} decides"),
                    Some(_) | None => return Ok(None),
                }
            }
            Ok(Some(()))
        })
    }

    /// How often that happened, in all workers.
    pub(crate) fn events(&self, result: &str) -> Result<u64> {
        self.gateway.envoy.stat(&format!("{EVENTS}{result}"))
    }

    /// Waits until that happens once more.
    pub(crate) fn await_event(&self, result: &str) -> Result<()> {
        let before = self.events(result)?;
        wait::until(&format!("`{result}`"), || Ok((self.events(result)? > before).then_some(())))
    }

    pub(crate) fn stat(&self, name: &str) -> Result<u64> {
        self.gateway.envoy.stat(&format!("wasmcustom.palisade_bundle_{name}"))
    }
}
