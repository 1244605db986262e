//! The whole product running: bundle, filter, Envoy and a recording upstream.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bundle::{Recipe, Workshop};
use crate::cli::Palisade;
use crate::envoy::{Envoy, Start};
use crate::example::Example;
use crate::filter::Filter;
use crate::http1::{Request, Response};
use crate::key::{Algorithm, TokenKey};
use crate::record::AccessLine;
use crate::tools::Tools;
use crate::turn::Turn;
use crate::upstream::{SEEN_DECISION_ID, Upstream};
use crate::wait;

/// Counts filter files that Envoy refused, whatever the reason.
const REFUSED: [&str; 2] = [
    "extension_config_discovery.http_filter.palisade.update_rejected",
    "extension_config_discovery.http_filter.palisade.update_failure",
];
const LOADED: &str = "extension_config_discovery.http_filter.palisade.update_success";

/// The header with which the filter names its decision, to the upstream and in a denial.
pub const DECISION_ID: &str = "x-palisade-decision-id";

/// How a gateway is started; [`Default`] suits most tests.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The port of 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// Envoy's worker threads.
    pub workers: u32,
    /// What is run.
    pub example: Example,
    /// Where requests for another server of the example go; to the recording upstream if there is none.
    pub other: Option<SocketAddr>,
    /// Where requests for the file server of the example go; to the recording upstream if there is none.
    pub files: Option<SocketAddr>,
    /// Whether requests for any host are routed, and not only those of the example.
    pub any_host: bool,
    /// Paths below which Envoy has the filter switched off.
    pub unfiltered: Option<&'a str>,
    /// Where the issuer publishes its keys, for the cluster `issuer`; `None` for no such cluster.
    pub keys: Option<SocketAddr>,
    /// The transport socket of that cluster, as YAML; `None` for no TLS.
    pub keys_socket: Option<&'a str>,
    /// Where bundles are fetched from, for the cluster `bundles`; `None` for no such cluster.
    pub bundles: Option<SocketAddr>,
    /// Further clusters by name, of one address each.
    pub clusters: &'a [(&'a str, SocketAddr)],
    /// Further servers by name, each below the path `/NAME/`; the MCP example only.
    pub servers: &'a [(&'a str, SocketAddr)],
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            port: 0,
            workers: 1,
            example: Example::Quickstart,
            other: None,
            files: None,
            any_host: false,
            unfiltered: None,
            keys: None,
            keys_socket: None,
            bundles: None,
            clusters: &[],
            servers: &[],
        }
    }
}

/// A running gateway with the bundle of an example. Dropping it ends Envoy.
#[derive(Debug)]
pub struct Gateway {
    /// Envoy.
    pub envoy: Envoy,
    /// What stands behind it.
    pub upstream: Upstream,
    /// Where its bundles and keys come from.
    pub workshop: Workshop,
    /// The filter that it was started with.
    pub filter: Filter,
    /// The bundle inside that filter.
    pub bundle: PathBuf,
    filter_file: PathBuf,
}

impl Gateway {
    /// Makes keys, builds and signs the bundle, starts upstream and Envoy, all in `home`, an empty folder.
    ///
    /// # Errors
    ///
    /// A step failed; the error says which and holds what the program said.
    pub fn start(home: &Path, options: Options<'_>) -> Result<Self> {
        Self::start_with(home, options, |workshop, wasm| {
            let bundle = workshop.bundle(Recipe::GOOD)?;
            Ok((workshop.filter(&bundle, wasm)?, bundle))
        })
    }

    /// As [`Gateway::start`], with a filter of the caller's making.
    ///
    /// # Errors
    ///
    /// As [`Gateway::start`].
    pub fn start_with(
        home: &Path,
        options: Options<'_>,
        filter: impl FnOnce(&Workshop, &Path) -> Result<(Filter, PathBuf)>,
    ) -> Result<Self> {
        Self::launch(home, options, None, filter)
    }

    /// As [`Gateway::start`], on a listener with TLS. Requests go by way of [`crate::tls::send`].
    ///
    /// # Errors
    ///
    /// As [`Gateway::start`].
    pub fn start_tls(home: &Path, transport_socket: &str) -> Result<Self> {
        Self::start_tls_with(home, transport_socket, |workshop, wasm| {
            let bundle = workshop.bundle(Recipe::GOOD)?;
            Ok((workshop.filter(&bundle, wasm)?, bundle))
        })
    }

    /// As [`Gateway::start_tls`], with a filter of the caller's making.
    ///
    /// # Errors
    ///
    /// As [`Gateway::start`].
    pub fn start_tls_with(
        home: &Path,
        transport_socket: &str,
        filter: impl FnOnce(&Workshop, &Path) -> Result<(Filter, PathBuf)>,
    ) -> Result<Self> {
        Self::launch(home, Options::default(), Some(transport_socket), filter)
    }

    fn launch(
        home: &Path,
        options: Options<'_>,
        transport_socket: Option<&str>,
        filter: impl FnOnce(&Workshop, &Path) -> Result<(Filter, PathBuf)>,
    ) -> Result<Self> {
        let turn = Turn::take();
        let tools = Tools::from_env()?;
        let workshop = Workshop::open(Palisade::new(&tools.cli), options.example, home)?;
        let (filter, bundle) = filter(&workshop, &tools.wasm)?;
        let filter_file = filter_file(home)?;
        filter.install(&filter_file)?;
        let upstream = Upstream::start()?;
        let envoy = Envoy::start(Start {
            turn: &turn,
            program: &tools.envoy,
            home,
            filter: &filter_file,
            example: options.example,
            upstream: options.files.unwrap_or(upstream.address()),
            any_host: options.any_host,
            unfiltered: options.unfiltered,
            other: options.other.unwrap_or(upstream.address()),
            transport_socket,
            port: options.port,
            workers: options.workers,
            keys: options.keys,
            keys_socket: options.keys_socket,
            bundles: options.bundles,
            clusters: options.clusters,
            servers: options.servers,
            succession: None,
        })?;
        Ok(Self { envoy, upstream, workshop, filter, bundle, filter_file })
    }

    /// Sends a request on a connection of its own.
    ///
    /// # Errors
    ///
    /// There was no answer.
    pub fn send(&self, request: &Request) -> Result<Response> {
        request.send(self.envoy.address())
    }

    /// The access line, and with it the decision record, of an answer. The filter names the decision in a denial; in
    /// the answer to an allowed request the upstream does.
    ///
    /// # Errors
    ///
    /// The answer names no decision, or its record never came.
    pub fn access_line(&self, answer: &Response) -> Result<AccessLine> {
        let id = answer.header(DECISION_ID).or_else(|| answer.header(SEEN_DECISION_ID));
        let id = id.with_context(|| format!("no decision id in {answer:?}"))?;
        self.envoy.access_line(id)
    }

    /// The issuer's key for an algorithm.
    ///
    /// # Errors
    ///
    /// Never: the workshop makes one for each.
    pub fn key(&self, algorithm: Algorithm) -> Result<&TokenKey> {
        self.workshop.token_key(algorithm).context("the workshop lacks a key")
    }

    /// Puts another filter file in place and waits until Envoy has taken or refused it; says whether it was taken.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or Envoy did neither.
    pub fn replace_filter(&self, filter: &Filter) -> Result<bool> {
        let (loaded, refused) = self.counts()?;
        filter.install(&self.filter_file)?;
        wait::until("Envoy to take or refuse the filter", || {
            let (loaded_now, refused_now) = self.counts()?;
            Ok(if refused_now > refused {
                Some(false)
            } else if loaded_now > loaded {
                Some(true)
            } else {
                None
            })
        })
    }

    fn counts(&self) -> Result<(u64, u64)> {
        let [rejected, failed] = REFUSED;
        Ok((self.envoy.stat(LOADED)?, self.envoy.stat(rejected)? + self.envoy.stat(failed)?))
    }
}

/// Where the filter's file lies: in a folder of its own, as in the compose file.
///
/// # Errors
///
/// The folder cannot be made.
pub fn filter_file(home: &Path) -> Result<PathBuf> {
    let folder = home.join("filter");
    fs::create_dir_all(&folder)?;
    Ok(folder.join("palisade.json"))
}
