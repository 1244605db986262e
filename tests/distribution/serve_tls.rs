//! TLS, client certificates, and certificates that are renewed.

use std::fs;

use anyhow::{Context, Result};
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::tls::{self, Authority};
use palisade_tests::wait;

use crate::fixture::{BUNDLE, Site, get, text};

struct Tls {
    site: Site,
    authority: Authority,
}

impl Tls {
    fn new() -> Result<Self> {
        let site = Site::new()?;
        let folder = site.home.path().join("tls");
        fs::create_dir(&folder)?;
        fs::copy(site.bundle(1)?, site.served().join(BUNDLE))?;
        let authority = Authority::new(&folder)?;
        authority.issue_with("serving", "/CN=bundles.test", 1, "subjectAltName=DNS:bundles.test")?;
        owner_only(&folder.join("serving.key"))?;
        Ok(Self { site, authority })
    }

    fn file(&self, name: &str) -> String {
        text(&self.site.home.path().join("tls").join(name)).to_owned()
    }

    fn serve(&self, with_clients: bool) -> Result<BundleServer> {
        let (certificate, key, ca) = (self.file("serving.pem"), self.file("serving.key"), self.file("ca.pem"));
        let mut options = vec!["--tls-cert", &certificate, "--tls-key", &key];
        if with_clients {
            options.extend(["--client-ca", &ca]);
        }
        self.site.serve(&options)
    }
}

fn owner_only(path: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).context("cannot change a mode")
}

#[test]
fn files_are_served_over_tls() -> Result<()> {
    let tls = Tls::new()?;
    let server = tls.serve(false)?;
    assert_eq!(tls::send(server.address, None, &get(BUNDLE))?.status, 200);
    assert!(get(BUNDLE).send(server.address).is_err(), "and not in the clear");
    Ok(())
}

#[test]
fn with_client_certificates_only_their_holders_are_served_and_known_by_name() -> Result<()> {
    let tls = Tls::new()?;
    let mut server = tls.serve(true)?;
    let spiffe =
        tls.authority.issue_with("gateway", "/CN=g", 1, "subjectAltName=URI:spiffe://prod.test/gateway/eu-1")?;
    let named = tls.authority.issue_with("named", "/CN=n", 1, "subjectAltName=DNS:gw-2.test")?;
    let plain = tls.authority.issue_with("plain", "/CN=p", 1, "basicConstraints=CA:FALSE")?;
    for certificate in [&spiffe, &named, &plain] {
        let answer = tls::send(server.address, Some(certificate), &get(BUNDLE))?;
        assert_eq!(answer.status, 200);
    }
    server.event("request", |event| event["subject"] == "spiffe://prod.test/gateway/eu-1")?;
    server.event("request", |event| event["subject"] == "gw-2.test")?;
    server.event("request", |event| event["subject"].as_str().is_some_and(|name| name.starts_with("sha256:")))?;

    let expired = tls.authority.issue_with("expired", "/CN=e", -1, "basicConstraints=CA:FALSE")?;
    let foreign = tls.authority.self_signed("foreign", "/CN=f")?;
    for refused in [None, Some(&expired), Some(&foreign)] {
        assert!(tls::send(server.address, refused, &get(BUNDLE)).is_err(), "{refused:?}");
    }
    assert_eq!(server.events("request")?.len(), 3, "no request got through");
    server.event("connection", |_| true)?;
    Ok(())
}

#[test]
fn a_renewed_certificate_is_used_without_a_restart() -> Result<()> {
    let tls = Tls::new()?;
    let mut server = tls.serve(false)?;
    // Half of the pair is no pair: the old one stays.
    tls.authority.issue_with("next", "/CN=renewed.test", 1, "subjectAltName=DNS:bundles.test")?;
    fs::rename(tls.file("next.pem"), tls.file("serving.pem"))?;
    server.event("certificate", |event| event["loaded"] == false)?;
    assert_eq!(tls::send(server.address, None, &get(BUNDLE))?.status, 200);
    owner_only(std::path::Path::new(&tls.file("next.key")))?;
    fs::rename(tls.file("next.key"), tls.file("serving.key"))?;
    server.event("certificate", |event| event["loaded"] == true)?;
    wait::until("the renewed certificate", || {
        let output = std::process::Command::new("openssl")
            .args(["s_client", "-connect", &server.address.to_string()])
            .stdin(std::process::Stdio::null())
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).contains("renewed.test").then_some(()))
    })
}

#[test]
fn what_cannot_be_served_safely_is_refused_at_once() -> Result<()> {
    let tls = Tls::new()?;
    let cli = palisade_tests::cli::Palisade::new(&tls.site.cli);
    let served = tls.site.served();
    let (certificate, key, other) = (tls.file("serving.pem"), tls.file("serving.key"), tls.file("server.key"));
    let no_certificate = tls.site.home.path().join("empty.pem");
    fs::write(&no_certificate, "")?;
    owner_only(std::path::Path::new(&other))?;
    let open = tls.file("ca.key");
    fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    for (options, code) in [
        (vec!["--listen", "0.0.0.0:0"], "serve.plain_http"),
        (vec!["--listen", "[::]:0"], "serve.plain_http"),
        (vec!["--progress", "0.0.0.0:0"], "serve.progress"),
        (vec!["--listen", "203.0.113.1:1", "--plain-http"], "serve.listen"),
        (vec!["--tls-cert", &certificate, "--tls-key", &other], "serve.tls"),
        (vec!["--tls-cert", &certificate, "--tls-key", &open], "key.permissions"),
        (vec!["--tls-cert", text(&no_certificate), "--tls-key", &key], "serve.tls_certificate"),
        (
            vec!["--tls-cert", &certificate, "--tls-key", &key, "--client-ca", text(&no_certificate)],
            "serve.tls_certificate",
        ),
        (vec!["--tls-cert", "nowhere.pem", "--tls-key", &key], "io.read"),
    ] {
        let mut arguments = vec!["serve", text(&served)];
        arguments.extend(&options);
        let output = cli.run(arguments)?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{options:?}: {complaint}");
        assert!(complaint.contains(&format!("error[{code}]")), "{options:?}: {complaint}");
    }
    let output = cli.run(["serve", "nowhere"])?;
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[serve.directory]"));
    Ok(())
}
