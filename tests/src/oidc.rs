//! A live OpenID provider, written by others: npm's `oidc-provider`, with one client whose tokens are for the quickstart.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http1::Request;
use crate::process::Process;
use crate::quickstart::{AUDIENCE, ISSUER};
use crate::{tools, wait};

/// The running provider; dropping it ends it.
#[derive(Debug)]
pub struct OidcProvider {
    address: SocketAddr,
    _process: Process,
}

impl OidcProvider {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    ///
    /// It is not installed, or ended instead.
    pub fn start(home: &Path) -> Result<Self> {
        let script = tools::folder("PALISADE_ISSUERS")?.join("issuer.mjs");
        let port_file = home.join("oidc-port");
        let arguments = [script.as_os_str(), ISSUER.as_ref(), AUDIENCE.as_ref(), port_file.as_os_str()];
        let mut process = Process::start(Path::new("node"), arguments, &home.join("oidc.log"))?;
        let port: u16 = wait::until("the OpenID provider", || {
            process.check_running("the OpenID provider")?;
            Ok(fs::read_to_string(&port_file).ok().and_then(|text| text.parse().ok()))
        })?;
        Ok(Self { address: SocketAddr::from(([127, 0, 0, 1], port)), _process: process })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An access token from its token endpoint (RFC 6749 §4.4), signed with the key of today.
    ///
    /// # Errors
    ///
    /// It gave none.
    pub fn token(&self) -> Result<String> {
        let form = "grant_type=client_credentials&client_id=coder-7&client_secret=for-tests-only";
        let request = Request::new("POST", "issuer.quickstart.example", "/token")
            .header("content-type", "application/x-www-form-urlencoded")
            // As the proxy in front of it would say.
            .header("x-forwarded-proto", "https")
            .body(form);
        let answer = request.send(self.address)?;
        let token = answer.json()?.get("access_token").and_then(Value::as_str).map(str::to_owned);
        token.with_context(|| format!("no access token in {answer:?}"))
    }

    /// Signs with a new key from now on; the ones before stay published.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn rotate(&self) -> Result<()> {
        self.tell("/test/rotate")
    }

    /// Takes every key but that of today out of what is published.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn retire(&self) -> Result<()> {
        self.tell("/test/retire")
    }

    fn tell(&self, path: &str) -> Result<()> {
        let answer = Request::new("POST", "issuer.quickstart.example", path).body("").send(self.address)?;
        ensure!(answer.status == 204, "{answer:?}");
        Ok(())
    }
}
