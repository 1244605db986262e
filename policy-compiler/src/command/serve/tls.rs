//! The server's certificate, the authorities of its clients, and what a client's certificate says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use palisade_gateway::bundle::Digest;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::watch;

use super::event::{Event, Log};
use super::{Failure, files};

/// How often the files are looked at: certificates of workloads live for an hour, and are renewed well before.
const INTERVAL: Duration = Duration::from_secs(5);

/// Where they are.
#[derive(Clone, Debug)]
pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) client_ca: Option<PathBuf>,
}

/// What is in them.
#[derive(Clone, PartialEq, Eq)]
struct Pem {
    certificate: Vec<u8>,
    key: String,
    client_ca: Option<Vec<u8>>,
}

/// The files with the configuration that they make.
pub(super) struct Identity {
    files: TlsFiles,
    pem: Pem,
    sender: watch::Sender<Arc<ServerConfig>>,
}

impl Identity {
    pub(super) fn load(files: TlsFiles) -> Result<Self, Failure> {
        let pem = files.read()?;
        let (sender, _) = watch::channel(files.config(&pem)?);
        Ok(Self { files, pem, sender })
    }

    /// What new connections use.
    pub(super) fn current(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.sender.subscribe()
    }

    /// Looks at the files until it is aborted. While they do not fit together, the last good ones are used.
    pub(super) async fn keep_current(self, log: Log) {
        let Self { files, mut pem, sender } = self;
        let files = Arc::new(files);
        let mut last_failure = None;
        loop {
            tokio::time::sleep(INTERVAL).await;
            let (known, files) = (pem.clone(), Arc::clone(&files));
            let loaded = tokio::task::spawn_blocking(move || {
                let pem = files.read()?;
                if pem == known { Ok(None) } else { files.config(&pem).map(|config| Some((pem, config))) }
            });
            match loaded.await {
                Ok(Ok(None)) => last_failure = None,
                Ok(Ok(Some((renewed, config)))) => {
                    pem = renewed;
                    last_failure = None;
                    sender.send_replace(config);
                    log.send(Event::Certificate(Ok(())));
                }
                Ok(Err(failure)) => {
                    let text = failure.to_string();
                    if last_failure.as_ref() != Some(&text) {
                        last_failure = Some(text);
                        log.send(Event::Certificate(Err(failure)));
                    }
                }
                Err(_) => return,
            }
        }
    }
}

impl TlsFiles {
    fn read(&self) -> Result<Pem, Failure> {
        let Self { certificate, key, client_ca } = self;
        Ok(Pem {
            certificate: files::read(certificate)?,
            key: files::read_secret(key)?,
            client_ca: client_ca.as_deref().map(files::read).transpose()?,
        })
    }

    fn config(&self, pem: &Pem) -> Result<Arc<ServerConfig>, Failure> {
        let chain = certificates(&self.certificate, &pem.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes())
            .map_err(|error| Failure::file("serve.tls_key", &self.key, error))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::new("serve.tls", error))?;
        let builder = match (&self.client_ca, &pem.client_ca) {
            (Some(path), Some(authorities)) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path, authorities)? {
                    roots.add(certificate).map_err(|error| Failure::file("serve.client_ca", path, error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| Failure::file("serve.client_ca", path, error))?;
                builder.with_client_cert_verifier(verifier)
            }
            (None, _) | (_, None) => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| Failure::file("serve.tls", &self.certificate, error))?;
        // A resumed session would outlive the client's certificate. Gateways keep their connections anyway.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| Failure::file("serve.tls_certificate", path, error))?;
    if read.is_empty() {
        return Err(Failure::file("serve.tls_certificate", path, "no certificate in PEM"));
    }
    Ok(read)
}

/// By what a verified client is told from others: its SPIFFE id or other URI, its DNS name, or the digest of its certificate.
pub(super) fn subject(certificate: &CertificateDer<'_>) -> Arc<str> {
    let names = webpki::EndEntityCert::try_from(certificate).ok();
    let name =
        names.as_ref().and_then(|names| names.valid_uri_names().next().or_else(|| names.valid_dns_names().next()));
    match name {
        Some(name) => name.into(),
        None => format!("sha256:{}", Digest::of(certificate)).into(),
    }
}
