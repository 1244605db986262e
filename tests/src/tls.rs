//! Mutual TLS: certificates for it, and requests over it, made by the `openssl` command.

use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::http1::{Request, Response};
use crate::tools;

/// A folder with the certificates that `tests/issuers/certificates.py` makes.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
    thumbprints: BTreeMap<String, String>,
}

/// The folder of a gateway's home in which its certificates lie.
#[must_use]
pub fn folder(home: &Path) -> PathBuf {
    home.join("tls")
}

impl Certificates {
    /// Makes certificates for a gateway that will be started in `home`.
    ///
    /// # Errors
    ///
    /// `PALISADE_ISSUERS` is not set, or the script failed.
    pub fn make(home: &Path) -> Result<Self> {
        let scripts = tools::folder("PALISADE_ISSUERS")?;
        let folder = folder(home);
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", scripts.join("python")).arg(scripts.join("certificates.py")).arg(&folder);
        let output = command.output().context("cannot start python3")?;
        if !output.status.success() {
            bail!("certificates.py: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let thumbprints = serde_json::from_slice(&output.stdout).context("no thumbprints")?;
        Ok(Self { folder, thumbprints })
    }

    /// What a token bound to a client's certificate names (`x5t#S256`).
    ///
    /// # Errors
    ///
    /// There is no such client.
    pub fn thumbprint(&self, client: &str) -> Result<&str> {
        self.thumbprints.get(client).map(String::as_str).with_context(|| format!("no client `{client}`"))
    }

    /// Sends a request over TLS, with a client's certificate or none.
    ///
    /// # Errors
    ///
    /// There was no answer: the handshake failed, or the peer closed the connection.
    pub fn send(&self, request: Request, to: SocketAddr, client: Option<&str>) -> Result<Response> {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-connect", &to.to_string(), "-CAfile"]);
        command.arg(self.folder.join("ca.pem"));
        if let Some(client) = client {
            command.arg("-cert").arg(self.folder.join(format!("{client}.pem")));
            command.arg("-key").arg(self.folder.join(format!("{client}.key")));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start openssl")?;
        let mut input = child.stdin.take().context("no standard input")?;
        input.write_all(&request.header("connection", "close").bytes())?;
        // The peer closes the connection, and with it the command ends.
        let output = child.wait_with_output()?;
        drop(input);
        let answer = Response::read(&mut BufReader::new(output.stdout.as_slice()), false);
        answer.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
