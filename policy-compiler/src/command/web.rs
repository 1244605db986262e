//! What all commands that talk to servers have in common.

use std::net::IpAddr;
use std::path::Path;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use super::{Failure, files};

/// The authorities that servers are checked by: those in a file in PEM form, or the public ones.
pub(super) fn roots(ca: Option<&Path>, code: &'static str) -> Result<RootCerts, Failure> {
    let Some(path) = ca else { return Ok(RootCerts::WebPki) };
    let pem = files::read(path)?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| Failure::file(code, path, error))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(Failure::file(code, path, "no certificate in PEM"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// Whether a host, as it stands in a URL, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
