//! A folder of bundles with a server, for a test.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::cli::Palisade;
use palisade_tests::example::Example;
use palisade_tests::http1::{Request, Response};
use palisade_tests::tools;
use tempfile::TempDir;

/// The name under which bundles are published: the quickstart's channel.
pub(crate) const BUNDLE: &str = "quickstart.palisade";

pub(crate) struct Site {
    pub(crate) home: TempDir,
    pub(crate) cli: PathBuf,
    pub(crate) workshop: Workshop,
}

impl Site {
    pub(crate) fn new() -> Result<Self> {
        let home = tempfile::Builder::new().prefix("distribution-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let cli = tools::file("PALISADE_CLI")?;
        for folder in ["workshop", "served"] {
            fs::create_dir(home.path().join(folder))?;
        }
        let workshop = Workshop::open(Palisade::new(&cli), Example::Quickstart, &home.path().join("workshop"))?;
        Ok(Self { home, cli, workshop })
    }

    /// A signed bundle, elsewhere than it is served.
    pub(crate) fn bundle(&self, version: u64) -> Result<PathBuf> {
        self.workshop.bundle(Recipe { name: &format!("v{version}"), version, ..Recipe::GOOD })
    }

    /// The public half of a key that nobody trusts.
    pub(crate) fn other_key(&self, name: &str) -> Result<PathBuf> {
        self.workshop.signing_key(name)?;
        Ok(self.home.path().join(format!("workshop/signers/{name}.pub")))
    }

    /// A bundle as `palisade build` leaves it.
    pub(crate) fn unsigned_bundle(&self, version: u64) -> Result<PathBuf> {
        let path = self.home.path().join("unsigned.palisade");
        let project = Example::Quickstart.folder();
        let keys = format!("dev={}", text(&self.workshop.key_set(Recipe::GOOD.issuer)));
        let (version, output) = (version.to_string(), text(&path));
        let arguments = ["build", text(&project), "-o", output, "--version", &version, "--jwks", &keys];
        Palisade::new(&self.cli).succeed(arguments)?;
        Ok(path)
    }

    /// The folder that is served.
    pub(crate) fn served(&self) -> PathBuf {
        self.home.path().join("served")
    }

    pub(crate) fn serve(&self, options: &[&str]) -> Result<BundleServer> {
        BundleServer::start(&self.cli, &self.served(), options, &self.home.path().join("serve.log"))
    }

    /// A server with version 1 in place, and the answer that has it.
    pub(crate) fn serving_version_1(&self) -> Result<(BundleServer, Response)> {
        fs::copy(self.bundle(1)?, self.served().join(BUNDLE))?;
        let server = self.serve(&["--progress", "127.0.0.1:0"])?;
        let answer = get(BUNDLE).send(server.address)?;
        assert_eq!(answer.status, 200, "{answer:?}");
        Ok((server, answer))
    }
}

pub(crate) fn get(name: &str) -> Request {
    Request::new("GET", "bundles.test", &format!("/{name}"))
}

pub(crate) fn etag(answer: &Response) -> String {
    answer.header("etag").unwrap_or_default().to_owned()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
