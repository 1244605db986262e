//! Certificates for a test, and requests over TLS, both by way of the `openssl` command.

use std::ffi::OsStr;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::http1::{Request, Response};

/// A certificate authority, with certificates that it issued and some that it did not.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// A certificate with its key, in files.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub(crate) pem: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Makes an authority in `folder`.
    ///
    /// # Errors
    ///
    /// `openssl` is not there, or failed.
    pub fn new(folder: &Path) -> Result<Self> {
        let authority = Self { folder: folder.to_owned() };
        authority.self_signed("ca", "/CN=test authority")?;
        authority.self_signed("server", "/CN=localhost")?;
        Ok(authority)
    }

    /// A certificate of this authority, valid for `days`; a negative number makes one that has expired.
    ///
    /// # Errors
    ///
    /// `openssl` failed.
    pub fn issue(&self, name: &str, subject: &str, days: i32) -> Result<Certificate> {
        self.issue_with(name, subject, days, "")
    }

    /// As [`Authority::issue`], with X.509 v3 extensions in the form of OpenSSL's configuration.
    ///
    /// # Errors
    ///
    /// `openssl` failed.
    pub fn issue_with(&self, name: &str, subject: &str, days: i32, extensions: &str) -> Result<Certificate> {
        let extension_file = self.folder.join(format!("{name}.ext"));
        std::fs::write(&extension_file, extensions)?;
        let certificate = self.certificate(name);
        let request = self.folder.join(format!("{name}.csr"));
        let (ca, days) = (self.certificate("ca"), days.to_string());
        run(NEW_KEY.iter().map(OsStr::new).chain([
            "-keyout".as_ref(),
            certificate.key.as_os_str(),
            "-out".as_ref(),
            request.as_os_str(),
            "-subj".as_ref(),
            subject.as_ref(),
        ]))?;
        run([
            "x509".as_ref(),
            "-req".as_ref(),
            "-in".as_ref(),
            request.as_os_str(),
            "-CA".as_ref(),
            ca.pem.as_os_str(),
            "-CAkey".as_ref(),
            ca.key.as_os_str(),
            "-extfile".as_ref(),
            extension_file.as_os_str(),
            "-set_serial".as_ref(),
            "1".as_ref(),
            "-days".as_ref(),
            days.as_ref(),
            "-out".as_ref(),
            certificate.pem.as_os_str(),
        ])?;
        Ok(certificate)
    }

    /// A certificate that nobody issued.
    ///
    /// # Errors
    ///
    /// `openssl` failed.
    pub fn self_signed(&self, name: &str, subject: &str) -> Result<Certificate> {
        self.self_signed_with(name, subject, &[])
    }

    /// As [`Authority::self_signed`], with X.509 v3 extensions, `NAME=VALUE` each.
    ///
    /// # Errors
    ///
    /// `openssl` failed.
    pub fn self_signed_with(&self, name: &str, subject: &str, extensions: &[&str]) -> Result<Certificate> {
        let certificate = self.certificate(name);
        let extensions = extensions.iter().flat_map(|extension| ["-addext", extension]).map(OsStr::new);
        run(NEW_KEY.iter().map(OsStr::new).chain(extensions).chain([
            "-x509".as_ref(),
            "-days".as_ref(),
            "1".as_ref(),
            "-keyout".as_ref(),
            certificate.key.as_os_str(),
            "-out".as_ref(),
            certificate.pem.as_os_str(),
            "-subj".as_ref(),
            subject.as_ref(),
        ]))?;
        Ok(certificate)
    }

    /// Envoy's transport socket: TLS, with client certificates asked for and checked against this authority, and those that fail the
    /// check let through all the same. A gateway that means to be strict would refuse them here; the filter must not rely on it.
    #[must_use]
    pub fn transport_socket(&self) -> String {
        let (server, ca) = (self.certificate("server"), self.certificate("ca"));
        format!(
            r#"{{ name: envoy.transport_sockets.tls, typed_config: {{
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
              common_tls_context: {{
                tls_certificates: [{{ certificate_chain: {{ filename: {} }}, private_key: {{ filename: {} }} }}],
                validation_context: {{ trusted_ca: {{ filename: {} }}, trust_chain_verification: ACCEPT_UNTRUSTED }}
              }} }} }}"#,
            server.pem.display(),
            server.key.display(),
            ca.pem.display(),
        )
    }

    /// The transport socket of an Envoy cluster whose server must have a certificate of this authority for the host `name`.
    #[must_use]
    pub fn upstream_socket(&self, name: &str) -> String {
        let ca = self.certificate("ca");
        format!(
            r#"{{ name: envoy.transport_sockets.tls, typed_config: {{
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext,
              sni: {name},
              common_tls_context: {{ validation_context: {{
                trusted_ca: {{ filename: {} }},
                match_typed_subject_alt_names: [{{ san_type: DNS, matcher: {{ exact: {name} }} }}]
              }} }} }} }}"#,
            ca.pem.display(),
        )
    }

    fn certificate(&self, name: &str) -> Certificate {
        Certificate { pem: self.folder.join(format!("{name}.pem")), key: self.folder.join(format!("{name}.key")) }
    }
}

const NEW_KEY: [&str; 6] = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

impl Certificate {
    /// The SHA-256 digest of its DER form, as `x5t#S256` is made of (RFC 8705 §3.1).
    ///
    /// # Errors
    ///
    /// `openssl` failed.
    pub fn sha256(&self) -> Result<[u8; 32]> {
        let der = run(["x509".as_ref(), "-in".as_ref(), self.pem.as_os_str(), "-outform".as_ref(), "DER".as_ref()])?;
        Ok(Sha256::digest(der).into())
    }
}

/// Sends a request over TLS, with a client certificate or without.
///
/// # Errors
///
/// There was no answer.
pub fn send(to: SocketAddr, certificate: Option<&Certificate>, request: &Request) -> Result<Response> {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-connect", &to.to_string()]);
    if let Some(Certificate { pem, key }) = certificate {
        command.arg("-cert").arg(pem).arg("-key").arg(key);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("`openssl` could not be started: install the package `openssl`")?;
    // It ends when Envoy closes the connection, which the request asks for.
    let bytes = request.clone().header("connection", "close").bytes();
    child.stdin.as_mut().context("no way to write to `openssl`")?.write_all(&bytes)?;
    let output = child.wait_with_output()?;
    Response::parse(&output.stdout)
        .with_context(|| format!("`openssl` said: {}", String::from_utf8_lossy(&output.stderr)))
}

fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Vec<u8>> {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .context("`openssl` could not be started: install the package `openssl`")?;
    ensure!(output.status.success(), "`openssl` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}
