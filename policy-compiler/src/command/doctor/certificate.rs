//! The gateway's certificate: whether it holds, and for how long.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::{Check, Failure, TIMEOUT, files};

/// How long a certificate should hold yet. Renewal well before that is what automation does.
const AHEAD: Duration = Duration::from_secs(7 * 24 * 3600);

/// `doctor.tls` and `doctor.tls_expiry`.
pub(super) fn checks(host: &str, port: u16, ca: Option<&Path>) -> Result<Vec<Check>, Failure> {
    let verifier = verifier(ca)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(bare.to_owned()).map_err(|error| Failure::new("doctor.url", error))?;
    let chain = match handshake(bare, port, name.clone(), &verifier) {
        Ok(chain) => chain,
        Err(Refusal::Unreachable(error)) => {
            return Err(Failure::new("doctor.unreachable", format!("`{host}:{port}`: {error}")));
        }
        Err(Refusal::Tls(error)) => return Ok(vec![Check::of("doctor.tls", Err(error.to_string()))]),
    };
    let mut checks = vec![Check::of("doctor.tls", Ok("the certificate holds".to_owned()))];
    if let Some((own, others)) = chain.split_first() {
        let later = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()).saturating_add(AHEAD));
        let holds = verifier.verify_server_cert(own, others, &name, &[], later);
        let days = AHEAD.as_secs() / 86_400;
        let outcome = match holds {
            Ok(_) => Ok(format!("it holds for {days} days and more")),
            Err(error) => Err(format!("in {days} days it does not: {error}")),
        };
        checks.push(Check::of("doctor.tls_expiry", outcome));
    }
    Ok(checks)
}

enum Refusal {
    Unreachable(std::io::Error),
    Tls(rustls::Error),
}

fn handshake(
    host: &str,
    port: u16,
    name: ServerName<'static>,
    verifier: &Arc<WebPkiServerVerifier>,
) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Refusal::Tls)?
        .with_webpki_verifier(Arc::clone(verifier))
        .with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(Refusal::Tls)?;
    let mut stream = connect(host, port).map_err(Refusal::Unreachable)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|error| match error.downcast::<rustls::Error>() {
            Ok(error) => Refusal::Tls(error),
            Err(error) => Refusal::Unreachable(error),
        })?;
    }
    Ok(connection.peer_certificates().unwrap_or_default().to_vec())
}

fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn verifier(ca: Option<&Path>) -> Result<Arc<WebPkiServerVerifier>, Failure> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let pem = files::read(path)?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| Failure::file("doctor.ca", path, error))?;
                roots.add(certificate).map_err(|error| Failure::file("doctor.ca", path, error))?;
            }
        }
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| Failure::new("doctor.ca", error))
}
