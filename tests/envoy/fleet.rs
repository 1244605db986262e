//! Gateways that are started and killed, with one server of bundles behind all of them.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::cli::Palisade;
use palisade_tests::envoy::{Envoy, Start};
use palisade_tests::example::Example;
use palisade_tests::gateway::filter_file;
use palisade_tests::http1::{Request, Response};
use palisade_tests::key::Algorithm;
use palisade_tests::process::free_address;
use palisade_tests::record::AccessLine;
use palisade_tests::token::Token;
use palisade_tests::tools::Tools;
use palisade_tests::turn::Turn;
use palisade_tests::upstream::Upstream;
use tempfile::TempDir;

use crate::fixture::{home, read};

pub(crate) const FILE: &str = "quickstart.palisade";

/// What all gateways have in common.
pub(crate) struct Fleet {
    pub(crate) tools: Tools,
    pub(crate) workshop: Workshop,
    upstream: Upstream,
    filter: PathBuf,
    folder: PathBuf,
    server: SocketAddr,
    request: Request,
    home: TempDir,
}

/// A gateway: one life of it after the other, at one address.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    home: TempDir,
}

/// One life of a gateway.
pub(crate) struct Life {
    pub(crate) envoy: Envoy,
}

impl Fleet {
    pub(crate) fn new() -> Result<Self> {
        let (tools, home) = (Tools::from_env()?, home()?);
        let workshop = Workshop::open(Palisade::new(&tools.cli), Example::Quickstart, home.path())?;
        let trust = workshop.public_key(Recipe::GOOD.signer);
        let filter = filter_file(home.path())?;
        workshop.fetching_filter(&tools.wasm, "quickstart", &["--trust", &trust])?.install(&filter)?;
        let folder = home.path().join("served");
        fs::create_dir(&folder)?;
        let key = workshop.token_key(Algorithm::Es256).context("the workshop lacks a key")?;
        let request = read("fleet").bearer(&Token::coder().sign(key));
        let (upstream, server) = (Upstream::start()?, free_address()?);
        Ok(Self { tools, workshop, upstream, filter, folder, server, request, home })
    }

    /// Starts `palisade serve`, always at the same address.
    pub(crate) fn serve(&self) -> Result<BundleServer> {
        let output = self.home.path().join("serve.log");
        BundleServer::start_at(&self.server.to_string(), &self.tools.cli, &self.folder, &[], &output)
    }

    /// Builds a bundle and signs it.
    pub(crate) fn bundle(&self, version: u64, signer: &str) -> Result<Vec<u8>> {
        let name = format!("{signer}-{version}");
        Ok(fs::read(self.workshop.bundle(Recipe { name: &name, version, signer, ..Recipe::GOOD })?)?)
    }

    /// Puts bytes where the server finds them, by a rename.
    pub(crate) fn publish(&self, bytes: &[u8]) -> Result<()> {
        let beside = self.folder.join(".next");
        fs::write(&beside, bytes)?;
        Ok(fs::rename(&beside, self.published())?)
    }

    /// The file that the server has.
    pub(crate) fn published(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// The digest of a bundle as records have it.
    pub(crate) fn digest(&self, bytes: &[u8]) -> Result<String> {
        let path = self.home.path().join("digest.palisade");
        fs::write(&path, bytes)?;
        let (path, trust) = (path.display().to_string(), self.workshop.public_key(Recipe::GOOD.signer));
        let cli = Palisade::new(&self.tools.cli);
        let told = cli.succeed(["verify", &path, "--trust", &trust, "--format", "json"])?;
        let told: serde_json::Value = serde_json::from_str(&told)?;
        let digest = told["digest"].as_str().context("no digest")?;
        Ok(digest.trim_start_matches("sha256:").to_owned())
    }

    /// A gateway that is not running yet.
    pub(crate) fn node(&self) -> Result<Node> {
        Ok(Node { address: free_address()?, home: home()? })
    }

    /// Starts a gateway.
    pub(crate) fn start(&self, node: &Node, succession: Option<(u32, u32)>) -> Result<Life> {
        let envoy = Envoy::start(Start {
            turn: &Turn::take(),
            program: &self.tools.envoy,
            home: node.home.path(),
            filter: &self.filter,
            example: Example::Quickstart,
            upstream: self.upstream.address(),
            other: self.upstream.address(),
            any_host: false,
            port: node.address.port(),
            keys: None,
            keys_socket: None,
            bundles: Some(self.server),
            clusters: &[],
            servers: &[],
            transport_socket: None,
            workers: 2,
            succession,
            unfiltered: None,
        })?;
        Ok(Life { envoy })
    }

    /// Sends a good request.
    pub(crate) fn ask(&self, node: SocketAddr) -> Result<Response> {
        self.request.send(node)
    }
}

impl Node {
    /// The same place for another process.
    pub(crate) fn successor(&self) -> Result<Self> {
        Ok(Self { address: self.address, home: home()? })
    }
}

/// What a decision record says about the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    /// RFC 3339.
    pub(crate) time: String,
    pub(crate) reason: String,
    pub(crate) bundle: Option<(u64, String)>,
}

/// Every decision in a log, in order.
pub(crate) fn decisions(log: &Path) -> Result<Vec<Decided>> {
    let text = fs::read_to_string(log)?;
    let mut all = Vec::new();
    // What follows the last line break was cut off by a kill.
    for line in text.rsplit_once('\n').map_or("", |(lines, _)| lines).lines() {
        let Ok(Some(line)) = AccessLine::parse(line) else { continue };
        let Some(record) = line.record else { continue };
        let text =
            |name: &str| record[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {record}"));
        let bundle = match record["bundle"]["version"].as_u64() {
            Some(version) => {
                let digest = record["bundle"]["digest"].as_str().context("no digest")?;
                Some((version, digest.trim_start_matches("sha256:").to_owned()))
            }
            None => None,
        };
        all.push(Decided { time: text("time")?, reason: text("reason")?, bundle });
    }
    all.sort_by(|a, b| a.time.cmp(&b.time));
    Ok(all)
}

/// Bundles that were published and are good: the digest of each version.
pub(crate) type Good = BTreeMap<u64, String>;
