//! Tokens bound to a client certificate (RFC 8705): the certificate must be that of this very connection, and valid. The
//! listener asks for one and lets every one through the handshake, as a gateway for several trust domains would.

use anyhow::{Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::key::Algorithm;
use palisade_tests::tls::Certificates;
use palisade_tests::token::Token;
use serde_json::json;

use crate::fixture::{home, path, read};

#[test]
fn a_bound_token_needs_its_certificate() -> Result<()> {
    let home = home()?;
    let certificates = Certificates::make(home.path())?;
    let options = Options { mutual_tls: true, ..Options::default() };
    let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
        let bundle = workshop.bundle(Recipe::GOOD)?;
        Ok((workshop.filter(&bundle, wasm)?, bundle))
    })?;
    let ask = |bound_to: Option<&str>, client: Option<&str>| -> Result<String> {
        let mut token = Token::coder();
        if let Some(client) = bound_to {
            token = token.claim("cnf", json!({"x5t#S256": certificates.thumbprint(client)?}));
        }
        let file = format!("mtls-{}-{}", bound_to.unwrap_or("none"), client.unwrap_or("none"));
        let request = read(&file).bearer(&token.sign(gateway.key(Algorithm::Es256)?));
        let answer = certificates.send(request, gateway.envoy.address(), client)?;
        let line = gateway.access_line(&answer)?;
        let reached = gateway.upstream.received(&path(&file)).len();
        let reason = line.text("reason").unwrap_or_default();
        ensure!((answer.status == 200) == (reason == "policy.allow"), "{answer:?}: {reason}");
        ensure!(reached == usize::from(answer.status == 200), "{reached} requests reached the upstream: {reason}");
        Ok(reason.to_owned())
    };
    for (bound_to, client, reason) in [
        (Some("good"), Some("good"), "policy.allow"),
        (None, Some("good"), "policy.allow"),
        (None, None, "policy.allow"),
        (Some("good"), Some("other"), "proof.certificate_mismatch"),
        (Some("good"), None, "proof.certificate_missing"),
        // The token names the very certificate that was presented; nobody who is trusted vouches for it.
        (Some("forged"), Some("forged"), "proof.certificate_missing"),
        (Some("expired"), Some("expired"), "proof.certificate_missing"),
        (Some("good"), Some("forged"), "proof.certificate_missing"),
    ] {
        let found = ask(bound_to, client)?;
        ensure!(found == reason, "bound to {bound_to:?}, presented {client:?}: {found}, not {reason}");
    }
    Ok(())
}
