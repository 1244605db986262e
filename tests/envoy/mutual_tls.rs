//! Tokens that are bound to a client certificate (RFC 8705), over mutual TLS. Envoy lets every certificate through to the filter
//! here, as `trust_chain_verification: ACCEPT_UNTRUSTED` does; the filter has to tell the good from the forged.

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_tests::gateway::Gateway;
use palisade_tests::key::Algorithm;
use palisade_tests::tls::{self, Authority, Certificate};
use palisade_tests::token::Token;
use serde_json::json;

use crate::fixture::{assert_denial, home, path, read};

/// A token that is bound to a certificate.
fn bound(gateway: &Gateway, certificate: &Certificate) -> Result<String> {
    let digest = URL_SAFE_NO_PAD.encode(certificate.sha256()?);
    Ok(Token::coder().claim("cnf", json!({"x5t#S256": digest})).sign(gateway.key(Algorithm::Es256)?))
}

#[test]
fn a_bound_token_is_good_with_its_validated_certificate_only() -> Result<()> {
    let (certificates, folder) = (home()?, home()?);
    let authority = Authority::new(certificates.path())?;
    let good = authority.issue("good", "/O=Acme/CN=coder-7", 1)?;
    let other = authority.issue("other", "/O=Acme/CN=coder-8", 1)?;
    let expired = authority.issue("expired", "/O=Acme/CN=coder-7", -1)?;
    let forged = authority.self_signed("forged", "/O=Acme/CN=coder-7")?;
    let gateway = Gateway::start_tls(folder.path(), &authority.transport_socket())?;
    let ask = |name: &str, token: &str, certificate: Option<&Certificate>| {
        tls::send(gateway.envoy.address(), certificate, &read(name).bearer(token))
    };

    let token = bound(&gateway, &good)?;
    let answer = ask("mtls-good", &token, Some(&good))?;
    ensure!(answer.status == 200, "{answer:?}");
    ensure!(gateway.upstream.received(&path("mtls-good")).len() == 1, "it should have reached the upstream");

    // The token is known to be good by now; stolen, it is worth nothing.
    let answer = ask("mtls-none", &token, None)?;
    assert_denial(&gateway, &answer, 401, "proof.certificate_missing")?;
    let answer = ask("mtls-other", &token, Some(&other))?;
    assert_denial(&gateway, &answer, 401, "proof.certificate_mismatch")?;

    // Certificates that were presented and not validated count as none, even for the token that names them.
    for (name, certificate) in [("mtls-forged", &forged), ("mtls-expired", &expired)] {
        let answer = ask(name, &bound(&gateway, certificate)?, Some(certificate))?;
        assert_denial(&gateway, &answer, 401, "proof.certificate_missing")?;
    }

    // What is bound to nothing needs no certificate.
    let bearer = Token::coder().sign(gateway.key(Algorithm::Es256)?);
    let answer = ask("mtls-bearer", &bearer, None)?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}
